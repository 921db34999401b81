"""LAMMPS' pair list, copied into padded arrays that JAX can keep."""

import numpy as np

from ..graph import room_for, slots_for

# where compiling costs more than padding: capacities are powers of two from the first to the second
# number
COARSE_PAIRS, COARSE_ATOMS = (2048, 16384), (64, 1024)


class PairBuffers:
    """Pairs of one domain in arrays of a capacity that seldom changes, so that JAX seldom compiles.

    LAMMPS' own arrays move and are reused between steps, so everything is copied. The arrays are
    aligned to 64 bytes: JAX on a CPU then reads them in place. Vectors are stored component by
    component, [3, pairs]: XLA needs half the time for them that [pairs, 3] takes.

    coarse: small capacities are powers of two, so that small structures of about one size share
    what is compiled.
    """

    def __init__(
        self,
        cutoff: float,
        dtype: str,
        coarse: bool = False,
        triplet_cutoff: float | None = None,
    ):
        self.cutoff, self.coarse, self.triplet_cutoff = cutoff, coarse, triplet_cutoff
        self.dtype = np.dtype(dtype)
        self.pairs = 0  # in use
        self.atoms = 0
        self.slots = slots_for(np.zeros((0, 3)), np.zeros(0, int), triplet_cutoff)
        self._allocate(0, 0)

    def fill(self, data, selection) -> None:
        """Copy the selected pairs of `data`, LAMMPS' MLIAPData; elements of NULL types are taken as
        padding.
        """
        before, pairs, atoms = self.pairs, len(selection.centers), len(selection.member)
        self._reserve(pairs, atoms)
        self.pairs, self.atoms = pairs, atoms
        np.copyto(self.vectors[:, :pairs], selection.vectors.T, casting="same_kind")
        np.copyto(self.centers[:pairs], selection.centers)
        if self.slots is not None:
            self.slots = slots_for(
                selection.vectors, selection.centers, self.triplet_cutoff, len(self.slots)
            )
        np.copyto(self.others[:pairs], selection.others)
        self._pad_pairs(pairs, max(before, pairs))
        self.owned[:] = False
        if atoms:
            np.maximum(to_host(data.elems)[selection.member], 0, out=self.species[:atoms])
        if data.nlistatoms:
            self.owned[to_host(data.iatoms)[: data.nlistatoms]] = True

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

    def _reserve(self, pairs: int, atoms: int) -> None:
        pair_capacity, atom_capacity = self.vectors.shape[1], len(self.species)
        # one atom and one pair more than needed: padding pairs join padding atoms
        wanted = (
            _grown(pair_capacity, pairs + 1, COARSE_PAIRS if self.coarse else None),
            _grown(atom_capacity, atoms + 1, COARSE_ATOMS if self.coarse else None),
        )
        if wanted != (pair_capacity, atom_capacity):
            self._allocate(*wanted)

    def _allocate(self, pairs: int, atoms: int) -> None:
        self.vectors = _aligned((3, pairs), self.dtype)
        self.centers = _aligned((pairs,), np.int32)
        self.others = _aligned((pairs,), np.int32)
        self.species = _aligned((atoms,), np.int32)
        self.owned = _aligned((atoms,), bool)
        self._pad_pairs(0, pairs)

    def _pad_pairs(self, start: int, stop: int) -> None:
        self.vectors[:, start:stop] = [[2.0 * self.cutoff], [0.0], [0.0]]
        self.centers[start:stop] = len(self.species) - 1
        self.others[start:stop] = len(self.species) - 1


def to_host(array) -> np.ndarray:
    """NumPy array of LAMMPS' array, which is a cupy array where Kokkos runs on a GPU."""
    return array.get() if hasattr(array, "get") else array


def _grown(capacity: int, needed: int, coarse: tuple[int, int] | None) -> int:
    if coarse and capacity < needed <= coarse[1]:
        return max(coarse[0], 1 << (needed - 1).bit_length())
    return room_for(capacity, needed)


def _aligned(shape: tuple[int, ...], dtype) -> np.ndarray:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype).reshape(shape)
