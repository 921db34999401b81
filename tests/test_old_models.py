"""Model files that earlier versions wrote load, and give the energies that those versions gave.

tests/data/models/v0 was written before model files named their units, v1 before the package had
rooms. A release that cannot read them breaks its users' files. A new folder is added when the
format changes; the old ones are never written again.
"""

import json
import warnings
from pathlib import Path

import ase
import jax
import numpy as np
import pytest

from lammps_adflux import energy_forces_virial, graph_from_atoms, load

FOLDER = Path(__file__).parent / "data/models"
STORED = {
    (version, name): structure
    for version in ("v0", "v1")
    for name, structure in json.loads((FOLDER / version / "energies.json").read_text()).items()
}
ANY_UNITS = ("lj", "class")


def open_quietly(version: str, name: str):
    """The potential, and the warnings about its units."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        potential = load(FOLDER / version / f"{name}.model")
    return potential, [str(one.message) for one in caught if "units" in str(one.message)]


@pytest.mark.parametrize(("version", "name"), STORED)
def test_an_old_file_gives_its_energies(version, name):
    potential, _ = open_quietly(version, name)
    stored = STORED[version, name]
    atoms = ase.Atoms(
        stored["symbols"], positions=stored["positions"], cell=stored["cell"], pbc=True
    )
    energies = energy_forces_virial(potential, graph_from_atoms(atoms, potential)).energies
    # of the largest: sums of some hundred terms, on any processor
    assert (
        np.abs(energies - np.array(stored["energies"])).max()
        <= 1e-12 * np.abs(stored["energies"]).max()
    )


@pytest.mark.parametrize(("version", "name"), STORED)
def test_units_of_an_old_file_are_named_or_assumed_aloud(version, name):
    potential, sentences = open_quietly(version, name)
    assert potential.units == ("any" if name in ANY_UNITS else "metal")
    if version == "v0" and name not in ANY_UNITS:
        assert len(sentences) == 1 and "metal units are assumed" in sentences[0]
    else:
        assert not sentences


@pytest.mark.parametrize(("version", "name"), STORED)
def test_arrays_come_back_as_those_of_jax_in_double_precision(version, name):
    leaves = jax.tree.leaves(open_quietly(version, name)[0])
    arrays = [leaf for leaf in leaves if hasattr(leaf, "dtype")]
    assert (arrays or name == "zbl") and all(isinstance(leaf, jax.Array) for leaf in arrays)
    assert all(leaf.dtype == np.float64 for leaf in arrays if np.issubdtype(leaf.dtype, np.inexact))
