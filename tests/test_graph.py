"""Laws of the pair list."""

import ase
import numpy as np
import pytest
from networks import message_passing
from reference import pairs_by_force
from systems import cluster, random_crystal

from lammps_adflux import AdfluxError, energy_forces_virial, graph_from_atoms
from lammps_adflux.checks.unfolded import unfold
from lammps_adflux.graph import pad

POTENTIAL = message_passing(2)


def rows(centers, others, vectors):
    table = np.column_stack([centers, others, vectors])
    return table[np.lexsort(np.round(table, 6).T[::-1])]


def same(one, two):
    return one.shape == two.shape and np.allclose(one, two, rtol=0.0, atol=1e-12)


# 1 and 2 atoms: the cell is smaller than the cutoff
@pytest.mark.parametrize("atoms", (1, 2, 5, 12))
@pytest.mark.parametrize("periodic", (True, (True, True, False), (False, True, False), False))
def test_pairs_are_those_of_a_loop_over_images(atoms, periodic):
    crystal = random_crystal(atoms)
    crystal.pbc = periodic
    graph = graph_from_atoms(crystal, POTENTIAL)
    centers, others, images = pairs_by_force(
        crystal.positions, crystal.cell.array, crystal.pbc, POTENTIAL.cutoff
    )
    vectors = crystal.positions[others] + images @ crystal.cell.array - crystal.positions[centers]
    assert same(rows(graph.centers, graph.others, graph.vectors), rows(centers, others, vectors))


def test_every_pair_has_its_reverse_and_centers_are_sorted():
    graph = graph_from_atoms(random_crystal(12), POTENTIAL)
    assert np.all(np.diff(graph.centers) >= 0)
    forward = rows(graph.centers, graph.others, graph.vectors)
    assert same(forward, rows(graph.others, graph.centers, -graph.vectors))


def test_atoms_keep_their_order():
    crystal = random_crystal(9)
    graph = graph_from_atoms(crystal, POTENTIAL)
    names = np.array(POTENTIAL.elements)[np.asarray(graph.species)]
    assert list(names) == crystal.get_chemical_symbols()


@pytest.mark.parametrize("layers", (1, 2, 3))
def test_padding_changes_nothing(layers):
    potential, crystal = message_passing(layers), random_crystal(7)
    graph = graph_from_atoms(crystal, potential)
    padded = pad(graph, len(graph.centers) + 13, 12, potential.cutoff)
    one, two = energy_forces_virial(potential, graph), energy_forces_virial(potential, padded)
    for name, some, more in zip(one._fields, one, two, strict=True):
        some, more = np.asarray(some), np.asarray(more)
        more = more[:7] if name in ("energies", "forces") else more
        assert np.abs(some - more).max() < 1e-13 * np.abs(some).max(), name


def test_an_isolated_atom_has_an_energy_and_no_force():
    atom = ase.Atoms("Si", positions=[[0.0, 0.0, 0.0]], pbc=False)
    result = energy_forces_virial(POTENTIAL, graph_from_atoms(atom, POTENTIAL))
    assert np.isfinite(result.energy) and not np.any(result.forces) and not np.any(result.virial)


def test_a_foreign_element_is_refused_by_name():
    with pytest.raises(AdfluxError, match="holds C, but the potential knows only Si, Ge"):
        graph_from_atoms(ase.Atoms("SiC", positions=[[0, 0, 0], [1, 1, 1]]), POTENTIAL)


@pytest.mark.parametrize(
    ("cell", "periodic"),
    [
        ([[1, 0, 0], [2, 0, 0], [0, 0, 1]], True),
        ([0, 0, 0], True),
        ([0, 0, 20], True),
        ([20, 0, 20], (True, True, False)),
    ],
)
def test_a_periodic_structure_without_a_cell_is_refused(cell, periodic):
    flat = ase.Atoms("Si", positions=[[0, 0, 0]], cell=cell, pbc=periodic)
    with pytest.raises(AdfluxError, match="no volume"):
        graph_from_atoms(flat, POTENTIAL)
    with pytest.raises(AdfluxError, match="no volume"):
        unfold(flat, POTENTIAL, 100)


def test_an_open_direction_needs_no_cell_vector():
    pair = ase.Atoms("Si2", positions=[[0, 0, 0], [2.3, 0, 0]], cell=[0, 20, 0], pbc=(0, 1, 0))
    assert len(graph_from_atoms(pair, POTENTIAL).centers) == 2


def test_positions_that_are_not_finite_are_refused():
    broken = cluster()
    broken.positions[3, 1] = np.nan
    with pytest.raises(AdfluxError, match="not finite"):
        graph_from_atoms(broken, POTENTIAL)
