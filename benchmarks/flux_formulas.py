"""Three formulas of the heat flux of Nequix, for two atoms of displaced rock salt, float64.

    python benchmarks/flux_formulas.py [--weights FILE] [--skip-unfolded]

By the hop rule (ours), from the explicitly unfolded cell (glp's way: Langer, Frank, Knoop, 2023),
and by the edge formula -Σ r_p (g_p · v_j), which is exact for one layer only. One process a row,
one core: CPU time of a call that is compiled, as a multiple of a force call of the same two atoms,
peak memory of the process, and what the flux is off by, relative to the hop rule.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from lammps_adflux.process import prepare

prepare()
import ase.build  # noqa: E402
import jax  # noqa: E402
import numpy as np  # noqa: E402

import lammps_adflux as adflux  # noqa: E402
from lammps_adflux.checks.unfolded import unfold  # noqa: E402
from lammps_adflux.derivatives import energies_and_pair_gradients  # noqa: E402
from lammps_adflux.flux import edge_flux, hop_flux  # noqa: E402

WEIGHTS = Path(__file__).resolve().parents[2] / "shared/data/nequix/nequix-oam-1-pft.nqx"
ROWS = ("force call", "hop rule", "edge formula", "unfolded")


def row(weights: Path, name: str) -> dict:
    atoms = ase.build.bulk("NaCl", "rocksalt", 5.64)
    atoms.rattle(0.05, seed=1)
    velocities = jax.numpy.asarray(np.random.default_rng(0).normal(size=(2, 3)))
    potential = adflux.Nequix.from_file(weights, elements="Na,Cl").astype("float64")
    graph = adflux.graph_from_atoms(atoms, potential)
    copies = 2
    if name == "unfolded":
        cluster = unfold(atoms, potential, 10**6)
        assert cluster is not None
        copies = len(cluster.positions)
        call = lambda: cluster.flux(potential, velocities)  # noqa: E731
    else:
        function = {
            "force call": energies_and_pair_gradients,
            "hop rule": lambda p, g: hop_flux(p, g, velocities),
            "edge formula": lambda p, g: edge_flux(
                g, energies_and_pair_gradients(p, g)[1], velocities
            ),
        }[name]
        compiled = jax.jit(function)
        call = lambda: jax.block_until_ready(compiled(potential, graph))  # noqa: E731
    value = call()
    times = []
    for _ in range(1 if name == "unfolded" else 31):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    flux = None if name == "force call" else np.asarray(value).tolist()
    return {"atoms": copies, "time": sorted(times)[len(times) // 2], "GB": peak, "flux": flux}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--skip-unfolded", action="store_true", help="it takes minutes")
    parser.add_argument("--row", choices=ROWS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.row:
        print(json.dumps(row(arguments.weights, arguments.row)))
        return
    found = {}
    print("| formula | atoms | time | memory of the process | off by |\n|---|---|---|---|---|")
    for name in ROWS[:-1] if arguments.skip_unfolded else ROWS:
        command = [sys.executable, __file__, "--weights", str(arguments.weights), "--row", name]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        one = found[name] = json.loads(done.stdout.splitlines()[-1])
        off = ""
        if one["flux"]:
            exact = np.array(found["hop rule"]["flux"])
            error = np.abs(one["flux"] - exact).max() / np.abs(exact).max()
            off = "" if name == "hop rule" else f"{error:.1e}"
        times = one["time"] / found["force call"]["time"]
        print(f"| {name} | {one['atoms']} | {times:.1f} | {one['GB']:.2f} GB | {off} |", flush=True)


if __name__ == "__main__":
    main()
