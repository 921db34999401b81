"""Newton steps that finish a relaxation: until forces and stress vanish, or are only rounding."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from ..errors import AdfluxError
from ..mliap.displaced import displaced
from ..mliap.fixes import check_forces
from ..parallel.reductions import largest
from .distances import check_apart
from .krylov import NegativeCurvature, NotConverged, conjugate_gradients, minimal_residuals
from .motions import Motions
from .operator import Operator
from .products import Products
from .recycling import Recycling
from .stationary_point import saddle_error
from .strain import deformation

NEWTON_STEPS = 12
PRODUCTS = 300  # at most so many for a step that may fail
NEAR = 0.02  # of the distance of atoms: a step that may fail moves no atom farther


class NotNear(Exception):
    """Newton steps do not lead to the minimum from here."""


def newton_steps(
    session,
    potential,
    cell: str | None,
    fixed: str | None,
    pressure: np.ndarray,
    force_tolerance: float,
    options,
    give_up: float,
    known: Recycling,
    may_fail: bool = False,
) -> tuple[Operator, int]:
    """The Hessian at the structure where the steps end, and their number; collective.

    Parameters
    ----------
    session
        The `mliap.session.Session` whose atoms and box move.
    pressure
        Target of the cell [6], as energy per volume.
    options
        The `RelaxOptions`: index, preconditioner and minimize count here.
    give_up
        Force above which no step is tried: the structure is not near a minimum.
    known
        What the steps learn of the Hessian, and may know already.
    may_fail
        NotNear instead of errors, and where a step is not a small one.

    Raises
    ------
    AdfluxError
        Where forces do not become small, or are not finite, where LAMMPS' forces are not the
        potential's, and where the curvature is negative though the index is 0.
    """
    last, stuck = np.inf, 0
    for step in range(NEWTON_STEPS + 1):
        system = session.system(fixed)
        check_apart(potential, system)
        if session.frozen is None:
            _check_forces(session, potential, fixed, options.minimize)
            system = session.system(fixed)
        motions = Motions(system, cell)
        operator = Operator(Products(system, potential), motions, pressure)
        slope = operator.gradient()[2]
        size = largest(session.comm, float(np.abs(slope).max(initial=0.0)))
        if not np.isfinite(size):
            raise AdfluxError(
                "The energy or its slope is not a finite number: check the structure and the "
                "potential's parameters."
            )
        stuck = stuck + 1 if size > 0.5 * last else 0
        if size <= force_tolerance:
            return operator, step
        if may_fail and (stuck or step == NEWTON_STEPS):
            raise NotNear
        if size > give_up or stuck > 1 or step == NEWTON_STEPS:
            if size <= _slope_rounding(operator):
                return operator, step
            raise _not_relaxed(size, step, force_tolerance, options.minimize)
        # what an exact step would leave, as far as the last one tells: no solve needs to be better
        curved = 1e-4 if step == 0 else 0.1 * min(1.0, size / last) ** 2
        last = min(last, size)
        solve = conjugate_gradients if options.index == 0 else minimal_residuals
        inner = max(1e-8, min(1e-3, max(force_tolerance / size / 10.0, curved)))
        try:
            change = solve(
                operator,
                -slope[None],
                motions,
                known.preconditioner(options.preconditioner, operator),
                inner,
                PRODUCTS if may_fail else 20 * motions.dimensions + 50,
            ).vectors
        except (NegativeCurvature, NotConverged) as failure:
            if may_fail:
                raise NotNear from None
            if isinstance(failure, NotConverged):
                raise
            raise saddle_error(operator, options.preconditioner, options.index) from None
        known.learn(operator)
        full = motions.expand(change)
        if may_fail and not _small(full, motions):
            raise NotNear
        session.move(full.displacements[0], deformation(full.strain[0]))
    raise AssertionError("not reached")


def _check_forces(session, potential, fixed: str | None, minimizing: bool) -> None:
    """Find the forces that fixes make zero, and refuse those that are not the potential's: of
    atoms that are a little out of place, since either may vanish in a symmetric structure.
    """
    with displaced(session, minimizing):
        session.find_frozen()
        system = session.system(fixed)
        _, slopes = Products(system, potential).gradient()
        check_forces(session, system, slopes.displacements[0])


def _small(change, motions: Motions) -> bool:
    """Is a step so small that the energy is quadratic along it?"""
    moved = largest(motions.comm, float(np.abs(change.displacements).max(initial=0.0)))
    return moved < NEAR * motions.system.spacing and float(np.abs(change.strain).max()) < NEAR


def _slope_rounding(operator: Operator) -> float:
    """Forces that are no more than rounding: their change when pair vectors change in the last
    digit of the atoms' positions.
    """
    products, motions = operator.products, operator.motions
    system = motions.system
    extent = float(np.abs(system.positions).max(initial=0.0)) + float(np.abs(system.cell).max())
    vectors = np.asarray(system.graph.vectors)
    noise = (
        np.random.default_rng(0).uniform(-1.0, 1.0, vectors.shape) * np.finfo(float).eps * extent
    )
    graph = system.graph.with_vectors(jnp.asarray(vectors + noise))
    other = Operator(
        Products(replace(system, graph=graph), products.potential), motions, operator.pressure
    )
    change = np.abs(other.gradient()[2] - operator.gradient()[2]).max(initial=0.0)
    return 10.0 * largest(system.comm, float(change))


def _not_relaxed(size: float, step: int, tolerance: float, minimized: bool) -> AdfluxError:
    if minimized:
        way = f"after `minimize` and {step} Newton steps"
        advice = (
            "relax longer (RelaxOptions(steps=)), or with another min_style, or ask for less "
            "(force_tolerance=); log= says why LAMMPS stopped"
        )
    else:
        way = f"after {step} Newton steps, without `minimize`"
        advice = (
            "leave minimize=False out, or start nearer to the minimum, or ask for less "
            "(force_tolerance=)"
        )
    return AdfluxError(
        f"The minimisation did not converge: the largest force is {size:.2g} {way}, but "
        f"{tolerance:.2g} was needed; {advice}."
    )
