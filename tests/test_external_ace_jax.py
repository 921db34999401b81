"""Potentials of ace-jax: their own energies and forces, and the laws that all models of other
libraries obey.
"""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from systems import random_crystal
from test_external_laws import check_laws

from lammps_adflux import energy_forces_virial, graph_from_atoms

pytest.importorskip("ace_jax", reason="needs ace-jax: pip install 'lammps-adflux[ace]'")

from ace_jax import ACECalculator
from ace_jax.basis.export import save_npz
from ace_jax.basis.model import build_model
from ace_jax.eval import fold_readout, write_yace

from lammps_adflux.potentials.external.ace_jax import from_ace_jax


@pytest.fixture(scope="module")
def basis():
    """Correlation order 3, for Si and Ge, with random weights of order one."""
    built = build_model(("Si", "Ge"), 3, 6, rcut=3.2)
    random = np.random.default_rng(0)
    model = built.model
    drawn = [
        jnp.asarray(random.normal(size=leaf.shape)) for leaf in (model.WB, model.Wpair, model.E0)
    ]
    model = eqx.tree_at(lambda tree: (tree.WB, tree.Wpair, tree.E0), model, drawn)
    return built._replace(model=fold_readout(dataclasses.replace(model, folded=False)))


def test_energies_forces_and_laws(basis, tmp_path):
    save_npz(tmp_path / "model.npz", basis)
    potential = from_ace_jax(tmp_path / "model.npz")
    assert potential.elements == ("Si", "Ge") and potential.cutoff == 3.2
    crystal = random_crystal(6)
    ours = energy_forces_virial(potential, graph_from_atoms(crystal, potential))
    crystal.calc = ACECalculator(tmp_path / "model.npz", layout="dense", skin=0.0)
    np.testing.assert_allclose(ours.energy, crystal.get_potential_energy(), rtol=1e-10)
    np.testing.assert_allclose(
        ours.forces, crystal.get_forces(), atol=1e-10 * np.abs(ours.forces).max()
    )
    check_laws(potential, 1, tmp_path)


def test_pace_potentials(basis, tmp_path):
    write_yace(basis.model, tmp_path / "model.yace")
    potential = from_ace_jax(tmp_path / "model.yace")
    crystal = random_crystal(6)
    ours = energy_forces_virial(potential, graph_from_atoms(crystal, potential))
    crystal.calc = ACECalculator(tmp_path / "model.yace", layout="dense", skin=0.0)
    np.testing.assert_allclose(ours.energy, crystal.get_potential_energy(), rtol=1e-10)
    np.testing.assert_allclose(
        ours.forces, crystal.get_forces(), atol=1e-10 * np.abs(ours.forces).max()
    )
    check_laws(potential, 1, tmp_path)
