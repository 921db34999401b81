"""Many steps with reneighbouring, a barostat and moving domains: does memory stay, do compilations
end, does energy drift as LAMMPS' own pair style lets it?

    python benchmarks/soak.py [--steps 1000000] [--layers 100000] [--ranks 2]
        [--output benchmarks/out]

500 Lennard-Jones atoms beside native lj/cut with the same script, and a message-passing network of
two layers. The first tenth of a run does not count: the
crystal melts there, and JAX compiles. Prints a Markdown table and writes JSON.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np

import lammps_adflux as adflux
from lammps_adflux.conductivity.lammps_log import read_log
from lammps_adflux.lmp.run import run_lammps

HERE = Path(__file__).resolve().parent
SUPPORT = str(HERE.parent / "tests" / "support")
sys.path.insert(0, SUPPORT)
# lmp imports the network from there
os.environ["PYTHONPATH"] = os.pathsep.join([SUPPORT, os.environ.get("PYTHONPATH", "")])
from networks import message_passing  # noqa: E402


def soak(folder: Path, name: str, steps: int, ranks: int) -> dict[str, float]:
    """Slopes over the last nine tenths of a run: MB and energy per atom, by 10⁶ steps."""
    log = folder / f"log.soak.{name}"
    style = "native" if name == "native" else "jax"
    settings = {"style": style, "model": f"{name}.pkl", "steps": steps}
    settings["report"] = max(steps // 200, 1)
    words = [word for key, value in settings.items() for word in ("-var", key, str(value))]
    if code := run_lammps(HERE / "in.soak", ranks, ("-log", log.name, *words), folder=folder):
        sys.exit(code)
    table = read_log(log, log.read_text()).runs[-1].table
    step, memory, energy, compilations = (
        np.asarray(table.column(column))[len(table.column("Step")) // 10 :]
        for column in ("Step", "v_memory", "Econserve", "v_adflux_compilations")
    )
    return {
        "steps": steps,
        "memory": float(memory[-1]),
        "memory slope": 1e6 * float(np.polyfit(step, memory, 1)[0]),
        "energy slope": 1e6 * float(np.polyfit(step, energy, 1)[0]),
        "energy noise": float(np.std(energy)),
        "compilations": int(compilations[-1]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=1_000_000, help="of Lennard-Jones")
    parser.add_argument("--layers", type=int, default=100_000, help="of the network")
    parser.add_argument("--ranks", type=int, default=2, help="MPI ranks")
    parser.add_argument("--output", type=Path, default=HERE / "out", help="folder for all files")
    arguments = parser.parse_args()
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    pairs = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar")
    adflux.export(pairs, folder / "lj.pkl")
    network = message_passing(2, cutoff=1.6, elements=("Ar",), scale=1e-2)
    core = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=1.6, elements="Ar", onset=1.3)
    adflux.export(core + network, folder / "layers.pkl")
    cases = {"native": arguments.steps, "lj": arguments.steps, "layers": arguments.layers}
    found = {name: soak(folder, name, steps, arguments.ranks) for name, steps in cases.items()}
    print(
        "| model | steps | memory of rank 0 | MB per 10⁶ steps | energy per atom and 10⁶ steps | "
        "compilations |\n|---|---|---|---|---|---|"
    )
    for name, row in found.items():
        energy = f"{row['energy slope']:+.1e} (noise {row['energy noise']:.1e})"
        print(
            f"| {name} | {row['steps']} | {row['memory']:.0f} MB | {row['memory slope']:+.1f} | "
            f"{energy} | {row['compilations']} |"
        )
    (folder / "soak.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
