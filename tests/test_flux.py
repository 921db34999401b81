"""Laws of the heat flux, for one layer and for message passing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from comparing import close
from networks import InBlocks, MessagePassing, message_passing
from reference import hardy_flux, unfolded_flux
from scipy.spatial.transform import Rotation
from systems import cluster, random_crystal, velocities

from lammps_adflux import (
    LennardJones,
    atomic_virials,
    energy_forces_virial,
    graph_from_atoms,
    heat_flux,
)
from lammps_adflux.derivatives import energies_and_pair_gradients
from lammps_adflux.flux import edge_flux, edge_virials, hop_flux, hop_flux_map
from lammps_adflux.graph import messages, pad

LAYERS = (1, 2, 3)
ROUNDING = 1e-12  # sums of some thousand terms of order one, in float64


@pytest.mark.slow
@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("atoms", (1, 5, 8))  # 1 atom: a cell smaller than the cutoff
def test_equals_the_flux_of_the_unfolded_cell(layers, atoms):
    potential, crystal = message_passing(layers), random_crystal(atoms)
    flux = heat_flux(potential, graph_from_atoms(crystal, potential), velocities(crystal))
    close(flux, unfolded_flux(crystal, potential, velocities(crystal)), 1e-11, floor=1e-3)


@pytest.mark.parametrize("layers", LAYERS)
def test_equals_hardys_double_sum(layers):
    potential, crystal = message_passing(layers), random_crystal(3, seed=4)
    flux = heat_flux(potential, graph_from_atoms(crystal, potential), velocities(crystal))
    close(flux, hardy_flux(crystal, potential, velocities(crystal)), 1e-11, floor=1e-3)


@pytest.mark.parametrize("layers", LAYERS)
def test_in_an_open_cluster_it_moves_the_energy_barycentre(layers):
    """J = d/dt Σ_i r_i E_i along (v, F/m), with E_i = U_i + ½ m_i v_i²: the definition of the heat
    flux.
    """
    potential, atoms = message_passing(layers), cluster()
    graph, v, masses = graph_from_atoms(atoms, potential), velocities(atoms), atoms.get_masses()
    result = energy_forces_virial(potential, graph)

    def barycentre(positions, speeds):
        vectors = positions[graph.others] - positions[graph.centers]
        moved = jax.tree.map(lambda leaf: leaf, graph)
        moved = type(graph)(
            vectors, moved.centers, moved.others, moved.species, moved.mask, moved.owned
        )
        energies = potential(moved) + 0.5 * masses * jnp.sum(speeds**2, axis=1)
        return positions.T @ energies

    _, rate = jax.jvp(
        barycentre, (jnp.asarray(atoms.positions), v), (v, result.forces / masses[:, None])
    )
    convective = (result.energies + 0.5 * masses * np.sum(v**2, axis=1)) @ v
    close(heat_flux(potential, graph, v) + convective, rate, ROUNDING, floor=1e-3)


@pytest.mark.parametrize("layers", LAYERS)
def test_of_an_n_fold_cell_is_n_fold(layers):
    potential, crystal = message_passing(layers), random_crystal(5)
    once = heat_flux(potential, graph_from_atoms(crystal, potential), velocities(crystal))
    big = crystal * (2, 1, 3)
    many = heat_flux(
        potential, graph_from_atoms(big, potential), np.tile(velocities(crystal), (6, 1))
    )
    close(many, 6 * once, ROUNDING, floor=1e-3)


@pytest.mark.parametrize("layers", LAYERS)
def test_rotates_as_a_vector(layers):
    potential, crystal = message_passing(layers), random_crystal(7)
    v, rotation = velocities(crystal), Rotation.from_rotvec([0.3, -1.1, 0.7]).as_matrix()
    turned = crystal.copy()
    turned.set_cell(crystal.cell.array @ rotation.T, scale_atoms=True)
    flux = heat_flux(potential, graph_from_atoms(crystal, potential), v)
    close(
        heat_flux(potential, graph_from_atoms(turned, potential), v @ rotation.T),
        rotation @ flux,
        ROUNDING,
        floor=1e-3,
    )


@pytest.mark.slow
@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("extra", ((0, 1), (1, 1), (37, 5)))
def test_padding_changes_nothing(layers, extra):
    potential, crystal = message_passing(layers), random_crystal(7)
    graph, v = graph_from_atoms(crystal, potential), velocities(crystal)
    padded = pad(graph, len(graph.centers) + extra[0], len(crystal) + extra[1], potential.cutoff)
    more = np.concatenate([v, np.ones((extra[1], 3))])
    close(heat_flux(potential, padded, more), heat_flux(potential, graph, v), ROUNDING, floor=1e-3)
    close(
        atomic_virials(potential, padded)[: len(crystal)],
        atomic_virials(potential, graph),
        ROUNDING,
        floor=1e-3,
    )
    assert not np.any(atomic_virials(potential, padded)[len(crystal) :])


@pytest.mark.slow
@pytest.mark.parametrize("layers", (2, 3))
def test_the_edge_formula_fails_for_message_passing(layers):
    """Negative control: what a one-layer formula gives is off by far more than rounding."""
    potential, crystal = message_passing(layers), random_crystal(8)
    graph, v = graph_from_atoms(crystal, potential), jnp.asarray(velocities(crystal))
    exact = unfolded_flux(crystal, potential, v)
    wrong = edge_flux(graph, energies_and_pair_gradients(potential, graph)[1], v)
    assert np.abs(wrong - exact).max() > 0.01 * np.abs(exact).max()


@pytest.mark.slow
def test_for_one_layer_the_edge_form_is_the_hop_rule():
    potential, crystal = message_passing(1), random_crystal(8)
    graph, v = graph_from_atoms(crystal, potential), jnp.asarray(velocities(crystal))
    _, gradients = energies_and_pair_gradients(potential, graph)
    close(edge_flux(graph, gradients, v), hop_flux(potential, graph, v), ROUNDING, floor=1e-3)
    from_hops = jax.jacrev(lambda speeds: hop_flux(potential, graph, speeds))(v)
    close(edge_virials(graph, gradients), np.einsum("aib->iab", from_hops), ROUNDING, floor=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", (MessagePassing, InBlocks))
def test_the_map_of_velocities_gives_the_flux_with_energies_and_forces(kind, monkeypatch):
    """What a step in LAMMPS evaluates before it knows the velocities: at once, and in blocks."""
    monkeypatch.setattr(messages, "AT_ONCE", 0)
    monkeypatch.setattr(messages, "BLOCK", 10_000)
    potential, crystal = message_passing(2, kind=kind), random_crystal(8)
    graph, v = graph_from_atoms(crystal, potential), jnp.asarray(velocities(crystal))
    found = jax.jit(hop_flux_map)(potential, graph)
    apply = jax.jit(lambda found, v: found(v))
    close(apply(found, v), hop_flux(potential, graph, v), ROUNDING, floor=1e-3)
    close(apply(found, 2.0 * v), 2.0 * hop_flux(potential, graph, v), ROUNDING, floor=1e-3)
    energies, gradients = energies_and_pair_gradients(potential, graph)
    close(found.energies, energies, ROUNDING)
    close(found.pair_gradients, gradients, ROUNDING)


@pytest.mark.slow
@pytest.mark.parametrize("layers", LAYERS)
def test_atomic_virials_give_the_flux_and_sum_to_the_strain_derivative(layers):
    potential, crystal = message_passing(layers), random_crystal(6)
    graph, v = graph_from_atoms(crystal, potential), velocities(crystal)
    virials = atomic_virials(potential, graph)
    close(np.einsum("iab,ib->a", virials, v), heat_flux(potential, graph, v), ROUNDING, floor=1e-3)
    close(virials.sum(axis=0), energy_forces_virial(potential, graph).virial, ROUNDING, floor=1e-3)

    def energy(strain):
        vectors = graph.vectors @ (jnp.eye(3) + strain).T
        strained = type(graph)(
            vectors, graph.centers, graph.others, graph.species, graph.mask, graph.owned
        )
        return jnp.sum(potential(strained))

    close(virials.sum(axis=0), -jax.grad(energy)(jnp.zeros((3, 3))), ROUNDING, floor=1e-3)


def test_uniform_motion_carries_the_virial():
    """All atoms at one velocity v: J_pot = W v, with the global virial W."""
    potential, crystal = message_passing(3), random_crystal(6)
    graph = graph_from_atoms(crystal, potential)
    v = np.array([0.4, -0.2, 1.0])
    flux = heat_flux(potential, graph, np.tile(v, (6, 1)))
    close(flux, energy_forces_virial(potential, graph).virial @ v, ROUNDING, floor=1e-3)


def test_does_not_depend_on_the_order_of_atoms():
    potential, crystal = message_passing(2), random_crystal(9)
    v, order = velocities(crystal), np.random.default_rng(3).permutation(9)
    flux = heat_flux(potential, graph_from_atoms(crystal, potential), v)
    close(
        heat_flux(potential, graph_from_atoms(crystal[order], potential), v[order]),
        flux,
        ROUNDING,
        floor=1e-3,
    )


def test_lennard_jones_equals_the_textbook_sum():
    """½ Σ_{i<j} r_ij [f_ij · (v_i + v_j)], as LAMMPS' compute heat/flux has it for pair
    potentials.
    """
    potential = LennardJones(epsilon=0.7, sigma=2.2, cutoff=5.5, elements=("Si", "Ge"))
    crystal = random_crystal(20)
    graph, v = graph_from_atoms(crystal, potential), velocities(crystal)
    r = np.asarray(graph.vectors)
    d = np.linalg.norm(r, axis=1)
    slope = 4 * 0.7 * (-12 * 2.2**12 / d**13 + 6 * 2.2**6 / d**7)
    force_on_center = slope[:, None] * r / d[:, None]
    mean_velocity = (v[graph.centers] + v[graph.others]) / 2
    flux = -0.5 * np.einsum("pa,pb,pb->a", r, force_on_center, mean_velocity)
    close(heat_flux(potential, graph, v), flux, ROUNDING, floor=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("layers", LAYERS)
def test_mixed_precisions_give_the_lower_one(layers):
    """A float32 graph or potential with float64 company: no error, and no more than float32's
    rounding.
    """
    potential, crystal = message_passing(layers), random_crystal(5)
    v = velocities(crystal)
    exact = heat_flux(potential, graph_from_atoms(crystal, potential), v)
    for model, dtype in ((potential, np.float32), (potential.astype(np.float32), np.float64)):
        graph = graph_from_atoms(crystal, potential, dtype)
        close(heat_flux(model, graph, v), exact, 1e-5, floor=1e-3)
        close(
            energy_forces_virial(model, graph).forces,
            energy_forces_virial(potential, graph).forces,
            1e-5,
            floor=1e-3,
        )
