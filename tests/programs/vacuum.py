"""A Lennard-Jones slab in a box that is mostly empty, with domains along it: elastic constants,
phonons and derivatives; rank 0 writes found.npz.
"""

import numpy as np
from relaxed_systems import finish, found

import lammps_adflux as adflux

SETUP = """
units lj
atom_modify map array
processors * 1 1
lattice fcc 1.05
region all block 0 8 0 2 0 2
region slab block 0 1.9 0 2 0 2
create_box 1 all
create_atoms 1 region slab
mass 1 1
""".split("\n")

potential = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.35, elements="Ar")
relaxed = adflux.relax(SETUP, potential)
weights = np.zeros((6, 6))
weights[1, 1:3] = 1.0


def loss(positions, strain, energy, parameters):
    return energy + ((positions[0] - positions[5]) ** 2).sum()


found.update(
    atoms=relaxed.system.comm.allgather(len(relaxed.ids)),
    energy=relaxed.energy,
    constants=relaxed.elastic_constants(),
    frequencies=relaxed.phonons().frequencies,
    of_constants=relaxed.elastic_gradient(weights, "sigma"),
    of_loss=relaxed.gradient(loss, "sigma"),
)
finish()
