"""Relaxations to forces below rounding; prints what was reached."""

import jax
import jax.numpy as jnp
import numpy as np
from mpi4py import MPI
from relaxed_systems import direction, finish, found, in_cell_of, parameters_of, potential_of, start

import lammps_adflux as adflux

for name, cell in (("silicon", "iso"), ("hexagonal", None)):
    relaxed = adflux.relax(start(name), potential_of(name), 1e-18, cell)
    ordinary = adflux.relax(
        relaxed.lammps, potential_of(name), 1e-9, cell, options=adflux.RelaxOptions(minimize=False)
    )
    found[f"{name} force"], found[f"{name} ordinary"] = relaxed.checks.force, ordinary.checks.force
    moved = in_cell_of(ordinary, relaxed) - ordinary.gather(ordinary.positions)
    found[f"{name} moved"] = np.abs(moved).max()
    values = jax.tree.map(jnp.asarray, parameters_of(name)(potential_of(name)))
    response = relaxed.jvp(direction(values), parameters_of(name))
    found[f"{name} response"] = np.abs(relaxed.gather(response.positions)).max()
finish()
for name, force in found.items():
    if MPI.COMM_WORLD.rank == 0:
        print(name, "|", force)
