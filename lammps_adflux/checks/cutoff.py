"""Checks of what happens at the cutoff: an atom comes near until it just is a neighbour, and
nothing may jump.
"""

from collections.abc import Iterator
from itertools import islice, product
from typing import NamedTuple

import ase
import numpy as np

from ..derivatives import energy_forces_virial
from ..graph import pad
from ..structures import graph_from_atoms
from .case import Case, Finding, energies, relative

STEP = 1e-8  # to both sides of the cutoff, in cutoffs
INSIDE = (0.6, 0.7, 0.8, 0.9)  # in cutoffs, where the size of energies and forces is taken
# of a smooth end: energies after their slope is taken off; forces change by curvature · STEP
ENERGY, FORCES = (
    1e-8,
    1e-4,
)
BEYOND = 1.3  # in cutoffs
PAIRS = 12  # of elements


class Jump(NamedTuple):
    """How much energies and forces jump where two elements become neighbours, relative to their
    size nearer by.
    """

    energy: float
    forces: float
    elements: str
    size: float  # of the jump of the energy


def cutoff(case: Case) -> Iterator[Finding]:
    """cutoff"""
    jumps = _jumps(case)
    if not jumps:
        return
    for name, bound, worst, hint in (
        ("cutoff, energy", ENERGY, max(jumps, key=lambda jump: jump.energy), "onset=, or shift="),
        ("cutoff, forces", FORCES, max(jumps, key=lambda jump: jump.forces), "onset="),
    ):
        error = worst.energy if name == "cutoff, energy" else worst.forces
        if error <= bound:
            yield Finding(name, error, bound, True, "nothing jumps where atoms become neighbours")
            continue
        what = (
            f"the energy jumps by {worst.size:.2g}" if name == "cutoff, energy" else "forces jump"
        )
        says = f"{what} where {worst.elements} become neighbours"
        if case.potential.truncated:
            says += (
                ", as the potential declares (truncated, as lj/cut): energy is not conserved "
                f"there; {hint} ends it smoothly"
            )
            yield Finding(name, error, bound, None, says)
        else:
            says += (
                ": it reaches beyond the cutoff that it declares, or is cut off; let it end there "
                "with zero slope"
            )
            yield Finding(name, error, bound, False, says)


def beyond(case: Case) -> Iterator[Finding]:
    """beyond the cutoff"""
    potential = case.potential
    wide = graph_from_atoms(case.atoms, potential, np.float64, cutoff=BEYOND * potential.cutoff)
    error = relative(energies(potential, wide), energies(potential, case.graph))
    name = "beyond the cutoff"
    if error <= 1e-10:
        yield Finding(name, error, 1e-10, True, "pairs that are farther apart change nothing")
        return
    jumps = [(jump.energy > ENERGY or jump.forces > FORCES) for jump in _jumps(case)]
    says = "energies depend on pairs beyond the declared cutoff, of which LAMMPS' lists have none"
    if any(jumps):
        yield Finding(
            name, error, 1e-10, False, f"{says}: declare the cutoff at which the energy ends"
        )
    else:
        yield Finding(
            name,
            error,
            1e-10,
            None,
            f"{says}; at the cutoff itself energy and slope are continuous",
        )


def _jumps(case: Case) -> list[Jump]:
    """For each pair of elements of the structure."""
    potential, names = case.potential, list(dict.fromkeys(case.atoms.get_chemical_symbols()))
    return [
        _jump(case, a, b)
        for a, b in islice(product(names, names), PAIRS)
        if _reach(potential, a, b) > 0.0
    ]


def _jump(case: Case, a: str, b: str) -> Jump:
    potential, reach = case.potential, _reach(case.potential, a, b)
    direction = np.array([0.48, -0.6, 0.64])
    atoms = _surface(case, a, direction)
    atoms += ase.Atoms(b, positions=[atoms.positions[0]])
    room = len(atoms)

    def at(distance: float):
        atoms.positions[-1] = atoms.positions[0] + distance * direction
        graph = graph_from_atoms(atoms, potential, np.float64)
        # of one capacity, so that JAX compiles once
        result = energy_forces_virial(
            potential, pad(graph, room * room, room + 1, potential.cutoff)
        )
        return float(result.energy), np.asarray(result.forces)

    (inner, pull), (outer, push) = at(reach * (1.0 - STEP)), at(reach * (1.0 + STEP))
    near = [at(x * reach) for x in INSIDE]
    size = max(abs(energy - outer) for energy, _ in near)
    force = max(np.abs(forces[room - 1]).max() for _, forces in near)
    slope = 0.5 * (pull[room - 1] + push[room - 1]) @ direction
    step = abs(outer - inner + slope * 2.0 * STEP * reach)
    step = max(0.0, step - 1e-13 * abs(outer))  # rounding of the whole energy
    change = np.abs(pull - push).max()
    return Jump(_ratio(step, size), _ratio(change, force), f"{a} and {b}", abs(step))


def _ratio(part, whole) -> float:
    value = float(part) / float(whole) if whole > 0.0 else float(part > 0.0)
    return value if np.isfinite(value) else np.inf


def _reach(potential, a: str, b: str) -> float:
    place = {element: number for number, element in enumerate(potential.elements)}
    return float(np.asarray(potential.pair_cutoffs)[place[a], place[b]])


def _surface(case: Case, element: str, direction: np.ndarray) -> ase.Atoms:
    """An atom of the element, and its neighbours in the structure that do not stand before it."""
    atoms = case.atoms
    center = atoms.get_chemical_symbols().index(element)
    graph = case.graph
    mine = np.flatnonzero(np.asarray(graph.centers) == center)
    vectors, others = np.asarray(graph.vectors)[mine], np.asarray(graph.others)[mine]
    behind = np.flatnonzero(vectors @ direction <= 0.0)
    behind = behind[np.argsort(np.linalg.norm(vectors[behind], axis=1))][:12]
    positions = np.concatenate([np.zeros((1, 3)), vectors[behind]])
    symbols = [element, *(atoms.get_chemical_symbols()[n] for n in others[behind])]
    return ase.Atoms(symbols, positions=positions, pbc=False)
