"""The response of a saddle point."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from relaxed_systems import (
    along,
    direction,
    finish,
    found,
    lennard_jones,
    parameters_of,
    relax_again,
)

import lammps_adflux as adflux

# an atom in the gate of four that do not move, another beside it; all bonds differ a little
potential, where = lennard_jones(), parameters_of("cubic")
values = where(potential)
change = direction(values)
gate = ["-1.02 0.02 0.05", "0.01 -1.0 -0.04", "1.01 0.0 0.03", "0.03 1.03 -0.02"]
box = [
    "units metal",
    "atom_modify map array",
    "boundary f f f",
    "region box block -9 9 -9 9 -9 9 units box",
    "create_box 2 box",
    *(f"create_atoms 1 single {place} units box" for place in gate),
    "create_atoms 2 single -0.0074 0.0123 0.0603 units box",
    "create_atoms 1 single 0.4478 0.4895 0.8752 units box",
    "mass * 1.0",
    "group gate id 1:4",
]
try:
    adflux.relax(box, potential, 1e-11, fixed="gate", options=adflux.RelaxOptions(minimize=False))
except adflux.AdfluxError as error:
    found["refused"] = str(error)
relaxed = adflux.relax(
    box, potential, 1e-11, fixed="gate", options=adflux.RelaxOptions(minimize=False, index=1)
)
found["eigenvalues"] = relaxed.checks.eigenvalues


def build(values):
    return eqx.tree_at(where, potential, values)


response = relaxed.jvp(change, where)
h = 1e-5
plus, minus = (
    relax_again(relaxed, build(along(values, change, s * h)), "gate", index=1) for s in (1, -1)
)
found["positions"] = response.positions, (plus.positions - minus.positions) / (2 * h)
found["energy1"] = response.energy1, (plus.energy - minus.energy) / (2 * h)
dense = relaxed.dense(where)
found["dense"] = dense.positions, relaxed.jacobian(where, progress=False).positions
gradient = relaxed.gradient(lambda x, strain, energy, p: jnp.sum(x[:, 2]), where)
found["adjoint"] = (
    sum(np.sum(a * b) for a, b in zip(gradient, change, strict=True)),
    response.positions[:, 2].sum(),
)

finish()
