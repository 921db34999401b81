"""Losses that depend on elastic constants in ways that show in no single value of them."""

import jax
import jax.numpy as jnp
import numpy as np
from relaxed_systems import finish, found

import lammps_adflux as adflux

lj = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar", onset=2.0)
CRYSTAL = [
    "units lj",
    "atom_modify map array",
    "lattice fcc 1.0",
    "region box block 0 2 0 2 0 2",
    "create_box 1 box",
    "create_atoms 1 box",
    "mass 1 1.0",
    "neighbor 0.3 bin",
]
LOSSES = {
    # C11 is 90
    "one-sided": jax.jit(lambda c: jnp.where(c[0, 0] < 180.0, (c[0, 0] / 180.0 - 1.0) ** 2, 0.0)),
    "inverse": lambda c: 50.0 * jnp.linalg.inv(c)[0, 0],
    "absent": jax.jit(lambda c: 0.3),
}
result = adflux.design(
    dict.fromkeys(LOSSES, CRYSTAL),
    lj,
    lambda structures, parameters: (
        parameters[0, 0]
        + sum(
            loss(adflux.losses.elastic_constants(structures[name])) for name, loss in LOSSES.items()
        )
    ),
    "epsilon",
    steps=0,
    cell="iso",
    progress=False,
)
C = result.relaxed["absent"].elastic_constants()
found["loss"] = result.losses[0], 1.0 + sum(float(loss(C)) for loss in LOSSES.values())
for name, structure in result.structures.items():
    found[name] = np.isfinite(np.asarray(structure.elastic_constants)).all()
finish()
