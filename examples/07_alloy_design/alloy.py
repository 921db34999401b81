"""Inverse design of a disordered Ni-Mo crystal: coefficients of SNAP for which the relaxed atoms
are where a target has them; and lattice distortion, predicted.

    python alloy.py [--cells 2] [--steps 40] [--change 0.03] [--output FOLDER]

The target is the structure that another set of coefficients relaxes to, a few per cent off the
present ones. L-BFGS starts from the present ones and sees the target's positions only.
"""

import argparse
import contextlib
import json
import sys
import time
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.optimize import minimize

import lammps_adflux as adflux
from lammps_adflux.lmp.programs import potentials_folder

# before the potential is made: second derivatives need float64
jax.config.update("jax_enable_x64", True)

HERE = Path(__file__).resolve().parent
SHARED = HERE / "../../../shared/data/implicit"
SCRIPT = HERE / "in.alloy"
SIZES = 0.25, 0.5, 1.0, 2.0  # of the change to the target's coefficients, times that


def coefficients(potential):
    """All of linear SNAP but the constant energy per atom."""
    return potential.coefficients


def changed(potential, values):
    """The same potential with other coefficients."""
    return eqx.tree_at(coefficients, potential, values)


def read_potential(arguments):
    """SNAP for Ni and Mo: the files that were named, those of the references, or LAMMPS' own."""
    files = arguments.coefficients, arguments.parameters
    if files == (None, None):
        folder = SHARED if (SHARED / "NiMo.snapcoeff").exists() else potentials_folder()
        files = folder / "NiMo.snapcoeff", folder / "NiMo.snapparam"
    if None in files:
        raise adflux.AdfluxError("Give both --coefficients and --parameters, or neither.")
    print(f"potential                  {files[0].name} of {files[0].parent.name}/")
    return adflux.SNAP.from_lammps(*files, elements=["Ni", "Mo"])


def without_gradient(relax, start, target, relaxations: int) -> list[float]:
    """The lowest loss after each relaxation of Powell's method, which takes no derivatives."""
    lowest: list[float] = []
    scale = np.abs(start) + 1e-3 * np.abs(start).max()

    class Enough(Exception):
        """So many relaxations were asked for."""

    def loss(change):
        if len(lowest) == relaxations:
            raise Enough
        try:
            relaxed = relax(start + change.reshape(start.shape) * scale)
            found = float(
                adflux.losses.squared_distance(adflux.losses.structure_of(relaxed), target)
            )
        except adflux.AdfluxError:
            found = 1e3  # does not relax
        lowest.append(min([found, *lowest[-1:]]))
        return found

    with contextlib.suppress(Enough):
        minimize(loss, np.zeros(start.size), method="Powell", options={"xtol": 1e-4})
    return lowest


def distortions(potential, relaxed, change) -> dict[str, list[float]]:
    """Displacements that a change of the coefficients makes: their size, and the error of the
    prediction by dX/dΘ, root mean squares over the atoms, for each of SIZES.
    """
    present = np.asarray(coefficients(potential))
    before = adflux.losses.structure_of(relaxed)
    response = relaxed.gather(relaxed.jvp(change, coefficients).positions)
    response = response - response.mean(axis=0)
    found: dict[str, list[float]] = {"displacement": [], "error": []}
    for size in SIZES:
        again = adflux.relax(
            relaxed.lammps,
            changed(potential, present + size * change),
            options=adflux.RelaxOptions(minimize=False),
        )
        moved = adflux.losses.displacements(adflux.losses.structure_of(again), before.positions)
        error = np.asarray(moved) - size * response
        for name, vectors in (("displacement", moved), ("error", error)):
            found[name].append(float(np.sqrt(np.mean(np.sum(np.asarray(vectors) ** 2, axis=1)))))
    return found


def draw(path: Path, result, lowest, relaxed, change, found) -> None:
    """Loss against relaxations; the atoms with dX/dΘ as arrows; errors of the prediction."""
    figure = Figure(figsize=(13.8, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    left, middle, right = figure.subplots(1, 3)
    tries = np.cumsum([1 + len(entry.get("refused", ())) for entry in result.history])
    left.semilogy(tries, result.losses, "o-", ms=3, label="adflux.design, L-BFGS")
    left.semilogy(np.arange(1, len(lowest) + 1), lowest, "-", color="C3", label="Powell")
    left.set(xlabel="relaxations", ylabel="squared distance to the target (Å²)")
    left.legend()
    structure = adflux.losses.structure_of(relaxed)
    response = relaxed.gather(relaxed.jvp(change, coefficients).positions)
    response = response - response.mean(axis=0)
    for number, name in enumerate(("Ni", "Mo")):
        here = np.array(structure.species) == number
        middle.scatter(
            structure.positions[here, 0], structure.positions[here, 1], s=40, label=name, alpha=0.6
        )
    middle.quiver(
        structure.positions[:, 0],
        structure.positions[:, 1],
        response[:, 0],
        response[:, 1],
        angles="xy",
        width=0.004,
    )
    middle.set(xlabel="x (Å)", ylabel="y (Å)", aspect="equal")
    middle.set_title("dX/dΘ · δ, seen along z, arrows scaled", fontsize=9)
    middle.legend(loc="upper right")
    right.loglog(SIZES, found["displacement"], "o-", label="displacement, relaxed again")
    right.loglog(SIZES, found["error"], "o-", label="error of dX/dΘ · δ")
    right.set(xlabel="size of the change", ylabel="root mean square (Å)")
    right.minorticks_off()
    right.set_xticks(SIZES, [f"{size:g}" for size in SIZES])
    right.legend()
    figure.savefig(path, dpi=150)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, default=2, help="cubic cells of 4 atoms along a side")
    parser.add_argument("--steps", type=int, default=40, help="accepted steps at most")
    parser.add_argument(
        "--change", type=float, default=0.03, help="how far the target's coefficients are off"
    )
    parser.add_argument(
        "--powell", type=int, default=100, help="relaxations of the method without derivatives"
    )
    parser.add_argument("--coefficients", type=Path, help="a .snapcoeff file of Ni and Mo")
    parser.add_argument("--parameters", type=Path, help="its .snapparam file")
    parser.add_argument("--output", type=Path, default=HERE / "out", help="folder for all files")
    arguments = parser.parse_args()
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    potential = read_potential(arguments)
    variables = {"cells": arguments.cells}

    def relax(values):
        return adflux.relax(SCRIPT, changed(potential, values), variables=variables)

    start = np.asarray(coefficients(potential))
    change = arguments.change * start * np.random.default_rng(2).normal(size=start.shape)
    begun = time.perf_counter()
    first = relax(start)
    print(f"a relaxation               {time.perf_counter() - begun:.1f} s, compilation included")
    target = adflux.losses.structure_of(relax(start + change)).positions

    def loss(structure, parameters):
        return adflux.losses.squared_distance(structure, target)

    begun = time.perf_counter()
    result = adflux.design(
        SCRIPT, potential, loss, coefficients, steps=arguments.steps, variables=variables
    )
    seconds = time.perf_counter() - begun
    steps = len(result.losses) - 1
    print(f"atoms, coefficients        {len(target)}, {start.size}")
    print(f"squared distance           {result.losses[0]:.3e} Å² → {result.losses[-1]:.3e} Å²")
    print(f"steps                      {steps}, {seconds / max(steps, 1):.2f} s each")
    print(f"end                        {result.message}")
    off = np.linalg.norm(result.parameters - start - change) / np.linalg.norm(change)
    print(f"coefficients               {off:.2f} of their first distance from the target's")
    lowest = without_gradient(relax, start, target, arguments.powell)
    print(f"Powell, {len(lowest):4d} relaxations  {min(lowest):.3e} Å²")
    found = distortions(potential, first, change)
    print(f"\n| size of the change | {' | '.join(str(size) for size in SIZES)} |")
    print("|---|" + "---|" * len(SIZES))
    for label, key in (
        ("displacement, relaxed again (Å)", "displacement"),
        ("error of dX/dΘ · δ (Å)", "error"),
    ):
        print(f"| {label} | {' | '.join(f'{value:.1e}' for value in found[key])} |")
    draw(folder / "alloy.png", result, lowest, first, change, found)
    (folder / "alloy.json").write_text(
        json.dumps({"losses": result.losses.tolist(), "powell": lowest, **found}, indent=1)
    )
    print(f"figure                     {folder / 'alloy.png'}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except adflux.AdfluxError as error:
        sys.exit(f"adflux: {error}")
