"""What parameters may do: combinations that stay, bounds, and a pull towards the start."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ...errors import AdfluxError
from ..parameters import Choice, flatten

RANK = 1e-10  # of the largest singular value: combinations that depend on others


@dataclass(frozen=True)
class Constraints:
    """Where parameters may go.

    Attributes
    ----------
    keep
        Combinations that stay: a linear JAX function of the parameters, in the form that `where`
        gives them, with one number or an array of them; or a matrix [combinations, parameters], in
        the order of `names`.
    lower, upper
        Bounds: one number, a vector in the order of `names`, or a tree in the form of the
        parameters.
    """

    keep: Callable | Any = None
    lower: Any = None
    upper: Any = None


@dataclass(frozen=True)
class Regularization:
    """A pull towards the start Θ₀: ½ weight (Θ - Θ₀)ᵀ C⁻¹ (Θ - Θ₀) is added to the loss.

    Attributes
    ----------
    covariance
        C: a matrix [parameters, parameters], such as an ensemble's; variances [parameters]; or one
        variance. Directions in which a matrix has no variance stay.
    weight
        Of the term.
    """

    covariance: Any
    weight: float = 1.0


class Feasible:
    """The vectors of parameters that the constraints allow, around one that they allow."""

    def __init__(self, choice: Choice, constraints: Constraints, more: Float[np.ndarray, "m p"]):
        start = flatten(choice.values)
        rows = np.concatenate([_rows(choice, constraints.keep), more])
        self._kept = _orthonormal(rows)
        self.lower, self.upper = (
            _bound(choice, getattr(constraints, name), name, start, sign)
            for name, sign in (("lower", -np.inf), ("upper", np.inf))
        )
        outside = np.flatnonzero((start < self.lower) | (start > self.upper))
        if len(outside):
            k = int(outside[0])
            raise AdfluxError(
                f"The start has {choice.names[k]} = {start[k]:.6g}, outside of its bounds "
                f"{self.lower[k]:.6g} and {self.upper[k]:.6g}: start inside."
            )

    def direction(
        self, at: Float[np.ndarray, " p"], vector: Float[np.ndarray, " p"]
    ) -> Float[np.ndarray, " p"]:
        """The part of a change that keeps the combinations and does not lead out of the bounds."""
        stuck = np.zeros(len(vector), bool)
        while True:
            found = self._project(vector, stuck)
            tiny = 1e-14 * np.abs(vector).max(initial=0.0)
            leads_out = ((at <= self.lower) & (found < -tiny)) | (
                (at >= self.upper) & (found > tiny)
            )
            if not leads_out.any():
                found[stuck] = 0.0
                return found
            stuck |= leads_out

    def reach(self, at: Float[np.ndarray, " p"], change: Float[np.ndarray, " p"]) -> float:
        """The largest t for which `at` + t · `change` is within the bounds."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = np.where(change > 0.0, (self.upper - at) / change, (self.lower - at) / change)
        ends = ends[(change != 0.0) & ~np.isnan(ends)]
        return float(ends.min(initial=np.inf))

    def step(
        self, at: Float[np.ndarray, " p"], change: Float[np.ndarray, " p"], t: float
    ) -> Float[np.ndarray, " p"]:
        """`at` + t · `change`, on the bounds and not beyond them by rounding."""
        return np.clip(at + t * change, self.lower, self.upper)

    def _project(self, vector, stuck):
        if not len(self._kept) and not stuck.any():
            return vector.copy()
        rows = self._kept
        if stuck.any():
            rows = _orthonormal(np.where(stuck, 0.0, rows)) if len(rows) else rows
            vector = np.where(stuck, 0.0, vector)
        for _ in range(2):  # once more for what rounding left
            vector = vector - (vector @ rows.T) @ rows
        return vector


def penalty(
    choice: Choice, regularization: Regularization | None
) -> tuple[Callable, Float[np.ndarray, "m p"]]:
    """½ weight Δᵀ C⁻¹ Δ with its gradient, as a function of Δ; and the directions without
    variance.
    """
    count = len(flatten(choice.values))
    nothing = np.zeros((0, count))
    if regularization is None:
        return (lambda change: (0.0, np.zeros(count))), nothing
    covariance = np.asarray(regularization.covariance, float)
    weight = float(regularization.weight)
    if covariance.shape not in ((), (count,), (count, count)) or not np.isfinite(covariance).all():
        raise AdfluxError(
            f"The covariance must be finite and one number, [{count}] or [{count}, {count}] for "
            f"{count} parameters, but has the shape {covariance.shape}."
        )
    if not (weight >= 0.0 and np.isfinite(weight)):
        raise AdfluxError(f"The weight of a regularization must not be negative, but is {weight}.")
    if covariance.ndim == 2:
        scale = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        if np.abs(covariance - covariance.T).max() > 1e-8 * scale.max(initial=0.0) ** 2:
            raise AdfluxError("The covariance is not symmetric.")
        variances, vectors = np.linalg.eigh(covariance)
        kept = variances > RANK * variances.max(initial=0.0)
        if (variances < -1e-8 * variances.max(initial=0.0)).any() or not kept.any():
            raise AdfluxError(
                f"The covariance has the eigenvalue {variances.min():.3g}: none may be negative."
            )
        rows = vectors[:, kept].T
        inverse = 1.0 / variances[kept]

        def matrix(change):
            parts = rows @ change
            slope = weight * (rows.T @ (inverse * parts))
            return 0.5 * float(slope @ change), slope

        return matrix, vectors[:, ~kept].T
    if not (covariance > 0.0).all():
        raise AdfluxError(
            "Variances must be positive: a parameter that stays belongs into Constraints(keep=)."
        )

    def diagonal(change):
        slope = weight * change / covariance
        return 0.5 * float(slope @ change), slope

    return diagonal, nothing


def _rows(choice: Choice, keep) -> Float[np.ndarray, "m p"]:
    count = len(flatten(choice.values))
    if keep is None:
        return np.zeros((0, count))
    if not callable(keep):
        rows = np.atleast_2d(np.asarray(keep, float))
        if rows.ndim != 2 or rows.shape[1] != count or not np.isfinite(rows).all():
            raise AdfluxError(
                f"keep must be a linear function, or a finite matrix [combinations, {count}], but "
                f"its shape is {rows.shape}."
            )
        return rows
    values = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), choice.values)
    elsewhere = jax.tree.map(lambda leaf: 1.0 + 0.7 * jnp.cos(3.0 * leaf) + leaf, values)

    def combinations(values):
        return jnp.ravel(jnp.asarray(keep(values), float))

    here, there = (jax.jacrev(combinations)(point) for point in (values, elsewhere))
    matrices = []
    for jacobian in (here, there):
        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(jacobian)]
        matrices.append(np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1))
    if not np.allclose(*matrices, rtol=1e-10, atol=1e-12 * np.abs(matrices[0]).max(initial=0.0)):
        raise AdfluxError("keep must be linear in the parameters, but its derivative changes.")
    return matrices[0]


def _orthonormal(rows: Float[np.ndarray, "m p"]) -> Float[np.ndarray, "k p"]:
    if not len(rows):
        return rows
    _, sizes, vectors = np.linalg.svd(rows, full_matrices=False)
    return vectors[sizes > RANK * max(sizes.max(initial=0.0), 1e-300)]


def _bound(choice: Choice, bound, name: str, start, default: float) -> Float[np.ndarray, " p"]:
    if bound is None:
        return np.full(len(start), default)
    like = jax.tree.structure(bound) == jax.tree.structure(choice.values)
    if like and len(flatten(bound)) == len(start):
        bound = flatten(bound)
    bound = np.asarray(bound, float)
    if bound.shape not in ((), start.shape) or np.isnan(bound).any():
        raise AdfluxError(
            f"{name} must be one number, [{len(start)}], or have the form of the parameters, but "
            f"its shape is {bound.shape}."
        )
    return np.broadcast_to(bound, start.shape).astype(float)
