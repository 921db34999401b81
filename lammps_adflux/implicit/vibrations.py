"""Vibrations of a relaxed structure about its minimum, and their derivatives by the parameters."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from ..parallel.system import Whole
from .linear_response import LinearResponse
from .parameters import Choice
from .strain import VOIGT
from .vectors import Vectors

# of the largest eigenvalue: eigenvalues that differ by less are one, and smaller ones are zero
SAME, ZERO = 1e-7, 1e-10


class Vibrations(NamedTuple):
    """Normal modes of all atoms: those of wave vectors that the cell holds.

    Attributes
    ----------
    squares
        ω² = eᵀ M^-1/2 H M^-1/2 e, ascending, in energy per mass and length².
    frequencies
        ω/2π in 1 per LAMMPS' time unit (metal: THz), negative where ω² is.
    modes
        Orthonormal e, rows; components of all atoms by id.
    """

    squares: Float[np.ndarray, " modes"]
    frequencies: Float[np.ndarray, " modes"]
    modes: Float[np.ndarray, "modes atoms 3"]


def vibrations(
    still: LinearResponse, masses: Float[np.ndarray, " atoms"], to_square: float
) -> Vibrations:
    """From the whole Hessian; held components do not move. Collective.

    masses: of all atoms by id. to_square: energy per mass and length² → 1 per time².
    """
    system = still.motions.system
    free = ~system.held
    whole = Whole(system, 6)
    wanted = whole.gather(np.append(free.ravel(), np.zeros(6))[None])[0, :-6] > 0.0
    matrix = still.products.matrix(free)[:-6, :-6][np.ix_(wanted, wanted)]
    scale = np.repeat(masses, 3)[wanted] ** -0.5
    squares, turn = np.linalg.eigh(scale[:, None] * matrix * scale)
    modes = np.zeros((len(squares), len(wanted)))
    modes[:, wanted] = turn.T
    squares[np.abs(squares) < ZERO * np.abs(squares).max(initial=0.0)] = 0.0
    frequencies = np.sign(squares) * np.sqrt(np.abs(squares) * to_square) / (2.0 * np.pi)
    return Vibrations(squares, frequencies, modes.reshape(len(squares), -1, 3))


def slopes(
    still: LinearResponse,
    choice: Choice,
    masses: Float[np.ndarray, " atoms"],
    found: Vibrations,
    weights: Float[np.ndarray, " modes"],
) -> tuple[object, Vectors]:
    """Σ weights · ω² by the parameters as the structure stands, and by Y, a block of one.

    Modes of equal ω² share the mean of their weights: only their sum has a derivative.
    """
    products, system = still.products, still.motions.system
    whole = Whole(system, 6)
    zero = jax.tree.map(lambda leaf: np.zeros((1, *np.shape(leaf))), choice.values)
    total = None
    shared = _shared(found.squares, weights)
    for k in np.flatnonzero(shared):
        moved = (found.modes[k] / np.sqrt(masses)[:, None]).ravel()
        way = Vectors.unflatten(whole.local(np.append(moved, np.zeros(6))[None]))
        values, by_motions = products.third(choice.build, choice.values, zero, way, way)
        # u = (1 + E)⁻¹ u' of displacements u' in the cell as it becomes
        turned = -2.0 * found.squares[k] * (found.modes[k].T @ found.modes[k])[VOIGT]
        by_motions = Vectors(by_motions.displacements, by_motions.strain + turned)
        part = shared[k], values, by_motions
        total = _add(total, part)
    if total is None:
        return jax.tree.map(lambda leaf: leaf[0], zero), Vectors.zeros(1, products.owned)
    values, by_motions = total
    return jax.tree.map(lambda leaf: leaf[0], values), by_motions


def _add(total, part):
    size, values, vectors = part
    values = jax.tree.map(lambda leaf: size * leaf, values)
    vectors = Vectors(size * vectors.displacements, size * vectors.strain)
    if total is None:
        return values, vectors
    return jax.tree.map(np.add, total[0], values), total[1] + vectors


def _shared(squares: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weights, where those of equal eigenvalues have their mean."""
    gaps = np.diff(squares) > SAME * np.abs(squares).max(initial=0.0)
    groups = np.concatenate([[0], np.cumsum(gaps)])
    sums = np.bincount(groups, weights)
    return (sums / np.bincount(groups))[groups]
