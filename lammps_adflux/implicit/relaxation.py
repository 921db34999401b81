"""Relaxation of a LAMMPS set-up: minimised there, finished by Newton steps, and checked."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ..errors import AdfluxError
from ..parallel.reductions import largest
from ..potentials import Potential
from .distances import check_cutoff
from .newton import NotNear, newton_steps
from .options import RelaxOptions
from .recycling import Recycling
from .relaxed import Relaxed
from .stationary_point import Checks, check_index
from .strain import check_cell

TIGHTER = 0.01  # the minimiser's tolerance beside the last one
MINIMIZED = 1e-8  # the minimiser goes on no further
# tolerances beside a moderate force, at most: in some units all forces are small numbers
TOLERANCE, MINIMIZED_TOLERANCE = 1e-2, 1e-4
GIVE_UP = 1.0  # a structure with larger forces than this after minimisation is not near a minimum
LOOSEST = 1e-3  # residual of the linear solves of derivatives


def relax(
    script,
    potential,
    force_tolerance: float = 1e-10,
    cell: str | None = None,
    fixed: str | None = None,
    comm=None,
    *,
    types: str | Sequence[str] | None = None,
    pressure=0.0,
    variables: dict[str, Any] | None = None,
    log: str | Path | None = None,
    options: RelaxOptions | None = None,
) -> Relaxed:
    """Relax a LAMMPS set-up to a minimum of a potential; collective on all ranks.

    LAMMPS' `minimize` runs with the potential through `pair_style mliap unified`; Newton steps with
    matrix-free products then bring every force below `force_tolerance`, or down to what rounding of
    the positions allows (`checks.force` is what was reached). Derivatives by the potential's
    parameters can then be taken (docs/implicit.md).

    Parameters
    ----------
    script
        An input script's path, a list of commands or their text, or a live `lammps`. It makes box
        and atoms, and may choose `min_style`, groups, `fix setforce`, and a pair style for a
        relaxation of its own; that is then replaced, which a note of the logger `lammps_adflux`
        says. It has no `fix box/relax`: `cell` and `pressure` stand for it.
    potential
        The potential, with float64 parameters.
    force_tolerance
        Largest component of a force, in LAMMPS' units; at most 10⁻⁶ of the energy per atom over
        the distance of atoms, whatever is given.
    cell
        Strains that relax too: "iso", "aniso", or "tri"; None for a fixed cell. "aniso" scales the
        edges' components along x, y, z; in a tilted box LAMMPS minimises with "iso", and Newton
        steps do the rest.
    fixed
        A LAMMPS group that does not move.
    comm
        An mpi4py communicator; all ranks if not given.
    types
        The element of each atom type, in order, where it is not that of the potential's elements.
    pressure
        Target of the cell, in LAMMPS' units: one number, or xx, yy, zz, yz, xz, xy; what is not
        hydrostatic acts as a dead load on the relaxed cell.
    variables
        Index variables of the script, as `-var` of `lmp`.
    log
        Path of LAMMPS' log, which says why its minimiser stopped; none is written without it.
    options
        All else, as `adflux.RelaxOptions(index=1)`.

    Returns
    -------
    Relaxed
        The structure, what was checked of it, and its derivatives.

    Raises
    ------
    AdfluxError
        On all ranks alike: where forces do not become small; where the Hessian has another number
        of negative eigenvalues than `index`, or zero ones; where a shell of neighbours lies at the
        cutoff; where atoms fall into one another, or the cell's volume halves or becomes four times
        what it was (the minimiser stops then); where the set-up has a `fix box/relax`, other forces
        than the potential's, or other pair styles beside mliap; and where the cell of two
        dimensions is to relax.
    """
    return relax_session(
        script,
        potential,
        force_tolerance,
        cell,
        fixed,
        comm,
        types=types,
        pressure=pressure,
        variables=variables,
        log=log,
        options=options,
    )


def relax_session(
    script,
    potential,
    force_tolerance: float = 1e-10,
    cell: str | None = None,
    fixed: str | None = None,
    comm=None,
    *,
    types: str | Sequence[str] | None = None,
    pressure=0.0,
    variables: dict[str, Any] | None = None,
    log: str | Path | None = None,
    options: RelaxOptions | None = None,
    start: Callable[[Any], None] | None = None,
    known: Recycling | None = None,
) -> Relaxed:
    """`relax`, from where `start` moves the atoms of the `mliap.session.Session`, with what is
    known of the Hessian of a structure like it.
    """
    from ..mliap.session import Session

    options = options or RelaxOptions()
    check_cell(cell, None, "relax")
    if not force_tolerance > 0.0:
        raise AdfluxError(f"force_tolerance must be positive, but is {force_tolerance}.")
    if not 0.0 < options.precision <= LOOSEST:
        raise AdfluxError(
            f"RelaxOptions.precision must lie between 0 and {LOOSEST}, but is {options.precision}."
        )
    _check_potential(potential)
    session = Session(script, potential, types, comm, log, variables)
    target = session.pressure(pressure)
    if cell is not None or np.any(target):
        check_cell(cell or "iso", session.periodic, "relax", session.dimension)
    if cell is None and np.any(target):
        raise AdfluxError(
            'A pressure was given, but the cell does not relax: give cell="iso", "aniso" or '
            '"tri" as well.'
        )
    if start is not None:
        start(session)
    moderate = session.moderate_force()
    if moderate:
        force_tolerance = min(force_tolerance, TOLERANCE * moderate)
    known = known or Recycling()

    def newton(give_up: float, may_fail: bool = False):
        return newton_steps(
            session,
            potential,
            cell,
            fixed,
            target,
            force_tolerance,
            options,
            give_up,
            known,
            may_fail,
        )

    # LAMMPS strains the box about its middle, Newton steps about its corner: how far each goes
    # decides where atoms are, and must not depend on rounding
    minimized = options.index or (cell is not None and start is None)
    first = 0.0 if minimized else moderate
    least = min(MINIMIZED, MINIMIZED_TOLERANCE * moderate) if moderate else MINIMIZED
    final = max(force_tolerance, least)
    operator, steps = _minimized(session, newton, final, first, cell, fixed, target, options)
    closest = check_cutoff(potential, operator.motions.system, options.cutoff_margin)
    eigenvalues = check_index(operator, options.preconditioner, options.index, known)
    force, stress = _largest_slopes(operator)
    checks = Checks(force, stress, eigenvalues, closest, steps)
    return Relaxed(session.lammps, operator, cell, checks, options, known)


def _minimized(session, newton, final: float, first: float, cell, fixed, target, options):
    """The Hessian at the minimum, and the Newton steps that led to it: from where LAMMPS' minimiser
    has forces as small as `first`; where the minimum is not near enough then, it goes on to smaller
    ones, `final` at last.
    """
    if not options.minimize:
        return newton(GIVE_UP)
    tolerance, left = max(final, first), options.steps
    while True:
        before = session.lammps.extract_global("ntimestep")
        all_relaxed = session.minimize(tolerance, cell, fixed, target, left)
        left -= session.lammps.extract_global("ntimestep") - before
        if tolerance <= final or left <= 0:
            return newton(GIVE_UP if all_relaxed else np.inf)
        try:
            return newton(np.inf, may_fail=True)
        except NotNear:
            tolerance = max(final, TIGHTER * tolerance)


def _largest_slopes(operator) -> tuple[float, float]:
    """The largest force on what may move, and the largest slope by a strain that relaxes, per
    atom.
    """
    motions = operator.motions
    forces, stresses = (
        float(np.abs(part).max(initial=0.0)) for part in motions.split(operator.gradient()[2][None])
    )
    return largest(motions.comm, forces), stresses * motions.length / motions.atoms


def _check_potential(potential) -> None:
    if not isinstance(potential, Potential):
        raise AdfluxError(
            f"A potential was needed, but {type(potential).__name__} was found: read model files "
            "with adflux.load, and see adflux.from_function."
        )
    for leaf in jax.tree.leaves(potential):
        if getattr(leaf, "dtype", None) == np.float32:
            raise AdfluxError(
                "The potential's parameters are float32, but derivatives of relaxed structures "
                "need float64: export it with --dtype float64, or call "
                'jax.config.update("jax_enable_x64", True) before the potential is created.'
            )
