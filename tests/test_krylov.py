"""The iterative solvers against dense linear algebra."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from comparing import close

from lammps_adflux import AdfluxError
from lammps_adflux.implicit.krylov import (
    NegativeCurvature,
    conjugate_gradients,
    lowest_eigenvalues,
    minimal_residuals,
)
from lammps_adflux.implicit.recycling import Update, conjugate


class OneRank:
    """A space with one direction projected out."""

    def __init__(self, size):
        self.null = np.ones(size) / np.sqrt(size)

    def dot(self, a, b):
        return np.einsum("kn,kn->k", a, b)

    def gram(self, a, b):
        return a @ b.T

    def project(self, vectors):
        return vectors - (vectors @ self.null)[:, None] * self.null


def operator(eigenvalues, seed=0):
    """A symmetric matrix with these eigenvalues, and a zero for the direction that is projected
    out.
    """
    size = len(eigenvalues) + 1
    random = np.random.default_rng(seed).normal(size=(size, size))
    random[:, 0] = 1.0
    basis = np.linalg.qr(random)[0]
    return (basis * np.concatenate([[0.0], eigenvalues])) @ basis.T


def relative_residuals(matrix, right, solution):
    right = OneRank(len(matrix)).project(right)
    size = np.linalg.norm(right, axis=1)
    return np.linalg.norm(right - solution @ matrix, axis=1) / np.where(size > 0.0, size, 1.0)


class Rounded:
    """Products with a matrix that rounds in `level` of its norm, otherwise at each call: as another
    processor would.
    """

    def __init__(self, matrix, level, seed):
        self.matrix, self.level, self.random = (
            matrix,
            level * np.linalg.norm(matrix, 2),
            np.random.default_rng(seed),
        )

    def __call__(self, vectors):
        noise = self.random.normal(size=vectors.shape)
        noise *= np.linalg.norm(vectors, axis=1, keepdims=True) / np.linalg.norm(
            noise, axis=1, keepdims=True
        )
        return vectors @ self.matrix + self.level * noise


POSITIVE = np.concatenate([[0.01, 0.01, 0.3], np.linspace(1.0, 50.0, 36)])
INDEFINITE = np.concatenate([[-3.0, -3.0, -0.2, 0.1], np.linspace(1.0, 50.0, 35)])


def jacobi(vectors):
    return vectors / np.linspace(1.0, 3.0, vectors.shape[1])


@pytest.mark.parametrize("precondition", (lambda vectors: vectors, jacobi))
@pytest.mark.parametrize(
    "solve, eigenvalues",
    (
        (conjugate_gradients, POSITIVE),
        (minimal_residuals, POSITIVE),
        (minimal_residuals, INDEFINITE),
    ),
)
def test_solvers_equal_the_pseudo_inverse(solve, eigenvalues, precondition):
    matrix = operator(eigenvalues)
    space = OneRank(len(matrix))
    right = np.random.default_rng(1).normal(size=(3, len(matrix)))
    right[2] = 0.0
    found, products, residuals = solve(lambda v: v @ matrix, right, space, precondition, 1e-12, 400)
    wanted = space.project(right) @ np.linalg.pinv(matrix, rcond=1e-10)
    # the residual is 1e-12, the condition number 5e3
    assert np.allclose(found, wanted, rtol=0, atol=1e-8 * np.abs(wanted).max())
    assert products > 5
    assert np.allclose(residuals, relative_residuals(matrix, right, found), rtol=0, atol=1e-13)


def test_conjugate_gradients_say_where_the_operator_is_not_positive():
    matrix = operator(INDEFINITE)
    with pytest.raises(NegativeCurvature):
        conjugate_gradients(
            lambda v: v @ matrix,
            np.ones((1, len(matrix))).cumsum(axis=1),
            OneRank(len(matrix)),
            jacobi,
            1e-10,
            400,
        )


def test_a_solve_that_does_not_converge_is_an_error():
    matrix = operator(POSITIVE)
    for solve in (conjugate_gradients, minimal_residuals):
        with pytest.raises(AdfluxError, match="did not converge"):
            solve(
                lambda v: v @ matrix,
                np.eye(len(matrix))[:1],
                OneRank(len(matrix)),
                jacobi,
                1e-12,
                3,
            )


@pytest.mark.parametrize("level", (1e-15, 1e-14, 1e-13))
@pytest.mark.parametrize("precondition", (lambda vectors: vectors, jacobi))
@pytest.mark.parametrize(
    "solve, eigenvalues",
    (
        (conjugate_gradients, POSITIVE),
        (minimal_residuals, POSITIVE),
        (minimal_residuals, INDEFINITE),
    ),
)
def test_rounding_of_products_limits_a_solve_but_does_not_end_it(
    solve, eigenvalues, precondition, level
):
    condition = np.abs(eigenvalues).max() / np.abs(eigenvalues).min()
    for seed in range(10):
        matrix = operator(eigenvalues, seed)
        space = OneRank(len(matrix))
        right = np.random.default_rng(seed).normal(size=(2, len(matrix)))
        found = solve(Rounded(matrix, level, seed), right, space, precondition, 1e-12, 400)
        wanted = space.project(right) @ np.linalg.pinv(matrix, rcond=1e-10)
        errors = np.linalg.norm(found.vectors - wanted, axis=1) / np.linalg.norm(wanted, axis=1)
        # what a tolerance of 1e-12 and perturbations of the matrix by `level` allow
        assert errors.max() <= condition * (1e-12 + 3.0 * level), (seed, errors)
        assert found.residuals.max() <= 1e-12 + condition * level


@pytest.mark.parametrize("solve", (conjugate_gradients, minimal_residuals))
def test_a_residual_that_cannot_be_reached_is_told(solve):
    matrix = operator(POSITIVE)
    space = OneRank(len(matrix))
    right = np.random.default_rng(3).normal(size=(2, len(matrix)))
    found = solve(Rounded(matrix, 1e-13, 3), right, space, jacobi, 1e-15, 1000)
    true = relative_residuals(matrix, right, found.vectors)
    assert np.all(found.residuals > 1e-14) and np.all(true < 10.0 * found.residuals)


# what looks like rounding and is none: directions without a stiffness, beside rounding of 1e-15
FREE = {
    "singular": np.concatenate([[0.0], POSITIVE[1:]]),
    "singular to rounding": np.concatenate([[1e-14], POSITIVE[1:]]),
    "nearly free": np.concatenate([[1e-10], POSITIVE[1:]]),
}


@pytest.mark.parametrize("level", (0.0, 1e-15))
@pytest.mark.parametrize("free", FREE)
@pytest.mark.parametrize("solve", (conjugate_gradients, minimal_residuals))
def test_a_free_motion_is_not_taken_for_rounding(solve, free, level):
    matrix = operator(FREE[free])
    for seed in range(3):
        right = np.random.default_rng(seed).normal(size=(2, len(matrix)))
        try:
            found = solve(
                Rounded(matrix, level, seed), right, OneRank(len(matrix)), jacobi, 1e-11, 400
            )
        except (AdfluxError, NegativeCurvature):
            continue
        # refusing is not an obligation where the digits suffice, but a wrong solution is an error
        assert free == "nearly free"
        wanted = np.linalg.solve(
            matrix + np.ones_like(matrix), OneRank(len(matrix)).project(right).T
        ).T
        assert np.allclose(found.vectors, wanted, rtol=0, atol=1e-2 * np.abs(wanted).max())


@pytest.mark.parametrize("solve", (conjugate_gradients, minimal_residuals))
def test_products_that_are_no_symmetric_operator_are_an_error(solve):
    matrix = operator(POSITIVE)
    space = OneRank(len(matrix))
    right = np.random.default_rng(4).normal(size=(1, len(matrix)))
    skew = np.triu(20.0 * np.random.default_rng(5).normal(size=matrix.shape), 1)
    for apply in (
        lambda v: v @ (matrix + skew - skew.T),
        lambda v: v * np.nan,
        lambda v: v @ matrix + np.linspace(0.0, 1.0, v.size),
    ):
        with pytest.raises((AdfluxError, NegativeCurvature)):
            solve(apply, right, space, jacobi, 1e-11, 100)


class Half:
    """One of two ranks: threads that add up their halves of each scalar product."""

    def __init__(self, rank, shared, barrier):
        self.rank, self.shared, self.barrier = rank, shared, barrier

    def sum(self, value):
        self.shared[self.rank] = value
        self.barrier.wait(20)
        total = self.shared[0] + self.shared[1]
        self.barrier.wait(20)
        return total

    def dot(self, a, b):
        return self.sum(np.einsum("kn,kn->k", a, b))

    def gram(self, a, b):
        return self.sum(a @ b.T)

    def project(self, vectors):
        return vectors


@pytest.mark.parametrize("eigenvalues", (POSITIVE, np.concatenate([[0.0, 1e-14], POSITIVE[2:]])))
@pytest.mark.parametrize("solve", (conjugate_gradients, minimal_residuals))
def test_ranks_end_together(solve, eigenvalues):
    matrix = operator(eigenvalues) + 1.0
    right = np.random.default_rng(6).normal(size=(2, len(matrix)))
    shared, barrier = [None, None], threading.Barrier(2)

    def one(rank):
        half = Half(rank, shared, barrier)
        mine = np.s_[:, :13] if rank == 0 else np.s_[:, 13:]
        random = np.random.default_rng(rank)

        def apply(vectors):
            whole = np.zeros((len(vectors), len(matrix)))
            whole[mine] = vectors
            product = (half.sum(whole) @ matrix)[mine]
            # the ranks round each in its own way
            return product * (1.0 + 1e-13 * random.normal(size=product.shape))

        try:
            return solve(apply, right[mine], half, lambda vectors: vectors, 1e-12, 300)
        except (AdfluxError, NegativeCurvature) as error:
            return repr(error)
        except threading.BrokenBarrierError:
            return "the other rank had ended"

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(one, (0, 1))
    if isinstance(first, str) or isinstance(second, str):
        assert first == second and "had ended" not in first and eigenvalues[0] == 0.0
    else:
        assert first.products == second.products and np.array_equal(
            first.residuals, second.residuals
        )


@pytest.mark.parametrize("eigenvalues, negative", ((POSITIVE, 0), (INDEFINITE, 3)))
def test_lowest_eigenvalues_tell_the_index(eigenvalues, negative):
    matrix = operator(eigenvalues)
    space = OneRank(len(matrix))
    start = space.project(np.random.default_rng(2).normal(size=(5, len(matrix))))
    values, errors, _ = lowest_eigenvalues(lambda v: v @ matrix, space, lambda v: v, start, 50.0)
    assert (values < 0).sum() == negative
    # each is within its own error of an eigenvalue: of the first positive one no more is asked
    sure = slice(0, negative + 1)
    assert np.all(np.abs(values - np.sort(eigenvalues)[:5])[sure] <= 2.0 * errors[sure] + 1e-6)


def test_pairs_make_a_positive_preconditioner_that_is_exact_on_them():
    matrix, random = operator(np.geomspace(1e-3, 1.0, 30)), np.random.default_rng(1)
    space = OneRank(31)
    vectors = space.project(random.normal(size=(12, 31)))
    images = vectors @ matrix
    update = Update(jacobi, space, *conjugate(vectors, images, space))
    inverse = update(space.project(np.eye(31)))
    close(inverse, inverse.T, 1e-10)
    curvatures = np.linalg.eigvalsh(0.5 * (inverse + inverse.T))
    assert abs(curvatures[0]) < 1e-9 and curvatures[1] > 0.1  # what is projected out, and the rest
    close(update(images), vectors, 1e-8)


def test_pairs_of_an_older_operator_still_shorten_a_solve():
    matrix, random = operator(np.geomspace(1e-4, 1.0, 40)), np.random.default_rng(1)
    space, right = OneRank(41), random.normal(size=(1, 41))
    change = space.project(space.project(random.normal(size=(41, 41))).T)
    other = matrix + 1e-6 * (change + change.T)
    pairs = conjugate(space.project(np.eye(41)), matrix, space)
    products = [
        conjugate_gradients(lambda v: v @ other, right, space, base, 1e-10, 2000).products
        for base in (jacobi, Update(jacobi, space, *pairs))
    ]
    assert products[1] < 0.5 * products[0]
