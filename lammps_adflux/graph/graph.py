"""The Graph: directed pairs within the cutoff, with the operations that models are built from."""

from abc import abstractmethod
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PyTree, Shaped

from ..errors import AdfluxError
from .bodies import CENTERS, OTHERS, PAIRS, WHOLE
from .messages import over_pairs


class Exchange(eqx.Module):
    """Atoms of other ranks have rows here, and what belongs to them is computed by their owners."""

    @abstractmethod
    def __call__(self, values: PyTree) -> PyTree:
        """Values of atoms, rows of other ranks' atoms filled from their owners; collective."""

    @abstractmethod
    def add_home(self, values: Shaped[Array, "atoms *shape"]) -> Shaped[Array, "atoms *shape"]:
        """The transpose: those rows are added to their owners' and become zero; collective."""


class Neighbors(eqx.Module):
    """The neighbours of each atom in a row."""

    pairs: Int[Array, "atoms slots"]  # which pair leads there
    mask: Bool[Array, "atoms slots"]  # False for padding
    enough: Bool[Array, " atoms"]  # are there places for all?

    def complete(self, energies: Float[Array, " atoms"]) -> Float[Array, " atoms"]:
        """NaN where not all neighbours have a place, so that no energy is silently wrong."""
        return jnp.where(self.enough, energies, jnp.nan)


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
    # 0, 1, … : places of one atom's neighbours within Potential.triplet_cutoff, enough for each
    slots: Int[Array, " slots"] | None = None

    def hop(self, values: PyTree) -> PyTree:
        """Values at the other atom of each pair: what a message takes from j to i.

        Read what belongs to the other atom through `hop` only, never by indexing with `others`:
        under a flux evaluation the tangent is weighted by (1 - s·r_p), the hop rule
        (docs/theory.md; Langer, Frank, Knoop, J. Chem. Phys. 159, 174105 (2023), eq. 13). On
        several ranks every rank must come here equally often: no condition on the atoms or pairs of
        a rank may decide it.

        Parameters
        ----------
        values
            An array [atoms, …], or several in a tuple or another pytree, which then go from rank to
            rank in one message.

        Returns
        -------
        array or pytree
            The same with [pairs, …].
        """
        return jax.tree.map(self._at_other, self._of_all_ranks(values))

    def _of_all_ranks(self, values: PyTree) -> PyTree:
        if self.exchange is None:
            return values
        leaves, structure = jax.tree.flatten(values)
        # species are known on all rows
        travel = [leaf for leaf in leaves if leaf is not self.species]
        arrived = iter(self.exchange(travel) if travel else ())
        leaves = [leaf if leaf is self.species else next(arrived) for leaf in leaves]
        return jax.tree.unflatten(structure, leaves)

    def _at_other(self, values: Shaped[Array, "atoms *shape"]) -> Shaped[Array, "pairs *shape"]:
        there = values[self.others]
        return there if self.probe is None else _weighted(there, 1.0 - self.vectors @ self.probe)

    def at_center(self, values: Shaped[Array, "atoms *shape"]) -> Shaped[Array, "pairs *shape"]:
        """Values at the centre of each pair: nothing moves, so the hop rule does not apply."""
        return values[self.centers]

    def sum_pairs(self, messages: Float[Array, "pairs *shape"]) -> Float[Array, "atoms *shape"]:
        """Σ over the pairs of each centre; padding does not count, whatever it holds."""
        mask = self.mask.reshape(-1, *(1,) * (messages.ndim - 1))
        return jax.ops.segment_sum(
            jnp.where(mask, messages, 0.0), self.centers, len(self.species), indices_are_sorted=True
        )

    def neighbors(self, inside: Bool[Array, " pairs"]) -> Neighbors:
        """The pairs of each centre in a row, those that are `inside`; for triplets of atoms.

        The potential needs a `triplet_cutoff`, and no pair beyond it may be inside.
        """
        if self.slots is None:
            raise AdfluxError(
                "Triplets of atoms need Graph.slots, which a graph of `graph_from_atoms` or of "
                "LAMMPS has where the potential has a triplet_cutoff."
            )
        atoms, slots = len(self.species), len(self.slots)
        inside = (inside & self.mask).astype(jnp.int32)
        counts = jax.ops.segment_sum(inside, self.centers, atoms, indices_are_sorted=True)
        before = jnp.cumsum(inside) - inside
        place = before - (jnp.cumsum(counts) - counts)[self.centers]
        place = jnp.where(inside == 1, place, slots)
        pairs = jnp.zeros((atoms, slots), jnp.int32)
        pairs = pairs.at[self.centers, place].set(
            jnp.arange(len(place), dtype=jnp.int32), mode="drop"
        )
        return Neighbors(pairs, self.slots < counts[:, None], counts <= slots)

    def sum_messages(
        self,
        message: Callable[..., PyTree],
        at_others: PyTree = (),
        at_centers: PyTree = (),
    ) -> PyTree:
        """Σ over the pairs of each centre of message(r_p, values at j, values at i).

        What `hop`, `at_center` and `sum_pairs` give, but worked through in blocks of pairs, which
        derivatives evaluate anew: memory grows with atoms × features, not with pairs × features.

        Parameters
        ----------
        message
            message(vectors [n, 3], others, centers) gets n pairs, with the rows of `at_others` and
            `at_centers` that belong to them, and gives an array [n, …] or several in a pytree; each
            pair by itself.
        at_others
            Arrays [atoms, …] or pytrees of them, which go from rank to rank in one message.
        at_centers
            The same, of the centres.

        Returns
        -------
        array or pytree
            [atoms, …] for each array of the message.
        """
        at_others = self._of_all_ranks(at_others)
        others, of_others = jax.tree.flatten(at_others)
        centers, of_centers = jax.tree.flatten(at_centers)
        shape = None

        def rows(mask, vectors, *values):
            nonlocal shape
            there, here = values[: len(others)], values[len(others) : len(others) + len(centers)]
            if self.probe is not None:
                weight = 1.0 - vectors @ values[-1]
                there = [_weighted(x, weight) for x in there]
            made = message(
                vectors,
                jax.tree.unflatten(of_others, there),
                jax.tree.unflatten(of_centers, here),
            )
            leaves, shape = jax.tree.flatten(made)
            return [jnp.where(mask.reshape(-1, *(1,) * (x.ndim - 1)), x, 0) for x in leaves]

        arguments = [
            (PAIRS, self.vectors),
            *((OTHERS, x) for x in others),
            *((CENTERS, x) for x in centers),
            *([] if self.probe is None else [(WHOLE, self.probe)]),
        ]
        sums = over_pairs(rows, self.centers, self.others, self.mask, arguments, len(self.species))
        return jax.tree.unflatten(shape, sums)

    def with_vectors(self, vectors: Float[Array, "pairs 3"]) -> "Graph":
        """The same pairs with other vectors."""
        return eqx.tree_at(lambda graph: graph.vectors, self, vectors)

    @property
    def distances(self) -> Float[Array, " pairs"]:
        """|r_p|; for padding longer than the cutoff."""
        return jnp.sqrt(self.squares())

    def squares(self) -> Float[Array, " pairs"]:
        """r² of each pair."""
        # not as a sum over an axis: XLA would go through all pairs once more for it
        x, y, z = (self.vectors[:, axis] for axis in range(3))
        return x * x + y * y + z * z


def _weighted(
    there: Shaped[Array, "pairs *shape"], weight: Float[Array, " pairs"]
) -> Shaped[Array, "pairs *shape"]:
    if not jnp.issubdtype(there.dtype, jnp.inexact):
        return there
    return weigh_tangent(there, weight.reshape(-1, *(1,) * (there.ndim - 1)))


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
        slots=graph.slots,
    )


def room_for(capacity: int, needed: int, domain: bool = False) -> int:
    """A capacity of padded arrays that seldom changes: this one, or a larger one where it is too
    small.

    domain: one of several ranks, whose atoms come and go.
    """
    if needed <= capacity:
        return capacity
    # From a crystal to its liquid Lennard-Jones pairs become 1.5 % more, and fluctuate by 0.4 √n;
    # so do those of tin selenide at 300 K. Padding costs time as pairs do.
    roomy = 1.02 * needed + (4.0 if domain else 2.0) * np.sqrt(needed)
    # a shell of neighbours that comes inside the cutoff by and by must not compile at each step
    return 32 * int(np.ceil(max(roomy, 1.1 * capacity) / 32))


def slots_for(
    vectors: np.ndarray, centers: np.ndarray, triplet_cutoff: float | None, known: int = 0
) -> np.ndarray | None:
    """`Graph.slots` for pairs on the host [pairs, 3]: `known` places, or more in steps of two, and
    one that is free; None without a triplet_cutoff.
    """
    if triplet_cutoff is None:
        return None
    near = np.einsum("pa,pa->p", vectors, vectors) < triplet_cutoff**2
    return places_for(int(np.bincount(centers[near], minlength=1).max()), known)


def places_for(most: int, known: int) -> np.ndarray:
    """`Graph.slots` where an atom has at most so many neighbours within the triplet_cutoff."""
    return np.arange(max(known, 2 * (most // 2 + 1)), dtype=np.int32)
