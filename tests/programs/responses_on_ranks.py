"""Everything that ranks must agree on; argv: name, cell."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
from mpi4py import MPI
from relaxed_systems import direction, finish, found, keep, parameters_of, potential_of, start

import lammps_adflux as adflux

name, cell = sys.argv[1:]
potential, where = potential_of(name), parameters_of(name)
relaxed = adflux.relax(start(name), potential, 1e-11, cell)
keep("all", relaxed, relaxed.jvp(direction(where(potential)), where))
if cell == "iso":  # under the stress that is left
    keep("other", relaxed, relaxed.jvp(direction(where(potential)), where, "tri"))
gradient = relaxed.gradient(
    lambda x, strain, energy, p: jnp.sum(jnp.sin(x)) + strain @ jnp.arange(6.0) + energy, where
)
for k, leaf in enumerate(jax.tree.leaves(gradient)):
    found[f"gradient {k}"] = leaf
jacobian = relaxed.jacobian(where, progress=False)
found["jacobian"] = relaxed.gather(np.swapaxes(jacobian.positions, 0, 1))
found["jacobian strain"] = jacobian.strain
assert len(relaxed.ids) == len(relaxed.positions) == len(jacobian.positions[0])
assert np.all(np.diff(relaxed.ids) > 0) and np.array_equal(
    relaxed.gather(relaxed.ids), np.arange(len(found["jacobian"])) + 1
)
if MPI.COMM_WORLD.size < 4 and name == "cubic":
    dense = relaxed.dense(where)
    found["hessian"], found["mixed"] = dense.hessian, dense.mixed

finish()
