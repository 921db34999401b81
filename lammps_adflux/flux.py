"""The potential part of the heat flux, exact for any number of message-passing layers."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .derivatives import energies_and_pair_gradients
from .graph import Graph
from .potentials import Potential


@eqx.filter_jit
def heat_flux(
    potential: Potential, graph: Graph, velocities: Float[Array, "atoms 3"]
) -> Float[Array, "3"]:
    """J_pot = Σ_i Σ_j (r_i - r_j)(∂U_i/∂r_j · v_j), extensive: not divided by the volume [3].

    i runs over owned atoms, j over all atoms that U_i depends on. Unit: energy · velocity. Langer,
    Frank, Knoop, J. Chem. Phys. 159, 174105 (2023). Evaluated without unfolding the cell, by the
    hop rule: J_pot = ∂/∂s Σ_i U̇_i(s) at s = 0, where every tangent that goes from j to i is
    weighted by (1 - s·r_p). The whole flux adds the convective part Σ_i (U_i + ½ m_i v_i²) v_i.
    Invalid for energies that mix atoms outside the pairs (global attention, Ewald sums).
    """
    return flux_from(potential, graph, velocities)


@eqx.filter_jit
def atomic_virials(potential: Potential, graph: Graph) -> Float[Array, "atoms 3 3"]:
    """W_j = ∂J_pot/∂v_j, per-atom virials with J_pot = Σ_j W_j v_j, i.e. einsum("iab,ib->a", W, v).

    W_j = Σ_i (r_i - r_j) ⊗ ∂U_i/∂r_j [energy]; Σ_j W_j = -∂U/∂ε, the virial. Not symmetric atom by
    atom.
    """
    return virials_from(potential, graph)


@eqx.filter_jit
def driving_forces(
    potential: Potential, graph: Graph, field: Float[Array, "3"]
) -> Float[Array, "atoms 3"]:
    """∂(J_pot · F_e)/∂v_j = W_jᵀ F_e of a field F_e [1/length], one reverse pass [force].

    The potential part of the force with which homogeneous non-equilibrium molecular dynamics drives
    a heat current: Evans, Phys. Lett. A 91, 457 (1982); for many-body potentials Fan et al., Phys.
    Rev. B 99, 064308 (2019). The whole force on atom j is (U_j + ½ m_j v_j²) F_e + W_jᵀ F_e, less
    its mean over all atoms; its power at the velocities v is J · F_e.
    """
    return driving_from(potential, graph, field)


def flux_from(
    potential: Potential,
    graph: Graph,
    velocities: Float[Array, "atoms 3"],
    pair_gradients: Float[Array, "pairs 3"] | None = None,
) -> Float[Array, "3"]:
    """`heat_flux`, not jitted; one layer takes it from the pair gradients where they are known."""
    if potential.hops > 1:
        return hop_flux(potential, graph, velocities.astype(graph.vectors.dtype))
    if pair_gradients is None:
        _, pair_gradients = energies_and_pair_gradients(potential, graph)
    return edge_flux(graph, pair_gradients, velocities)


def virials_from(
    potential: Potential, graph: Graph, pair_gradients: Float[Array, "pairs 3"] | None = None
) -> Float[Array, "atoms 3 3"]:
    """`atomic_virials`, not jitted; one layer takes them from the pair gradients where they are
    known.
    """
    if potential.hops > 1:
        return hop_virials(potential, graph)
    if pair_gradients is None:
        _, pair_gradients = energies_and_pair_gradients(potential, graph)
    return edge_virials(graph, pair_gradients)


def driving_from(
    potential: Potential,
    graph: Graph,
    field: Float[Array, "3"],
    pair_gradients: Float[Array, "pairs 3"] | None = None,
) -> Float[Array, "atoms 3"]:
    """`driving_forces`, not jitted; one layer takes them from the pair gradients where they are
    known.
    """
    if potential.hops > 1:
        still = jnp.zeros((len(graph.species), 3), graph.vectors.dtype)
        _, pull_back = jax.vjp(lambda velocities: hop_flux(potential, graph, velocities), still)
        return pull_back(field.astype(still.dtype))[0]
    if pair_gradients is None:
        _, pair_gradients = energies_and_pair_gradients(potential, graph)
    along = (graph.vectors @ field)[:, None] * pair_gradients
    along = jnp.where(graph.mask[:, None], along, 0.0)
    return -jax.ops.segment_sum(along, graph.others, len(graph.species))


def hop_flux(
    potential: Potential, graph: Graph, velocities: Float[Array, "atoms 3"]
) -> Float[Array, "3"]:
    """J_pot by the hop rule: the derivative of the weighted power Σ_i U̇_i(s) with respect to s.

    U̇_i(s) is taken in reverse, as Σ_p g_p(s)·ṙ_p(s): the weights are the same, and models with
    custom reverse rules, which JAX cannot differentiate forward, keep them.
    """
    return _flux_and_more(potential, graph, velocities)[0]


class FluxMap(NamedTuple):
    """J_pot as a linear map of the velocities, and what is found on the way."""

    energies: Float[Array, " atoms"]
    pair_gradients: Float[Array, "pairs 3"]
    transposed: Callable  # a pytree: dL/dJ [3] → (dL/dv [atoms, 3],)

    def __call__(self, velocities: Float[Array, "atoms 3"]) -> Float[Array, "3"]:
        """J_pot of these velocities."""
        like = jnp.zeros(3, velocities.dtype)
        return jax.linear_transpose(lambda bar: self.transposed(bar)[0], like)(velocities)[0]


def hop_flux_map(potential: Potential, graph: Graph) -> FluxMap:
    """`hop_flux` before the velocities are known: what does not depend on them is evaluated here,
    forces included; the rest is one tangent pass.
    """

    def flux(velocities):
        return _flux_and_more(potential, graph, velocities)

    at_rest = jnp.zeros((len(graph.species), 3), graph.vectors.dtype)
    _, transposed, (energies, pair_gradients) = jax.vjp(flux, at_rest, has_aux=True)
    return FluxMap(energies, pair_gradients, transposed)


def _flux_and_more(potential: Potential, graph: Graph, velocities: Float[Array, "atoms 3"]):
    """J_pot by the hop rule, and (U_i, g_p)."""

    def power(probe):
        probed = eqx.tree_at(lambda g: g.probe, graph, probe, is_leaf=lambda x: x is None)
        energies, pair_gradients = energies_and_pair_gradients(potential, probed)
        weight = 1.0 - graph.vectors @ probe
        rates = weight[:, None] * velocities[graph.others] - velocities[graph.centers]
        return jnp.sum(pair_gradients * rates), (energies, pair_gradients)

    return jax.grad(power, has_aux=True)(jnp.zeros(3, graph.vectors.dtype))


def hop_virials(potential: Potential, graph: Graph) -> Float[Array, "atoms 3 3"]:
    """W_j by the hop rule: one reverse pass for each direction of the flux."""
    still = jnp.zeros((len(graph.species), 3), graph.vectors.dtype)
    _, pull_back = jax.vjp(lambda velocities: hop_flux(potential, graph, velocities), still)
    (by_direction,) = jax.vmap(pull_back)(jnp.eye(3, dtype=graph.vectors.dtype))
    return jnp.einsum("aib->iab", by_direction)


def edge_flux(
    graph: Graph, pair_gradients: Float[Array, "pairs 3"], velocities: Float[Array, "atoms 3"]
) -> Float[Array, "3"]:
    """-Σ_p r_p (g_p · v_j): J_pot where each energy depends on its own pairs only, wrong for more
    layers.
    """
    # one Cartesian component after the other: XLA on a CPU takes three times as long for gathered
    # rows
    gradients, speeds = pair_gradients.T, velocities.T
    power = sum(gradients[b] * speeds[b][graph.others] for b in range(3))
    power = jnp.where(graph.mask, power, 0.0)
    # "highest": GPUs would round float32 to eleven bits
    return -jnp.matmul(graph.vectors.T, power, precision="highest")


def edge_virials(
    graph: Graph, pair_gradients: Float[Array, "pairs 3"]
) -> Float[Array, "atoms 3 3"]:
    """W_j = -Σ_{p: j other} r_p ⊗ g_p, where each energy depends on its own pairs only."""
    outer = jnp.einsum("pa,pb->pab", graph.vectors, pair_gradients)
    outer = jnp.where(graph.mask[:, None, None], outer, 0.0)
    return -jax.ops.segment_sum(outer, graph.others, len(graph.species))
