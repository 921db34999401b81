"""Weak and strong scaling on the ranks at hand, and a model that extrapolates to many nodes.

    python benchmarks/scaling.py [--kind lj snse] [--ranks 1 2] [--repeat 3] [--nodes 1 8 64]
        [--total 1e8] [--cores 64] [--latency 2e-6] [--bandwidth 1e10] [--output benchmarks/out]

A step takes t = t_0 + t_n n + t_g g on a rank with n owned and g ghost atoms, and m = m_0 + m_n n +
m_g g of memory. The coefficients are fitted to runs of several sizes on one rank, whose ghost atoms
are its own images. What the model adds for a cluster is assumed, not measured: positions and forces
(and features, for several layers) of ghost atoms go to six neighbours with --latency [s] and
--bandwidth [bytes/s], which the --cores of a node share. Prints Markdown tables and writes JSON.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "examples" / "03_snse"))

import lammps_adflux as adflux  # noqa: E402
from lammps_adflux.lmp.programs import find_lmp, find_mpiexec  # noqa: E402

POSITIONS = 48  # bytes of a ghost atom's position and force, both of three numbers


class Kind(NamedTuple):
    """A liquid or crystal with its model, and the boxes that are run."""

    script: str
    cubes: tuple[dict[str, int], ...]  # on one rank
    weak: dict[int, dict[str, int]]  # ranks → variables of a box with as many atoms on each
    density: float  # atoms by volume
    reach: float  # of ghost atoms: cutoff and skin
    bytes_of_ghost: int  # that travel each step
    messages: int  # to each neighbour, each step
    steps: int  # times 1000 atoms


KINDS = {
    "lj": Kind(
        "in.lj",
        tuple({"cells": cells} for cells in (6, 10, 14, 20, 26)),
        {1: {"cells": 16}, 2: {"cells": 16, "wide": 2}, 4: {"cells": 16, "wide": 4}},
        0.8442,
        2.8,
        POSITIONS,
        2,
        1000,
    ),
    "snse": Kind(
        "in.snse",
        (
            {"a": 2, "b": 4, "c": 4},
            {"a": 4, "b": 4, "c": 4},
            {"a": 4, "b": 8, "c": 4},
            {"a": 4, "b": 8, "c": 8},
        ),
        {
            1: {"a": 4, "b": 4, "c": 8},
            2: {"a": 8, "b": 4, "c": 8},
            4: {"a": 8, "b": 8, "c": 8},
        },
        8 / (11.7 * 4.2 * 4.4),
        6.0,
        POSITIONS + 2 * 132 * 8,  # two layers: features once there, their gradient once back
        4,
        8,
    ),
}


class Run(NamedTuple):
    """One measured run: of the rank with most."""

    atoms: int
    owned: float
    ghosts: float
    milliseconds: float
    megabytes: float


def run(folder: Path, kind: Kind, ranks: int, variables: dict[str, int], steps: int) -> Run:
    """A run of a benchmark script; memory is the largest of its processes."""
    words = [str(word) for pair in variables.items() for word in ("-var", *pair)]
    words += ["-var", "steps", str(steps), "-var", "adflux", adflux.template_path()]
    launcher = [str(find_mpiexec()), "-n", str(ranks)] if ranks > 1 else []
    # a shell, so that its children's largest memory is of this run alone
    code = (
        "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]); "
        "print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)"
    )
    command = [*launcher, str(find_lmp()), "-in", str(HERE / kind.script), "-log", "none", *words]
    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    (*_, (seconds, count, atoms)) = re.findall(
        r"Loop time of ([\d.e+-]+) on \d+ procs for (\d+) steps with (\d+) atoms", done.stdout
    )
    owned, ghosts = (
        float(re.findall(rf"{name}: +[\d.e+]+ ave +([\d.e+]+) max", done.stdout)[-1])
        for name in ("Nlocal", "Nghost")
    )
    peak = float(re.search(r"peak (\d+)", done.stdout)[1]) / 1e3
    return Run(int(atoms), owned, ghosts, 1e3 * float(seconds) / int(count), peak)


def median(runs: list[Run]) -> Run:
    return Run(*(statistics.median(values) for values in zip(*runs, strict=True)))


def fitted(runs: list[Run], values: list[float]) -> np.ndarray:
    """Coefficients of 1, n, g, none negative; relative errors count."""
    rows = np.array([[1.0, r.owned, r.ghosts] for r in runs]) / np.array(values)[:, None]
    return nnls(rows, np.ones(len(runs)))[0]


def ghosts_of(kind: Kind, owned: float) -> float:
    """Of a cubic domain."""
    edge = (owned / kind.density) ** (1 / 3)
    return kind.density * (edge + 2 * kind.reach) ** 3 - owned


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kind", nargs="+", default=["lj"], choices=KINDS)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2], choices=(1, 2, 4))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--total", type=float, default=1e8, help="atoms on the cluster")
    parser.add_argument("--cores", type=int, default=64, help="ranks of a node")
    parser.add_argument("--latency", type=float, default=2e-6, help="of a message [s]")
    parser.add_argument("--bandwidth", type=float, default=1e10, help="of a node [bytes/s]")
    parser.add_argument("--output", type=Path, default=HERE / "out")
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    result = {}
    for name in arguments.kind:
        write_model(folder, name)
        result[name] = report(folder, name, arguments)
    (folder / "scaling.json").write_text(json.dumps(result, indent=1))


def write_model(folder: Path, name: str) -> None:
    if name == "lj":
        liquid = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar")
        adflux.export(liquid, folder / "jax.pkl")
        return
    from snse import PAPER, write_crystal
    from snse_in_lammps import deeper

    write_crystal(folder / "snse.data")
    potential = deeper(adflux.So3krates.from_mlff(PAPER), 2)
    adflux.export(potential, folder / "snse2.pkl")


def report(folder: Path, name: str, arguments) -> dict:
    """Measure one kind and print its tables."""
    kind = KINDS[name]
    model = {"model": "snse2.pkl"} if name == "snse" else {}
    largest = kind.cubes[-1]
    cases = {("size", 1, str(cube)): (1, cube) for cube in kind.cubes}
    for ranks in arguments.ranks:
        cases["strong", ranks, ""] = (ranks, largest)
        cases["weak", ranks, ""] = (ranks, kind.weak[ranks])
    found: dict = {case: [] for case in cases}
    for _ in range(arguments.repeat):
        for case, (ranks, variables) in cases.items():
            atoms = found[case][0].atoms if found[case] else 1000
            steps = max(5, 1000 * kind.steps // int(atoms))
            found[case].append(run(folder, kind, ranks, variables | model, steps))
    medians = {case: median(runs) for case, runs in found.items()}
    sizes = [medians[case] for case in cases if case[0] == "size"]
    times = fitted(sizes, [r.milliseconds for r in sizes])
    memory = fitted(sizes, [r.megabytes for r in sizes])

    print(f"\n**{name}**, measured:\n")
    print("| | ranks | atoms | step | efficiency | model | memory of a rank | model |")
    print("|---" * 8 + "|")
    for (what, ranks, _), r in medians.items():
        terms = np.array([1.0, r.owned, r.ghosts])
        first = medians.get((what, min(arguments.ranks), ""), r)
        ideal = first.milliseconds * (min(arguments.ranks) / ranks if what == "strong" else 1.0)
        efficiency = "" if what == "size" else f"{ideal / r.milliseconds:.2f}"
        print(
            f"| {what} | {ranks} | {r.atoms:.0f} | {r.milliseconds:.2f} ms | {efficiency} | "
            f"{times @ terms:.2f} ms | {r.megabytes:.0f} MB | {memory @ terms:.0f} MB |"
        )
    t_0, t_n, t_g = times
    m_0, m_n, m_g = memory
    print(
        f"\nt = {t_0:.3g} ms + {1e3 * t_n:.3g} µs n + {1e3 * t_g:.3g} µs g, "
        f"m = {m_0:.3g} MB + {1e3 * m_n:.3g} kB n + {1e3 * m_g:.3g} kB g"
    )
    print(
        f"\n**{name}**, a model: {arguments.total:.0e} atoms, {arguments.cores} ranks a node, "
        f"{1e6 * arguments.latency:.0f} µs, {arguments.bandwidth / 1e9:.0f} GB/s a node\n"
    )
    print("| nodes | atoms of a rank | step | of it ghost atoms | messages | memory of a node |")
    print("|---" * 6 + "|")
    for nodes in arguments.nodes:
        ranks = nodes * arguments.cores
        owned = arguments.total / ranks
        ghosts = ghosts_of(kind, owned)
        compute = times @ np.array([1.0, owned, ghosts])
        sent = 1e3 * (
            6 * kind.messages * arguments.latency
            + ghosts * kind.bytes_of_ghost * arguments.cores / arguments.bandwidth
        )
        gigabytes = 1e-3 * arguments.cores * (memory @ np.array([1.0, owned, ghosts]))
        print(
            f"| {nodes} | {owned:.0f} | {compute + sent:.1f} ms | {t_g * ghosts / compute:.0%} | "
            f"{sent:.2f} ms | {gigabytes:.0f} GB |"
        )
    return {
        "times": times.tolist(),
        "memory": memory.tolist(),
        "runs": {
            " ".join(map(str, case)): [r._asdict() for r in runs] for case, runs in found.items()
        },
    }


if __name__ == "__main__":
    main()
