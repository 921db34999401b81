"""Energy, pair gradients, forces and virial, from one reverse pass."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .graph import Graph
from .potentials import Potential


class EnergyForcesVirial(NamedTuple):
    """What `energy_forces_virial` gives, in the units of the potential and the graph."""

    energy: Float[Array, ""]  # U = Σ_i U_i over owned atoms
    energies: Float[Array, " atoms"]  # U_i, zero where not owned
    forces: Float[Array, "atoms 3"]  # F_i = -∂U/∂r_i
    virial: Float[Array, "3 3"]  # -Σ_p r_p ⊗ ∂U/∂r_p = -∂U/∂ε


def owned_energies(potential: Potential, graph: Graph) -> Float[Array, " atoms"]:
    """U_i where owned, else zero."""
    return jnp.where(graph.owned, potential(graph), 0.0)


def energy(
    potential: Potential, graph: Graph, vectors: Float[Array, "pairs 3"]
) -> Float[Array, ""]:
    """U = Σ_i U_i over owned atoms, at other pair vectors of the same pairs."""
    return jnp.sum(owned_energies(potential, graph.with_vectors(vectors)))


def energies_and_pair_gradients(
    potential: Potential, graph: Graph
) -> tuple[Float[Array, " atoms"], Float[Array, "pairs 3"]]:
    """U_i and g_p = ∂U/∂r_p with U = Σ_i U_i over owned atoms."""

    def energy(vectors):
        energies = owned_energies(potential, graph.with_vectors(vectors))
        return jnp.sum(energies), energies

    pair_gradients, energies = jax.grad(energy, has_aux=True)(graph.vectors)
    return energies, pair_gradients


def pair_forces(graph: Graph, pair_gradients: Float[Array, "pairs 3"]) -> Float[Array, "atoms 3"]:
    """F_i = Σ_{p: i centre} g_p - Σ_{p: i other} g_p."""
    gradients = jnp.where(graph.mask[:, None], pair_gradients, 0.0)
    from_others = jax.ops.segment_sum(gradients, graph.others, len(graph.species))
    return graph.sum_pairs(pair_gradients) - from_others


@eqx.filter_jit
def energy_forces_virial(potential: Potential, graph: Graph) -> EnergyForcesVirial:
    """Energy, forces and virial of the owned atoms.

    F_i = Σ_{p: i centre} g_p - Σ_{p: i other} g_p and virial W = -Σ_p r_p ⊗ g_p = -∂U/∂ε with
    g_p = ∂U/∂r_p; W/V is the potential part of the pressure tensor, in LAMMPS' sign.
    """
    energies, pair_gradients = energies_and_pair_gradients(potential, graph)
    gradients = jnp.where(graph.mask[:, None], pair_gradients, 0.0)
    return EnergyForcesVirial(
        energy=jnp.sum(energies),
        energies=energies,
        forces=pair_forces(graph, pair_gradients),
        virial=-jnp.einsum("pa,pb->ab", graph.vectors, gradients),
    )
