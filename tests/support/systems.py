"""Structures for the tests, from fixed seeds."""

import ase
import numpy as np
from ase.build import bulk


def random_crystal(
    atoms: int = 8, volume_per_atom: float = 14.0, elements=("Si", "Ge"), seed: int = 0
) -> ase.Atoms:
    """Periodic, triclinic, disordered but without close pairs; any number of atoms."""
    random = np.random.default_rng(seed)
    cell = np.eye(3) + random.uniform(-0.15, 0.15, (3, 3))
    cell *= (atoms * volume_per_atom / np.linalg.det(cell)) ** (1 / 3)
    grid = int(np.ceil(atoms ** (1 / 3)))
    sites = np.array(list(np.ndindex(grid, grid, grid)))[random.permutation(grid**3)[:atoms]] / grid
    scaled = sites + random.uniform(-0.12, 0.12, sites.shape) / grid
    symbols = [elements[n % len(elements)] for n in range(atoms)]
    return ase.Atoms(symbols, scaled_positions=scaled, cell=cell, pbc=True)


def cluster(atoms: int = 13, elements=("Si", "Ge"), seed: int = 0) -> ase.Atoms:
    """An open cluster: no direction is periodic."""
    periodic = random_crystal(atoms, elements=elements, seed=seed)
    return ase.Atoms(periodic.get_chemical_symbols(), positions=periodic.positions, pbc=False)


def silicon(repeat: int = 2, rattle: float = 0.1, seed: int = 1) -> ase.Atoms:
    """Rattled diamond silicon."""
    atoms = bulk("Si", cubic=True) * (repeat, repeat, repeat)
    atoms.rattle(rattle, seed=seed)
    return atoms


def velocities(atoms: ase.Atoms, seed: int = 7) -> np.ndarray:
    """Random velocities of order one."""
    return np.random.default_rng(seed).normal(size=(len(atoms), 3))
