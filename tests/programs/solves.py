"""Two adjoint solves of one relaxed crystal without order: products with the Hessian, and what was
found; rank 0 writes found.npz.
"""

import jax.numpy as jnp
import numpy as np
from relaxed_systems import finish, found, lennard_jones, start

import lammps_adflux as adflux
from lammps_adflux.implicit.preconditioners import preconditioner
from lammps_adflux.parallel.system import Whole


def gradient(relaxed, atom):
    def loss(positions, strain, energy, values):
        return jnp.linalg.norm(positions[atom] - positions[0])

    before = relaxed.hessian_products
    by_epsilon, by_sigma = relaxed.gradient(loss, lambda p: (p.epsilon, p.sigma))
    return np.concatenate([by_epsilon, by_sigma]), relaxed.hessian_products - before


options = adflux.RelaxOptions(cutoff_margin=0)
relaxed = adflux.relax(start("solid"), lennard_jones(), 1e-10, options=options)
found["energy"] = relaxed.energy
found["eigenvalue"] = relaxed.checks.eigenvalues[0]
operator = relaxed._linear_responses[None].operator
motions = operator.motions
for name in ("exp", "jacobi"):
    applied = preconditioner(name, operator)(motions.random(2))
    found[name] = Whole(motions.system, 0).gather(applied)
for name, atom in (("first", 1), ("second", 40), ("again", 1)):
    found[name], found[f"{name} products"] = gradient(relaxed, atom)
finish()
