"""Products of features with spherical harmonics, on irreducible representations of O(3).

Features of degree l have the parity (-1)^l and are arrays [rows, 2l + 1, channels]. Conventions of
e3nn: Geiger, Smidt, arXiv:2207.09453.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


class Path(NamedTuple):
    """Degree `feature` of a feature times degree `harmonic` of the harmonics gives `result`."""

    feature: int
    harmonic: int
    result: int


def paths(features: tuple[int, ...], highest: int, results: tuple[int, ...]) -> list[Path]:
    """The paths that parity and the triangle rule allow, sorted by degree of the result.

    highest: degree up to which there are harmonics.
    """
    allowed = [
        Path(feature, harmonic, result)
        for feature in features
        for harmonic in range(highest + 1)
        for result in range(abs(feature - harmonic), feature + harmonic + 1)
        if result in results and (feature + harmonic + result) % 2 == 0
    ]
    return sorted(allowed, key=lambda path: path.result)


@functools.cache
def coupling(path: Path) -> np.ndarray:
    """√(2l + 1) times the Clebsch-Gordan coefficients [feature, harmonic, result], l of the
    result.
    """
    # imports take a second, which other potentials need not wait for
    import e3nn_jax as e3nn

    with jax.ensure_compile_time_eval():
        coefficients = np.asarray(e3nn.clebsch_gordan(*path), float)
    return coefficients * np.sqrt(2 * path.result + 1)


def harmonics(
    vectors: Float[Array, "pairs 3"], highest: int
) -> dict[int, Float[Array, "pairs components"]]:
    """Spherical harmonics of the directions by degree, with a mean square of one."""
    import e3nn_jax as e3nn

    values = e3nn.spherical_harmonics(
        e3nn.s2_irreps(highest), vectors, normalize=True, normalization="component"
    ).array
    ends = np.cumsum([2 * degree + 1 for degree in range(highest + 1)])
    return dict(enumerate(jnp.split(values, ends[:-1], axis=1)))


def product(
    path: Path,
    features: Float[Array, "pairs components channels"],
    direction: Float[Array, "pairs harmonics"],
    weights: Float[Array, "pairs channels"],
) -> Float[Array, "pairs results channels"]:
    """w_u Σ_ij C_ijk x_iu Y_j, for each channel u."""
    rotation = jnp.einsum("pj,ijk->pik", direction, coupling(path).astype(direction.dtype))
    return weights[:, None, :] * _rotate(rotation, features)


@jax.custom_jvp
def _rotate(rotation, features):
    """Σ_i R_ik x_iu of each pair."""
    # products and sums that XLA fuses into one loop over the channels
    terms = [rotation[:, i, :, None] * features[:, i, None, :] for i in range(features.shape[1])]
    return sum(terms[1:], start=terms[0])


@_rotate.defjvp
def _rotate_jvp(primals, tangents):
    # matrix products, a small one for each pair: slower by themselves, but their transposes are
    # four times as fast as those of the loop
    (rotation, features), (rotations, changes) = primals, tangents
    product = functools.partial(jnp.einsum, "pik,piu->pku")
    return _rotate(rotation, features), product(rotation, changes) + product(rotations, features)
