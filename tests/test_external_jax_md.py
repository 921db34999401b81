"""Potentials of jax-md: its own energies, and the laws that all models of other libraries obey."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems import random_crystal
from test_external_laws import check_laws

from lammps_adflux import AdfluxError, energy_forces_virial, graph_from_atoms

pytest.importorskip("jax_md", reason="needs jax-md: pip install 'lammps-adflux[jax-md]'")

from jax_md import energy, partition, space
from jax_md._nn import nequip

from lammps_adflux.potentials.external.jax_md import from_nequip, from_pair_function

pytestmark = [  # jax-md's own
    pytest.mark.filterwarnings("ignore:scatter inputs have incompatible types:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning"),
]
BOX = 8.0  # more than twice the cutoff: jax-md takes the nearest image


def cubic(atoms):
    crystal = random_crystal(atoms)
    crystal.set_cell([BOX] * 3, scale_atoms=True)
    crystal.wrap()
    return crystal


def compare(potential, crystal, energy_fn):
    """Energies of atoms, or their sum, and forces."""
    ours = energy_forces_virial(potential, graph_from_atoms(crystal, potential))
    expected, minus_forces = (
        energy_fn(jnp.asarray(crystal.positions)),
        jax.grad(lambda x: jnp.sum(energy_fn(x))),
    )
    np.testing.assert_allclose(
        ours.energies if expected.ndim else ours.energy, expected, rtol=1e-10
    )
    forces = -minus_forces(jnp.asarray(crystal.positions))
    np.testing.assert_allclose(ours.forces, forces, atol=1e-10 * np.abs(forces).max())


def test_a_pair_function(tmp_path):
    crystal, displacement = cubic(30), space.periodic(BOX)[0]
    species = jnp.asarray(crystal.numbers == 32, int)
    sigma, epsilon = np.array([[2.2, 2.1], [2.1, 2.0]]), np.array([[0.1, 0.2], [0.2, 0.3]])
    potential = from_pair_function(
        energy.lennard_jones,
        onset=2.8,
        cutoff=3.3,
        elements=("Si", "Ge"),
        sigma=sigma,
        epsilon=epsilon,
    )
    pair = energy.multiplicative_isotropic_cutoff(energy.lennard_jones, 2.8, 3.3)
    theirs = energy.smap.pair(
        pair,
        space.metric(displacement),
        species=2,
        sigma=jnp.asarray(sigma),
        epsilon=jnp.asarray(epsilon),
        reduce_axis=(1,),
    )
    compare(potential, crystal, lambda positions: theirs(positions, species=species))
    check_laws(potential, 1, tmp_path)


def test_nequip(tmp_path):
    config = nequip.default_config()
    config.update(
        dict(
            n_elements=2,
            hidden_irreps="4x0e + 2x1e",
            sh_irreps="1x0e + 1x1e",
            num_basis=4,
            r_max=3.25,
            radial_net_n_hidden=5,
            graph_net_steps=2,
            scale=1.7,
            shift=-0.3,
        )
    )
    crystal, displacement = cubic(12), space.periodic(BOX)[0]
    atoms = jax.nn.one_hot(jnp.asarray(crystal.numbers == 32, int), 2)
    neighbor_fn, init_fn, energy_fn = energy.nequip_neighbor_list(
        displacement, BOX, config, atoms, dr_threshold=0.0
    )
    neighbors = neighbor_fn.allocate(jnp.asarray(crystal.positions))
    assert neighbors.format is partition.Sparse
    shapes = jax.eval_shape(
        lambda: init_fn(jax.random.key(0), jnp.asarray(crystal.positions), neighbors)
    )
    random = np.random.default_rng(0)
    parameters = jax.tree.map(lambda leaf: jnp.asarray(random.normal(size=leaf.shape)), shapes)
    potential = from_nequip(config, parameters, ("Si", "Ge"))
    compare(
        potential, crystal, jax.jit(lambda positions: energy_fn(parameters, positions, neighbors))
    )
    check_laws(potential, 2, tmp_path)


@pytest.mark.parametrize(
    "name",
    ("stillinger_weber", "tersoff", "eam", "graph_network", "behler_parrinello_neighbor_list"),
)
def test_energies_of_the_whole_system_are_refused(name):
    with pytest.raises(AdfluxError, match=f"{name} gives the energy of the whole system"):
        from_pair_function(getattr(energy, name), onset=2.8, cutoff=3.3, elements=("Si",))
