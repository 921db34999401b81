"""The Graph: directed pairs within the cutoff, with the operations that models are built from."""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree, Shaped


class Exchange(eqx.Module):
    """Atoms of other ranks have rows here, and what belongs to them is computed by their owners."""

    @abstractmethod
    def __call__(self, values: PyTree) -> PyTree:
        """Values of atoms, rows of other ranks' atoms filled from their owners; collective."""

    @abstractmethod
    def add_home(self, values: Shaped[Array, "atoms *shape"]) -> Shaped[Array, "atoms *shape"]:
        """The transpose: those rows are added to their owners' and become zero; collective."""


class Graph(eqx.Module):
    """Directed pairs p = (i centre, j other) within the cutoff, padded to a fixed capacity.

    Pairs are sorted by centre. Each neighbour relation appears as (i, j) and as (j, i). Padding
    pairs have mask False and a vector longer than the cutoff, never zero: the gradient of a norm at
    zero is NaN. Padding atoms and atoms of other domains have owned False: their energies never
    count.
    """

    vectors: Float[Array, "pairs 3"]  # r_p = r_j - r_i, in LAMMPS' or ASE's length unit
    centers: Int[Array, " pairs"]  # i, owns the energy
    others: Int[Array, " pairs"]  # j
    species: Int[Array, " atoms"]  # index into the potential's elements
    mask: Bool[Array, " pairs"]  # False for padding
    owned: Bool[Array, " atoms"]  # atoms whose energies count here
    probe: Float[Array, "3"] | None = None  # s of the hop rule; None everywhere but in flux.py
    exchange: Exchange | None = None  # None: what belongs to each atom is computed here

    def hop(self, values: PyTree) -> PyTree:
        """Values at the other atom of each pair: what a message takes from j to i.

        values: an array [atoms, …], or several in a tuple or another pytree, which then go from
        rank to rank in one message. Returns the same with [pairs, …].

        Under a flux evaluation the tangent is weighted by (1 - s·r_p), the hop rule
        (docs/theory.md; Langer, Frank, Knoop, J. Chem. Phys. 159, 174105 (2023), eq. 13): so read
        what belongs to the other atom through `hop` only, never by indexing with `others`. On
        several ranks every rank must come here equally often: no condition on the atoms or pairs of
        a rank may decide it.
        """
        # species are known on all rows
        if self.exchange is not None and values is not self.species:
            values = self.exchange(values)
        return jax.tree.map(self._at_other, values)

    def _at_other(self, values: Shaped[Array, "atoms *shape"]) -> Shaped[Array, "pairs *shape"]:
        if self.probe is None or not jnp.issubdtype(values.dtype, jnp.inexact):
            return values[self.others]
        weight = 1.0 - self.vectors @ self.probe
        return weigh_tangent(values[self.others], weight.reshape(-1, *(1,) * (values.ndim - 1)))

    def at_center(self, values: Shaped[Array, "atoms *shape"]) -> Shaped[Array, "pairs *shape"]:
        """Values at the centre of each pair: nothing moves, so the hop rule does not apply."""
        return values[self.centers]

    def sum_pairs(self, messages: Float[Array, "pairs *shape"]) -> Float[Array, "atoms *shape"]:
        """Σ over the pairs of each centre; padding does not count, whatever it holds."""
        mask = self.mask.reshape(-1, *(1,) * (messages.ndim - 1))
        return jax.ops.segment_sum(
            jnp.where(mask, messages, 0.0), self.centers, len(self.species), indices_are_sorted=True
        )

    def with_vectors(self, vectors: Float[Array, "pairs 3"]) -> "Graph":
        """The same pairs with other vectors."""
        return eqx.tree_at(lambda graph: graph.vectors, self, vectors)

    @property
    def distances(self) -> Float[Array, " pairs"]:
        """|r_p|; for padding longer than the cutoff."""
        return jnp.sqrt(jnp.einsum("pa,pa->p", self.vectors, self.vectors))


@jax.custom_jvp
def weigh_tangent(
    values: Shaped[Array, "*shape"], weight: Shaped[Array, "*broadcastable"]
) -> Shaped[Array, "*shape"]:
    """The values unchanged, but their tangent times the weight."""
    return values


@weigh_tangent.defjvp
def _weigh_tangent_jvp(primals, tangents):
    values, weight = primals
    return values, (weight * tangents[0]).astype(values.dtype)


def pad(graph: Graph, pairs: int, atoms: int, cutoff: float) -> Graph:
    """The same graph with room for `pairs` pairs and `atoms` atoms; at least one atom must be
    padding.
    """
    n_pairs, n_atoms = len(graph.centers), len(graph.species)
    if pairs < n_pairs or atoms <= n_atoms:
        raise ValueError(
            f"{n_pairs} pairs of {n_atoms} atoms do not fit into {pairs} pairs of {atoms} atoms"
        )
    more_pairs, more_atoms = pairs - n_pairs, atoms - n_atoms
    far = jnp.tile(jnp.asarray([2.0 * cutoff, 0.0, 0.0], graph.vectors.dtype), (more_pairs, 1))
    return Graph(
        vectors=jnp.concatenate([graph.vectors, far]),
        centers=jnp.pad(graph.centers, (0, more_pairs), constant_values=atoms - 1),
        others=jnp.pad(graph.others, (0, more_pairs), constant_values=atoms - 1),
        species=jnp.pad(graph.species, (0, more_atoms)),
        mask=jnp.pad(graph.mask, (0, more_pairs)),
        owned=jnp.pad(graph.owned, (0, more_atoms)),
    )
