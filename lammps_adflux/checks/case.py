"""What all checks of a potential share: the structure, the finding, finite differences."""

from collections.abc import Callable
from typing import NamedTuple

import ase
import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ..graph import Graph
from ..potentials import Potential
from ..structures import graph_from_atoms

ROUNDING = 1e-10  # of sums in another order, relative to the largest term
DIFFERENCES = 1e-6  # of finite differences with the steps below


class Finding(NamedTuple):
    """One identity: how far it is from holding, and how far it may be."""

    name: str
    error: float | None  # relative to the largest component; None: not a number, or not tried
    bound: float | None
    # None: not tried, or, with an error, a note: not as usual, but declared by the potential
    passed: bool | None
    says: str


class Case(eqx.Module):
    """A potential and a structure that it is good for."""

    potential: Potential
    atoms: ase.Atoms
    velocities: np.ndarray

    @property
    def graph(self) -> Graph:
        """Of the structure."""
        return graph_from_atoms(self.atoms, self.potential, np.float64)

    def energy(self, atoms: ase.Atoms) -> float:
        """U of other atoms."""
        return float(
            jnp.sum(energies(self.potential, graph_from_atoms(atoms, self.potential, np.float64)))
        )


energies = eqx.filter_jit(lambda potential, graph: potential(graph))


def derivative(function: Callable, step: float):
    """Five-point central difference at zero."""
    return (
        8.0 * (function(step) - function(-step)) - (function(2 * step) - function(-2 * step))
    ) / (12.0 * step)


def relative(found, expected) -> float:
    """Largest difference, relative to the largest component."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    scale = np.abs(expected).max()
    return float(np.abs(found - expected).max() / (scale if scale > 0.0 else 1.0))


def finding(name: str, error: float, bound: float, says: str) -> Finding:
    """Passed where the error is within the bound."""
    return Finding(name, error, bound, bool(error <= bound), says)
