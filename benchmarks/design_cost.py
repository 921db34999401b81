"""Cost of a step of an inverse design, beside the first relaxation and one force call.

    python benchmarks/design_cost.py [--cells 2 3] [--steps 6] [--output benchmarks/out]

Tungsten with a vacancy (2 cells along a side) or two (3 and more), SNAP. The target is the
structure of coefficients that are 3 % off at random; every step relaxes in LAMMPS again. Each size
runs in a process of its own; the first step compiles and does not count. Medians; prints a Markdown
table and writes JSON.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[1] / "shared" / "data" / "implicit"


def setup(cells: int) -> str:
    gone = "1" if cells == 2 else "1 5"
    return f"""units metal
atom_modify map array sort 0 0.0
lattice bcc 3.16316 origin 0.01 0.01 0.01
region box block 0 {cells} 0 {cells} 0 {cells} units lattice
create_box 1 box
create_atoms 1 box
group gone id {gone}
delete_atoms group gone compress no
mass 1 183.84
min_style cg"""


def measure(cells: int, steps: int) -> dict:
    """Seconds and products with the Hessian, of each step."""
    import equinox as eqx
    import jax
    import numpy as np

    import lammps_adflux as adflux
    from lammps_adflux.implicit.design.run import Run
    from lammps_adflux.implicit.products import Products
    from lammps_adflux.lmp.programs import potentials_folder

    jax.config.update("jax_enable_x64", True)
    stem = (
        SHARED / "W" if (SHARED / "W.snapcoeff").exists() else potentials_folder() / "W_2940_2017_2"
    )
    files = [stem.with_name(stem.name + end) for end in (".snapcoeff", ".snapparam")]
    potential = adflux.SNAP.from_lammps(*files, elements=["W"])

    def coefficients(potential):
        return potential.coefficients

    products, found = [0], []
    hessian, step = Products.hessian, Run.step

    def counted(self, vectors):
        products[0] += len(vectors)
        return hessian(self, vectors)

    def timed(self, point):
        before, begun = products[0], time.perf_counter()
        taken = step(self, point)
        refused = len(self.history[-1].get("refused", ()))
        found.append((time.perf_counter() - begun, products[0] - before, refused))
        return taken

    Products.hessian, Run.step = counted, timed
    start = np.asarray(potential.coefficients)
    change = 0.03 * start * np.random.default_rng(2).normal(size=start.shape)
    other = eqx.tree_at(coefficients, potential, start + change)
    target = adflux.losses.structure_of(adflux.relax(setup(cells), other)).positions
    begun = time.perf_counter()
    first = adflux.relax(setup(cells), potential)
    relax = time.perf_counter() - begun
    calls = []
    for _ in range(5):
        begun = time.perf_counter()
        first.lammps.command("run 0 post no")
        calls.append(time.perf_counter() - begun)

    def loss(structure, parameters):
        return adflux.losses.squared_distance(structure, target)

    result = adflux.design(setup(cells), potential, loss, coefficients, steps=steps, progress=False)
    return {
        "atoms": len(target),
        "relax": relax,
        "call": statistics.median(calls),
        "steps": found,
        "losses": [float(value) for value in result.losses],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, nargs="+", default=[2, 3], help="bcc cells per side")
    parser.add_argument("--steps", type=int, default=6, help="accepted steps")
    parser.add_argument("--output", type=Path, default=HERE / "out", help="folder for the JSON")
    parser.add_argument("--child", type=int, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print("RESULT", json.dumps(measure(*arguments.child)))
        return
    arguments.output.mkdir(parents=True, exist_ok=True)
    print(
        "| atoms | force call | first `relax` | design step | step / force call | Hessian products "
        "in a step | loss |\n|---|---|---|---|---|---|---|",
        flush=True,
    )
    results = []
    for cells in arguments.cells:
        command = [sys.executable, str(Path(__file__).resolve()), "--child"]
        command += [str(cells), str(arguments.steps)]
        output = subprocess.run(command, capture_output=True, text=True, timeout=7200)
        if output.returncode:
            sys.exit(output.stdout[-2000:] + output.stderr[-2000:])
        one = json.loads(output.stdout[output.stdout.rindex("RESULT") + 6 :])
        results.append(one)
        seconds, products, _ = (statistics.median(x) for x in zip(*one["steps"][1:], strict=True))
        print(
            f"| {one['atoms']} | {one['call']:.3f} s | {one['relax']:.1f} s | {seconds:.2f} s | "
            f"{seconds / one['call']:.0f} | {products:.0f} | {one['losses'][0]:.1e} → "
            f"{one['losses'][-1]:.1e} Å² |",
            flush=True,
        )
        (arguments.output / "design_cost.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
