"""Elastic constants and phonons of relaxed structures, and their derivatives by the parameters."""

import json

import numpy as np
import pytest
from comparing import close
from relaxing import found

pytestmark = pytest.mark.lammps

STRETCHED = "change_box all x scale 1.01 y scale 0.995 remap"
CASES = {
    "silicon": ["silicon", "iso"],
    "stressed": ["silicon", None, STRETCHED],
    "hexagonal": ["hexagonal", "tri"],
    "network": ["network", None],
}


KEPT = {}


@pytest.mark.parametrize("name", CASES)
def test_properties_and_derivatives_equal_differences(starts, name):
    """C_ij: Cauchy stress, by LAMMPS, of cells that were strained and relaxed again; derivatives:
    the property of structures that were relaxed with other parameters.
    """
    case = CASES[name]
    key = f"{case[0]} {case[1]} {len(case) - 2}"
    all_found = found(starts, "properties", json.dumps([case]), "differences", time_limit=300)
    KEPT[name] = all_found
    of = {what.removeprefix(f"{key} "): value for what, value in all_found.items()}
    if name == "stressed":  # not symmetric: Cauchy stress against strain
        assert np.abs(of["constants"] - of["constants"].T).max() > 1e-3 * of["constants"].max()
    close(of["constants"], of["strained"], 1e-6)
    close(of["response"], of["response again"], 1e-6)
    close(of["gradient"], of["along"], 1e-8)
    assert np.sum(of["squares"] == 0.0) == 3 and np.all(of["frequencies"][3:] > 0.0)
    close(of["phonon gradient"], of["phonon gradient again"], 1e-6)


def test_two_ranks_find_the_same(starts):
    cases = json.dumps([CASES["network"]])
    two = found(starts, "properties", cases, "derivatives", ranks=2, time_limit=300)
    one = KEPT.get("network") or found(starts, "properties", cases, "derivatives", time_limit=300)
    for what, value in two.items():
        close(value, one[what], 1e-8)


def test_ranks_without_atoms_change_nothing(tmp_path):
    four = found(tmp_path, "vacuum", ranks=4, time_limit=300)
    one = found(tmp_path, "vacuum", time_limit=300)
    assert np.sum(four.pop("atoms") == 0) >= 1 and one.pop("atoms") == [32]
    for what, value in four.items():
        close(value, one[what], 1e-8)
