"""Speed of So3krates on tin selenide in LAMMPS, as ratios within one run.

    python benchmarks/snse_in_lammps.py [--model FOLDER] [--atoms 256 1024 4096] [--repeat 3]
    [--output benchmarks/out]

--model: the trained one-layer network that mlff wrote (default ../shared/data); models with 2 and 3
layers repeat its layer, which costs what a trained one would. Medians of interleaved runs; prints
Markdown tables and writes JSON.
"""

import argparse
import dataclasses
import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("PJRT_NPROC", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
os.environ.setdefault("JAX_ENABLE_X64", "true")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples" / "03_snse"))

import ase
import ase.io
import jax
import numpy as np
from snse import PAPER, write_crystal

import lammps_adflux as adflux
from lammps_adflux.checks.unfolded import unfold
from lammps_adflux.derivatives import energies_and_pair_gradients, pair_forces
from lammps_adflux.lmp.programs import find_lmp, find_mpiexec
from lammps_adflux.process import prepare

HERE = Path(__file__).resolve().parent
REPEATS = {
    256: (2, 4, 4),
    512: (4, 4, 4),
    1024: (4, 8, 4),
    2048: (4, 8, 8),
    4096: (8, 8, 8),
    16384: (16, 8, 16),
}


def deeper(potential, layers: int):
    """The same network with its layer repeated."""
    parameters = {**potential.parameters, "layers": potential.parameters["layers"] * layers}
    return dataclasses.replace(potential, parameters=parameters, hops=layers)


def step(folder: Path, ranks: int = 1, **variables) -> float:
    """Milliseconds per step of the last run of in.snse."""
    options = [word for name, value in variables.items() for word in ("-var", name, str(value))]
    launcher = [str(find_mpiexec()), "-n", str(ranks)] if ranks > 1 else []
    command = [
        *launcher,
        str(find_lmp()),
        "-in",
        str(HERE / "in.snse"),
        "-log",
        "none",
        "-var",
        "adflux",
    ]
    done = subprocess.run(
        [*command, adflux.template_path(), *options], cwd=folder, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    steps = int(re.findall(r"for (\d+) steps", done.stdout)[-1])
    return 1e3 * float(re.findall(r"Loop time of ([\d.e+-]+)", done.stdout)[-1]) / steps


def call(function) -> float:
    """Milliseconds of one call of a jitted function."""
    start = time.perf_counter()
    jax.block_until_ready(function())
    return 1e3 * (time.perf_counter() - start)


def crystal(folder: Path, atoms: int):
    """The atoms as LAMMPS builds them, a little displaced."""
    cell = ase.io.read(folder / "snse.data", format="lammps-data", atom_style="atomic")
    assert isinstance(cell, ase.Atoms)
    cell.symbols[:] = [
        "Se" if number == 34 or symbol == "He" else "Sn"
        for number, symbol in zip(cell.numbers, cell.symbols, strict=True)
    ]
    cell.pbc = True
    system = cell.repeat(REPEATS[atoms])
    system.rattle(0.03, seed=1)
    return system


def medians(repeat: int, cases: dict) -> dict[str, float]:
    """Interleaved; the first round is thrown away for calls in this process."""
    times: dict[str, list[float]] = {name: [] for name in cases}
    for case in cases.values():
        if getattr(case, "warm", False):
            case()
    for _ in range(repeat):
        for name, case in cases.items():
            times[name].append(case())
    return {name: statistics.median(values) for name, values in times.items()}


class Warm:
    """Five calls of a jitted function, after one that compiles."""

    warm = True

    def __init__(self, function):
        self._function = function

    def __call__(self) -> float:
        return statistics.median(call(self._function) for _ in range(5))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=PAPER)
    parser.add_argument("--atoms", type=int, nargs="+", default=[256, 1024, 4096], choices=REPEATS)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--output", type=Path, default=HERE / "out")
    arguments = parser.parse_args()
    prepare()  # memory as in LAMMPS
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    write_crystal(folder / "snse.data")
    one = adflux.So3krates.from_mlff(arguments.model)
    models = {layers: deeper(one, layers) for layers in (1, 2, 3)}
    for layers, model in models.items():
        adflux.export(model, folder / f"snse{layers}.pkl")
    results: dict = {"sizes": {}, "layers": {}}

    print(
        "| atoms | bare call (ms) | LAMMPS step (ms) | overhead | step per atom (µs) | 2 ranks "
        "|\n|---|---|---|---|---|---|"
    )
    for atoms in arguments.atoms:
        system = crystal(folder, atoms)
        potential = jax.device_put(one)
        graph = adflux.graph_from_atoms(system, potential)

        @jax.jit
        def bare(potential, graph):
            energies, gradients = energies_and_pair_gradients(potential, graph)
            return energies, pair_forces(graph, gradients)

        steps = max(4, 6000 // atoms)
        options = {
            **dict(zip("abc", REPEATS[atoms], strict=True)),
            "steps": steps,
            "model": "snse1.pkl",
        }
        found = medians(
            arguments.repeat,
            {
                "bare": Warm(
                    lambda bare=bare, potential=potential, graph=graph: bare(potential, graph)
                ),
                "step": lambda options=options: step(folder, **options),
                "two": lambda options=options: step(folder, 2, **options),
            },
        )
        results["sizes"][atoms] = found
        overhead = found["step"] / found["bare"] - 1.0
        print(
            f"| {atoms} | {found['bare']:.1f} | {found['step']:.1f} | {overhead:+.0%} | "
            f"{1e3 * found['step'] / atoms:.0f} "
            f"| {found['step'] / found['two']:.2f} × |",
            flush=True,
        )

    print(
        "\n256 atoms\n\n| layers | force call (ms) | flux sample | unfolded flux | atoms unfolded "
        "| step in LAMMPS (ms) | 2 ranks |"
    )
    print("|---|---|---|---|---|---|---|")
    system = crystal(folder, 256)
    velocities = np.random.default_rng(0).normal(size=(256, 3))
    for layers, model in models.items():
        potential = jax.device_put(model)
        graph = adflux.graph_from_atoms(system, potential)
        cluster = unfold(system, potential, 10**6)
        assert cluster is not None
        force = jax.jit(energies_and_pair_gradients)
        options = {"steps": 20, "model": f"snse{layers}.pkl"}
        found = medians(
            arguments.repeat,
            {
                "force": Warm(lambda force=force, p=potential, g=graph: force(p, g)),
                "flux": Warm(lambda p=potential, g=graph: adflux.heat_flux(p, g, velocities)),
                "unfolded": Warm(lambda c=cluster, p=potential: c.flux(p, velocities)),
                "step": lambda options=options: step(folder, **options),
                "two": lambda options=options: step(folder, 2, **options),
            },
        )
        found["copies"] = len(cluster.positions)
        results["layers"][layers] = found
        force_call = found["force"]
        print(
            f"| {layers} | {force_call:.1f} | {found['flux'] / force_call:.2f} × | "
            f"{found['unfolded'] / force_call:.1f} × | {found['copies']} "
            f"| {found['step']:.1f} | {found['step'] / found['two']:.2f} × |",
            flush=True,
        )
    (folder / "snse_in_lammps.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
