"""What one pair adds to the density around its atom."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .bispectrum import coefficients


def pair_density(
    potential, vectors, cutoffs, weights, inside
) -> tuple[Float[Array, "numbers pairs"], Float[Array, " pairs"]]:
    """U_j(r_p), and weight · switching function."""
    # a pair that does not count is evaluated at a harmless place, so that no gradient is NaN
    # there
    x, y, z = jnp.where(inside, vectors.T, 0.5)
    cutoffs = jnp.where(inside, cutoffs, 2.0)
    r = jnp.sqrt(x * x + y * y + z * z)
    angle = (r - potential.rmin0) * np.pi / (cutoffs - potential.rmin0)
    switch = 0.5 * (jnp.cos(angle) + 1.0) if potential.switch else jnp.ones_like(r)
    if potential.switch and potential.rmin0 > 0.0:
        switch = jnp.where(r <= potential.rmin0, 1.0, switch)
    sine, cosine = jnp.sin(potential.rfac0 * angle), jnp.cos(potential.rfac0 * angle)
    # LAMMPS: z0 = r / tan θ0, a = (z0 - iz) / √(r² + z0²), b = (y - ix) / √(r² + z0²)
    a_and_b = (
        cosine * jnp.sign(sine),
        -jnp.abs(sine) * z / r,
        jnp.abs(sine) * y / r,
        -jnp.abs(sine) * x / r,
    )
    # without the barrier XLA would evaluate sines once for every number
    quaternion, weight = jax.lax.optimization_barrier(
        (jnp.stack(a_and_b), jnp.where(inside, weights * switch, 0.0))
    )
    return coefficients(quaternion, potential.twojmax), weight
