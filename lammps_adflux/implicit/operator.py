"""The Hessian of a structure under pressure, as an operator between its allowed motions."""

import numpy as np
from jaxtyping import Float

from ..parallel.system import Whole
from .motions import Motions
from .products import Products
from .vectors import Vectors

PAIRS, NUMBERS = 200, 2_000_000  # at most so many pairs are kept, with so many numbers each way


def pairs_at_most(size: int) -> int:
    """How many vectors of this size, over all ranks, are kept."""
    return min(PAIRS, NUMBERS // max(size, 1))


class Operator:
    """∂²(U + W)/∂Y² in a space of motions, W the work against an outer pressure: P V, and linear in
    the strain beyond that.

    pressure: six components in the order of LAMMPS' boxes, in energy per volume.
    """

    def __init__(self, products: Products, motions: Motions, pressure: np.ndarray):
        self.products, self.motions, self.pressure = products, motions, pressure
        self.known_matrix: np.ndarray | None = None  # once `matrix` was called
        # vectors and products that were made, for `Recycling`
        self.pairs: list[tuple[np.ndarray, np.ndarray]] = []

    def __call__(
        self, vectors: Float[np.ndarray, "vectors size"]
    ) -> Float[np.ndarray, "vectors size"]:
        """∂²(U + W)/∂Y² · vectors, in the space of motions."""
        full = self.motions.expand(vectors)
        found = self.motions.contract(self.products.hessian(full) + self.work_slopes(full))
        self._keep(vectors, found)
        return found

    def _keep(self, vectors: np.ndarray, images: np.ndarray) -> None:
        kept = sum(len(some) for some, _ in self.pairs)
        most = pairs_at_most(3 * self.motions.atoms)
        if kept < most:
            self.pairs.append((vectors[: most - kept], images[: most - kept]))

    def work_slopes(self, vectors: Vectors) -> Vectors:
        """∂²W/∂Y² · vectors."""
        slopes = np.zeros_like(vectors.strain)
        # V = V₀ (1 + xx)(1 + yy)(1 + zz)
        slopes[:, :3] = self._load * vectors.strain[:, :3] @ (np.ones((3, 3)) - np.eye(3))
        return Vectors(np.zeros_like(vectors.displacements), slopes)

    def work_third(self, adjoint: Vectors, vectors: Vectors) -> Vectors:
        """∂³W/∂Y³ · adjoint · vectors; the adjoint is a block of one."""
        slopes = np.zeros_like(vectors.strain)
        a, b = adjoint.strain[0], vectors.strain
        for i in range(3):
            j, k = (i + 1) % 3, (i + 2) % 3
            slopes[:, i] = self._load * (a[j] * b[:, k] + a[k] * b[:, j])
        return Vectors(np.zeros_like(vectors.displacements), slopes)

    @property
    def _load(self) -> float:
        return self.products.system.volume * float(self.pressure[:3].mean())

    def full_matrix(self, free: np.ndarray) -> np.ndarray:
        """∂²(U + W)/∂Y² between the free components [owned, 3] and all six strains, on every rank:
        rows and columns as in `Products.matrix`.
        """
        matrix = self.products.matrix(free)
        matrix[-6:] += self.work_slopes(Vectors.unflatten(np.eye(len(matrix))[-6:])).flat
        return matrix

    def matrix(self) -> np.ndarray:
        """All of it between allowed motions, on every rank, by atom id as in `Whole`; for small
        systems, kept.
        """
        if self.known_matrix is None:
            motions, system = self.motions, self.motions.system
            inner = self.full_matrix(~system.held)
            whole = Whole(system, len(motions.strains))
            allowed = motions.project(whole.local(np.eye(whole.size)))
            spread = Whole(system, 6).gather(motions.expand(allowed).flat)
            self.known_matrix = spread @ inner @ spread.T
        return self.known_matrix

    def gradient(self) -> tuple[float, Vectors, Float[np.ndarray, " size"]]:
        """U, ∂U/∂Y as a block of one, and the slope of U + W by the allowed motions."""
        energy, slopes = self.products.gradient()
        load = self.products.system.volume * self.pressure
        loaded = Vectors(slopes.displacements, slopes.strain + load)
        return energy, slopes, self.motions.project(self.motions.contract(loaded))[0]
