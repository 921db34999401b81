"""Relaxation of a structure in LAMMPS, finished by Newton steps, and checked."""

from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..errors import AdfluxError
from ..parallel.system import System
from ..potentials import Potential, Sum
from .krylov import NegativeCurvature, conjugate_gradients, lowest_eigenvalues, minimal_residuals
from .motions import Motions
from .operator import Operator
from .preconditioners import preconditioner as make_preconditioner
from .products import Products
from .relaxed import Relaxed
from .strain import CELLS, deformation

NEWTON_STEPS = 12
DENSE = 400  # up to so many motions, all eigenvalues are found
COLLAPSED = 0.02  # of the cutoff: no bond is so short
GIVE_UP = 1.0  # a structure with larger forces than this after minimisation is not near a minimum


@dataclass(frozen=True)
class Checks:
    """What was found of the relaxed structure."""

    force: float  # largest component of a force that is not held
    stress: float  # largest slope of the energy by a strain that relaxes, per atom
    # the lowest of the Hessian without translations and rotations; in large systems only the first
    # is sharp
    eigenvalues: np.ndarray
    cutoff_distance: float  # of the pair that is nearest to the cutoff, among those within it
    newton_steps: int


def relax(
    script,
    potential,
    force_tolerance: float = 1e-10,
    cell: str | None = None,
    fixed: str | None = None,
    comm=None,
    *,
    types=None,
    pressure=0.0,
    index: int = 0,
    preconditioner: str = "exp",
    cutoff_margin: float = 1e-4,
    steps: int = 10000,
    minimize: bool = True,
    variables: dict | None = None,
    log=None,
) -> Relaxed:
    """Relax a LAMMPS set-up to a minimum of `potential`, of which derivatives by the parameters can
    then be taken.

    script: an input script's path, a list of commands (or their text), or a live `lammps`; it makes
    box and atoms, and may choose `min_style`, groups, a pair style for a first relaxation of its
    own, which is then replaced (a note of the logger `lammps_adflux` says so), `fix setforce`.
    `minimize` runs in LAMMPS with `potential` through `pair_style mliap unified`; Newton steps with
    matrix-free products then bring every force below `force_tolerance` (LAMMPS' units), or down to
    what rounding of the positions allows (`checks.force` is what was reached). cell: strains that
    relax too: "iso", "aniso", or "tri". fixed: a LAMMPS group that does not move. types: the
    element of each atom type, in order, where it is not that of the potential's elements. pressure:
    target of the cell, in LAMMPS' units, one number or xx, yy, zz, yz, xz, xy (what is not
    hydrostatic acts as a dead load on the relaxed cell). index: of the stationary point, 0 for a
    minimum. preconditioner: none, jacobi, exp, exact (small systems). cutoff_margin: in cutoffs; a
    shell of neighbours that lies nearer to the cutoff is an error, since energies are hardly ever
    smooth there; 0 leaves the check out. variables: index variables of the script, as `-var` of
    `lmp`. comm: mpi4py communicator, all ranks if not given. "aniso" scales the edges' components
    along x, y, z; in a tilted box LAMMPS minimises with "iso", and Newton steps do the rest.

    Collective on all ranks. Raises AdfluxError, on all ranks alike, where forces do not become
    small, where the Hessian has another number of negative eigenvalues than `index`, or zero ones,
    or a shell lies at the cutoff; where atoms fall into one another or the cell's volume halves or
    becomes four times what it was (the minimiser stops then); and where the set-up adds other pair
    styles to mliap.
    """
    from ..mliap.session import Session

    if not (cell is None or isinstance(cell, str)) or cell not in CELLS:
        raise AdfluxError(f'cell must be None, "iso", "aniso" or "tri", but is {cell!r}.')
    if not force_tolerance > 0.0:
        raise AdfluxError(f"force_tolerance must be positive, but is {force_tolerance}.")
    _check_potential(potential)
    session = Session(script, potential, types, comm, log, variables)
    target = session.pressure(pressure)
    if cell is None and np.any(target):
        raise AdfluxError(
            'A pressure was given, but the cell does not relax: give cell="iso", "aniso" or '
            '"tri" as well.'
        )
    _check_cell(session, cell)
    near = not minimize or session.minimize(max(force_tolerance, 1e-8), cell, fixed, target, steps)
    give_up = GIVE_UP if near else np.inf
    operator, steps_made = _newton(
        session,
        potential,
        cell,
        fixed,
        target,
        force_tolerance,
        index,
        preconditioner,
        give_up,
        minimize,
    )
    _, _, slope = operator.gradient()
    system, motions = operator.motions.system, operator.motions
    closest = _check_cutoff(potential, system, cutoff_margin)
    values = _check_index(operator, preconditioner, index)
    own = 3 * len(system.ids)
    forces = system.comm.allreduce(float(np.abs(slope[:own]).max(initial=0.0)), op=_max())
    stress = float(np.abs(slope[own:]).max(initial=0.0)) * motions.length / motions.atoms
    checks = Checks(forces, stress, values, closest, steps_made)
    return Relaxed(session.lammps, operator, cell, checks, preconditioner, index)


def _newton(
    session, potential, cell, fixed, target, tolerance, index, preconditioner, give_up, minimized
) -> tuple[Operator, int]:
    """Newton steps until forces and stress vanish, or are only rounding; the operator at the last
    structure.
    """
    last, stuck = np.inf, 0
    for step in range(NEWTON_STEPS + 1):
        system = session.system(fixed)
        _check_apart(potential, system)
        motions = Motions(system, cell)
        operator = Operator(Products(system, potential), motions, target)
        _, slopes, slope = operator.gradient()
        size = float(session.comm.allreduce(np.abs(slope).max(initial=0.0), op=_max()))
        if not np.isfinite(size):
            raise AdfluxError(
                "The energy or its slope is not a finite number: check the structure and the "
                "potential's parameters."
            )
        if step == 0:
            session.check_forces(system, slopes[: 3 * len(system.ids)].reshape(-1, 3))
        stuck = stuck + 1 if size > 0.5 * last else 0
        if size <= tolerance:
            return operator, step
        if size > give_up or stuck > 1 or step == NEWTON_STEPS:
            if size <= _slope_rounding(operator):
                return operator, step
            raise _not_relaxed(size, step, tolerance, minimized)
        last = min(last, size)
        solve = conjugate_gradients if index == 0 else minimal_residuals
        inner = max(1e-8, min(1e-3, tolerance / size / 10.0))
        try:
            change = solve(
                operator,
                -slope[None],
                motions,
                make_preconditioner(preconditioner, operator),
                inner,
                20 * motions.dimensions + 50,
            ).vectors
        except NegativeCurvature:
            raise _saddle(operator, preconditioner, index) from None
        full = motions.expand(change)[0]
        session.move(full[:-6].reshape(-1, 3), deformation(full[-6:]))
    raise AssertionError("not reached")


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
    return 10.0 * float(system.comm.allreduce(float(change), op=_max()))


def _not_relaxed(size: float, step: int, tolerance: float, minimized: bool) -> AdfluxError:
    if minimized:
        way = f"after `minimize` and {step} Newton steps"
        advice = (
            "relax longer (steps=), or with another min_style, or ask for less "
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


def _check_index(operator: Operator, preconditioner: str, index: int) -> np.ndarray:
    values = _eigenvalues(operator, preconditioner, max(4, index + 2))
    scale = _scale(operator)
    if np.any(np.abs(values) <= 1e-7 * scale):
        raise AdfluxError(
            "The structure has a motion that costs no energy (eigenvalue "
            f"{values[np.argmin(np.abs(values))]:.1e}): its derivatives are not defined; "
            "hold a part of it (fixed=), or remove atoms without neighbours."
        )
    if int((values < 0.0).sum()) != index:
        raise _saddle(operator, preconditioner, index)
    return values


def _saddle(operator: Operator, preconditioner: str, index: int) -> AdfluxError:
    values = _eigenvalues(operator, preconditioner, 8, 1e-3)
    negative = values[values < 0.0]
    listed = ", ".join(f"{value:.4g}" for value in negative)
    more = " at least" if len(negative) == len(values) else ""
    wanted = "a minimum was needed" if index == 0 else f"a saddle of index {index} was needed"
    return AdfluxError(
        f"The structure is a saddle point of index{more} {len(negative)}, with eigenvalues "
        f"{listed or 'none below zero'}, but {wanted}: displace the atoms "
        f"and relax again{'' if index else ', or give index= if it is meant'}."
    )


def _eigenvalues(
    operator: Operator, preconditioner: str, count: int, precision: float = 0.3
) -> np.ndarray:
    motions = operator.motions
    count = min(count, motions.dimensions)
    if motions.dimensions <= DENSE:
        values = np.linalg.eigvalsh(operator.matrix())
        # held components and the null space give as many exact zeros
        values = values[np.argsort(np.abs(values))[len(values) - motions.dimensions :]]
        return np.sort(values)[:count]
    apply = make_preconditioner(preconditioner, operator)
    return lowest_eigenvalues(
        operator, motions, apply, motions.random(count), _scale(operator), precision
    )[0]


def _scale(operator: Operator) -> float:
    """A curvature of ordinary size."""
    if not operator.motions.dimensions:
        return 1.0
    test = operator.motions.random(1)
    return abs(
        float((operator.motions.dot(test, operator(test)) / operator.motions.dot(test, test))[0])
    )


def _check_apart(potential, system: System) -> None:
    lengths = np.linalg.norm(
        np.asarray(system.graph.vectors)[np.asarray(system.graph.mask)], axis=1
    )
    closest = -system.comm.allreduce(-float(lengths.min(initial=np.inf)), op=_max())
    if closest < COLLAPSED * potential.cutoff:
        raise AdfluxError(
            f"Two atoms lie {closest:.1e} apart after `minimize`: the potential does not keep "
            "them apart there (SNAP is often "
            "used with a ZBL core); start from a structure near its minimum, or use a potential "
            "with a core."
        )


def _check_cutoff(potential, system: System, margin: float) -> float:
    """Distance of the nearest pair to its cutoff; an error where a shell of pairs lies at it."""
    if isinstance(potential, Sum):
        return min(_check_cutoff(part, system, margin) for part in potential.parts)
    graph = system.graph
    cutoffs = np.asarray(potential.pair_cutoffs)
    species, centers, others = (np.asarray(a) for a in (graph.species, graph.centers, graph.others))
    lengths = np.linalg.norm(np.asarray(graph.vectors), axis=1)
    reach = cutoffs[species[centers], species[others]]
    here = np.asarray(graph.mask) & (lengths < reach) & (centers < len(system.ids))
    gaps = (reach - lengths)[here]
    width = margin * potential.cutoff
    closest = -system.comm.allreduce(-float(gaps.min(initial=np.inf)), op=_max())
    crowd = int(system.comm.allreduce(int((gaps < width).sum())))
    # as many as in a fluid of this density are no shell
    density = system.atoms / system.volume
    expected = system.atoms * 4.0 * np.pi * potential.cutoff**2 * density * width
    if margin > 0.0 and crowd >= 2 and crowd > 10.0 * expected + 1:
        raise AdfluxError(
            f"{crowd} pairs lie within {width:.1e} of the cutoff, the nearest {closest:.1e} "
            "inside it: the energy is not smooth there, and derivatives would "
            "be wrong by percents; change the structure or the cutoff a little, or give "
            "cutoff_margin=0 if the potential is smooth at its cutoff."
        )
    return closest


def _check_cell(session, cell: str | None) -> None:
    relaxing = any(style == "box/relax" for _, style, _ in session.fixes())
    if relaxing and cell is None:
        raise AdfluxError(
            'The script has a fix box/relax: say which strains relax, cell="iso", "aniso" or "tri".'
        )
    if cell is not None and not session.periodic.all():
        raise AdfluxError(
            "A cell can relax only where all its boundaries are periodic: set `boundary p p p`, "
            "or leave cell= out."
        )


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
                "need float64: export it with "
                '--dtype float64, or call jax.config.update("jax_enable_x64", True) before it is '
                "made."
            )


def _max() -> Any:
    from mpi4py import MPI

    return MPI.MAX
