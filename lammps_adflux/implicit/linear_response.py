"""Linear solves of implicit differentiation, for one structure whose cell responds in one way.

At a minimum ∂U/∂Y = 0 for the variables Y = (positions in the relaxed cell, strain), so that
H dY/dΘ = -∂²U/∂Y∂Θ with H = ∂²U/∂Y² (Maliyov, Grigorev, Swinburne, npj Comput. Mater. 11 (2025));
docs/implicit.md has the formulas, for cells under stress as well.
"""

from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from ..errors import AdfluxError
from .krylov import NegativeCurvature, conjugate_gradients, minimal_residuals
from .operator import Operator
from .parameters import Choice
from .recycling import Recycling
from .strain import CELLS
from .vectors import Vectors

# of the energy: smaller slopes by a strain are what relaxation leaves, and no stress
UNSTRESSED = 1e-8


class FirstOrder(NamedTuple):
    """What a block of changes of the parameters does to first order."""

    vectors: Vectors  # dY/dΘ · change
    energies: Float[np.ndarray, " changes"]  # ∂U/∂Θ · change at the structure as it is
    # of ∂²U/∂Y∂Θ · changes: zero where the structure does not depend on these parameters
    mixed_size: float


class LinearResponse:
    """Forward and adjoint solves, and second derivatives of the energy; all methods are collective.

    Parameters
    ----------
    operator
        H in the motions that respond.
    cell
        Which strains these are: None, "iso", "aniso", or "tri".
    preconditioner
        Name of the preconditioner, as in `RelaxOptions`.
    index
        Of the stationary point: H is positive definite where it is 0.
    precision
        Of a solve: its residual relative to the right-hand side.
    known
        What is known of H from products that were made.
    """

    def __init__(
        self,
        operator: Operator,
        cell: str | None,
        preconditioner: str,
        index: int,
        precision: float,
        known: Recycling,
    ):
        self.operator, self.motions, self.products = (
            operator,
            operator.motions,
            operator.products,
        )
        self.cell, self.preconditioner, self.index = cell, preconditioner, index
        self.energy, self.slopes = self.products.gradient()
        self._precision, self._known = precision, known
        self._preconditioners: dict[str, Any] = {}

    def forward(self, choice: Choice, changes, preconditioner: str | None = None) -> FirstOrder:
        """dY/dΘ · changes, by one solve for each; changes have one more axis than the values."""
        energies, mixed = self.products.mixed(choice.build, choice.values, changes)
        size = self._size(mixed)
        if not np.isfinite(size):
            raise AdfluxError(
                "A derivative of the energy by the parameters is not finite: check the parameters "
                "and the structure."
            )
        return FirstOrder(self.solve(-mixed, preconditioner), energies, size)

    def backward(self, choice: Choice, weights: Vectors, energy: float):
        """weights · dY/dΘ + energy · dU/dΘ in the form of the values, by one solve.

        weights: a block of one.
        """
        weights = Vectors(weights.displacements, weights.strain + energy * self.slopes.strain)
        adjoint = self.solve(weights)
        found = self.products.mixed_transposed(choice.build, choice.values, -adjoint, [energy])
        return jax.tree.map(lambda leaf: leaf[0], found)

    def second_order(
        self, choice: Choice, changes, vectors: Vectors
    ) -> Float[np.ndarray, "changes changes"]:
        """d²U/dΘ² between all changes, whose first order is `vectors`.

        ∂²U/∂Θ² + ∂²U/∂Θ∂Y · dY/dΘ, and where a cell responds under stress the work of that stress
        as well: docs/implicit.md (4).
        """
        slopes = self.products.parameter_slopes(choice.build, choice.values, changes, vectors)
        matrix = _rows(slopes) @ _rows(changes).T
        if self._is_stressed():
            # of U, and not of U + W
            matrix -= self.operator.work_slopes(vectors).products(vectors, self.motions.comm)
            matrix += self._stress_work(choice, changes, vectors)
        return matrix

    def total_energies(self, first: FirstOrder) -> Float[np.ndarray, " changes"]:
        """dU/dΘ · changes along relaxed structures: a held stress works as well."""
        return first.energies + first.vectors.strain @ self.slopes.strain[0]

    def _stress_work(self, choice: Choice, changes, vectors: Vectors) -> np.ndarray:
        """∂U/∂Y · d²Y/dΘ² along all pairs of changes, whose first order is `vectors` [changes,
        changes].

        H d²Y = -T, T the second derivative of ∂(U + W)/∂Y along (change, vector); so one adjoint
        solve H λ = ∂U/∂Y serves all.
        """
        slopes = Vectors(np.zeros_like(self.slopes.displacements), self.slopes.strain)
        adjoint = self.solve(slopes)
        by_values, by_motions = self.products.third(
            choice.build, choice.values, changes, vectors, adjoint
        )
        by_motions = by_motions + self.operator.work_third(adjoint, vectors)
        return -(_rows(by_values) @ _rows(changes).T) - by_motions.products(
            vectors, self.motions.comm
        )

    def solve(self, right: Vectors, preconditioner: str | None = None) -> Vectors:
        """H⁻¹ · right between the motions that respond."""
        name = preconditioner or self.preconditioner
        if name not in self._preconditioners:
            self._preconditioners[name] = self._known.base(name, self.operator)
        solve = conjugate_gradients if self.index == 0 else minimal_residuals
        motions = self.motions
        try:
            found = solve(
                self.operator,
                motions.contract(right),
                motions,
                self._known.preconditioner(name, self.operator, self._preconditioners[name]),
                self._precision,
                20 * motions.dimensions + 200,
            )
        except NegativeCurvature:
            raise AdfluxError(
                f"The relaxed structure is not stable when its cell ({self.cell}) may change as "
                f"well: its response is not defined; relax with cell={self.cell!r}."
            ) from None
        return motions.expand(found.vectors)

    def _is_stressed(self) -> bool:
        """Does the second order of the energy need the second order of the strain?"""
        slopes = CELLS[self.cell] @ self.slopes.strain[0]
        return bool(np.abs(slopes).max(initial=0.0) > UNSTRESSED * abs(self.energy))

    def _size(self, mixed: Vectors) -> float:
        """The sum of the ranks' largest components: not finite where one is not, on any rank."""
        return self.motions.comm.allreduce(float(np.abs(mixed.flat).max(initial=0.0)))


def _rows(changes) -> np.ndarray:
    """A tree of values with one more axis → rows of all numbers."""
    leaves = jax.tree.leaves(changes)
    return np.concatenate([np.reshape(leaf, (len(leaf), -1)) for leaf in leaves], axis=1)


def require_dependence(mixed_size: float, changes: Any) -> None:
    """Parameters of which nothing depends are hardly ever what was meant; zero by symmetry is zero
    up to rounding.
    """
    if mixed_size == 0.0 and any(np.any(leaf) for leaf in jax.tree.leaves(changes)):
        raise AdfluxError(
            "The relaxed structure does not depend on the chosen parameters: choose others with "
            "where=."
        )
