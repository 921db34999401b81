"""Pairs that lie on the device of Kokkos and JAX, and go from one to the other by DLPack.

`mliap/kk` on a GPU gives cupy arrays. They are copied there into padded arrays, which JAX reads in
place; forces go back the same way, so that no pair passes through the host. NumPy's arrays take the
same way on a CPU, which is how it is tested.
"""

import jax
import numpy as np

from ..graph import places_for
from ..parallel.rows import Rows
from .buffers import PairBuffers, aligned
from .handover import to_host


class SharedPairs(PairBuffers):
    """The same attributes as `PairBuffers`, of which vectors, centers, others and partners are
    arrays of `module`, cupy or numpy.

    LAMMPS, cupy and JAX have streams of their own: the device is waited for wherever arrays go from
    one to the other.
    """

    def __init__(self, *arguments, module=np):
        self._module = module
        self._row: tuple = (None, None)  # the rows that are on the device, and their array
        super().__init__(*arguments)

    @classmethod
    def like(cls, other: PairBuffers, module) -> "SharedPairs":
        """With the settings of the other one, and empty."""
        cutoffs = other.cutoff, other.triplet_cutoff
        return cls(*cutoffs, other.dtype, other.coarse, other.domain, module=module)

    def fill(self, data, rows: Rows | None = None) -> None:
        self._wait()
        super().fill(data, rows)
        self._wait()

    def add_forces(self, data, gradients) -> None:
        columns = self._module.from_dlpack(jax.block_until_ready(gradients))[:, : self.pairs]
        rows = self._module.ascontiguousarray(columns.T, dtype=np.float64)
        if self.keep is not None:
            whole = self._module.zeros((data.npairs, 3))  # pairs that were left out have no force
            whole[self.keep] = rows
            rows = whole
        if data.npairs:
            self._wait()
            data.update_pair_forces(rows)
            self._wait()

    def arrays(self) -> tuple:
        vectors, centers, others = (
            jax.dlpack.from_dlpack(array) for array in (self.vectors, self.centers, self.others)
        )
        return vectors, centers, others, *super().arrays()[3:]

    def columns(self) -> np.ndarray:
        return to_host(self.vectors)[:, : self.pairs]

    def closest(self) -> float:
        """The distance of the closest pair, inf where there is none."""
        if not self.pairs:
            return np.inf
        return float((self.vectors[:, : self.pairs] ** 2).sum(axis=0).min()) ** 0.5

    def _wait(self) -> None:
        if hasattr(self._module, "cuda"):
            self._module.cuda.runtime.deviceSynchronize()

    def _taken(self, array):
        return array

    def _new(self, shape: tuple[int, ...], dtype):
        return aligned(shape, dtype) if self._module is np else self._module.zeros(shape, dtype)

    def _take_rows(self, rows: Rows) -> None:
        if self._row[0] is not rows:
            self._row = rows, self._module.asarray(rows.row)
        self.others[: self.pairs] = self._row[1][self.partners[: self.pairs]]

    def _places(self, triplet_cutoff: float, known: int) -> np.ndarray:
        squares = (self.vectors[:, : self.pairs] ** 2).sum(axis=0)
        centers = self.centers[: self.pairs][squares < triplet_cutoff**2]
        most = int(self._module.bincount(centers).max()) if len(centers) else 0
        return places_for(most, known)
