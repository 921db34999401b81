"""Structures for the check of a potential, where the user gives none."""

import ase
import equinox as eqx
import numpy as np
from ase.data import atomic_numbers, chemical_symbols, covalent_radii

from ..graph import Graph
from ..potentials import Potential


def bond_length(potential: Potential, elements) -> float:
    """Of these elements, and well within the cutoff."""
    radii = [covalent_radii[atomic_numbers[e]] for e in elements if e in atomic_numbers]
    bond = 2.2 * float(np.mean(radii)) if radii else 0.5 * potential.cutoff
    return float(np.clip(bond, 0.35 * potential.cutoff, 0.75 * potential.cutoff))


class Renamed(Potential):
    """The same potential with other names of its elements."""

    potential: Potential
    elements: tuple[str, ...] = eqx.field(static=True)

    def __call__(self, graph: Graph):
        """Of the potential."""
        return self.potential(graph)

    @property
    def cutoff(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Of the potential."""
        return self.potential.cutoff

    @property
    def hops(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Of the potential."""
        return self.potential.hops

    @property
    def pair_cutoffs(self) -> np.ndarray:
        """Of the potential."""
        return self.potential.pair_cutoffs

    @property
    def triplet_cutoff(self) -> float | None:
        """Of the potential."""
        return self.potential.triplet_cutoff

    @property
    def truncated(self) -> bool:
        """Of the potential."""
        return self.potential.truncated


def with_symbols(potential: Potential) -> Potential:
    """The potential, its elements renamed where ASE knows no such element (as A, B of a file) to
    some that it does not have.
    """
    free = (symbol for symbol in chemical_symbols[1:] if symbol not in potential.elements)
    known = [name in atomic_numbers and name != "X" for name in potential.elements]
    if all(known):
        return potential
    names = [name if k else next(free) for name, k in zip(potential.elements, known, strict=True)]
    return Renamed(potential=potential, elements=tuple(names))  # pyright: ignore[reportCallIssue]


def disordered_crystal(potential: Potential, seed: int = 0) -> ase.Atoms:
    """Eight or more atoms of all elements, nearest neighbours about a bond length apart, in a
    slightly triclinic cell.
    """
    random = np.random.default_rng(seed)
    elements = potential.elements
    bond = bond_length(potential, elements)
    sites = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2.0
    scaled = np.concatenate([(sites + np.array([n, 0, 0])) / [2, 1, 1] for n in range(2)])
    scaled += random.uniform(-0.04, 0.04, scaled.shape)
    cell = (
        np.sqrt(2.0)
        * bond
        * np.diag([2.0, 1.0, 1.0])
        @ (np.eye(3) + random.uniform(-0.05, 0.05, (3, 3)))
    )
    symbols = [elements[n % len(elements)] for n in random.permutation(len(scaled))]
    return ase.Atoms(symbols, scaled_positions=scaled, cell=cell, pbc=True)
