"""Model files that the version before units were named wrote (tests/data/models) give the energies that it gave."""

import json
import warnings
from pathlib import Path

import ase
import jax
import numpy as np
import pytest

from lammps_adflux import energy_forces_virial, graph_from_atoms, load

FOLDER = Path(__file__).parent / "data/models"
STORED = json.loads((FOLDER / "energies.json").read_text())


@pytest.mark.parametrize("name", STORED)
def test_an_old_file_gives_its_energies(name):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        potential = load(FOLDER / f"{name}.model")
    stored = STORED[name]
    atoms = ase.Atoms(stored["symbols"], positions=stored["positions"], cell=stored["cell"], pbc=True)
    energies = energy_forces_virial(potential, graph_from_atoms(atoms, potential)).energies
    # of the largest: sums of some hundred terms, on any processor
    assert np.abs(energies - np.array(stored["energies"])).max() <= 1e-12 * np.abs(stored["energies"]).max()
    says = [str(one.message) for one in told if "units" in str(one.message)]
    if name in ("lj", "class"):  # kinds that are for any units
        assert potential.units == "any" and not says
    else:
        assert potential.units == "metal" and len(says) == 1 and "metal units are assumed" in says[0]


@pytest.mark.parametrize("name", STORED)
def test_arrays_come_back_as_those_of_jax_in_double_precision(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        leaves = jax.tree.leaves(load(FOLDER / f"{name}.model"))
    arrays = [leaf for leaf in leaves if hasattr(leaf, "dtype")]
    assert arrays and all(isinstance(leaf, jax.Array) for leaf in arrays)
    assert all(leaf.dtype == np.float64 for leaf in arrays if np.issubdtype(leaf.dtype, np.inexact))
