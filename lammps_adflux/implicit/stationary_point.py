"""What kind of stationary point a structure is: the lowest eigenvalues of its Hessian."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..errors import AdfluxError
from .krylov import lowest_eigenvalues
from .operator import Operator
from .preconditioners import preconditioner as make_preconditioner

DENSE = 400  # up to so many motions, all eigenvalues are found
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


def check_index(operator: Operator, preconditioner: str, index: int) -> Float[np.ndarray, " some"]:
    """The lowest eigenvalues, of which `index` must be negative and none zero; collective."""
    values = _eigenvalues(operator, preconditioner, max(4, index + 2))
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
    operator: Operator, preconditioner: str, count: int, precision: float = 0.3
) -> Float[np.ndarray, " some"]:
    motions = operator.motions
    count = min(count, motions.dimensions)
    if motions.dimensions <= DENSE:
        values = np.linalg.eigvalsh(operator.matrix())
        # held components and the null space give as many exact zeros
        values = values[np.argsort(np.abs(values))[len(values) - motions.dimensions :]]
        return np.sort(values)[:count]
    return lowest_eigenvalues(
        operator,
        motions,
        make_preconditioner(preconditioner, operator),
        motions.random(count),
        _ordinary_curvature(operator),
        precision,
    )[0]


def _ordinary_curvature(operator: Operator) -> float:
    """Along a random motion."""
    motions = operator.motions
    if not motions.dimensions:
        return 1.0
    test = motions.random(1)
    return abs(float((motions.dot(test, operator(test)) / motions.dot(test, test))[0]))
