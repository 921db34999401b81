"""Checks of the heat flux, and of how far energies reach."""

from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np

from ..derivatives import energy_forces_virial
from ..flux import heat_flux
from ..structures import graph_from_atoms
from .case import DIFFERENCES, ROUNDING, Case, Finding, derivative, energies, finding, relative
from .unfolded import unfold

LARGEST_CLUSTER = 20_000  # atoms


def unfolded(case: Case) -> Iterator[Finding]:
    """flux, unfolded"""
    cluster = unfold(case.atoms, case.potential, LARGEST_CLUSTER)
    if cluster is None:
        says = f"the unfolded cell has more than {LARGEST_CLUSTER} atoms: give a smaller structure"
        yield Finding("flux, unfolded", None, ROUNDING, None, says)
        return
    flux = np.asarray(heat_flux(case.potential, case.graph, jnp.asarray(case.velocities)))
    expected = cluster.flux(case.potential, case.velocities)
    says = f"against the explicitly unfolded cell of {len(cluster.positions)} atoms"
    yield finding("flux, unfolded", relative(flux, expected), ROUNDING, says)


def barycentre(case: Case) -> Iterator[Finding]:
    """flux, barycentre"""
    atoms, v = case.atoms.copy(), case.velocities
    atoms.pbc = False
    masses = atoms.get_masses()
    graph = graph_from_atoms(atoms, case.potential, np.float64)
    result = energy_forces_virial(case.potential, graph)
    forces = np.asarray(result.forces)
    kinetic = 0.5 * masses * np.sum(v**2, axis=1)
    flux = np.asarray(heat_flux(case.potential, graph, jnp.asarray(v)))
    flux = flux + (np.asarray(result.energies) + kinetic) @ v

    def barycentre(time):
        moved, speeds = atoms.copy(), v + time * forces / masses[:, None]
        moved.positions += time * v
        per_atom = energies(case.potential, graph_from_atoms(moved, case.potential, np.float64))
        return moved.positions.T @ (np.asarray(per_atom) + 0.5 * masses * np.sum(speeds**2, axis=1))

    expected = derivative(barycentre, 1e-4)
    yield finding(
        "flux, barycentre",
        relative(flux, expected),
        DIFFERENCES,
        "d/dt Σ r E of the same atoms as an open cluster",
    )


def reach(case: Case) -> Iterator[Finding]:
    """reach"""
    cluster = unfold(case.atoms, case.potential, LARGEST_CLUSTER, layers=case.potential.hops + 2)
    if cluster is None:
        yield Finding(
            "reach", None, 0.0, None, "the cluster would be too large: give a smaller structure"
        )
        return
    beyond = cluster.influence_beyond(case.potential, case.potential.hops)
    says = f"∂U_i/∂r_j is zero beyond {case.potential.hops} pairs"
    if beyond > 0.0:
        says = (
            f"an energy depends on atoms more than {case.potential.hops} pairs away: hops is "
            "understated"
        )
    yield finding("reach", beyond, ROUNDING, says)
