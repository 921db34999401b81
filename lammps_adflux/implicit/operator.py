"""The Hessian of a structure under an outer pressure, as an operator between its
allowed motions.
"""

import numpy as np

from ..parallel.system import Whole
from .motions import Motions
from .products import Products


class Operator:
    """∂²(U + W)/∂Y² in a space of motions, W the work against an outer pressure: P V, and linear in
    the strain beyond that.

    pressure: six components in the order of LAMMPS' boxes, in energy per volume.
    """

    def __init__(self, products: Products, motions: Motions, pressure: np.ndarray):
        self.products, self.motions, self.pressure = products, motions, pressure
        self._matrix: np.ndarray | None = None

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        full = self.motions.expand(vectors)
        return self.motions.contract(self.products.hessian(full) + self.work_slopes(full))

    def work_slopes(self, vectors: np.ndarray) -> np.ndarray:
        """∂²W/∂Y² · vectors [vectors, 3 · owned + 6]."""
        slopes = np.zeros_like(vectors)
        # V = V₀ (1 + xx)(1 + yy)(1 + zz)
        slopes[:, -6:-3] = self._load * vectors[:, -6:-3] @ (np.ones((3, 3)) - np.eye(3))
        return slopes

    def work_third(self, adjoint: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """∂³W/∂Y³ · adjoint · vectors [vectors, 3 · owned + 6]."""
        slopes = np.zeros_like(vectors)
        a, b = adjoint[-6:-3], vectors[:, -6:-3]
        for i in range(3):
            j, k = (i + 1) % 3, (i + 2) % 3
            slopes[:, i - 6] = self._load * (a[j] * b[:, k] + a[k] * b[:, j])
        return slopes

    @property
    def _load(self) -> float:
        return self.products.system.volume * float(self.pressure[:3].mean())

    def matrix(self) -> np.ndarray:
        """All of it between allowed motions, on every rank, by atom id as in `Whole`; for small
        systems, kept.
        """
        if self._matrix is None:
            motions, system = self.motions, self.motions.system
            inner = self.products.matrix(~system.held)
            inner[-6:] += self.work_slopes(np.eye(len(inner))[-6:])
            whole = Whole(system, len(motions.strains))
            allowed = motions.project(whole.mine(np.eye(whole.size)))
            spread = Whole(system, 6).gather(motions.expand(allowed))
            self._matrix = spread @ inner @ spread.T
        return self._matrix

    def gradient(self) -> tuple[float, np.ndarray, np.ndarray]:
        """U, ∂U/∂Y [3 · owned + 6], and the slope of U + W by the allowed motions."""
        energy, slopes = self.products.gradient()
        loaded = slopes.copy()
        loaded[-6:] += self.products.system.volume * self.pressure
        return energy, slopes, self.motions.project(self.motions.contract(loaded[None]))[0]
