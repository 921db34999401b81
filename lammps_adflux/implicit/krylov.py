"""Iterative solvers for symmetric systems whose vectors are distributed over MPI ranks.

Vectors are rows of blocks [vectors, numbers]; each row is a problem of its own, all of them advance
together, so that one product of the operator serves them all. A `Space` knows the scalar product
and the subspace in which the operator lives.
"""

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from ..errors import AdfluxError

EPSILON = np.finfo(float).eps
FEW = 3  # steps after which a recursion's residual is the true one
MARGIN = 10.0  # a residual that stays within so many times its rounding is no more than rounding
# larger relative residuals are never taken for rounding: the operator is singular to these digits
WORST = 1e-6


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
        """Vectors without held components and without the null space of the operator;
        collective.
        """
        ...


class NegativeCurvature(Exception):
    """A direction along which the operator is not positive: conjugate gradients do not apply."""


class NotConverged(AdfluxError):
    """More products than allowed lead to no solution."""


class Solution(NamedTuple):
    """What a solver found, and how well."""

    vectors: np.ndarray
    products: int  # of the operator, for each row
    # |right - apply(vectors)| / |right|, measured by products and not by the recursion
    residuals: np.ndarray


def conjugate_gradients(
    apply, right, space: Space, precondition, tolerance: float, steps: int
) -> Solution:
    """x with apply(x) = right, for a positive definite operator, to |right - apply(x)| ≤ tolerance
    · |right|.

    Hestenes, Stiefel, J. Res. Natl. Bur. Stand. 49, 409 (1952). Where the products' own rounding
    allows less than `tolerance`, the solution is refined until its residual is that rounding, and
    `residuals` say what was reached. Raises NegativeCurvature where the operator is found not to be
    positive, and AdfluxError where `steps` products lead to neither.
    """
    return _refined(_conjugate_gradients, apply, right, space, precondition, tolerance, steps)


def minimal_residuals(
    apply, right, space: Space, precondition, tolerance: float, steps: int
) -> Solution:
    """The same for an indefinite operator; the preconditioner must be positive definite.

    Paige, Saunders, SIAM J. Numer. Anal. 12, 617 (1975), MINRES.
    """
    return _refined(_minimal_residuals, apply, right, space, precondition, tolerance, steps)


def _refined(
    recursion, apply, right, space: Space, precondition, tolerance: float, steps: int
) -> Solution:
    """Recursions for what the measured residual still holds, until it is small or only rounding.

    The residual that a recursion carries along parts from the true one: by the rounding of products
    times the condition number, or in MINRES its square (Sleijpen, van der Vorst, Modersitzki, SIAM
    J. Matrix Anal. Appl. 22, 726 (2001)). Starting again from the measured residual brings it down
    to the rounding of one product.
    """
    right = residual = space.project(right)
    size = np.sqrt(space.dot(right, right))
    solution, reached = np.zeros_like(right), (size > 0.0).astype(float)
    stuck, done = np.zeros(len(right), bool), 0
    while done < steps and np.any(at_work := (reached > tolerance) & ~stuck):
        goals = np.minimum(0.9 * tolerance, 0.1 * reached) * size
        start = np.where(at_work[:, None], residual, 0.0)
        change, left, taken = recursion(apply, start, space, precondition, goals, steps - done)
        trial = solution + change
        # what few products add up to is as exact as the one product of their sum
        if done or taken > FEW:
            left = space.project(right - apply(trial))
            taken += 1
        done += taken
        found = np.sqrt(space.dot(left, left)) / np.where(size > 0.0, size, 1.0)
        better = at_work & (found < reached)
        stuck |= at_work & ~(found <= 0.5 * reached)
        solution, residual = (
            np.where(better[:, None], trial, solution),
            np.where(better[:, None], left, residual),
        )
        reached = np.where(better, found, reached)
    missed = ~(reached <= tolerance)
    if np.any(missed):
        allowed = np.where(
            missed, np.minimum(MARGIN * _rounding(apply, solution, space, size), WORST), tolerance
        )
        if not np.all(reached <= allowed):
            raise _not_converged(done, float(np.max(reached[~(reached <= allowed)])), tolerance)
    return Solution(solution, done, reached)


def _rounding(apply, vectors, space: Space, size) -> np.ndarray:
    """Of products with these vectors, beside the right-hand sides: what differs where all digits of
    the vectors are others.
    """
    image = space.project(apply(vectors))
    found = EPSILON * (np.sqrt(space.dot(image, image)) + size)
    for factor in (0.7, 1.3):
        other = space.project(apply(factor * vectors)) / factor - image
        found = np.maximum(found, np.sqrt(space.dot(other, other)))
    return found / np.where(size > 0.0, size, 1.0)


def _conjugate_gradients(apply, residual, space: Space, precondition, goals, steps: int):
    """Solution and residual of apply(x) = residual to |residual| ≤ goals, by its recursion, and the
    number of products.
    """
    solution = np.zeros_like(residual)
    direction = descent = space.project(precondition(residual))
    rho = space.dot(residual, descent)
    best, since = np.inf, 0
    for step in range(steps + 1):
        excess = _excess(residual, goals, space)
        moving = excess > 1.0
        best, since = (excess.max(), 0) if excess.max() < 0.9 * best else (best, since + 1)
        if not np.any(moving) or step == steps or since > 200:
            return solution, residual, step
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
    raise AssertionError("not reached")


def _minimal_residuals(apply, residual, space: Space, precondition, goals, steps: int):
    solution, previous, current = np.zeros_like(residual), np.zeros_like(residual), residual
    scaled = space.project(precondition(current))
    norm = np.sqrt(np.maximum(space.dot(current, scaled), 0.0))
    old_beta, beta, phi = np.zeros_like(norm), norm, norm.copy()
    delta_bar = epsilon = np.zeros_like(norm)
    cosine, sine = -np.ones_like(norm), np.zeros_like(norm)
    wide = wide_before = np.zeros_like(residual)
    best, since = np.inf, 0
    for step in range(steps + 1):
        excess = _excess(residual, goals, space)
        moving = (excess > 1.0)[:, None]
        best, since = (excess.max(), 0) if excess.max() < 0.9 * best else (best, since + 1)
        if not np.any(moving) or step == steps or since > 300:
            return solution, residual, step
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
        wide = (direction - old_epsilon[:, None] * before - delta[:, None] * wide_before) / gamma[
            :, None
        ]
        solution = solution + np.where(moving, tau[:, None] * wide, 0.0)
        following = (sine**2)[:, None] * residual - (phi * cosine)[:, None] * _over(current, beta)
        residual = np.where(moving, following, residual)
    raise AssertionError("not reached")


def lowest_eigenvalues(
    apply,
    space: Space,
    precondition,
    start: np.ndarray,
    scale: float,
    precision: float = 0.3,
    steps: int = 200,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The lowest eigenvalues, their uncertainty |Av - λv|, and the vectors, by LOBPCG from the rows
    of `start`.

    Knyazev, SIAM J. Sci. Comput. 23, 517 (2001). Ends when the sign of each of the lowest is
    certain: λ farther from zero than its uncertainty over `precision`, all up to the first positive
    one. scale: a curvature that is not small, to know what is zero.
    """
    count = len(start)
    vectors = _orthonormal(space.project(start), space)
    images = space.project(apply(vectors))
    conjugate = np.zeros((0, vectors.shape[1]))
    conjugate_images = conjugate
    values = errors = np.zeros(count)
    for step in range(steps):
        small = space.gram(vectors, images)
        values, turn = np.linalg.eigh(0.5 * (small + small.T))
        vectors, images = turn.T @ vectors, turn.T @ images
        residuals = images - values[:, None] * vectors
        errors = np.sqrt(space.dot(residuals, residuals))
        positive = np.flatnonzero(values > 0.0)
        needed = slice(0, positive[0] + 1 if len(positive) else count)
        if step >= FEW and np.all(
            (errors[needed] < precision * np.abs(values[needed])) | (errors[needed] < 1e-7 * scale)
        ):
            break
        search = space.project(precondition(residuals))
        search = _over(search, np.sqrt(space.dot(search, search)))
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
        conjugate, conjugate_images = _reduce(
            new - overlap @ vectors, new_images - overlap @ images, space
        )
        vectors, images = new, new_images
    return values, errors, vectors


def _orthonormal(vectors, space: Space):
    return _reduce(vectors, vectors, space)[0]


def _reduce(vectors, images, space: Space):
    """An orthonormal basis of the rows, and the same combinations of the images; nearly dependent
    ones drop out.
    """
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


def _excess(residual, goals, space: Space):
    """How far residuals are above their goals, which are zero where there is nothing to solve."""
    return np.sqrt(space.dot(residual, residual)) / np.where(goals > 0.0, goals, 1.0)


def _over(vectors, numbers):
    return vectors / np.where(numbers > 0.0, numbers, 1.0)[:, None]


def _ratio(a, b):
    return a / np.where(b != 0.0, b, 1.0)


def _not_converged(steps: int, reached: float, wanted: float) -> NotConverged:
    return NotConverged(
        f"The linear solve did not converge: relative residual {reached:.1e} after {steps} "
        f"products, {wanted:.1e} was needed, and "
        "rounding does not explain it; the structure may have a nearly free motion: hold a part "
        "of it (fixed=)."
    )
