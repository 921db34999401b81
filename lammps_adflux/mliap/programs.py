"""The functions of a potential that XLA compiles for a running LAMMPS."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..derivatives import energies_and_pair_gradients, owned_energies
from ..flux import FluxMap, driving_from, flux_from, hop_flux_map, virials_from
from ..graph import Graph


class Static:
    """What of a potential is not an array, with a hash that is taken once and not at every step."""

    def __init__(self, tree):
        leaves, structure = jax.tree.flatten(tree)
        self.tree, self._key = tree, (structure, *leaves)
        self._hash = hash(self._key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other) -> bool:
        return self is other or (isinstance(other, Static) and self._key == other._key)


def parts_of(potential) -> tuple[Static, Any]:
    """A potential in the two parts that the functions here take: what is not an array, and the
    arrays.
    """
    parameters, rest = eqx.partition(potential, _is_array)
    return Static(rest), parameters


def _is_array(leaf) -> bool:
    return isinstance(leaf, (np.ndarray, np.generic, jax.Array))


def _jit(function):
    """Jit with the potential in two parts: first what is not an array, then the arrays."""

    def whole(rest, parameters, *arguments):
        return function(eqx.combine(parameters, rest.tree), *arguments)

    return jax.jit(whole, static_argnums=0)


def _graph(exchange, columns, centers, others, species, owned, pairs, slots) -> Graph:
    return Graph(
        # inside jit, XLA keeps the component-major layout for this transpose
        vectors=columns.T,
        centers=centers,
        others=others,
        species=species,
        mask=jnp.arange(columns.shape[1]) < pairs,
        owned=owned,
        exchange=exchange,
        slots=slots,
    )


@_jit
def pair_gradients(potential, *arrays):
    """∂U/∂r_p [3, pairs] in float64, as LAMMPS wants them."""
    graph = _graph(*arrays)

    def energy(vectors):
        # no pair starts from an atom of another rank, so that its energy is a constant here
        return jnp.sum(potential(graph.with_vectors(vectors)))

    return jax.grad(energy)(graph.vectors).astype(float).T


@_jit
def energies_and_gradients(potential, *arrays):
    """U_i of the owned atoms [atoms] and ∂U/∂r_p [3, pairs] of the same pass, in float64."""
    values, gradients = energies_and_pair_gradients(potential, _graph(*arrays))
    return values.astype(float), gradients.astype(float).T


@_jit
def energies(potential, *arrays):
    """U_i of the owned atoms, zero elsewhere [atoms]."""
    return owned_energies(potential, _graph(*arrays)).astype(float)


@_jit
def flux(potential, *arrays):
    """J_pot [3] of one layer; the last two arrays are the pair gradients [3, pairs] and the atoms'
    velocities.
    """
    *pairs, gradients, velocities = arrays
    return flux_from(potential, _graph(*pairs), velocities, gradients.T)


@_jit
def flux_map(potential, *arrays) -> FluxMap:
    """Of several layers: U_i [atoms] and ∂U/∂r_p [3, pairs] in float64, and J_pot as a map of the
    velocities.
    """
    found = hop_flux_map(potential, _graph(*arrays))
    return FluxMap(
        found.energies.astype(float), found.pair_gradients.astype(float).T, found.transposed
    )


@jax.jit
def flux_by_map(found: FluxMap, velocities):
    """J_pot [3] of the atoms' velocities."""
    return found(velocities)


@_jit
def driving_forces(potential, *arrays):
    """∂(J_pot · F_e)/∂v_j [atoms, 3] of one layer; the last two arrays are the pair gradients
    [3, pairs] and F_e.
    """
    *pairs, gradients, field = arrays
    return driving_from(potential, _graph(*pairs), field, gradients.T)


@jax.jit
def driving_forces_by_map(found: FluxMap, field):
    """The same of several layers."""
    return found.transposed(field)[0]


@_jit
def virials(potential, *arrays):
    """W_j [atoms, 3, 3]; the last array has the pair gradients [3, pairs]."""
    *pairs, gradients = arrays
    return virials_from(potential, _graph(*pairs), gradients.T)


# what the screen and the template's variable adflux_compilations count
COUNTED = {
    pair_gradients: "forces",
    energies_and_gradients: "forces and energies",
    energies: "energies",
    flux_map: "forces and flux",
}


def compilation_sentence(number: int, what: str, buffers) -> str:
    """For the screen: LAMMPS takes no commands during a run, so that the log has the count of the
    template's variable adflux_compilations only.
    """
    pairs, atoms = buffers.vectors.shape[1], len(buffers.species)
    return (
        f"adflux: compilation {number} ({what}) on rank 0, for up to {pairs} pairs of {atoms} "
        "atoms: JAX translates the model for arrays of this size, and again only where they become "
        "too small"
    )
