"""LAMMPS' pair list, copied into padded arrays that JAX can keep."""

import numpy as np

from ..graph import room_for, slots_for
from ..parallel.rows import Rows
from ..process import give_back_freed_memory
from .handover import like, to_host

# where compiling costs more than padding: capacities are powers of two from the first to the second
# number
COARSE_PAIRS, COARSE_ATOMS = (2048, 16384), (64, 1024)
NO_PAIRS = (np.zeros((0, 3)), np.zeros(0, np.int32), np.zeros(0, np.int32))


class PairBuffers:
    """Pairs of one domain in arrays of a capacity that seldom changes, so that JAX seldom compiles.

    A repaired LAMMPS writes them here (patch 0011). Another one has arrays of its own, which move
    and are reused between steps, so that they are copied. The arrays are aligned to 64 bytes: JAX
    on a CPU then reads them in place. Vectors are stored component by component, [3, pairs]: XLA
    needs half the time for them that [pairs, 3] takes.

    coarse: small capacities are powers of two, so that small structures of about one size share
    what is compiled. domain: of several ranks.
    """

    def __init__(
        self,
        cutoff: float,
        triplet_cutoff: float | None,
        dtype: str,
        coarse: bool = False,
        domain: bool = False,
    ):
        self.cutoff, self.coarse, self.triplet_cutoff = cutoff, coarse, triplet_cutoff
        self.domain = domain
        self.dtype = np.dtype(dtype)
        self.keep: np.ndarray | None = None  # which of LAMMPS' own pairs these are; None: all
        self.pairs = 0  # in use
        self.atoms = 0
        self._rows: Rows | None = None
        self._shared = True  # has each of LAMMPS' atoms a row of its own in these arrays?
        self.slots = slots_for(np.zeros((0, 3)), np.zeros(0, int), triplet_cutoff)
        self._allocate(0, 0)

    def fill(self, data, rows: Rows | None = None) -> None:
        """Take the pairs of the atoms in the list of `data`, LAMMPS' MLIAPData; elements of NULL
        types are taken as padding.

        rows: which row each of LAMMPS' atoms has; None: its own.
        """
        before, atoms = self.pairs, data.ntotal if rows is None else len(rows.member)
        self._rows = rows
        self.pairs = pairs = (
            self._pack(data, atoms) if hasattr(data, "pack_pairs") else self._copy(data, atoms)
        )
        self.atoms = atoms
        if rows is not None:
            self._take_rows(rows)
        if self.triplet_cutoff is not None and self.slots is not None:
            self.slots = self._places(self.triplet_cutoff, len(self.slots))
        # LAMMPS may have written one too many
        self._pad_pairs(pairs, max(before, pairs + 1))
        self._label(data)

    def add_forces(self, data, gradients) -> None:
        """Give LAMMPS the forces of ∂U/∂r_p [3, pairs], float64."""
        gradients = np.asarray(gradients, np.float64)  # float32 where JAX has no other
        if hasattr(data, "add_pair_forces"):
            centers, partners = np.asarray(self.centers), np.asarray(self.partners)
            data.add_pair_forces(gradients, centers, partners, self.pairs)
        elif data.npairs:
            rows = np.zeros((data.npairs, 3))  # pairs that were left out have no force
            keep = slice(None) if self.keep is None else self.keep
            rows[keep] = gradients[:, : self.pairs].T
            data.update_pair_forces(like(data.rij, rows))

    def columns(self) -> np.ndarray:
        """Vectors of the pairs in use [3, pairs], on the host."""
        return np.asarray(self.vectors)[:, : self.pairs]

    def closest(self) -> float:
        """The distance of the closest pair, inf where there is none."""
        columns = self.columns()
        return float(np.sqrt(np.einsum("ap,ap->p", columns, columns).min(initial=np.inf)))

    def _take_rows(self, rows: Rows) -> None:
        """The row of each pair's partner."""
        used = slice(self.pairs)
        np.take(rows.row, self.partners[used], out=self.others[used], mode="clip")

    def _places(self, triplet_cutoff: float, known: int) -> np.ndarray | None:
        """`Graph.slots` of the pairs in use, `known` or more."""
        vectors, centers = self.vectors[:, : self.pairs].T, self.centers[: self.pairs]
        return slots_for(vectors, centers, triplet_cutoff, known)

    def _label(self, data) -> None:
        """Which rows are owned atoms in LAMMPS' list, and their elements."""
        self.owned[:] = False
        if self.atoms:
            elements = to_host(data.elems)
            elements = elements if self._rows is None else elements[self._rows.member]
            np.maximum(elements, 0, out=self.species[: self.atoms])
        if data.nlistatoms:
            self.owned[to_host(data.iatoms)[: data.nlistatoms]] = True

    def _pack(self, data, atoms: int) -> int:
        """LAMMPS writes the pairs, as often as there was no room for them."""
        pairs = data.pack_pairs(self.vectors, self.centers, self.partners)
        if self._reserve(pairs, atoms):
            data.pack_pairs(self.vectors, self.centers, self.partners)
        return pairs

    def _copy(self, data, atoms: int) -> int:
        vectors, centers, others = (
            (self._taken(array) for array in (data.rij, data.pair_i, data.jatoms))
            if data.npairs
            else NO_PAIRS  # LAMMPS has no arrays
        )
        self.keep = None
        if data.natomneigh > data.nlistatoms:
            # `pair_style mliap unified FILE 1` lists pairs of ghost atoms as well
            self.keep = keep = centers < data.nlocal
            vectors, centers, others = vectors[keep], centers[keep], others[keep]
        pairs = len(centers)
        self._reserve(pairs, atoms)
        if pairs:
            self.vectors[:, :pairs] = vectors.T
            self.centers[:pairs] = centers
            self.partners[:pairs] = others
        return pairs

    def _taken(self, array):
        """An array of LAMMPS, where these are."""
        return to_host(array)

    def arrays(self) -> tuple:
        """vectors [3, pairs], centers, others, species, owned, the number of pairs in use, and
        `Graph.slots`; valid until the next `fill`.
        """
        return (
            self.vectors,
            self.centers,
            self.others,
            self.species,
            self.owned,
            np.int32(self.pairs),
            self.slots,
        )

    def _reserve(self, pairs: int, atoms: int) -> bool:
        """Make room; true where the arrays are new and empty."""
        pair_capacity, atom_capacity = self.vectors.shape[1], len(self.species)
        # one atom and one pair more than needed: padding pairs join padding atoms
        wanted = (
            self._grown(pair_capacity, pairs + 1, COARSE_PAIRS),
            self._grown(atom_capacity, atoms + 1, COARSE_ATOMS),
        )
        alone = self._rows is not None and self._rows.remote == 0
        if alone and atom_capacity == 0 and not self.coarse:
            # the number of all atoms seldom changes
            wanted = wanted[0], 8 * -(-(atoms + 1) // 8)
        shared = self._rows is None
        if wanted == (pair_capacity, atom_capacity) and shared == self._shared:
            return False
        self._shared = shared
        self._allocate(*wanted)
        return True

    def _grown(self, capacity: int, needed: int, coarse: tuple[int, int]) -> int:
        if self.coarse and capacity < needed <= coarse[1]:
            return max(coarse[0], 1 << (needed - 1).bit_length())
        return room_for(capacity, needed, self.domain)

    def _allocate(self, pairs: int, atoms: int) -> None:
        if len(getattr(self, "species", ())):
            self.vectors, self.centers, self.others = NO_PAIRS
            self.partners = self.others
            give_back_freed_memory()  # of the smaller arrays, which nothing fits into
        self._allocate_pairs(pairs)
        self.species = aligned((atoms,), np.int32)
        self.owned = aligned((atoms,), bool)
        self._pad_pairs(0, pairs)

    def _allocate_pairs(self, pairs: int) -> None:
        self.vectors = self._new((3, pairs), self.dtype)
        self.centers = self._new((pairs,), np.int32)
        self.others = self._new((pairs,), np.int32)
        # LAMMPS' atoms that the rows `others` stand for
        self.partners = self.others if self._shared else self._new((pairs,), np.int32)

    def _new(self, shape: tuple[int, ...], dtype):
        """An array of pairs."""
        return aligned(shape, dtype)

    def _pad_pairs(self, start: int, stop: int) -> None:
        self.vectors[0, start:stop] = 2.0 * self.cutoff
        self.vectors[1:, start:stop] = 0.0
        self.centers[start:stop] = len(self.species) - 1
        self.others[start:stop] = len(self.species) - 1


def aligned(shape: tuple[int, ...], dtype) -> np.ndarray:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype).reshape(shape)
