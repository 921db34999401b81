"""Strains of the cell in LAMMPS' order xx, yy, zz, yz, xz, xy, and which of them each kind of
relaxation may make.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

CELLS = {
    None: np.zeros((0, 6)),
    "iso": np.array([[1.0, 1.0, 1.0, 0.0, 0.0, 0.0]]),
    "aniso": np.eye(6)[:3],
    "tri": np.eye(6),
}


def stretch(strain: Float[Array | np.ndarray, "6"]) -> Float[Array | np.ndarray, "3 3"]:
    """E, upper triangular, from LAMMPS' order xx, yy, zz, yz, xz, xy."""
    xx, yy, zz, yz, xz, xy = strain
    xp = np if isinstance(strain, np.ndarray) else jnp
    return xp.array([[xx, xy, xz], [0.0 * xx, yy, yz], [0.0 * xx, 0.0 * xx, zz]])


def deformation(strain: Float[Array | np.ndarray, "6"]) -> Float[Array | np.ndarray, "3 3"]:
    """F = 1 + E."""
    return np.eye(3) + stretch(strain)


def strain_slopes(
    pulls: Float[Array, "rows 3"], places: Float[Array, "rows 3"]
) -> Float[Array, "6"]:
    """The slope by the strain, Σ pull_a place_b in the order of the strain: the transpose of places
    @ Eᵀ.
    """
    m = pulls.T @ places
    return jnp.stack([m[0, 0], m[1, 1], m[2, 2], m[1, 2], m[0, 2], m[0, 1]])
