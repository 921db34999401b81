"""LAMMPS' neighbour list on an accelerator, where XLA takes the pairs within the cutoff from it.

A list of pairs is 32 bytes for each of them at every step, and there are tens of pairs for an atom.
Here the list travels where LAMMPS has a new one, and a step sends positions and brings forces, 24
bytes for each atom and way.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..graph import places_for
from ..parallel.rows import Rows
from ..process import device
from .buffers import COARSE_ATOMS, COARSE_PAIRS, PairBuffers

NO_ROOM = np.zeros((3, 0)), np.zeros(0, np.int32), np.zeros(0, np.int32)


class Selected(NamedTuple):
    """Pairs within the cutoff, in the order of the list, and padding."""

    vectors: jax.Array  # [3, pairs]
    centers: jax.Array
    others: jax.Array  # rows of the potential's arrays
    partners: jax.Array  # LAMMPS' atoms that those stand for
    pairs: jax.Array  # how many there are, also where there is no room for them
    places: jax.Array  # most neighbours that an atom has within the cutoff of triplets


@partial(jax.jit, static_argnames=("capacity", "dtype"))
def select(neighbors, positions, cutoff, triplet_cutoff, last_row, capacity, dtype) -> Selected:
    """The pairs that are closer than the cutoff.

    neighbors: centers and partners [listed], the number of them in use, and the row of each atom.
    last_row: of the padding.
    """
    centers, partners, listed, row = neighbors

    def vectors(start, end):
        return [positions[end, axis] - positions[start, axis] for axis in range(3)]

    x, y, z = vectors(centers, partners)
    squares = x * x + y * y + z * z
    inside = (jnp.arange(len(centers)) < listed) & (squares < cutoff**2)
    count = jnp.cumsum(inside.astype(jnp.int32))
    place = jnp.where(inside, count - 1, capacity)
    chosen = jnp.zeros(capacity, jnp.int32)
    chosen = chosen.at[place].set(jnp.arange(len(centers), dtype=jnp.int32), mode="drop")
    used = jnp.arange(capacity) < count[-1]
    start, end = centers[chosen], partners[chosen]
    # once more, and not taken from those of the whole list, which then need no memory
    components = zip(vectors(start, end), (2.0 * cutoff, 0.0, 0.0), strict=True)
    places = jnp.zeros((), jnp.int32)
    if triplet_cutoff is not None:
        near = inside & (squares < triplet_cutoff**2)
        places = jax.ops.segment_sum(near.astype(jnp.int32), centers, len(row)).max()
    return Selected(
        jnp.stack([jnp.where(used, r, far) for r, far in components]).astype(dtype),
        jnp.where(used, start, last_row),
        jnp.where(used, row[end], last_row),
        end,
        count[-1],
        places,
    )


@partial(jax.jit, static_argnames="atoms")
def atom_forces(gradients, centers, partners, pairs, atoms):
    """Forces on owned and ghost atoms [atoms, 3] of ∂U/∂r_p [3, pairs]."""
    used = jnp.arange(gradients.shape[1]) < pairs

    def component(values):
        values = jnp.where(used, values, 0.0)
        # a potential's arrays may have more rows than LAMMPS has atoms: padding has nowhere to go
        forces = jnp.zeros(atoms, values.dtype).at[centers].add(values, mode="drop")
        return forces.at[partners].add(-values)

    # one by one: XLA would make a transposed copy of all pairs
    return jnp.stack([component(gradients[axis]) for axis in range(3)], axis=1)


@jax.jit
def closest(vectors):
    """The least distance; padding is longer than the cutoff."""
    return jnp.sqrt(jnp.sum(vectors**2, axis=0).min())


class DevicePairs(PairBuffers):
    """Pairs that XLA selects on the device at each step.

    The same attributes as `PairBuffers`, of which vectors, centers, others and partners lie on the
    device.
    """

    def __init__(self, *arguments):
        self._positions = self._listed = 0  # capacities: of LAMMPS' atoms, of its list
        self._list: tuple = ()  # which list is on the device, and for which rows
        self._rows_of_list: Rows | None = None
        self._neighbors: tuple = ()
        super().__init__(*arguments)

    @classmethod
    def like(cls, other: PairBuffers) -> "DevicePairs":
        """With the settings of the other one, and empty."""
        cutoffs = other.cutoff, other.triplet_cutoff
        return cls(*cutoffs, other.dtype, other.coarse, other.domain)

    def fill(self, data, rows: Rows | None = None) -> None:
        self._rows = rows
        self.atoms = atoms = data.ntotal if rows is None else len(rows.member)
        self._take_list(data)
        if self.vectors.shape[1] == 0:
            # LAMMPS counts the pairs, so that XLA need not compile for too few
            self._reserve(data.pack_pairs(*NO_ROOM), atoms)
        positions = np.zeros((self._positions, 3))
        if data.ntotal:
            positions[: data.ntotal] = data.x
        found = self._select(positions)
        pairs, places = (int(n) for n in jax.device_get((found.pairs, found.places)))
        if self._reserve(pairs, atoms):
            found = self._select(positions)
        self.vectors, self.centers, self.others, self.partners, *_ = found
        self.pairs = pairs
        if self.slots is not None:
            self.slots = places_for(places, len(self.slots))
        self._label(data)

    def add_forces(self, data, gradients) -> None:
        """Add the forces of ∂U/∂r_p [3, pairs] to LAMMPS' own."""
        if data.virial_of_pairs:
            super().add_forces(data, gradients)
        elif data.ntotal:
            shares = atom_forces(
                gradients, self.centers, self.partners, self.pairs, self._positions
            )
            forces = data.f
            forces += np.asarray(shares)[: data.ntotal]

    def closest(self) -> float:
        """The distance of the closest pair, inf where there is none."""
        return float(closest(self.vectors)) if self.pairs else np.inf

    def _take_list(self, data) -> None:
        """Send the neighbour list to the device, unless it is there."""
        now = data.list_number, data.ntotal, data.nlistatoms
        if now == self._list and self._rows is self._rows_of_list:
            return
        self._list = self._neighbors = ()  # first free what is there
        self._positions = self._grown(self._positions, data.ntotal + 1, COARSE_ATOMS)
        count = 0
        while True:  # as often as there was no room
            # new arrays: those on the device may be these
            centers, partners = np.zeros((2, self._listed), np.int32)
            count = data.pack_neighbors(centers, partners)
            if count < self._listed:
                break
            self._listed = self._grown(self._listed, count + 1, COARSE_PAIRS)
        row = np.zeros(self._positions, np.int32)
        row[: data.ntotal] = np.arange(data.ntotal) if self._rows is None else self._rows.row
        self._neighbors = jax.device_put((centers, partners, np.int32(count), row), device())
        self._list, self._rows_of_list = now, self._rows

    def _allocate_pairs(self, pairs: int) -> None:
        self.vectors = jax.ShapeDtypeStruct((3, pairs), self.dtype)

    def _pad_pairs(self, start: int, stop: int) -> None:
        """Nothing: XLA does."""

    def _select(self, positions: np.ndarray) -> Selected:
        return select(
            self._neighbors,
            positions,
            self.cutoff,
            self.triplet_cutoff,
            np.int32(len(self.species) - 1),
            self.vectors.shape[1],
            self.dtype,
        )
