"""A LAMMPS structure of which derivatives are taken: the part of it that this rank holds."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from ..graph import Graph


@dataclass(frozen=True)
class System:
    """Atoms and pairs of one rank, in LAMMPS' order and units.

    On one rank pairs lead from owned to owned atoms, whatever the cell; on several, through ghost
    atoms.
    """

    graph: Graph
    comm: Any  # mpi4py communicator
    halo: Any  # values of ghosts from their owners and back (parallel.halo.Halo); None: no ghosts
    ids: Int[np.ndarray, " owned"]
    positions: Float[np.ndarray, "owned 3"]
    held: Bool[np.ndarray, "owned 3"]  # components that must not move
    cell: Float[np.ndarray, "3 3"]  # rows are the cell vectors
    origin: Float[np.ndarray, "3"]
    periodic: Bool[np.ndarray, "3"]
    dimension: int = 3  # with 2 the third cell vector has the length 1, and z is held
    # LAMMPS' unit style, to which energies are converted; None: those of the potential
    units: str | None = None
    # of graph.exchange (parallel.exchange.Plan), which lives as long as this
    plan: Any = None

    @property
    def order(self) -> Int[np.ndarray, " owned"]:
        """Rows of the owned atoms by ascending id."""
        return np.argsort(self.ids, kind="stable")

    @property
    def volume(self) -> float:
        """Of the cell; its area in two dimensions."""
        return float(abs(np.linalg.det(self.cell)))

    @property
    def spacing(self) -> float:
        """The distance of atoms, (volume / atoms)^⅓, in two dimensions (area / atoms)^½."""
        return (self.volume / self.atoms) ** (1 / self.dimension)

    @property
    def atoms(self) -> int:
        """Number of atoms on all ranks."""
        return int(self.comm.allreduce(len(self.ids)))

    def gather(self, values: np.ndarray) -> np.ndarray:
        """Values of this rank's atoms by ascending id [owned, …] → those of all atoms by id [atoms,
        …], on every rank.
        """
        ids = np.concatenate(self.comm.allgather(np.sort(self.ids)))
        return np.concatenate(self.comm.allgather(np.ascontiguousarray(values)))[
            np.argsort(ids, kind="stable")
        ]


class Whole:
    """Vectors of all ranks side by side: [3 · atoms by id + strains]."""

    def __init__(self, system: System, strains: int):
        self._comm, self._strains = system.comm, strains
        all_ids = np.sort(np.concatenate(self._comm.allgather(system.ids)))
        row = np.searchsorted(all_ids, system.ids)
        self.size = 3 * len(all_ids) + self._strains
        own = (3 * row[:, None] + np.arange(3)).ravel()
        self._local = np.concatenate(
            [own, self.size - self._strains + np.arange(self._strains)]
        ).astype(int)

    def local(self, whole: np.ndarray) -> np.ndarray:
        """Whole vectors → this rank's part [vectors, 3 · owned + strains]."""
        return np.ascontiguousarray(whole[:, self._local])

    def gather(self, vectors: np.ndarray) -> np.ndarray:
        """This rank's part → whole vectors, on every rank."""
        whole = np.zeros((len(vectors), self.size))
        whole[:, self._local] = vectors
        if self._comm.size == 1:
            return whole
        if self._comm.rank:
            whole[:, self.size - self._strains :] = 0.0
        total = np.empty_like(whole)
        self._comm.Allreduce(whole, total)
        return total


def uniform(counters: np.ndarray, seed: int) -> np.ndarray:
    """Numbers in (-1, 1) from SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) of the counters."""
    z = (counters + np.uint64(seed) * np.uint64(2**40) + np.uint64(1)) * np.uint64(
        0x9E3779B97F4A7C15
    )
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(float) / 2.0**52 - 1.0
