"""Fixes of a relaxation are noticed in structures whose forces vanish by symmetry, in two
dimensions, and in units in which all forces are small numbers.
"""

import numpy as np
import pytest
from comparing import close
from lammps_runner import run_python
from relaxing import reported

import lammps_adflux as adflux

pytestmark = pytest.mark.lammps


def run(folder, program, ranks=1):
    """What a program found, and the sentences that it reported."""
    said = reported(run_python(folder, program, ranks=ranks, time_limit=200))
    with np.load(folder / "found.npz") as file:
        return dict(file), said


@pytest.fixture(scope="module")
def symmetric(tmp_path_factory):
    done = {}

    def once(ranks):
        if ranks not in done:
            folder = tmp_path_factory.mktemp(f"ranks{ranks}")
            done[ranks] = run(folder, "symmetric_structures", ranks)
        return done[ranks]

    return once


@pytest.mark.parametrize("ranks", (1, 2, 4))
def test_a_force_that_is_zero_by_symmetry_is_not_held(symmetric, ranks):
    """A flat sheet: no atom has a force along z."""
    held = symmetric(ranks)[0]["held"]
    assert held[:3, 0].all() and held.sum() == 3


@pytest.mark.parametrize("ranks", (1, 2, 4))
def test_springs_are_refused_where_they_are_not_stretched(symmetric, ranks):
    said = symmetric(ranks)[1]
    assert len(said["spring"]) == ranks
    assert all("(fixes: spring/self)" in sentence for sentence in said["spring"].values())
    assert set(said["thermostat"].values()) == {"no error"}


@pytest.mark.parametrize("ranks", (1, 2, 4))
def test_displaced_atoms_go_back_bit_for_bit(symmetric, ranks):
    found, said = symmetric(ranks)
    assert said["empty"]["0"] == ("6" if ranks == 1 else "0")
    for minimizing in (True, False):
        assert found[f"moved {minimizing}"] == 18 and found[f"wrapped {minimizing}"] > 0
        assert found[f"back {minimizing}"]
    assert found["energy"] < 1e-13


@pytest.fixture(scope="module")
def sheet(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sheet")
    return *run(folder, "two_dimensions"), folder


def test_atoms_of_two_dimensions_stay_in_their_plane(sheet):
    found, _, _ = sheet
    atoms = int(found["atoms"])
    assert found["moving"].tolist() == [atoms, atoms, 0] and found["modes"] == 2 * atoms
    assert np.abs(found["moved"][:, :2]).max() > 1e-2 and np.all(found["moved"][:, 2] == 0.0)
    close(found["moved"], found["moved again"], 1e-5)
    # without images above and below; third order of a change of 1e-3
    close(found["predicted"], found["again"], 1e-8)


def test_the_volume_of_two_dimensions_is_lammps_area(sheet):
    found, _, folder = sheet
    close(*found["volume"], 1e-12)
    expansion = adflux.Taylor.load(folder / "sheet.npz")
    close(expansion.volume, found["volume"][1], 1e-12)
    assert expansion.dimension == 2


@pytest.mark.parametrize("what", ("cell", "pressure", "constants", "response", "loads"))
def test_strains_of_two_dimensions_are_refused(sheet, what):
    assert "only in three dimensions, but LAMMPS has `dimension 2`" in sheet[1][what]["0"]


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    return run(tmp_path_factory.mktemp("units"), "newtons_and_metres")


def test_a_relaxation_in_newtons_is_one(units):
    found, _ = units
    assert found["si force"] < 1e-4 and found["lj"][2] > 1e-3
    close(found["si"], found["lj"], 1e-6)


@pytest.mark.parametrize("name", ("lj", "si"))
def test_small_forces_from_elsewhere_are_refused_in_all_units(units, name):
    assert "that are not the potential's act on the atoms (fixes: addforce)" in units[1][name]["0"]
