"""Many structures at once: what a file holds beside a potential, with few compilations."""

import json

import ase.io
import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from comparing import close
from lammps_runner import run_adflux
from networks import message_passing
from systems import random_crystal

import lammps_adflux as adflux
from lammps_adflux.structures.evaluation import read_structures

SIZES = 5, 8, 3, 6


def structures(potential, shift=0.1, noise=0.02):
    """With energies that are all off by `shift` an atom, and forces with noise."""
    random = np.random.default_rng(4)
    made = []
    for seed, size in enumerate(SIZES):
        atoms = random_crystal(size, seed=seed)
        graph = adflux.graph_from_atoms(atoms, potential)
        known = adflux.energy_forces_virial(potential, graph)
        forces = np.asarray(known.forces) + noise * random.normal(size=(size, 3))
        atoms.calc = SinglePointCalculator(
            atoms, energy=float(known.energy) + shift * size, forces=forces
        )
        made.append(atoms)
    return made


def test_each_structure_gets_what_the_calculator_gives():
    potential = message_passing(2)
    known = structures(potential, noise=0.0)
    found = list(adflux.evaluate(potential, known))
    assert len(found) == len(SIZES)
    for atoms, (copy, before) in zip(known, found, strict=True):
        close(copy.get_potential_energy(), atoms.get_potential_energy() - 0.1 * len(atoms), 1e-11)
        close(copy.get_forces(), atoms.get_forces(), 1e-10)
        close(before["forces"], atoms.get_forces(), 1e-14)
        alone = atoms.copy()
        alone.calc = adflux.ASECalculator(potential)
        close(copy.get_stress(), alone.get_stress(), 1e-10)


@pytest.mark.slow
def test_the_command_prints_errors_and_writes_structures(tmp_path):
    potential = adflux.LennardJones(epsilon=0.3, sigma=2.1, cutoff=4.7, elements=("Si", "Ge"))
    adflux.export(potential, tmp_path / "m.pkl")
    ase.io.write(tmp_path / "known.extxyz", structures(potential), format="extxyz")
    words = ("evaluate", "known.extxyz", "--potential", "m.pkl", "-o", "out/new.extxyz")
    done = run_adflux(tmp_path, *words, fails=False)
    assert "4 structures" in done.stdout and "without the mean" in done.stdout
    found = json.loads(run_adflux(tmp_path, *words, "--json", fails=False).stdout)
    energy, forces = found["energy per atom"], found["forces"]
    # all energies are off by the same, and 66 components of the forces have a noise of 0.02
    assert energy["rmse"] == pytest.approx(0.1, rel=1e-5) and energy["rmse without the mean"] < 1e-6
    assert 0.015 < forces["rmse"] < 0.025 and "stress" not in found
    new = read_structures(tmp_path / "out/new.extxyz")
    known = structures(potential, noise=0.0)
    for one, two in zip(new, known, strict=True):
        close(one.get_forces(), two.get_forces(), 1e-6, floor=1e-2)  # eight decimals in the file
    assert (tmp_path / "out/new.png").stat().st_size > 10_000


def test_mistakes_are_one_sentence(tmp_path):
    potential = adflux.LennardJones(epsilon=0.3, sigma=2.1, cutoff=4.7, elements=("Si", "Ge"))
    adflux.export(potential, tmp_path / "m.pkl")
    (tmp_path / "text.extxyz").write_text("nonsense\n")
    ase.io.write(tmp_path / "ne.extxyz", [random_crystal(3), random_crystal(2, elements=["Ne"])])
    for name, sentence in (
        ("absent.extxyz", "was not found"),
        ("text.extxyz", "could not be read by ASE"),
        ("ne.extxyz", "Structure 1: The structure holds Ne"),
    ):
        done = run_adflux(tmp_path, "evaluate", name, "--potential", "m.pkl", fails=True)
        assert sentence in done.stderr and len(done.stderr.strip().splitlines()) == 1
