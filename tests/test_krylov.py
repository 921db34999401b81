"""The iterative solvers against dense linear algebra."""

import numpy as np
import pytest

from lammps_adflux import AdfluxError
from lammps_adflux.krylov import NegativeCurvature, conjugate_gradients, lowest_eigenvalues, minimal_residuals


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
    """A symmetric matrix with these eigenvalues, and a zero for the direction that is projected out."""
    size = len(eigenvalues) + 1
    random = np.random.default_rng(seed).normal(size=(size, size))
    random[:, 0] = 1.0
    basis = np.linalg.qr(random)[0]
    return (basis * np.concatenate([[0.0], eigenvalues])) @ basis.T


POSITIVE = np.concatenate([[0.01, 0.01, 0.3], np.linspace(1.0, 50.0, 36)])
INDEFINITE = np.concatenate([[-3.0, -3.0, -0.2, 0.1], np.linspace(1.0, 50.0, 35)])


def jacobi(vectors):
    return vectors / np.linspace(1.0, 3.0, vectors.shape[1])


@pytest.mark.parametrize("precondition", (lambda vectors: vectors, jacobi))
@pytest.mark.parametrize(
    "solve, eigenvalues",
    ((conjugate_gradients, POSITIVE), (minimal_residuals, POSITIVE), (minimal_residuals, INDEFINITE)),
)
def test_solvers_equal_the_pseudo_inverse(solve, eigenvalues, precondition):
    matrix = operator(eigenvalues)
    space = OneRank(len(matrix))
    right = np.random.default_rng(1).normal(size=(3, len(matrix)))
    right[2] = 0.0
    found, products = solve(lambda v: v @ matrix, right, space, precondition, 1e-12, 400)
    wanted = space.project(right) @ np.linalg.pinv(matrix, rcond=1e-10)
    # the residual is 1e-12, the condition number 5e3
    assert np.allclose(found, wanted, rtol=0, atol=1e-8 * np.abs(wanted).max())
    assert products > 5


def test_conjugate_gradients_say_where_the_operator_is_not_positive():
    matrix = operator(INDEFINITE)
    with pytest.raises(NegativeCurvature):
        conjugate_gradients(
            lambda v: v @ matrix, np.ones((1, len(matrix))).cumsum(axis=1), OneRank(len(matrix)), jacobi, 1e-10, 400
        )


def test_a_solve_that_does_not_converge_is_an_error():
    matrix = operator(POSITIVE)
    for solve in (conjugate_gradients, minimal_residuals):
        with pytest.raises(AdfluxError, match="did not converge"):
            solve(lambda v: v @ matrix, np.eye(len(matrix))[:1], OneRank(len(matrix)), jacobi, 1e-12, 3)


@pytest.mark.parametrize("eigenvalues, negative", ((POSITIVE, 0), (INDEFINITE, 3)))
def test_lowest_eigenvalues_tell_the_index(eigenvalues, negative):
    matrix = operator(eigenvalues)
    space = OneRank(len(matrix))
    start = space.project(np.random.default_rng(2).normal(size=(5, len(matrix))))
    values, errors = lowest_eigenvalues(lambda v: v @ matrix, space, lambda v: v, start, 50.0)
    assert (values < 0).sum() == negative
    # each is within its own error of an eigenvalue: of the first positive one no more is asked
    sure = slice(0, negative + 1)
    assert np.all(np.abs(values - np.sort(eigenvalues)[:5])[sure] <= 2.0 * errors[sure] + 1e-6)
