"""Potentials of mlip: their own energies and forces, and the laws that all models of other
libraries obey.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems import random_crystal
from test_external_laws import check_laws, check_model_file, evaluate

from lammps_adflux import AdfluxError, energy_forces_virial, graph_from_atoms

pytest.importorskip("mlip", reason="needs mlip: pip install 'lammps-adflux[mlip]'")

from mlip.data import DatasetInfo
from mlip.data.chemical_system import ChemicalSystem
from mlip.data.helpers.dummy_init_graph import get_dummy_graph_for_model_init
from mlip.graph import Graph
from mlip.models import ForceField, InferenceContext, Mace, Nequip, Visnet
from mlip.models.predictors import ConservativePredictor
from mlip.typing.properties import Properties

from lammps_adflux.potentials.external.mlip import from_mlip

# mlip's own
pytestmark = pytest.mark.filterwarnings(
    "ignore:scatter inputs have incompatible types:FutureWarning"
)

DATA = dict(
    atomic_energies_map={32: 2.5, 14: -1.5},
    graph_cutoff_angstrom=3.2,
    avg_num_neighbors=9.0,
    avg_r_min_angstrom=2.0,
    scaling_mean=0.3,
    scaling_stdev=0.7,
)
MACE = dict(
    num_channels=3,
    l_max=1,
    correlation=2,
    readout_irreps=("4x0e", "0e"),
    num_rbf=4,
    radial_mlp_hidden=[5],
)
NEQUIP = dict(target_irreps="3x0e + 3x0o + 2x1o + 2x1e", l_max=1, num_rbf=4, radial_mlp_hidden=[5])
VISNET = dict(num_channels=4, l_max=1, num_heads=2, num_rbf=4)
SETTINGS = {Mace: MACE, Nequip: NEQUIP, Visnet: VISNET}


def force_field(kind, config, data=None, context=None):
    """Random weights of order one, drawn here: mlip's own initialisation takes minutes."""
    network = kind(kind.Config(**config), DatasetInfo(**DATA | (data or {})))
    model = ConservativePredictor(mlip_network=network, required_properties=Properties())
    shapes = jax.eval_shape(model.init, jax.random.key(0), get_dummy_graph_for_model_init())
    random = np.random.default_rng(0)
    weights = jax.tree.map(lambda leaf: jnp.asarray(random.normal(size=leaf.shape)), shapes)
    return ForceField(model, weights, context)


@pytest.mark.parametrize("kind", SETTINGS, ids=lambda kind: kind.__name__)
def test_energies_forces_and_laws(kind, tmp_path):
    theirs = force_field(kind, SETTINGS[kind] | {"num_layers": 2})
    potential = from_mlip(theirs)
    assert potential.elements == ("Si", "Ge") and potential.cutoff == 3.2
    check_energies_and_forces(potential, theirs)
    # ViSNet's embedding of neighbours is a hop as well
    check_laws(potential, 3 if kind is Visnet else 2, tmp_path)


def check_energies_and_forces(potential, theirs):
    crystal = random_crystal(6)
    graph = Graph.from_chemical_system(
        ChemicalSystem.from_ase_atoms(crystal), theirs.cutoff_distance
    )
    expected = jax.jit(theirs.calculate)(graph).nodes
    ours = energy_forces_virial(potential, graph_from_atoms(crystal, potential))
    np.testing.assert_allclose(ours.energies, expected.features["energy"], rtol=1e-10)
    np.testing.assert_allclose(
        ours.forces, expected.forces, atol=1e-10 * np.abs(expected.forces).max()
    )


def test_deterministic_sums_and_partial_charges_change_no_energy():
    plain = force_field(Nequip, NEQUIP | {"num_layers": 1, "predict_partial_charges": True})
    other = plain.replace_config(deterministic_scatter_ops=True)
    crystal = random_crystal(3)
    potentials = [from_mlip(one) for one in (plain, other)]
    energies = [
        evaluate(potential, graph_from_atoms(crystal, potential)) for potential in potentials
    ]
    np.testing.assert_array_equal(*energies)


def test_the_energies_of_the_chosen_data_set(tmp_path):
    data = {
        "dataset_name": ["a", "b"],
        "atomic_energies_map": [{14: 1.0, 32: 2.0}, {14: -3.0, 32: -4.0}],
    }
    one, two = (
        from_mlip(
            force_field(
                Nequip, NEQUIP | {"num_layers": 1}, data, InferenceContext(dataset_name=name)
            )
        )
        for name in ("a", "b")
    )
    graph = graph_from_atoms(random_crystal(4), one)
    moved = np.where(graph.species == 0, -4.0, -6.0)
    np.testing.assert_allclose(evaluate(two, graph) - evaluate(one, graph), moved, rtol=1e-9)
    check_model_file(two, random_crystal(4), tmp_path)


def test_a_coulomb_term_is_refused():
    with pytest.raises(AdfluxError, match="Coulomb term"):
        from_mlip(force_field(Nequip, NEQUIP | {"num_layers": 1, "use_coulomb_term": True}))
