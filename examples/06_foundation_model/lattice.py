"""The lattice constant of rock salt with Nequix, and its derivative by every weight of the model.

    python lattice.py [--weights FILE] [--cells 1]

LAMMPS relaxes atoms and cell; then one adjoint solve gives da/dΘ for all weights at once, float64.
"""

import argparse
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from perovskite import WEIGHTS

import lammps_adflux as adflux

# before the potential is made: second derivatives need float64
jax.config.update("jax_enable_x64", True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--weights", type=Path, default=WEIGHTS, help="a .nqx file of Nequix, from its authors"
    )
    parser.add_argument("--cells", type=int, default=1, help="cubic cells of 8 atoms along a side")
    arguments = parser.parse_args()
    potential = adflux.Nequix.from_file(arguments.weights, elements="Na,Cl").astype("float64")
    a = 5.75  # Å, where the relaxation starts
    setup = f"""units metal
atom_modify map array
lattice custom {a} a1 1 0 0 a2 0 1 0 a3 0 0 1 &
    basis 0 0 0 basis 0 .5 .5 basis .5 0 .5 basis .5 .5 0 &
    basis .5 .5 .5 basis .5 0 0 basis 0 .5 0 basis 0 0 .5
region box block 0 {arguments.cells} 0 {arguments.cells} 0 {arguments.cells}
create_box 2 box
create_atoms 1 box basis 5 2 basis 6 2 basis 7 2 basis 8 2
displace_atoms all random 0.1 0.1 0.1 3 units box
mass 1 22.98976928
mass 2 35.45
min_style cg"""

    def lattice_constant(positions, strain, energy, values):
        """a to first order of the strain about the relaxed cell."""
        return side * (1.0 + jnp.mean(strain[:3]))

    # the second time nothing is compiled
    for run in ("compiling", "compiled"):
        begun = time.perf_counter()
        relaxed = adflux.relax(setup.replace("&\n", ""), potential, 1e-8, cell="iso")
        middle = time.perf_counter()
        side = float(np.cbrt(relaxed.volume)) / arguments.cells
        gradient = relaxed.gradient(lattice_constant)
        end = time.perf_counter()
        print(
            f"{run:26s} relax {middle - begun:.1f} s, gradient {end - middle:.1f} s "
            f"({relaxed.hessian_products} Hessian products)"
        )
    slopes = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(gradient)])
    weights = np.concatenate(
        [
            np.ravel(leaf)
            for leaf in jax.tree.leaves(potential)
            if np.issubdtype(np.asarray(leaf).dtype, np.floating)
        ]
    )
    print(f"lattice constant           {side:.5f} Å, largest force {relaxed.checks.force:.0e} eV/Å")
    print(f"da/dΘ                      {len(slopes)} numbers, norm {np.linalg.norm(slopes):.4f} Å")

    # all weights a part in 10⁵ larger: what the gradient says, and what a relaxation gives
    h = 1e-5
    larger = jax.tree.map(
        lambda leaf: leaf * (1 + h) if np.issubdtype(np.asarray(leaf).dtype, np.floating) else leaf,
        potential,
    )
    again = adflux.relax(
        relaxed.lammps,
        larger,
        1e-8,
        cell="iso",
        options=adflux.RelaxOptions(minimize=False),
    )
    difference = (float(np.cbrt(again.volume)) / arguments.cells - side) / h
    print(
        f"all weights larger         da {weights @ slopes:.5f} Å per unit; relaxed again "
        f"{difference:.5f} Å"
    )
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except adflux.AdfluxError as error:
        sys.exit(f"adflux: {error}")
