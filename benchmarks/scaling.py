"""How a step scales over the ranks at hand, and a model of it on a cluster.

    python benchmarks/scaling.py [--kinds lj snse] [--ranks 1 2] [--repeat 3] [--cluster-atoms 1e8]
        [--nodes 4 16 64] [--cores 64] [--latency 2e-6] [--bandwidth 25e9] [--output benchmarks/out]

lj: a Lennard-Jones liquid. snse: So3krates on tin selenide with two layers of messages.

Strong scaling keeps the atoms, weak scaling the atoms per rank. From all these runs the model takes

    seconds of a step on a rank = t0 + a n + b g,    megabytes of a rank = m0 + c n + d g

with n owned and g ghost atoms: coefficients by non-negative least squares of relative deviations.
On a cluster, g is the shell of a cube of n atoms, and messages between ranks cost

    6 swaps × latency × messages + bytes × cores / bandwidth

a step: positions and forces of ghosts, and what the layers exchange, counted in the traced program.
Latency and bandwidth of a node are assumed, not measured. The model has no imbalance, no other
program on a node, and no more contention for memory than the ranks at hand had. Prints Markdown
tables and writes JSON.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import jax
import numpy as np
from jax.extend.core import jaxprs_in_params
from scipy.optimize import nnls
from snse_in_lammps import HERE, PAPER, deeper, write_crystal

import lammps_adflux as adflux
from lammps_adflux.graph import Graph
from lammps_adflux.lmp.programs import find_lmp, find_mpiexec
from lammps_adflux.parallel.exchange import RankExchange, exchange_p

SKIN = {"lj": 0.3, "snse": 1.0}  # of the neighbour lists in in.lj and in.snse
LJ_CELLS = (8, 14, 20, 25)
# domains of less than 1024 atoms sum their messages at once, and their memory is another one
SNSE_CELLS = ((4, 8, 4), (4, 8, 8), (8, 8, 8))


def cases(kind: str, ranks: list[int]) -> list[dict]:
    """Runs of all sizes on each number of ranks, and of one size for each rank."""
    found = []
    for number in ranks:
        if kind == "lj":
            sizes = [dict(cells=cells) for cells in LJ_CELLS]
            sizes += [dict(cells=14, wide=14 * number)] if number > 1 else []
        else:
            sizes = [dict(zip("abc", cells, strict=True)) for cells in SNSE_CELLS]
            sizes = [size for size in sizes if 8 * np.prod([*size.values()]) >= 1024 * number]
        found += [dict(ranks=number, size=size) for size in sizes]
    return found


def run(folder: Path, kind: str, ranks: int, size: dict) -> dict[str, float]:
    """One run: seconds of a step, atoms and ghosts of a rank, MB of rank 0, and the volume."""
    atoms = 4 * size["cells"] ** 2 * size.get("wide", size["cells"]) if kind == "lj" else 0
    atoms = atoms or 8 * size["a"] * size["b"] * size["c"]
    steps = max(20, 400_000 // atoms) if kind == "lj" else max(4, 4000 // atoms)
    variables = {"script": HERE / f"in.{kind}", "adflux": adflux.template_path(), "steps": steps}
    # the crystal melts first, and small domains compile once more
    warm = max(100, 1_000_000 // atoms)
    variables |= size
    variables |= {"style": "jax", "warm": warm} if kind == "lj" else {"model": "snse2.pkl"}
    launcher = [str(find_mpiexec()), "-n", str(ranks)] if ranks > 1 else []
    command = [*launcher, str(find_lmp()), "-in", str(HERE / "in.scaling"), "-log", "none"]
    command += [word for name, value in variables.items() for word in ("-var", name, str(value))]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    memory, volume = re.findall(r"^memory ([\d.]+) volume ([\d.]+)", done.stdout, re.M)[-1]
    return {
        "seconds": float(re.findall(r"Loop time of ([\d.e+-]+)", done.stdout)[-1]) / steps,
        "atoms": atoms / ranks,
        "ghosts": float(re.findall(r"^Nghost: +([\d.]+) ave", done.stdout, re.M)[-1]),
        "memory": float(memory),
        "volume": float(volume) / ranks,
    }


def measure(folder: Path, kind: str, ranks: list[int], repeat: int) -> list[dict]:
    """Medians of interleaved runs."""
    todo = cases(kind, ranks)
    runs = [[] for _ in todo]
    for number in range(repeat):
        for case, taken in zip(todo, runs, strict=True):
            print(f"{kind}, round {number + 1}: {case}", file=sys.stderr, flush=True)
            taken.append(run(folder, kind, **case))
    return [
        {"ranks": case["ranks"]}
        | {name: statistics.median(one[name] for one in taken) for name in taken[0]}
        for case, taken in zip(todo, runs, strict=True)
    ]


def comparisons(rows: list[dict]) -> list[str]:
    """Strong and weak scaling of the runs that can be compared."""
    lines = []
    for one in (row for row in rows if row["ranks"] == 1):
        for many in (row for row in rows if row["ranks"] > 1):
            number, ratio = many["ranks"], one["seconds"] / many["seconds"]
            if many["atoms"] * number == one["atoms"]:
                lines.append(f"strong: {one['atoms']:.0f} atoms on {number} ranks {ratio:.2f} ×")
            if many["atoms"] == one["atoms"]:
                lines.append(
                    f"weak: {one['atoms']:.0f} atoms for each of {number} ranks {ratio:.2f}"
                )
    return lines


def fit(rows: list[dict], name: str) -> np.ndarray:
    """Constant, and coefficients of owned and ghost atoms."""
    matrix = np.array([[1.0, row["atoms"], row["ghosts"]] for row in rows])
    values = np.array([row[name] for row in rows])
    scale = np.abs(matrix).max(axis=0)
    coefficients, _ = nnls(matrix / scale / values[:, None], np.ones(len(rows)))
    return coefficients / scale


def exchanged(potential) -> tuple[int, int]:
    """Messages of a force call between neighbours, and their bytes for each ghost atom."""
    atoms, pairs = 8, 16
    graph = Graph(
        vectors=np.ones((pairs, 3)),
        centers=np.zeros(pairs, np.int32),
        others=np.ones(pairs, np.int32),
        species=np.zeros(atoms, np.int32),
        mask=np.ones(pairs, bool),
        owned=np.arange(atoms) < 4,
        exchange=RankExchange(handle=np.int32(0)),
    )

    def energy(vectors):
        return potential(graph.with_vectors(vectors)).sum()

    messages, size = 0, 0

    def visit(jaxpr):
        nonlocal messages, size
        for equation in jaxpr.eqns:
            if equation.primitive is exchange_p:
                aval = equation.outvars[0].aval
                messages, size = messages + 1, size + aval.shape[1] * aval.dtype.itemsize
            for inner in jaxprs_in_params(equation.params):
                visit(inner)

    visit(jax.make_jaxpr(jax.grad(energy))(graph.vectors).jaxpr)
    return messages, size


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kinds", nargs="+", default=["lj", "snse"], choices=["lj", "snse"])
    parser.add_argument("--model", type=Path, default=PAPER, help="So3krates of snse")
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeat", type=int, default=3, help="runs of each case")
    parser.add_argument("--cluster-atoms", type=float, default=1e8)
    parser.add_argument("--nodes", type=int, nargs="+", default=[4, 16, 64])
    parser.add_argument("--cores", type=int, default=64, help="ranks of a node")
    parser.add_argument("--latency", type=float, default=2e-6, help="s, of one message")
    parser.add_argument("--bandwidth", type=float, default=25e9, help="bytes/s of a node")
    parser.add_argument("--output", type=Path, default=HERE / "out")
    arguments = parser.parse_args()
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    jax.config.update("jax_enable_x64", True)
    potentials = {}
    if "lj" in arguments.kinds:
        lj = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar")
        adflux.export(lj, folder / "jax.pkl")
        potentials["lj"] = lj
    if "snse" in arguments.kinds:
        write_crystal(folder / "snse.data")
        potentials["snse"] = deeper(adflux.So3krates.from_mlff(arguments.model), 2)
        adflux.export(potentials["snse"], folder / "snse2.pkl")
    result = {}
    for kind, potential in potentials.items():
        rows = measure(folder, kind, arguments.ranks, arguments.repeat)
        times, memory = fit(rows, "seconds"), fit(rows, "memory")
        print(f"\n{kind}, measured beside the model's fit:\n")
        print(
            "| ranks | atoms of a rank | ghosts | step | µs per atom and rank | model / measured "
            "| memory of a rank | model / measured |\n" + "|---" * 8 + "|"
        )
        for row in rows:
            known = np.array([1.0, row["atoms"], row["ghosts"]])
            print(
                f"| {row['ranks']} | {row['atoms']:.0f} | {row['ghosts']:.0f} "
                f"| {1e3 * row['seconds']:.2f} ms | {1e6 * row['seconds'] / row['atoms']:.2f} "
                f"| {known @ times / row['seconds']:.2f} "
                f"| {row['memory']:.0f} MB | {known @ memory / row['memory']:.2f} |"
            )
        print("\n" + "\n".join(comparisons(rows)))
        messages, size = exchanged(potential) if potential.hops > 1 else (0, 0)
        density = rows[-1]["atoms"] / rows[-1]["volume"]
        shell = potential.cutoff + SKIN[kind]
        print(
            f"\n{kind}, MODEL, {arguments.cluster_atoms:.0e} atoms, nodes of {arguments.cores} "
            f"ranks, {1e6 * arguments.latency:g} µs and {arguments.bandwidth / 1e9:g} GB/s:\n"
        )
        print(
            "| nodes | atoms of a rank | ghosts | step | of it messages | µs per atom and rank "
            "| memory of a node |\n" + "|---" * 7 + "|"
        )
        predicted = []
        for nodes in arguments.nodes:
            atoms = arguments.cluster_atoms / nodes / arguments.cores
            edge = (atoms / density) ** (1 / 3)
            ghosts = density * ((edge + 2 * shell) ** 3 - edge**3)
            known = np.array([1.0, atoms, ghosts])
            # positions out and forces home, 24 bytes each, and what the layers exchange
            waiting = 6 * arguments.latency * (2 + messages)
            waiting += ghosts * (48 + size) * arguments.cores / arguments.bandwidth
            step = known @ times + waiting
            predicted.append(dict(nodes=nodes, seconds=step, messages=waiting, ghosts=ghosts))
            print(
                f"| {nodes} | {atoms:.0f} | {ghosts:.0f} | {1e3 * step:.1f} ms "
                f"| {100 * waiting / step:.1f} % | {1e6 * step / atoms:.2f} "
                f"| {arguments.cores * (known @ memory) / 1e3:.0f} GB |"
            )
        print(
            f"\na step on a rank: {1e3 * times[0]:.2f} ms + {1e6 * times[1]:.2f} µs n + "
            f"{1e6 * times[2]:.2f} µs g; memory: {memory[0]:.0f} MB + {1e3 * memory[1]:.1f} kB n "
            f"+ {1e3 * memory[2]:.1f} kB g; layers exchange {size} bytes for a ghost atom "
            f"in {messages} messages"
        )
        result[kind] = {
            "runs": rows,
            "seconds": list(times),
            "memory": list(memory),
            "model": predicted,
            "exchanged": {"messages": messages, "bytes": size},
        }
    (folder / "scaling.json").write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
