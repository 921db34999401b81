"""Second derivatives of a small relaxed structure as full matrices: the check of all else."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ..errors import AdfluxError
from ..parallel.system import Whole
from .operator import Operator
from .parameters import Choice, directions

ATOMS = 2000


class Dense(NamedTuple):
    """All matrices of a small system; rows and columns are (atoms by id, xyz), then strains."""

    hessian: Float[np.ndarray, "motions motions"]
    mixed: Float[np.ndarray, "parameters motions"]  # ∂²U/∂Θ∂Y
    positions: Float[np.ndarray, "parameters atoms 3"]
    strain: Float[np.ndarray, "parameters 6"]


def dense(operator: Operator, choice: Choice) -> Dense:
    """By unit vectors, solved by a pseudo-inverse, for up to 2000 atoms; collective, the same on
    every rank.
    """
    motions, products, system = operator.motions, operator.products, operator.motions.system
    atoms, strains = system.atoms, len(motions.strains)
    if atoms > ATOMS:
        raise AdfluxError(
            f"dense() is for up to {ATOMS} atoms, but there are {atoms}: use jacobian()."
        )
    whole = Whole(system, strains)
    length = np.append(np.ones(3 * atoms), np.full(strains, motions.length))
    hessian = operator.full_matrix(np.ones_like(system.held))
    spread = np.zeros((whole.size, len(hessian)))
    spread[: 3 * atoms, : 3 * atoms] = np.eye(3 * atoms)
    spread[3 * atoms :, -6:] = motions.strains
    hessian = spread @ hessian @ spread.T
    _, mixed = products.mixed(choice.build, choice.values, directions(choice.values))
    mixed = whole.gather(motions.contract(mixed)) * length
    free = np.append(~system.gather(system.held[system.order]).ravel(), np.ones(strains, bool))
    inside = hessian[np.ix_(free, free)]
    values, turn = np.linalg.eigh(0.5 * (inside + inside.T))
    null = whole.size - (~free).sum() - motions.dimensions
    good = np.sort(np.argsort(np.abs(values))[null:])
    solved = np.zeros_like(mixed)
    solved[:, free] = (-mixed[:, free] @ turn[:, good] / values[good]) @ turn[:, good].T
    positions = solved[:, : 3 * atoms].reshape(-1, atoms, 3)
    return Dense(hessian, mixed, positions, solved[:, 3 * atoms :] @ motions.strains)
