"""The barrier of a vacancy's jump in tungsten, and its derivatives by the coefficients of SNAP.

    python barrier.py [--cells 2] [--change 0.001]

The neighbour of a vacancy is held half-way to it while the others relax (LAMMPS' `neb` gives such
an image where symmetry does not); then Newton steps lead to the saddle point. With coefficients
that are off at random, barriers to first and second order are compared with those of structures
that are relaxed again.
"""

import argparse
import sys
import time

import numpy as np
from vacancy import changed, coefficients, read_potential

import lammps_adflux as adflux

SIDE = 3.18  # Å, near the lattice constant
SIZES = 0.25, 0.5, 1.0, 2.0  # of the change, times that


def setup(cells: int, place: str) -> list[str]:
    """bcc tungsten without one atom, its neighbour at `place` between the two sites, fixed box."""
    return [
        "units metal",
        "atom_modify map array",
        f"lattice bcc {SIDE}",
        f"region box block 0 {cells} 0 {cells} 0 {cells}",
        "create_box 1 box",
        "create_atoms 1 box",
        "mass 1 183.84",
        "region jump block -0.1 0.6 -0.1 0.6 -0.1 0.6",
        "group jump region jump",
        "delete_atoms group jump compress no",
        f"create_atoms 1 single {place}",
        "region here block 0.2 0.6 0.2 0.6 0.2 0.6",
        "group jumping region here",
        "min_style cg",
    ]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, default=2, help="cubic cells along a side")
    parser.add_argument("--change", type=float, default=1e-3, help="of the coefficients, relative")
    for name in ("potential", "coefficients", "parameters"):
        parser.add_argument(f"--{name}", help=f"{name} of SNAP; see vacancy.py")
    arguments = parser.parse_args()
    potential = read_potential(arguments)

    begun = time.perf_counter()
    minimum = adflux.relax(setup(arguments.cells, "0.5 0.5 0.5"), potential)
    # with it held, the others may still move past it: one way down is left
    held = adflux.relax(
        setup(arguments.cells, "0.25 0.25 0.25"),
        potential,
        fixed="jumping",
        options=adflux.RelaxOptions(index=1),
    )
    saddle = adflux.relax(
        held.lammps,
        potential,
        options=adflux.RelaxOptions(index=1, minimize=False),
    )
    barrier = saddle.energy - minimum.energy
    print(f"atoms                      {minimum.system.atoms}")
    print(f"barrier                    {barrier:.5f} eV, {time.perf_counter() - begun:.0f} s")

    begun = time.perf_counter()

    def energy(positions, strain, energy, values):
        return energy

    slopes = [found.gradient(energy, coefficients) for found in (saddle, minimum)]
    slope = np.asarray(slopes[0]) - np.asarray(slopes[1])
    print(
        f"by the coefficients        norm {np.linalg.norm(slope):.5g}, "
        f"{time.perf_counter() - begun:.1f} s"
    )

    present = np.asarray(coefficients(potential))
    change = arguments.change * present * np.random.default_rng(0).normal(size=present.shape)
    second = saddle.jvp(change, coefficients).energy2 - minimum.jvp(change, coefficients).energy2
    print("\n| size of the change | barrier (eV) | first order, error | second order, error |")
    print("|---|---|---|---|")
    for size in SIZES:
        again = [
            adflux.relax(
                found.lammps,
                changed(potential, present + size * change),
                options=adflux.RelaxOptions(index=found.index, minimize=False),
            ).energy
            for found in (saddle, minimum)
        ]
        true = again[0] - again[1]
        first = barrier + size * np.sum(slope * change)
        errors = first - true, first + size**2 * second - true
        print(f"| {size} | {true:.5f} | {errors[0]:.1e} | {errors[1]:.1e} |")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except adflux.AdfluxError as error:
        sys.exit(f"adflux: {error}")
