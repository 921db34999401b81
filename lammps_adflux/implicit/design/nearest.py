"""The nearest periodic image of a vector, in a cell of any shape: JAX functions."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

SHORTER = 1.0 - 1e-10  # a cell vector is replaced by one whose square is less than so much of its


@jax.jit
def nearest_images(
    vectors: Float[Array | np.ndarray, "n 3"], lattice: Float[Array | np.ndarray, "k 3"]
) -> Float[Array, "n 3"]:
    """Vectors less the combinations of lattice vectors that make them shortest.

    Which these are is not differentiated.
    """
    vectors, lattice = jnp.asarray(vectors), jnp.asarray(lattice)
    fixed = jax.lax.stop_gradient(lattice)
    steps = _closest(jax.lax.stop_gradient(vectors), _reduced(fixed))
    return vectors - jnp.round(_coordinates(steps, fixed)) @ lattice


def _closest(vectors: Float[Array, "n 3"], reduced: Float[Array, "k 3"]) -> Float[Array, "n 3"]:
    """The points of a lattice that are closest to vectors: among the neighbours of the rounded
    coordinates, which is enough where its vectors are as short as they can be.
    """
    near = jnp.round(_coordinates(vectors, reduced)) @ reduced
    shifts = np.array(list(product((0.0, -1.0, 1.0), repeat=len(reduced))))
    points = near[:, None] + shifts @ reduced
    best = jnp.argmin(jnp.sum((vectors[:, None] - points) ** 2, axis=2), axis=1)
    return points[jnp.arange(len(vectors)), best]


def _reduced(lattice: Float[Array, "k 3"]) -> Float[Array, "k 3"]:
    """The same lattice by shortest vectors: Nguyen and Stehlé, ACM Trans. Algorithms 5, 46
    (2009).
    """
    if len(lattice) < 2:
        return lattice

    def shorten(state):
        rows = state[0]
        rows = rows[jnp.argsort(jnp.sum(rows**2, axis=1))]
        first, last = _reduced(rows[:-1]), rows[-1:]
        shorter = last - _closest(last, first)
        drops = jnp.sum(shorter**2) < SHORTER * jnp.sum(last**2)
        return jnp.concatenate([first, jnp.where(drops, shorter, last)]), drops

    return jax.lax.while_loop(lambda state: state[1], shorten, (lattice, jnp.asarray(True)))[0]


def _coordinates(vectors: Float[Array, "n 3"], lattice: Float[Array, "k 3"]) -> Float[Array, "n k"]:
    """Of the projections of vectors onto what the lattice spans."""
    return vectors @ lattice.T @ jnp.linalg.inv(lattice @ lattice.T)
