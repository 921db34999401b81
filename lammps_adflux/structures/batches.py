"""Many structures in one Graph, so that one call evaluates all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..derivatives import energies_and_pair_gradients, pair_forces
from ..errors import AdfluxError
from ..graph import Graph, room_for, slots_for
from ..potentials import Potential
from .graphs import PairList

if TYPE_CHECKING:
    import ase


@dataclass
class Room:
    """Sizes of padded arrays that many batches share, so that JAX compiles once for all of them;
    they grow where one does not fit.
    """

    structures: int = 0
    atoms: int = 0
    pairs: int = 0
    slots: int = 0  # of `Graph.slots`


class Batch(eqx.Module):
    """Structures side by side in one Graph: no pair joins two of them.

    Atoms follow each other in the order of the structures; padding comes last and belongs to
    structure number `count`.
    """

    graph: Graph
    structure: Int[Array, " atoms"]  # which structure an atom belongs to
    count: int = eqx.field(static=True)  # of structures, those that are padding included

    def sums(self, values: Float[Array, "atoms *shape"]) -> Float[Array, "structures *shape"]:
        """Σ over the atoms of each structure; what padding atoms hold does not count."""
        return jax.ops.segment_sum(values, self.structure, self.count + 1)[: self.count]


class BatchResults(NamedTuple):
    """What `energies_forces_virials` gives, in the units of the potential."""

    energies: Float[Array, " structures"]  # U of each structure
    forces: Float[Array, "atoms 3"]  # F_i = -∂U/∂r_i of all atoms in a row
    virials: Float[Array, "structures 3 3"]  # -∂U/∂ε of each structure
    atom_energies: Float[Array, " atoms"]  # U_i


def batch_from_atoms(
    structures: Sequence["ase.Atoms"],
    potential: Potential,
    dtype=None,
    *,
    room: Room | None = None,
    first: int = 0,
) -> Batch:
    """One Graph of many ASE structures, as `graph_from_atoms` makes it of one.

    Parameters
    ----------
    structures
        ASE structures.
    potential
        Whose cutoff and elements count.
    dtype
        Of the graph; default: that of JAX.
    room
        Sizes of the padded arrays: give the same one to batch after batch, and JAX compiles a few
        times for all.
    first
        Number of the first structure, for errors.

    Raises
    ------
    AdfluxError
        With the number of the structure that has no graph.
    """
    dtype = dtype or jnp.result_type(float)
    lists = []
    for number, atoms in enumerate(structures, first):
        try:
            lists.append((PairList(atoms, potential), atoms))
        except AdfluxError as error:
            raise AdfluxError(f"Structure {number}: {error}") from None
    parts = [(pairs.within(atoms, potential.cutoff), pairs.species) for pairs, atoms in lists]
    sizes = [len(species) for _, species in parts]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(int)
    pairs = sum(len(centers) for (_, centers, _), _ in parts)
    # one atom more than needed: padding pairs join padding atoms
    needed = len(sizes), int(starts[-1]) + 1, pairs
    if room is None:
        count, places, capacity = needed
    else:
        room.structures = room_for(room.structures, needed[0])
        room.atoms = room_for(room.atoms, needed[1])
        room.pairs = room_for(room.pairs, needed[2])
        count, places, capacity = room.structures, room.atoms, room.pairs
    vectors = np.full((capacity, 3), [2.0 * potential.cutoff, 0.0, 0.0])
    ends = np.full((2, capacity), places - 1, np.int32)
    species, structure = np.zeros(places, np.int32), np.full(places, count, np.int32)
    at = 0
    for number, ((along, centers, others), kinds) in enumerate(parts):
        here = slice(at, at + len(centers))
        vectors[here], at = along, at + len(centers)
        ends[:, here] = centers + starts[number], others + starts[number]
        mine = slice(starts[number], starts[number + 1])
        species[mine], structure[mine] = kinds, number
    most = 0 if room is None else room.slots
    slots = slots_for(vectors[:pairs], ends[0, :pairs], potential.triplet_cutoff, most)
    if room is not None and slots is not None:
        room.slots = len(slots)
    return Batch(
        Graph(
            vectors=jnp.asarray(vectors, dtype),
            centers=jnp.asarray(ends[0]),
            others=jnp.asarray(ends[1]),
            species=jnp.asarray(species),
            mask=jnp.asarray(np.arange(capacity) < pairs),
            owned=jnp.asarray(np.arange(places) < starts[-1]),
            slots=None if slots is None else jnp.asarray(slots),
        ),
        jnp.asarray(structure),
        count,
    )


@eqx.filter_jit
def energies_forces_virials(potential: Potential, batch: Batch) -> BatchResults:
    """Energies, forces and virials of all structures of a batch, from one reverse pass.

    U_s = Σ_i U_i and W_s = -Σ_p r_p ⊗ g_p over the atoms and pairs of structure s, with
    g_p = ∂U/∂r_p. JAX differentiates it by the parameters of the potential, for fits.
    """
    graph = batch.graph
    atom_energies, pair_gradients = energies_and_pair_gradients(potential, graph)
    gradients = jnp.where(graph.mask[:, None], pair_gradients, 0.0)
    return BatchResults(
        energies=batch.sums(atom_energies),
        forces=pair_forces(graph, pair_gradients),
        virials=-batch.sums(graph.sum_pairs(jnp.einsum("pa,pb->pab", graph.vectors, gradients))),
        atom_energies=atom_energies,
    )
