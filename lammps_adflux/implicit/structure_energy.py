"""The energy of a structure of ASE, without compiling for each number of pairs anew."""

import ase
import equinox as eqx
import numpy as np

from ..derivatives import energy
from ..graph import Graph, pad
from ..potentials.conversion import in_units
from ..structures import graph_from_atoms


def structure_energy(potential, atoms: ase.Atoms, units: str | None) -> float:
    """U of atoms whose lengths are in LAMMPS' unit style `units`; None is that of the potential."""
    graph = _padded_in_steps(graph_from_atoms(atoms, potential), potential.cutoff)
    return float(_energy(in_units(potential, units), graph, graph.vectors))


_energy = eqx.filter_jit(energy)


def _padded_in_steps(graph: Graph, cutoff: float) -> Graph:
    """With room that grows by tenths."""
    pairs = int(1.1 ** np.ceil(np.log(max(len(graph.centers), 1)) / np.log(1.1))) + 1
    return pad(graph, pairs, len(graph.species) + 1, cutoff)
