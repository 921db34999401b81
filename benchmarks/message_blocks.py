"""Messages in blocks of pairs, without LAMMPS: So3krates on tin selenide, float64, one core.

    python benchmarks/message_blocks.py [--atoms 256 1024 4096 16384] [--layers 1 2 3]
    [--repeat 3] [--block BYTES] [--at-once BYTES] [--model FOLDER]

One process a row. CPU time (user and system) of a force call and of a flux sample, medians, for
each atom; and peak memory of the process beyond that of the same model with 8 atoms.
`--block` and `--at-once`: see `lammps_adflux/graph/messages.py`; `--at-once 1e12`: no blocks.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lammps_adflux.process import prepare

prepare()
from lammps_adflux.graph import messages  # noqa: E402

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "examples" / "03_snse"))


def seconds(function, repeat: int) -> float:
    import jax

    jax.block_until_ready(function())
    found = []
    for _ in range(repeat):
        start = time.process_time()
        jax.block_until_ready(function())
        found.append(time.process_time() - start)
    return sorted(found)[repeat // 2]


def peak() -> float:
    """MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def row(model: Path, layers: int, atoms: int, repeat: int, block: int, at_once: int) -> None:
    import jax
    import numpy as np
    from snse import write_crystal
    from snse_in_lammps import crystal, deeper

    import lammps_adflux as adflux
    from lammps_adflux.derivatives import energies_and_pair_gradients

    messages.BLOCK, messages.AT_ONCE = block, at_once
    potential = deeper(adflux.So3krates.from_mlff(model), layers)
    with tempfile.TemporaryDirectory() as folder:
        write_crystal(Path(folder) / "snse.data")
        structure = crystal(Path(folder), max(atoms, 256))
    if atoms < 256:
        structure = structure[:atoms]
    graph = adflux.graph_from_atoms(structure, potential)
    velocities = np.random.default_rng(0).normal(size=(len(structure), 3))
    call = jax.jit(energies_and_pair_gradients)
    force = seconds(lambda: call(potential, graph), repeat)
    after_force = peak()
    flux = seconds(lambda: adflux.heat_flux(potential, graph, velocities), repeat)
    print(json.dumps([force, after_force, flux, peak()]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = HERE.parents[1] / "shared" / "data" / "snse_so3krates" / "model_m1"
    parser.add_argument("--model", type=Path, default=default)
    parser.add_argument("--atoms", type=int, nargs="+", default=[256, 1024, 4096, 16384])
    parser.add_argument("--layers", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--block", type=float, default=messages.BLOCK)
    parser.add_argument("--at-once", type=float, default=messages.AT_ONCE)
    parser.add_argument("--row", type=int, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    settings = arguments.repeat, int(arguments.block), int(arguments.at_once)
    if arguments.row:
        row(arguments.model, *arguments.row, *settings)
        return

    def run(layers: int, atoms: int) -> list[float]:
        done = subprocess.run(
            [sys.executable, __file__, *sys.argv[1:], "--row", str(layers), str(atoms)],
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
        return json.loads(done.stdout.splitlines()[-1])

    print("| layers | atoms | force call | memory | flux sample | of force calls | memory |")
    print("|---|---|---|---|---|---|---|")
    for layers in arguments.layers:
        _, force_base, _, flux_base = run(layers, 8)
        for atoms in arguments.atoms:
            force, force_peak, flux, flux_peak = run(layers, atoms)
            memory = [
                f"{1e3 * (x - base) / atoms:.0f} kB"
                for x, base in ((force_peak, force_base), (flux_peak, flux_base))
            ]
            print(
                f"| {layers} | {atoms} | {1e6 * force / atoms:.0f} µs | {memory[0]} "
                f"| {1e6 * flux / atoms:.0f} µs | {flux / force:.2f} | {memory[1]} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
