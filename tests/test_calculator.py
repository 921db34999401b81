"""`adflux.ASECalculator`: what ASE asks of it equals the core functions, in any cell, and JAX
compiles seldom.
"""

import ase
import ase.units
import jax
import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress
from ase.filters import FrechetCellFilter
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS
from comparing import close
from networks import message_passing
from systems import cluster, random_crystal, velocities

import lammps_adflux as adflux
from lammps_adflux.potentials.conversion import KCAL_PER_MOL

ARGON = adflux.LennardJones(
    epsilon=0.0104, sigma=3.4, cutoff=8.5, elements="Ar", onset=7.5, units="metal"
)


@pytest.mark.parametrize("skin", (0.0, 0.5))
@pytest.mark.parametrize("layers", (1, 2))
def test_equals_the_core_functions(layers, skin):
    potential, crystal = message_passing(layers), random_crystal(5)
    crystal.calc = adflux.ASECalculator(potential, skin=skin)
    graph = adflux.graph_from_atoms(crystal, potential)
    known = adflux.energy_forces_virial(potential, graph)
    # a list that was made for other positions
    crystal.get_potential_energy()
    positions = crystal.positions.copy()
    crystal.rattle(0.02, seed=3)
    crystal.get_forces()
    crystal.positions = positions
    close(crystal.get_potential_energy(), known.energy, 1e-12)
    close(crystal.get_potential_energies(), known.energies, 1e-12)
    close(crystal.get_forces(), known.forces, 1e-11)
    close(crystal.get_stresses().sum(axis=0), crystal.get_stress(), 1e-11, floor=1e-6)
    virial = np.asarray(known.virial)
    close(crystal.get_stress(voigt=False), -0.5 * (virial + virial.T) / crystal.get_volume(), 1e-11)

    v = velocities(crystal)
    convective = (known.energies + 0.5 * crystal.get_masses() * (v**2).sum(axis=1)) @ v
    flux = np.asarray(convective + adflux.heat_flux(potential, graph, v))
    close(crystal.calc.get_heat_flux(crystal, v), flux, 1e-11)
    crystal.set_velocities(v)
    close(crystal.calc.get_heat_flux(crystal), flux, 1e-11)


@pytest.mark.parametrize("size", (0.1, 2.0))
def test_a_list_is_searched_anew_where_atoms_moved_beyond_half_the_skin(size):
    """From the same list, atoms that stay within the skin, and atoms that change places."""
    # a shell of neighbours just beyond the cutoff
    atoms = bulk("Ar", "fcc", a=5.42, cubic=True) * 2
    atoms.calc = adflux.ASECalculator(ARGON, skin=0.5)
    atoms.get_forces()
    shift = np.random.default_rng(5).uniform(-1.0, 1.0, (32, 3))
    atoms.positions += size * shift
    graph = adflux.graph_from_atoms(atoms, ARGON)
    known = adflux.energy_forces_virial(ARGON, graph)
    close(atoms.get_forces(), known.forces, 1e-11)
    close(atoms.get_potential_energies(), known.energies, 1e-11)


def test_forces_and_stress_are_slopes_of_the_energy():
    crystal = random_crystal(6)
    crystal.calc = adflux.ASECalculator(message_passing(2))
    close(crystal.get_forces(), calculate_numerical_forces(crystal, 1e-5), 1e-6, floor=1e-3)
    # this cell holds no pair at the cutoff, where the slope jumps
    close(crystal.get_stress(), calculate_numerical_stress(crystal, 1e-6), 1e-6, floor=1e-4)


def test_an_open_cluster_has_no_stress():
    atoms = cluster()
    atoms.calc = adflux.ASECalculator(message_passing(1))
    assert np.isfinite(atoms.get_forces()).all()
    with pytest.raises(Exception, match="stress"):
        atoms.get_stress()


def test_a_liquid_compiles_at_most_three_times(caplog):
    """100 steps of a melt whose pairs come and go."""
    atoms = bulk("Ar", "fcc", a=5.5, cubic=True) * (3, 3, 3)
    atoms.calc = adflux.ASECalculator(ARGON)
    speeds = np.random.default_rng(1).normal(size=atoms.positions.shape)
    atoms.set_velocities(speeds * np.sqrt(300 * ase.units.kB / atoms.get_masses())[:, None])
    dynamics = VelocityVerlet(atoms, 4 * ase.units.fs)
    start = atoms.get_total_energy()
    pairs = set()
    with jax.log_compiles(True), caplog.at_level("WARNING"):
        for _ in range(20):
            dynamics.run(5)
            pairs.add(len(adflux.graph_from_atoms(atoms, ARGON).centers))
    compiled = [
        record.getMessage()
        for record in caplog.records
        if "Finished XLA compilation of jit(energy_forces_virial)" in record.getMessage()
    ]
    assert len(pairs) > 10 and len(compiled) <= 2  # and one before
    kinetic = atoms.get_kinetic_energy()
    assert abs(atoms.get_total_energy() - start) < 2e-3 * kinetic


def test_relaxes_a_cell():
    atoms = bulk("Ar", "fcc", a=5.0, cubic=True)
    atoms.calc = adflux.ASECalculator(ARGON)
    BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-5, steps=100)
    assert np.abs(atoms.get_stress()).max() < 1e-6 and 5.2 < atoms.cell.array[0, 0] < 5.3


def test_a_model_file_in_real_units_gives_electronvolts(tmp_path):
    path = tmp_path / "ar.pkl"
    kcal = adflux.LennardJones(
        epsilon=0.0104 * KCAL_PER_MOL, sigma=3.4, cutoff=8.5, elements="Ar", onset=7.5, units="real"
    )
    adflux.export(kcal, path)
    atoms = bulk("Ar", "fcc", a=5.2, cubic=True)
    energies = []
    for potential in (adflux.load(path), ARGON):
        atoms.calc = adflux.ASECalculator(potential)
        energies.append(atoms.get_potential_energy())
    close(energies[0], energies[1], 1e-12)


def test_single_precision_is_kept():
    crystal = random_crystal(5)
    energies = []
    for dtype in ("float32", "float64"):
        crystal.calc = adflux.ASECalculator(message_passing(2), dtype)
        energies.append(crystal.get_potential_energy())
    assert 0.0 < abs(energies[0] - energies[1]) < 1e-5 * abs(energies[1])


def test_mistakes_are_one_sentence():
    with pytest.raises(adflux.AdfluxError, match=r"ASE counts in eV and Å: .* are lj"):
        adflux.ASECalculator(
            adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar", units="lj")
        )
    with pytest.raises(adflux.AdfluxError, match=r"need a potential, such as adflux\.load"):
        adflux.ASECalculator("ar.pkl")
    with pytest.raises(adflux.AdfluxError, match="The skin must be"):
        adflux.ASECalculator(ARGON, skin=-1.0)
    atoms = bulk("Ne", "fcc", a=4.0)
    atoms.calc = adflux.ASECalculator(ARGON)
    with pytest.raises(adflux.AdfluxError, match="holds Ne, but the potential knows only Ar"):
        atoms.get_potential_energy()
    with pytest.raises(adflux.AdfluxError, match="needs 1 finite velocities"):
        adflux.ASECalculator(ARGON).get_heat_flux(bulk("Ar", a=5.2), np.zeros((2, 3)))
