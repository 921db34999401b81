"""Derivatives of a relaxed structure as a user gets them: atoms by id, numbers in LAMMPS' units."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Response(NamedTuple):
    """Change of a relaxed structure with a change δ of the parameters, and weights of one.

    Energies and lengths are in LAMMPS' units.

    Attributes
    ----------
    positions
        (dY/dΘ · δ) of this rank's atoms by ascending id, in the relaxed cell: the strain comes on
        top.
    strain
        xx, yy, zz, yz, xz, xy of LAMMPS' box: cell → cell · (1 + E)ᵀ.
    energy1
        First order of U.
    energy2
        Second order of U: U + energy1 + energy2 is the expansion.
    volume
        First order of the cell's volume.
    """

    positions: Float[np.ndarray, "atoms 3"]
    strain: Float[np.ndarray, "6"]
    energy1: float
    energy2: float
    volume: float


class Jacobian(NamedTuple):
    """dY/dΘ and dU/dΘ, a row for each parameter in the order of `jax.flatten_util.ravel_pytree`.

    Attributes
    ----------
    positions
        Of this rank's atoms by ascending id, in the relaxed cell.
    strain
        xx, yy, zz, yz, xz, xy of LAMMPS' box.
    energy
        dU/dΘ along relaxed structures.
    """

    positions: Float[np.ndarray, "parameters atoms 3"]
    strain: Float[np.ndarray, "parameters 6"]
    energy: Float[np.ndarray, " parameters"]
