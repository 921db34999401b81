"""Bispectrum components of densities on the three-sphere, through a quadrature on it.

A density around an atom, mapped onto the sphere S³ of unit quaternions, has the coefficients U_j
(Wigner functions of SU(2), j = 0, ½, 1, …). Its part of degree 2j is the real function

    f_j(g) = Σ_{mm'} conj(D^j_{mm'}(g)) U_{j,mm'},

and since Clebsch–Gordan coefficients are integrals of three Wigner functions, the bispectrum of
Bartók et al. (Phys. Rev. B 87, 184115 (2013), eq. 28) and of LAMMPS' SNAP is the integral of three
such parts,

    B_{j1 j2 j} = Σ conj(U_j) (C U_j1 U_j2 C) = (2j + 1) ∫ f_j1 f_j2 f_j dg.

The integrand is a polynomial, so a finite quadrature is exact: matrix products instead of sums over
Clebsch–Gordan coefficients. A test compares with those.
"""

from functools import cache, partial
from itertools import product
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


class Quadrature(NamedTuple):
    """Points g on S³, exact for f_j1 f_j2 f_j up to the degree twojmax."""

    weights: np.ndarray  # [points], their sum is 1
    # for each degree 2j: [(2j+1)², points], turns coefficients into f_j(g)
    harmonics: tuple[np.ndarray, ...]


@cache
def quadrature(twojmax: int) -> Quadrature:
    """Euler angles: equidistant in α and γ, Gauss–Legendre in cos β."""
    order = 3 * twojmax // 2  # highest (whole) spin of the integrand
    nodes, weights = np.polynomial.legendre.leggauss(order // 2 + 1)
    turns = 2.0 * np.pi * np.arange(order + 1) / (order + 1)
    alpha, beta, gamma = (
        grid.ravel() for grid in np.meshgrid(turns, np.arccos(nodes), turns, indexing="ij")
    )
    a = np.cos(beta / 2) * np.exp(-0.5j * (alpha + gamma))
    b = np.sin(beta / 2) * np.exp(-0.5j * (alpha - gamma))
    harmonics = np.asarray(
        _coefficients((np.real(a), np.imag(a), np.real(b), np.imag(b)), twojmax, np)
    )
    parts = np.split(harmonics, np.cumsum([(degree + 1) ** 2 for degree in range(twojmax)]))
    weight = np.broadcast_to(
        (weights / 2 / len(turns) ** 2)[None, :, None], (len(turns), len(nodes), len(turns))
    )
    return Quadrature(weight.ravel(), tuple(parts))


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def coefficients(
    quaternion: Float[Array, "4 pairs"], twojmax: int
) -> Float[Array, "numbers pairs"]:
    """U_j of a unit quaternion (Re a, Im a, Re b, Im b) for 2j = 0 … twojmax as Σ (2j+1)²
    independent real numbers.

    U is the matrix of LAMMPS' `SNA::compute_uarray`. Since U_{-m,-m'} = (-1)^{m-m'} conj(U_{mm'}),
    one half determines it; the numbers are scaled so that Σ conj(U) V is the scalar product.
    """
    return _coefficients(quaternion, twojmax, jnp)


@coefficients.defjvp
def _coefficients_jvp(twojmax: int, primals, tangents):
    # U is a representation: turning q by q·ω turns U by Σ_k ω_k X_k U with constant, sparse
    # generators X_k
    (quaternion,), (change,) = primals, tangents
    numbers = coefficients(quaternion, twojmax)
    turned = jnp.zeros_like(numbers)
    for field, generator in zip(_fields(quaternion), generators(twojmax), strict=True):
        along = sum(
            jnp.asarray(factors[:, None], numbers.dtype) * numbers[columns]
            for columns, factors in generator
        )
        turned = turned + jnp.sum(field * change, axis=0) * along
    return numbers, turned


def _fields(quaternion):
    """q·i, q·j, q·k: three tangents of S³ at q [4, pairs], orthonormal."""
    w, x, y, z = quaternion
    rows = (-x, w, z, -y), (-y, -z, w, x), (-z, y, -x, w)
    xp = np if isinstance(quaternion, np.ndarray) else jnp
    return [xp.stack(row) for row in rows]


@cache
def generators(twojmax: int) -> tuple:
    """X_k with dU = X_k U along the tangent field k; each as (columns, factors) of its nonzeros,
    row by row.
    """
    points = np.random.default_rng(0).normal(size=(4, 2 * (twojmax + 1) ** 2))
    points /= np.linalg.norm(points, axis=0)
    here = np.asarray(_coefficients(points, twojmax, np))
    found = []
    for field in _fields(points):
        step = 1e-30  # a complex step: exact derivative of a polynomial
        there = _coefficients(points + 1j * step * field, twojmax, np).imag / step
        matrix = np.zeros((len(here), len(here)))
        start = 0
        for degree in range(twojmax + 1):
            block = slice(start, start := start + (degree + 1) ** 2)
            matrix[block, block] = np.linalg.lstsq(here[block].T, there[block].T)[0].T
        # squares of whole and half numbers
        matrix = np.sign(matrix) * np.sqrt(np.round(matrix**2 * 4.0) / 4.0)
        terms = []
        while matrix.any():
            columns = np.argmax(np.abs(matrix), axis=1)
            rows = np.arange(len(matrix))
            terms.append((columns, matrix[rows, columns]))
            matrix[rows, columns] = 0.0
        found.append(tuple(terms))
    return tuple(found)


def unity(twojmax: int) -> np.ndarray:
    """The coefficients of the unit matrix, LAMMPS' self-contribution [numbers]."""
    one = np.ones(1)
    return np.asarray(_coefficients((one, 0 * one, 0 * one, 0 * one), twojmax, np))[:, 0]


def triples(twojmax: int) -> list[tuple[int, int, int]]:
    """(2j1, 2j2, 2j) of the components, in the order of LAMMPS."""
    return [
        (j1, j2, j)
        for j1 in range(twojmax + 1)
        for j2 in range(j1 + 1)
        for j in range(j1 - j2, min(twojmax, j1 + j2) + 1, 2)
        if j >= j1
    ]


def bispectrum(
    coefficients: Float[Array, "atoms channels numbers"], twojmax: int, normalized: bool
) -> Float[Array, "atoms components"]:
    """B of each atom, over (channel 1, channel 2, channel, triple) in the order of LAMMPS.

    normalized: B / (2j + 1), LAMMPS' bnormflag.
    """
    weights, harmonics = quadrature(twojmax)
    dtype = coefficients.dtype
    channels = range(coefficients.shape[1])
    ends = np.cumsum([len(h) for h in harmonics])[:-1]
    # points side by side in memory: loops over them take half the time of loops over atoms;
    # GPUs would take TF32, which has 10 bits
    f = [
        [
            jnp.matmul(part, jnp.asarray(h, dtype), precision="highest")
            for h, part in zip(
                harmonics, jnp.split(coefficients[:, channel], ends, axis=1), strict=True
            )
        ]
        for channel in channels
    ]
    # unrolled over triples, so that XLA makes one loop over the points of each: twice as fast as
    # batched products
    weights = jnp.asarray(weights, dtype)
    components = []
    for first, second, third in product(channels, repeat=3):
        for j1, j2, j in triples(twojmax):
            integral = jnp.sum(weights * f[first][j1] * f[second][j2] * f[third][j], axis=1)
            components.append(integral if normalized else (j + 1.0) * integral)
    return jnp.stack(components, axis=1)


def _coefficients(quaternion, twojmax: int, xp):
    """The recursion of Varshalovich, section 4.8.2, over columns m' ≤ 0: arrays [columns, rows,
    pairs], real and imaginary.
    """
    a_real, a_imaginary, b_real, b_imaginary = quaternion
    real, imaginary = xp.ones_like(a_real)[None, None], xp.zeros_like(a_real)[None, None]
    numbers = [real[0]]
    for degree in range(1, twojmax + 1):
        # the middle column follows from one that the last degree has, by symmetry
        if degree % 2 == 0:
            sign = np.where((np.arange(degree) + degree // 2) % 2, -1.0, 1.0)[:, None].astype(
                real.dtype
            )
            real = xp.concatenate([real, (sign * real[-1, ::-1])[None]])
            imaginary = xp.concatenate([imaginary, (-sign * imaginary[-1, ::-1])[None]])
        column, row = np.arange(degree // 2 + 1)[:, None, None], np.arange(degree)[None, :, None]
        stay = np.sqrt((degree - row) / (degree - column)).astype(real.dtype)
        up = -np.sqrt((row + 1) / (degree - column)).astype(real.dtype)
        padding = ((0, 0), (0, 1), (0, 0)), ((0, 0), (1, 0), (0, 0))
        real, imaginary = (
            xp.pad(stay * (a_real * real + a_imaginary * imaginary), padding[0])
            + xp.pad(up * (b_real * real + b_imaginary * imaginary), padding[1]),
            xp.pad(stay * (a_real * imaginary - a_imaginary * real), padding[0])
            + xp.pad(up * (b_real * imaginary - b_imaginary * real), padding[1]),
        )
        numbers += _independent(real, imaginary, degree, xp)
    return xp.concatenate(numbers)


def _independent(real, imaginary, degree: int, xp) -> list:
    """(degree + 1)² rows of real numbers: the columns left of the middle, and half of the middle
    one.
    """
    half, root = (degree + 1) // 2, np.sqrt(2.0).astype(real.dtype)
    pairs = real.shape[-1]
    rows = [root * part[:half].reshape(-1, pairs) for part in (real, imaginary)]
    if degree % 2 == 0:
        rows += [
            root * real[half, :half],
            real[half, half : half + 1],
            root * imaginary[half, :half],
        ]
    return rows
