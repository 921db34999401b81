"""Message passing on several ranks: So3krates on tin selenide in LAMMPS, float64.

    python benchmarks/message_passing.py [--atoms 256 1024 4096] [--layers 1 2 3] [--ranks 1 2]
    [--repeat 3] [--model FOLDER] [--output benchmarks/out]

Medians of interleaved runs; prints a Markdown table and writes JSON. `flux sample` is what a step
takes longer with a flux in it, in force calls. Models with 2 and 3 layers repeat the layer of the
trained one, which costs what a trained one would.
"""

import argparse
import json
from pathlib import Path

from snse_in_lammps import HERE, PAPER, REPEATS, deeper, medians, step, write_crystal

import lammps_adflux as adflux


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=PAPER)
    parser.add_argument("--atoms", type=int, nargs="+", default=[256, 1024, 4096], choices=REPEATS)
    parser.add_argument("--layers", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--output", type=Path, default=HERE / "out")
    arguments = parser.parse_args()
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    write_crystal(folder / "snse.data")
    one = adflux.So3krates.from_mlff(arguments.model)
    for layers in arguments.layers:
        adflux.export(deeper(one, layers), folder / f"snse{layers}.pkl")

    first, *more = arguments.ranks
    columns = ["atoms", "layers"]
    for ranks in arguments.ranks:
        name = f"{ranks} rank{'s' * (ranks > 1)}"
        columns += [name, "flux sample"] if ranks == first else [name, "speed-up", "flux sample"]
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")
    results = []
    for atoms in arguments.atoms:
        for layers in arguments.layers:
            options = {
                **dict(zip("abc", REPEATS[atoms], strict=True)),
                "steps": max(4, 6000 // atoms // layers),
                "model": f"snse{layers}.pkl",
            }
            found = medians(
                arguments.repeat,
                {
                    f"{ranks} {flux}": lambda ranks=ranks, flux=flux, options=options: step(
                        folder, ranks, flux=flux, **options
                    )
                    for ranks in arguments.ranks
                    for flux in ("no", "yes")
                },
            )
            results.append({"atoms": atoms, "layers": layers, **found})
            row = [str(atoms), str(layers)]
            for ranks in (first, *more):
                force, flux = found[f"{ranks} no"], found[f"{ranks} yes"]
                row.append(f"{force:.1f} ms")
                if ranks != first:
                    row.append(f"{found[f'{first} no'] / force:.2f} ×")
                row.append(f"{flux / force - 1.0:.2f} ×")
            print("| " + " | ".join(row) + " |", flush=True)
    (folder / "message_passing.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
