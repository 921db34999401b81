"""Potentials of nequix: their own energies and forces, and the laws that all models of other
libraries obey.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems import random_crystal
from test_external_laws import check_laws, evaluate

from lammps_adflux import AdfluxError, energy_forces_virial, graph_from_atoms

pytest.importorskip("nequix", reason="needs nequix: pip install 'lammps-adflux[nequix]'")

import jraph
from nequix.data import atomic_numbers_to_indices, dict_to_graphstuple, preprocess_graph
from nequix.model import Nequix, save_model

from lammps_adflux.potentials.external.nequix import from_nequix

CONFIG = dict(
    atomic_numbers=[14, 32],
    cutoff=3.2,
    lmax=1,
    hidden_irreps="4x0e + 3x1o",
    n_layers=2,
    radial_basis_size=4,
    radial_mlp_size=6,
    radial_mlp_layers=2,
    radial_polynomial_p=6.0,
    mlp_init_scale=4.0,
    index_weights=True,
    layer_norm=True,
    shift=0.3,
    scale=1.7,
    avg_n_neighbors=9.0,
)


def network(config, atom_energies=(-1.5, 2.5)):
    settings = {key: value for key, value in config.items() if key != "atomic_numbers"}
    return Nequix(
        jax.random.key(0), len(config["atomic_numbers"]), atom_energies=atom_energies, **settings
    )


def test_energies_and_forces_are_those_of_nequix():
    crystal = random_crystal(6)
    potential = from_nequix(network(CONFIG), CONFIG)
    assert potential.elements == ("Si", "Ge") and potential.cutoff == 3.2
    numbers = atomic_numbers_to_indices(CONFIG["atomic_numbers"])
    data = preprocess_graph(crystal, numbers, potential.cutoff, False)
    # nequix gives float32
    data |= {
        "positions": np.asarray(crystal.positions),
        "shifts": data["shifts"].astype(float),
    }
    data["cell"] = crystal.cell.array
    theirs = dict_to_graphstuple(data)
    net = jax.tree.map(jnp.asarray, potential.parameters.network)  # in float64
    # as its calculator does
    padded = jraph.pad_with_graphs(theirs, n_node=7, n_edge=len(theirs.senders) + 1, n_graph=2)
    energy, forces, stress = eqx.filter_jit(net)(padded)
    ours = energy_forces_virial(potential, graph_from_atoms(crystal, potential))
    np.testing.assert_allclose(ours.energy, energy[0], rtol=1e-12)
    np.testing.assert_allclose(ours.forces, forces[:6], atol=1e-11)
    np.testing.assert_allclose(-ours.virial / crystal.get_volume(), stress[0], atol=1e-11)
    edges = theirs.nodes["positions"][theirs.senders] - theirs.nodes["positions"][theirs.receivers]
    edges = edges + theirs.edges["shifts"] @ crystal.cell.array
    energies = eqx.filter_jit(net.node_energies)(
        edges, theirs.nodes["species"], theirs.senders, theirs.receivers
    )[:, 0]
    np.testing.assert_allclose(ours.energies, energies, rtol=1e-12)


@pytest.mark.parametrize("layers", (1, 3))
def test_laws(layers, tmp_path):
    config = CONFIG | {"n_layers": layers}
    check_laws(from_nequix(network(config), config), layers, tmp_path)


def test_a_model_that_nequix_saved(tmp_path):
    with jax.enable_x64(False):
        net = network(CONFIG)
        save_model(tmp_path / "model.nqx", net, CONFIG | {"batch_size": 4, "kernel": True})
    potential, expected = from_nequix(tmp_path / "model.nqx"), from_nequix(net, CONFIG)
    graph = graph_from_atoms(random_crystal(3), potential)
    np.testing.assert_array_equal(evaluate(potential, graph), evaluate(expected, graph))


def test_another_configuration_is_refused():
    with pytest.raises(AdfluxError, match="do not belong together"):
        from_nequix(network(CONFIG), CONFIG | {"avg_n_neighbors": 20.0})
