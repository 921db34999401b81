"""The motions that a structure may make: displacements of what is not held, strains of its cell."""

import numpy as np
from jaxtyping import Float

from ..parallel.system import System, uniform
from .strain import CELLS
from .vectors import Vectors


class Motions:
    """The space of allowed motions: flat vectors [vectors, 3 · owned + strains] of this rank, with
    their scalar product, for solvers. `expand` leads to `Vectors`, and `contract` back.

    Uniform translations, and rotations of what is open in two directions, cost no energy: they are
    projected out. A strain is measured in units of `length`, so that it counts as much as a
    displacement.
    """

    def __init__(self, system: System, cell: str | None):
        self.system, self.comm = system, system.comm
        self.strains = CELLS[cell]
        self.atoms = system.atoms
        self.length = system.spacing * self.atoms**0.5
        # 0 where a component is held, 1 elsewhere
        self.free = np.append(~system.held.ravel(), np.ones(len(self.strains), bool)).astype(float)
        # the strain is the same on every rank, and counts once
        self._count = np.append(
            np.ones(system.held.size), np.full(len(self.strains), float(self.comm.rank == 0))
        )
        self._null = np.zeros((0, len(self.free)))
        self._null = self._null_space()

    @property
    def size(self) -> int:
        """Numbers of a vector on this rank."""
        return len(self.free)

    @property
    def dimensions(self) -> int:
        """Of the space of all allowed motions."""
        free = self.comm.allreduce(int((~self.system.held).sum()))
        return free + len(self.strains) - len(self._null)

    def dot(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Scalar products of rows [vectors]; collective."""
        return self._sum(np.einsum("kn,kn,n->k", a, b, self._count))

    def gram(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Scalar products of all rows of a with all of b; collective."""
        return self._sum((a * self._count) @ b.T)

    def project(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors without held components, translations and free rotations; collective."""
        vectors = vectors * self.free
        if len(self._null):
            vectors = vectors - self.gram(vectors, self._null) @ self._null
        return vectors

    def expand(self, vectors: Float[np.ndarray, "vectors size"]) -> Vectors:
        """Displacements and all six strains of motions."""
        displacements, strains = self.split(vectors)
        return Vectors(
            displacements.reshape(len(vectors), *self.system.held.shape),
            strains @ self.strains / self.length,
        )

    def contract(self, slopes: Vectors) -> Float[np.ndarray, "vectors size"]:
        """Slopes by displacements and strains → slopes by motions; the transpose of `expand`."""
        displacements = slopes.displacements.reshape(len(slopes), self.system.held.size)
        return self.join(displacements, slopes.strain @ self.strains.T / self.length)

    def split(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Components of displacements [vectors, 3 · owned], and of strains [vectors, strains]."""
        own = self.system.held.size
        return vectors[:, :own], vectors[:, own:]

    def join(self, displacements: np.ndarray, strains: np.ndarray) -> np.ndarray:
        """The inverse of `split`."""
        return np.concatenate([displacements, strains], axis=1)

    def random(self, count: int) -> np.ndarray:
        """Random vectors, by atom id: the same on any number of ranks."""
        numbers = 3 * self.system.ids.astype(np.uint64)[:, None] + np.arange(3, dtype=np.uint64)
        strains = np.uint64(2**63) + np.arange(len(self.strains), dtype=np.uint64)
        counters = np.append(numbers.ravel(), strains)
        return self.project(np.stack([uniform(counters, seed) for seed in range(count)]))

    def _null_space(self) -> np.ndarray:
        held = self.comm.allreduce(self.system.held.any(axis=0).astype(int)) > 0
        centre = self.comm.allreduce(self.system.positions.sum(axis=0)) / self.atoms
        moves = [
            np.broadcast_to(np.eye(3)[a], self.system.positions.shape)
            for a in range(3)
            if not held[a]
        ]
        for a in range(3):
            others = [b for b in range(3) if b != a]
            if not (held[others].any() or self.system.periodic[others].any()):
                moves.append(np.cross(np.eye(3)[a], self.system.positions - centre))
        rows = np.array([np.append(move.ravel(), np.zeros(len(self.strains))) for move in moves])
        rows = rows.reshape(len(moves), self.size)
        values, turn = np.linalg.eigh(self.gram(rows, rows))
        # a straight chain does not turn about itself
        good = values > 1e-9 * max(values.max(initial=0.0), 1e-300)
        return (turn[:, good] / np.sqrt(values[good])).T @ rows

    def _sum(self, values):
        if self.comm.size == 1:
            return values
        total = np.empty_like(values)
        self.comm.Allreduce(np.ascontiguousarray(values), total)
        return total
