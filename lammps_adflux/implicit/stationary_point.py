"""What kind of stationary point a structure is: the lowest eigenvalues of its Hessian."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..errors import AdfluxError
from .krylov import lowest_eigenvalues
from .operator import Operator
from .preconditioners import preconditioner as prepare
from .recycling import Recycling, whole_of

DENSE = 200  # up to so many motions, all eigenvalues are found
ZERO = 1e-7  # of an ordinary curvature: a smaller one is a motion that costs no energy


@dataclass(frozen=True)
class Checks:
    """What was found of a relaxed structure, in LAMMPS' units.

    Attributes
    ----------
    force
        Largest component of a force that is not held.
    stress
        Largest slope of the energy by a strain that relaxes, per atom.
    eigenvalues
        The lowest of the Hessian without translations and rotations; in large systems only the
        first is sharp.
    cutoff_distance
        Of the pair that is nearest to the cutoff, among those within it.
    newton_steps
        That finished the relaxation.
    """

    force: float
    stress: float
    eigenvalues: Float[np.ndarray, " some"]
    cutoff_distance: float
    newton_steps: int


def check_index(
    operator: Operator, preconditioner: str, index: int, known: Recycling | None = None
) -> Float[np.ndarray, " some"]:
    """The lowest eigenvalues, of which `index` must be negative and none zero; collective.

    Where a structure like it is known, the search goes on from its softest motions.
    """
    values = _eigenvalues(operator, preconditioner, max(4, index + 2), known=known)
    if np.any(np.abs(values) <= ZERO * _ordinary_curvature(operator)):
        raise AdfluxError(
            "The structure has a motion that costs no energy (eigenvalue "
            f"{values[np.argmin(np.abs(values))]:.1e}): its derivatives are not defined; "
            "hold a part of it (fixed=), or remove atoms without neighbours."
        )
    if int((values < 0.0).sum()) != index:
        raise saddle_error(operator, preconditioner, index)
    return values


def saddle_error(operator: Operator, preconditioner: str, index: int) -> AdfluxError:
    """The sentence on a structure that has another index than was asked for; collective."""
    values = _eigenvalues(operator, preconditioner, 8, 1e-3)
    negative = values[values < 0.0]
    listed = ", ".join(f"{value:.4g}" for value in negative)
    more = " at least" if len(negative) == len(values) else ""
    wanted = "a minimum was needed" if index == 0 else f"a saddle of index {index} was needed"
    advice = "" if index else ", or give RelaxOptions(index=) if it is meant"
    return AdfluxError(
        f"The structure is a saddle point of index{more} {len(negative)}, with eigenvalues "
        f"{listed or 'none below zero'}, but {wanted}: displace the atoms and relax again{advice}."
    )


def _eigenvalues(
    operator: Operator,
    preconditioner: str,
    count: int,
    precision: float = 0.3,
    known: Recycling | None = None,
) -> Float[np.ndarray, " some"]:
    motions = operator.motions
    count = min(count, motions.dimensions)
    start = None if known is None else known.start(operator, count)
    if motions.dimensions <= DENSE and start is None:
        values, turn = np.linalg.eigh(operator.matrix())
        # held components and the null space give as many exact zeros
        good = np.sort(np.argsort(np.abs(values))[len(values) - motions.dimensions :])[:count]
        if known is not None:
            known.remember_lowest(turn[:, good].T)
        return values[good]
    make = prepare if known is None else known.preconditioner
    values, _, vectors = lowest_eigenvalues(
        operator,
        motions,
        make(preconditioner, operator),
        motions.random(count) if start is None else start,
        _ordinary_curvature(operator),
        precision,
    )
    if known is not None:
        known.remember_lowest(whole_of(operator).gather(vectors))
    return values


def _ordinary_curvature(operator: Operator) -> float:
    """Along a random motion."""
    motions = operator.motions
    if not motions.dimensions:
        return 1.0
    test = motions.random(1)
    return abs(float((motions.dot(test, operator(test)) / motions.dot(test, test))[0]))
