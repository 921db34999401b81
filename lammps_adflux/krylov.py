"""Iterative solvers for symmetric systems whose vectors are distributed over MPI ranks.

Vectors are rows of blocks [vectors, numbers]; each row is a problem of its own, all of them advance together, so that one
product of the operator serves them all. A `Space` knows the scalar product and the subspace in which the operator lives.
"""

from typing import Protocol, runtime_checkable

import numpy as np

from .errors import AdfluxError


@runtime_checkable
class Space(Protocol):
    """Scalar product over all ranks, and the projection on what may move."""

    def dot(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Scalar products of rows [vectors]; collective."""
        ...

    def gram(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Scalar products of all rows of a with all rows of b [a, b]; collective."""
        ...

    def project(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors without held components and without the null space of the operator; collective."""
        ...


class NegativeCurvature(Exception):
    """A direction along which the operator is not positive: conjugate gradients do not apply."""


def conjugate_gradients(
    apply, right, space: Space, precondition, tolerance: float, steps: int
) -> tuple[np.ndarray, int]:
    """x with apply(x) = right, for a positive definite operator, to |residual| ≤ tolerance · |right|.

    Hestenes, Stiefel, J. Res. Natl. Bur. Stand. 49, 409 (1952). Returns x and the number of products. Raises
    NegativeCurvature where the operator is found not to be positive.
    """
    residual = space.project(right)
    solution = np.zeros_like(residual)
    size = np.sqrt(space.dot(residual, residual))
    direction = descent = space.project(precondition(residual))
    rho = space.dot(residual, descent)
    step, worst, best, since = 0, np.inf, np.inf, 0
    for step in range(steps + 1):
        relative = _relative(residual, size, space)
        worst = float(relative.max(initial=0.0))
        if worst <= tolerance:
            return solution, step
        best, since = (worst, 0) if worst < 0.9 * best else (best, since + 1)
        if step == steps or since > 200:
            break
        moving = relative > tolerance
        product = space.project(apply(direction))
        curvature = space.dot(direction, product)
        if np.any(moving & (curvature <= 0.0)):
            raise NegativeCurvature
        alpha = np.where(moving, rho / np.where(curvature > 0.0, curvature, 1.0), 0.0)[:, None]
        solution = solution + alpha * direction
        residual = residual - alpha * product
        descent = space.project(precondition(residual))
        rho, before = space.dot(residual, descent), rho
        beta = np.where(moving, rho / np.where(before != 0.0, before, 1.0), 0.0)[:, None]
        direction = descent + beta * direction
    raise _not_converged(step, worst, tolerance)


def minimal_residuals(apply, right, space: Space, precondition, tolerance: float, steps: int) -> tuple[np.ndarray, int]:
    """The same for an indefinite operator; the preconditioner must be positive definite.

    Paige, Saunders, SIAM J. Numer. Anal. 12, 617 (1975), MINRES.
    """
    right = space.project(right)
    solution, previous, current = np.zeros_like(right), np.zeros_like(right), right
    scaled = space.project(precondition(current))
    norm = np.sqrt(space.dot(current, scaled))
    size = np.sqrt(space.dot(right, right))
    old_beta, beta, phi = np.zeros_like(norm), norm, norm.copy()
    delta_bar = epsilon = np.zeros_like(norm)
    cosine, sine = -np.ones_like(norm), np.zeros_like(norm)
    wide = wide_before = np.zeros_like(right)
    step, worst, best, since = 0, np.inf, np.inf, 0
    for step in range(steps + 1):
        worst = 0.0
        if step % 10 == 0 or np.max(np.abs(phi), initial=0.0) <= tolerance * np.max(norm, initial=0.0):
            residual = right - space.project(apply(solution))
            worst = float(_relative(residual, size, space).max(initial=0.0))
            if worst <= tolerance:
                return solution, step
            best, since = (worst, 0) if worst < 0.9 * best else (best, since + 1)
            if step == steps or since > 30:
                break
        direction = _over(scaled, beta)
        product = space.project(apply(direction))
        if step:
            product = product - (_ratio(beta, old_beta))[:, None] * previous
        alpha = space.dot(direction, product)
        product = product - _ratio(alpha, beta)[:, None] * current
        previous, current = current, product
        scaled = space.project(precondition(current))
        old_beta, beta = beta, np.sqrt(np.maximum(space.dot(current, scaled), 0.0))
        old_epsilon, delta = epsilon, cosine * delta_bar + sine * alpha
        gamma_bar = sine * delta_bar - cosine * alpha
        epsilon, delta_bar = sine * beta, -cosine * beta
        gamma = np.maximum(np.hypot(gamma_bar, beta), 1e-300)
        cosine, sine = gamma_bar / gamma, beta / gamma
        tau, phi = cosine * phi, sine * phi
        wide_before, wide, before = wide, None, wide_before
        wide = (direction - old_epsilon[:, None] * before - delta[:, None] * wide_before) / gamma[:, None]
        solution = solution + tau[:, None] * wide
    raise _not_converged(step, best, tolerance)


def lowest_eigenvalues(
    apply, space: Space, precondition, start: np.ndarray, scale: float, precision: float = 0.3, steps: int = 200
) -> tuple[np.ndarray, np.ndarray]:
    """The lowest eigenvalues and their uncertainty |Av - λv|, by LOBPCG from the rows of `start`.

    Knyazev, SIAM J. Sci. Comput. 23, 517 (2001). Ends when the sign of each of the lowest is sure: λ farther from zero than its
    uncertainty over `precision`, all up to the first positive one. scale: a curvature that is not small, to tell zero.
    """
    count = len(start)
    vectors = _orthonormal(space.project(start), space)
    images = space.project(apply(vectors))
    conjugate = np.zeros((0, vectors.shape[1]))
    conjugate_images = conjugate
    values = errors = np.zeros(count)
    for _ in range(steps):
        small = space.gram(vectors, images)
        values, turn = np.linalg.eigh(0.5 * (small + small.T))
        vectors, images = turn.T @ vectors, turn.T @ images
        residuals = images - values[:, None] * vectors
        errors = np.sqrt(space.dot(residuals, residuals))
        positive = np.flatnonzero(values > 0.0)
        needed = slice(0, positive[0] + 1 if len(positive) else count)
        if np.all((errors[needed] < precision * np.abs(values[needed])) | (errors[needed] < 1e-7 * scale)):
            break
        search = space.project(precondition(residuals))
        search = search / np.sqrt(space.dot(search, search))[:, None]
        basis, basis_images = _reduce(
            np.concatenate([vectors, search, conjugate]),
            np.concatenate([images, space.project(apply(search)), conjugate_images]),
            space,
        )
        small = space.gram(basis, basis_images)
        _, turn = np.linalg.eigh(0.5 * (small + small.T))
        turn = turn[:, :count]
        new, new_images = turn.T @ basis, turn.T @ basis_images
        # what of the new vectors is not in the old ones: the conjugate directions
        overlap = space.gram(new, vectors)
        conjugate, conjugate_images = _reduce(new - overlap @ vectors, new_images - overlap @ images, space)
        vectors, images = new, new_images
    return values, errors


def _orthonormal(vectors, space: Space):
    return _reduce(vectors, vectors, space)[0]


def _reduce(vectors, images, space: Space):
    """An orthonormal basis of the rows, and the same combinations of the images; nearly dependent ones drop out."""
    sizes = np.sqrt(space.dot(vectors, vectors))
    keep = sizes > 1e-13
    vectors, images = vectors[keep] / sizes[keep, None], images[keep] / sizes[keep, None]
    for _ in range(2):
        if not len(vectors):
            break
        values, turn = np.linalg.eigh(space.gram(vectors, vectors))
        good = values > 1e-10 * values[-1]
        turn = turn[:, good] / np.sqrt(values[good])
        vectors, images = turn.T @ vectors, turn.T @ images
    return vectors, images


def _relative(residual, size, space: Space):
    return np.sqrt(space.dot(residual, residual)) / np.where(size > 0, size, 1.0)


def _over(vectors, numbers):
    return vectors / np.where(numbers > 0.0, numbers, 1.0)[:, None]


def _ratio(a, b):
    return a / np.where(b != 0.0, b, 1.0)


def _not_converged(steps: int, reached: float, wanted: float) -> AdfluxError:
    return AdfluxError(
        f"The linear solve did not converge: relative residual {reached:.1e} after {steps} steps, {wanted:.1e} was needed; "
        "the structure may have a nearly free motion, or give a larger tolerance."
    )
