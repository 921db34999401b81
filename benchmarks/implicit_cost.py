"""Cost of the implicit derivatives beside the relaxation that precedes them, as ratios within one
run.

    python benchmarks/implicit_cost.py [--cells 6 14] [--ranks 1 2] [--repeat 3] [--preconditioners
    exp] [--large] [--jacobian] [--output benchmarks/out]

A disordered binary Lennard-Jones crystal with vacancies is relaxed, and the gradient of the
distance of two atoms by all parameters taken (one adjoint solve), with each preconditioner; each
size in a process of its own. Times are medians over `--repeat` rounds after one that compiles
(--repeat 1: of that one). --large adds 10⁵ atoms. --jacobian adds the Jacobian for 55 SNAP
coefficients beside dense finite differences of LAMMPS' own forces. Prints Markdown tables and
writes JSON.
"""

import argparse
import dataclasses
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[1] / "shared" / "data" / "implicit"
NAMES = "none", "jacobi", "exp"


def crystal(cells: int) -> str:
    """4 cells³ atoms of two sizes at random, less one in 97, off their places."""
    return f"""units lj
atom_modify map array
lattice fcc 1.05
region box block 0 {cells} 0 {cells} 0 {cells}
create_box 2 box
create_atoms 1 box
set type 1 type/fraction 2 0.5 4711
group gone id 1:{4 * cells**3}:97
delete_atoms group gone compress yes
mass * 1.0
displace_atoms all random 0.03 0.03 0.03 4711
min_style cg"""


def measure_gradient(cells: int, repeat: int, *numbers: int) -> dict:
    """Seconds, products with the Hessian, and memory on this process' ranks."""
    import jax
    import numpy as np

    import lammps_adflux as adflux
    from lammps_adflux.implicit import relaxation

    jax.config.update("jax_enable_x64", True)
    from mpi4py import MPI  # after lammps_adflux, see memory.py

    from lammps_adflux.mliap.session import Session

    spent: dict[str, float] = {}
    names = [NAMES[number] for number in numbers]

    def timed(owner, name):
        function = getattr(owner, name)

        def wrapper(*arguments, **options):
            start = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                spent[name] = time.perf_counter() - start

        setattr(owner, name, wrapper)

    timed(Session, "minimize")
    timed(relaxation, "newton_steps")
    timed(relaxation, "check_index")
    world = MPI.COMM_WORLD
    potential = adflux.LennardJones(
        epsilon=[[1.0, 0.9], [0.9, 0.8]],
        sigma=[[1.0, 0.975], [0.975, 0.95]],
        cutoff=2.5,
        onset=2.0,
        elements=["A", "B"],
    )

    def loss(positions, strain, energy, parameters):
        return jax.numpy.linalg.norm(positions[1] - positions[0])

    def round_of_all() -> dict[str, dict]:
        """One relaxation with the default preconditioner, and the gradient at its structure with
        each.
        """
        spent.clear()
        start = time.perf_counter()
        options = adflux.RelaxOptions(cutoff_margin=0)
        relaxed = adflux.relax(crystal(cells), potential, force_tolerance=1e-9, options=options)
        shared = dict(relax=time.perf_counter() - start, steps=relaxed.checks.newton_steps, **spent)
        found = {}
        for name in names:
            relaxed._options = dataclasses.replace(options, preconditioner=name)
            relaxed._linear_responses.clear()
            before, start = relaxed.hessian_products, time.perf_counter()
            gradient = relaxed.gradient(loss)
            seconds = time.perf_counter() - start
            products = relaxed.hessian_products - before
            found[name] = shared | dict(
                gradient=seconds,
                products=products,
                value=[float(x) for leaf in jax.tree.leaves(gradient) for x in np.ravel(leaf)],
                atoms=int(world.allreduce(len(relaxed.ids))),
            )
        relaxed.lammps.close()
        return found

    rounds = [round_of_all() for _ in range(repeat + 1 if repeat > 1 else 1)]
    counted = rounds[1:] or rounds  # the first one compiles
    return dict(
        atoms=rounds[0][names[0]]["atoms"],
        ranks=world.size,
        first=rounds[0],
        runs={name: [one[name] for one in counted] for name in names},
        # kB on Linux
        memory_gb=world.allgather(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6),
    )


def divacancy() -> str:
    return """units metal
atom_modify map array sort 0 0.0
lattice bcc 3.16316 origin 0.01 0.01 0.01
region box block 0 3 0 3 0 3 units lattice
create_box 1 box
create_atoms 1 box
group gone id 1 5
delete_atoms group gone compress no
mass 1 183.84
min_style cg"""


def measure_jacobian(repeat: int) -> dict:
    """dX/dΘ of 52 tungsten atoms by 55 solves, and by finite differences of native forces and a
    dense pseudo-inverse.
    """
    import jax
    import numpy as np

    jax.config.update("jax_enable_x64", True)
    import lammps_adflux as adflux
    from lammps_adflux.lmp.programs import potentials_folder

    stem = (
        SHARED / "W" if (SHARED / "W.snapcoeff").exists() else potentials_folder() / "W_2940_2017_2"
    )
    files = [stem.with_name(stem.name + end) for end in (".snapcoeff", ".snapparam")]
    potential = adflux.SNAP.from_lammps(*files, elements=["W"])
    start = time.perf_counter()
    relaxed = adflux.relax(divacancy(), potential)
    result: dict = dict(relax=time.perf_counter() - start, dense=[])
    positions = relaxed.gather(relaxed.positions)
    ours = dense = np.zeros((0, 0))
    # the first compiles
    for _ in range(repeat + 1):
        # relax has made the Hessian already, for its check: time the Jacobian with and without
        for name in ("jacobian", "jacobian_alone"):
            relaxed._linear_responses.clear()
            if name == "jacobian_alone":
                relaxed.products._matrix = None
            before, start = relaxed.hessian_products, time.perf_counter()
            ours = relaxed.jacobian(
                where=lambda p: p.coefficients, progress=False
            ).positions.reshape(55, -1)
            result.setdefault(name, []).append(time.perf_counter() - start)
            result["products"] = relaxed.hessian_products - before
    for _ in range(repeat):
        start = time.perf_counter()
        dense, calls = _finite_differences(potential, files, positions)
        result["dense"].append(time.perf_counter() - start)
        result["calls"] = calls
    result["difference"] = float(np.linalg.norm(ours - dense) / np.linalg.norm(dense))
    result["norm"] = float(np.linalg.norm(ours))
    return result


def _finite_differences(potential, files, positions):
    """dX/dΘ [55, 3 atoms] of LAMMPS' pair_style snap by central differences."""
    import numpy as np
    from lammps import lammps

    lmp = lammps(cmdargs=["-screen", "none", "-nocite", "-log", "none"])
    lmp.commands_string(divacancy())
    lmp.command("pair_style snap")
    coefficients, parameters = files
    order = np.argsort(lmp.numpy.extract_atom("id"))
    calls, step = 0, 1e-4

    def forces(moved):
        nonlocal calls
        calls += 1
        lmp.numpy.extract_atom("x")[order] = moved
        lmp.command("run 0 post no")
        return np.array(lmp.numpy.extract_atom("f"))[order].ravel()

    lmp.command(f"pair_coeff * * {coefficients} {parameters} W")
    size = positions.size
    hessian = np.empty((size, size))
    for k in range(size):
        change = step * np.eye(size)[k].reshape(-1, 3)
        hessian[k] = (forces(positions - change) - forces(positions + change)) / (2.0 * step)
    values = np.append(potential.constants[0], potential.coefficients[0])
    mixed = np.empty((len(values) - 1, size))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "changed.snapcoeff"
        for k in range(len(mixed)):
            sides = []
            for sign in (1.0, -1.0):
                changed = values.copy()
                changed[1 + k] += sign * 1e-3
                lines = ["# one coefficient changed", f"1 {len(values)}", "W 0.5 1.0"]
                file.write_text("\n".join([*lines, *(f"{x:.17g}" for x in changed)]) + "\n")
                lmp.command(f"pair_coeff * * {file} {parameters} W")
                sides.append(forces(positions))
            mixed[k] = (sides[0] - sides[1]) / 2e-3  # -∂²U/∂Θ∂X
    lmp.close()
    return mixed @ np.linalg.pinv(0.5 * (hessian + hessian.T), rcond=1e-6, hermitian=True), calls


def child(what: str, *numbers: int, ranks: int = 1) -> dict:
    """A measurement in fresh processes."""
    launcher = []
    if ranks > 1:
        from lammps_adflux.lmp.programs import find_mpiexec

        launcher = [str(find_mpiexec()), "-n", str(ranks)]
    command = [
        *launcher,
        sys.executable,
        str(Path(__file__).resolve()),
        "--child",
        what,
        *map(str, numbers),
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    output = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=7200)
    if output.returncode:
        sys.exit(output.stdout[-2000:] + output.stderr[-2000:])
    return json.loads(output.stdout[output.stdout.rindex("RESULT") + 6 :])


def median(runs: list[dict], name: str) -> float:
    return statistics.median(run[name] for run in runs)


def show(result: dict) -> None:
    for name, runs in result["runs"].items():
        relax, gradient = median(runs, "relax"), median(runs, "gradient")
        ratio = statistics.median(run["gradient"] / run["relax"] for run in runs)
        parts = ", ".join(
            f"{median(runs, part):.1f}" for part in ("minimize", "newton_steps", "check_index")
        )
        memory = max(result["memory_gb"])
        print(
            f"| {result['atoms']} | {result['ranks']} | {name} | {relax:.1f} ({parts}) | "
            f"{gradient:.2f} | {ratio:.2f} | {runs[0]['products']} | {memory:.2f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--cells", type=int, nargs="+", default=[6, 14], help="edges of the crystals in fcc cells"
    )
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2], help="numbers of MPI ranks")
    parser.add_argument(
        "--preconditioners", nargs="+", choices=NAMES, default=NAMES, help="of the gradient's solve"
    )
    parser.add_argument("--repeat", type=int, default=3, help="rounds")
    parser.add_argument("--large", action="store_true", help="10⁵ atoms as well")
    parser.add_argument("--jacobian", action="store_true", help="the Jacobian of SNAP as well")
    parser.add_argument("--output", type=Path, default=HERE / "out", help="folder for the JSON")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        what, *numbers = arguments.child
        found = dict(gradient=measure_gradient, jacobian=measure_jacobian)[what](*map(int, numbers))
        from mpi4py import MPI

        if MPI.COMM_WORLD.rank == 0:
            print("RESULT", json.dumps(found))
        return

    folder, cells = arguments.output, arguments.cells + [30] * arguments.large
    folder.mkdir(parents=True, exist_ok=True)
    result: dict = {"gradient": []}
    print(
        "| atoms | ranks | preconditioner | relax (minimize, Newton, eigenvalues), s | gradient, "
        "s | gradient / relax (goal ≤ 1) | products "
        "| peak memory per rank, GB |\n|---|---|---|---|---|---|---|---|",
        flush=True,
    )
    for size in cells:
        for ranks in arguments.ranks:
            which = [NAMES.index(name) for name in arguments.preconditioners]
            result["gradient"].append(
                child("gradient", size, arguments.repeat, *which, ranks=ranks)
            )
            show(result["gradient"][-1])
            (folder / "implicit_cost.json").write_text(json.dumps(result, indent=1))
    if arguments.jacobian:
        found = child("jacobian", arguments.repeat)
        for name in ("jacobian", "jacobian_alone"):
            found[name] = found[name][1:]
        result["jacobian"] = found
        ours, alone, dense = (
            statistics.median(found[name]) for name in ("jacobian", "jacobian_alone", "dense")
        )
        print("\n| Jacobian, 52 W atoms, 55 coefficients | measured | ratio |\n|---|---|---|")
        print(f"| relax | {found['relax']:.1f} s | |")
        print(
            f"| `jacobian`, {found['products']} Hessian products | {alone:.2f} s | "
            f"{alone / dense:.2f}× the dense route |"
        )
        print(f"| … with the Hessian that `relax` has made | {ours:.2f} s | {ours / dense:.2f}× |")
        print(
            f"| native `pair_style snap`, {found['calls']} force calls and a pseudo-inverse | "
            f"{dense:.2f} s | differs by {found['difference']:.1e} |"
        )
    (folder / "implicit_cost.json").write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
