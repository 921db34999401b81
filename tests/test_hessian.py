"""Products with second derivatives on one rank, without LAMMPS: against derivatives of the energy
of all atoms and strains at once.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mpi4py import MPI
from networks import message_passing
from systems import random_crystal

from lammps_adflux import LennardJones, graph_from_atoms
from lammps_adflux.graph import pad
from lammps_adflux.implicit.images import images_of
from lammps_adflux.implicit.products import Products
from lammps_adflux.implicit.vectors import Vectors
from lammps_adflux.parallel.system import System

ELEMENTS = ("Ar", "Kr")


def potential_of(layers: int):
    if layers:
        return message_passing(layers, cutoff=2.2, elements=ELEMENTS)
    return LennardJones(epsilon=1.0, sigma=0.9, cutoff=2.2, onset=1.5, elements=ELEMENTS)


def system_of(potential) -> System:
    """A tilted cell smaller than the cutoff in some directions: atoms are their own neighbours."""
    atoms = random_crystal(6, volume_per_atom=1.2, elements=ELEMENTS, seed=2)
    graph = graph_from_atoms(atoms, potential)
    return System(
        graph=pad(graph, len(graph.centers) + 7, len(atoms) + 2, potential.cutoff),
        comm=MPI.COMM_SELF,
        halo=None,
        ids=np.arange(1, 7),
        positions=atoms.positions,
        held=np.zeros((6, 3), bool),
        cell=np.asarray(atoms.cell),
        origin=np.zeros(3),
        periodic=np.ones(3, bool),
    )


def energy_of(potential, graph, y):
    """U after displacements [3 · 6] and strains [6], r → (1 + E)(r + u)."""
    u = jnp.zeros((len(graph.species), 3)).at[:6].set(y[:-6].reshape(6, 3))
    xx, yy, zz, yz, xz, xy = y[-6:]
    e = jnp.array([[xx, xy, xz], [0.0, yy, yz], [0.0, 0.0, zz]])
    vectors = (graph.vectors + u[graph.others] - u[graph.centers]) @ (jnp.eye(3) + e).T
    return jnp.sum(jnp.where(graph.owned, potential(graph.with_vectors(vectors)), 0.0))


def test_pairs_are_differences_of_rows():
    system = system_of(potential_of(0))
    graph, images = system.graph, images_of(system)
    there, mask = np.asarray(images.to_pairs(graph, images.positions)), np.asarray(graph.mask)
    assert np.allclose(there[mask], np.asarray(graph.vectors)[mask], rtol=0, atol=1e-12)
    assert len(np.unique(np.asarray(images.others)[mask])) > 6
    random = np.random.default_rng(0)
    rows = jnp.asarray(random.normal(size=(len(images.atoms), 3)))
    pairs = jnp.asarray(random.normal(size=graph.vectors.shape))
    forward = np.sum(pairs * images.to_pairs(graph, rows))
    assert np.isclose(forward, np.sum(rows * images.from_pairs(graph, pairs)), rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("layers", (0, 2))
def test_gradient_and_hessian_are_those_of_the_energy(layers):
    potential = potential_of(layers)
    system = system_of(potential)
    products, here = Products(system, potential), jnp.zeros(24)
    value, slope = products.gradient()

    def energy(y):
        return energy_of(potential, system.graph, y)

    expected = np.asarray(jax.jit(jax.hessian(energy))(here))
    assert np.isclose(value, energy(here), rtol=1e-12)
    slope = slope.flat[0]
    assert np.allclose(slope, jax.grad(energy)(here), rtol=0, atol=1e-11 * np.abs(slope).max())
    found = products.hessian(Vectors.unflatten(np.eye(24))).flat
    assert np.abs(expected[-6:, -6:]).max() > 0.1
    assert np.allclose(found, expected, rtol=0, atol=1e-11 * np.abs(expected).max())
    # of some components only: the rest is zero
    free = np.arange(18).reshape(6, 3) % 4 > 0
    wanted = np.append(free.ravel(), np.ones(6, bool))
    part = Products(system, potential).matrix(free)
    assert np.allclose(
        part, expected * wanted * wanted[:, None], rtol=0, atol=1e-11 * np.abs(expected).max()
    )
