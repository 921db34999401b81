"""Errors of expanded energies at two changes; argv: cell or none."""

import sys

import ase
import equinox as eqx
import jax.numpy as jnp
import numpy as np
from relaxed_systems import along, finish, found, parameters_of, potential_of, relax_again, start

import lammps_adflux as adflux

potential, where = potential_of("silicon"), parameters_of("silicon")
values = where(potential)
relaxed = adflux.relax(
    start("silicon"), potential, 1e-11, None if sys.argv[1] == "none" else sys.argv[1]
)
change = np.zeros((1, 1)), np.full((1, 1), 0.02), np.full((1, 1, 1), 0.04)
response = relaxed.jvp(change, where)
first = response.energy1, response.energy2
errors = []
for part in (0.25, 0.125):
    changed = eqx.tree_at(where, potential, along(values, change, part))
    energy = relax_again(relaxed, changed).energy
    x = relaxed.cartesian(relaxed.positions + part * response.positions, part * response.strain)
    cell = relaxed.system.cell @ (np.eye(3) + part * np.diag(response.strain[:3]))
    atoms = ase.Atoms(f"Si{len(x)}", positions=x, cell=cell, pbc=True)
    predicted = float(jnp.sum(changed(adflux.graph_from_atoms(atoms, changed))))
    here = relaxed.energy + part * response.energy1
    errors.append([here - energy, here + part**2 * response.energy2 - energy, predicted - energy])
found["errors"] = errors

finish()
