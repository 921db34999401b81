"""Strains of the cell, in LAMMPS' order xx, yy, zz, yz, xz, xy: their kinds and matrices."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import AdfluxError

# rows are the strains that a cell of this kind makes
CELLS = {
    None: np.zeros((0, 6)),
    "iso": np.array([[1.0, 1.0, 1.0, 0.0, 0.0, 0.0]]),
    "aniso": np.eye(6)[:3],
    "tri": np.eye(6),
}

# rows and columns of the strains in a matrix
VOIGT = np.array([0, 1, 2, 1, 0, 0]), np.array([0, 1, 2, 2, 2, 1])


def check_cell(cell, periodic, verb: str, dimension: int = 3) -> None:
    """An AdfluxError unless `cell` names strains, and where it does, unless all boundaries of three
    dimensions are periodic.

    Parameters
    ----------
    cell
        None, "iso", "aniso", or "tri".
    periodic
        Which boundaries are periodic [3]; None where that is not known yet.
    verb
        What the cell was to do, for the sentence: relax, or respond.
    dimension
        Of the simulation.
    """
    if not (cell is None or isinstance(cell, str)) or cell not in CELLS:
        raise AdfluxError(f'cell must be None, "iso", "aniso" or "tri", but is {cell!r}.')
    if cell is not None and dimension != 3:
        raise AdfluxError(
            f"A cell can {verb} only in three dimensions, but LAMMPS has `dimension {dimension}`: "
            "leave cell=, pressure= and elastic constants out."
        )
    if cell is not None and periodic is not None and not np.all(periodic):
        raise AdfluxError(
            f"A cell can {verb} only where all its boundaries are periodic: set `boundary p p p`, "
            "or leave cell= out."
        )


def stretch(strain: Float[Array | np.ndarray, "6"]) -> Float[Array | np.ndarray, "3 3"]:
    """E, upper triangular, from LAMMPS' order xx, yy, zz, yz, xz, xy."""
    xx, yy, zz, yz, xz, xy = strain
    xp = np if isinstance(strain, np.ndarray) else jnp
    return xp.array([[xx, xy, xz], [0.0 * xx, yy, yz], [0.0 * xx, 0.0 * xx, zz]])


def deformation(strain: Float[Array | np.ndarray, "6"]) -> Float[Array | np.ndarray, "3 3"]:
    """F = 1 + E."""
    return np.eye(3) + stretch(strain)


def strain_slopes(
    row_gradients: Float[Array, "rows 3"], positions: Float[Array, "rows 3"]
) -> Float[Array, "6"]:
    """∂U/∂ε_ab = Σ_rows g_a r_b, in the order of the strain: the transpose of r → r @ Eᵀ."""
    m = row_gradients.T @ positions
    return jnp.stack([m[0, 0], m[1, 1], m[2, 2], m[1, 2], m[0, 2], m[0, 1]])
