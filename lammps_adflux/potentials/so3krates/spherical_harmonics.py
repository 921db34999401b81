"""Real spherical harmonics of any degree."""

import math
from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float


def spherical_harmonics(
    directions: Float[Array, "pairs 3"], degrees: Sequence[int]
) -> Float[Array, "pairs components"]:
    """Y_lm for each l of `degrees`, m = -l … l, at unit vectors (x, y, z).

    Orthonormal on the sphere (∫ Y² = 1), without the Condon-Shortley sign, as in mlff:

        Y_lm = N_lm Q_l^|m|(z) · {Im (x+iy)^|m| for m < 0; 1 for m = 0; Re (x+iy)^m for m > 0}
        N_lm = √[(2l+1)/4π · (2 - δ_m0) (l-|m|)!/(l+|m|)!],   Q_l^m = d^m P_l/dz^m

    with Legendre polynomials P_l, so that every Y_lm is a polynomial: no angles, no gradient is
    singular. l = 1 gives √(3/4π) (y, z, x).
    """
    x, y, z = directions[:, 0], directions[:, 1], directions[:, 2]
    top = max(degrees)
    powers = [(jnp.ones_like(x), jnp.zeros_like(x))]  # real and imaginary part of (x+iy)^m
    for _ in range(top):
        real, imaginary = powers[-1]
        powers.append((x * real - y * imaginary, x * imaginary + y * real))
    legendre = {}  # Q_l^m by the recurrence (l-m) Q_l^m = (2l-1) z Q_{l-1}^m - (l+m-1) Q_{l-2}^m
    for m in range(top + 1):
        legendre[m, m] = jnp.full_like(z, math.prod(range(1, 2 * m, 2)))
        for degree in range(m + 1, top + 1):
            below = (degree + m - 1) * legendre[degree - 2, m] if degree > m + 1 else 0.0
            legendre[degree, m] = ((2 * degree - 1) * z * legendre[degree - 1, m] - below) / (
                degree - m
            )

    def component(degree: int, m: int):
        k = abs(m)
        squared = (
            (2 * degree + 1)
            / (4.0 * math.pi)
            * math.factorial(degree - k)
            / math.factorial(degree + k)
        )
        return (
            math.sqrt(2.0 * squared if m else squared)
            * legendre[degree, k]
            * powers[k][1 if m < 0 else 0]
        )

    return jnp.stack(
        [component(degree, m) for degree in degrees for m in range(-degree, degree + 1)], axis=1
    )
