"""Cost of a heat-flux sample beside a force call, for one and more layers of messages, on one core,
without LAMMPS.

    python benchmarks/flux_cost.py [--atoms 512] [--repeat 15]

Medians of interleaved calls; the network is the small one of tests/support/networks.py with 32
features.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

os.environ.setdefault("PJRT_NPROC", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
os.environ.setdefault("JAX_ENABLE_X64", "true")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/support"))

import jax
import jax.numpy as jnp
from networks import message_passing
from systems import random_crystal, velocities

import lammps_adflux as adflux
from lammps_adflux.derivatives import energies_and_pair_gradients


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--atoms", type=int, default=512)
    parser.add_argument("--repeat", type=int, default=15)
    arguments = parser.parse_args()
    crystal = random_crystal(arguments.atoms)
    speeds = jnp.asarray(velocities(crystal))
    print(
        "| layers | pairs | force call (ms) | flux sample (ms) | ratio | atomic virials, ratio "
        "|\n|---|---|---|---|---|---|"
    )
    for layers in (1, 2, 3):
        potential = jax.device_put(message_passing(layers, cutoff=5.0, width=32))
        graph = adflux.graph_from_atoms(crystal, potential)
        calls = {
            "force": jax.jit(energies_and_pair_gradients),
            "flux": lambda p, g: adflux.heat_flux(p, g, speeds),
            "virials": adflux.atomic_virials,
        }
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(arguments.repeat + 1):
            for name, call in calls.items():
                start = time.perf_counter()
                jax.block_until_ready(call(potential, graph))
                times[name].append(1e3 * (time.perf_counter() - start))
        force, flux, virials = (statistics.median(times[name][1:]) for name in calls)
        row = (
            layers,
            len(graph.centers),
            f"{force:.1f}",
            f"{flux:.1f}",
            f"{flux / force:.2f}",
            f"{virials / force:.2f}",
        )
        print(f"| {' | '.join(map(str, row))} |")


if __name__ == "__main__":
    main()
