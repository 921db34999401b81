"""So3krates as mlff trains it: its energies, its symmetries, and the heat flux of
several layers.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from comparing import relative_error
from mlff_folders import write_checkpoint
from reference import pairs_by_force, real_harmonics, so3krates_energies, unfolded_flux
from scipy.spatial.transform import Rotation
from systems import cluster, random_crystal, velocities

from lammps_adflux import (
    So3krates,
    atomic_virials,
    energy_forces_virial,
    export,
    graph_from_atoms,
    heat_flux,
    load,
)
from lammps_adflux.flux import hop_flux
from lammps_adflux.graph import pad
from lammps_adflux.potentials.so3krates.spherical_harmonics import spherical_harmonics

SNSE = Path(__file__).parents[2] / "shared/data/snse_so3krates"
PAIR = ("Sn", "Se")
ROUNDING = 1e-11  # relative, of sums of some thousand terms
VARIANTS = {
    "two layers": {},
    "three layers": dict(layers=3, degrees=[1, 2], features=8, n_rbf=3, layer=dict(n_heads=4)),
    "degree zero": dict(degrees=[0, 1, 2]),
    "one high degree": dict(degrees=[4], geometry=dict(radial_cutoff_fn="phys_cutoff_fn")),
    "degrees apart": dict(degrees=[2, 5, 6]),
    "bernstein": dict(
        geometry=dict(radial_basis_function="bernstein", radial_cutoff_fn="exponential_cutoff_fn")
    ),
    "bessel": dict(
        geometry=dict(radial_basis_function="bessel", radial_cutoff_fn="dimenet_cutoff_fn")
    ),
    "rbf": dict(geometry=dict(radial_basis_function="rbf")),
    "neighbourhood at the start": dict(layers=1, geometry=dict(sphc_normalization=5.3)),
    "filters": dict(
        layer=dict(
            gb_filter="radial", fb_rad_filter_features=[12], fb_sph_filter_features=[3, 4, 12]
        )
    ),
    "layer normalisation": dict(layer=dict(layer_normalization=True, final_layer=True)),
    "residual after": dict(layer=dict(residual_mlp_2=True)),
    "residual twice": dict(layer=dict(residual_mlp_1=True, residual_mlp_2=True)),
    "two embeddings": dict(embeddings=2),
}


@pytest.fixture
def crystal():
    return random_crystal(7, volume_per_atom=11.0, elements=PAIR, seed=3)


@pytest.mark.slow
@pytest.mark.skipif(not SNSE.exists(), reason="../shared/data/snse_so3krates is absent")
def test_tin_selenide_equals_glp_with_mlff():
    import ase

    data = np.load(SNSE / "reference.npz")
    atoms = ase.Atoms(
        numbers=data["numbers"], positions=data["positions"], cell=data["cell"], pbc=True
    )
    potential = So3krates.from_mlff(SNSE / "model_m1", PAIR)
    assert (potential.hops, potential.cutoff, potential.degrees) == (1, 5.0, (1, 2, 3))
    graph, v = graph_from_atoms(atoms, potential), data["velocities_A_per_ps"]
    result = energy_forces_virial(potential, graph)
    by_edges, by_hops = heat_flux(potential, graph, v), jax.jit(hop_flux)(potential, graph, v)
    for ours, theirs in (
        (result.energies, "per_atom_energies"),
        (result.energy, "energy"),
        (result.forces, "forces"),
        (-result.virial, "dU_dstrain"),
        (by_edges, "heat_flux_potential_unfolded"),
        (by_hops, "heat_flux_potential_unfolded"),
        (by_edges, "heat_flux_potential_hardy"),
    ):
        assert relative_error(ours, data[f"{theirs}_p64"]) < 1e-10, theirs


@pytest.mark.parametrize("variant", VARIANTS)
def test_energies_equal_a_slow_forward_pass(tmp_path, crystal, variant):
    network, params = write_checkpoint(tmp_path, **VARIANTS[variant])
    potential = So3krates.from_mlff(tmp_path, PAIR)
    ours = jax.jit(lambda p, g: p(g))(potential, graph_from_atoms(crystal, potential))
    centers, others, images = pairs_by_force(
        crystal.positions, crystal.cell.array, crystal.pbc, potential.cutoff
    )
    vectors = crystal.positions[others] - crystal.positions[centers] + images @ crystal.cell.array
    params = jax.tree.map(np.float64, params)
    slow = so3krates_energies(params, network, crystal.numbers, centers, others, vectors)
    assert relative_error(ours, 0.3 * slow) < ROUNDING


@pytest.mark.slow
@pytest.mark.parametrize("variant", ("three layers", "neighbourhood at the start"))
def test_flux_equals_the_unfolded_one(tmp_path, variant):
    write_checkpoint(tmp_path, **VARIANTS[variant])
    potential = So3krates.from_mlff(tmp_path, PAIR)
    crystal = random_crystal(5, volume_per_atom=11.0, elements=PAIR)
    graph, v = graph_from_atoms(crystal, potential), velocities(crystal)
    unfolded = unfolded_flux(crystal, potential, v)
    assert relative_error(heat_flux(potential, graph, v), unfolded) < ROUNDING
    if potential.hops == 2:  # the slowest to compile: one depth is enough
        assert (
            relative_error(np.einsum("iab,ib->a", atomic_virials(potential, graph), v), unfolded)
            < ROUNDING
        )


@pytest.mark.parametrize("variant", ("two layers", "neighbourhood at the start"))
def test_energy_reaches_as_far_as_the_hops_and_no_farther(tmp_path, variant):
    """A bent chain with one atom per cutoff: U_0 feels the atom `hops` away, and not the next."""
    write_checkpoint(tmp_path, **VARIANTS[variant])
    potential = So3krates.from_mlff(tmp_path, PAIR)
    chain = cluster(6, elements=PAIR)
    chain.positions = np.cumsum(
        np.random.default_rng(2).normal([2.5, 0, 0], [0.05, 0.4, 0.4], (6, 3)), axis=0
    )
    graph = graph_from_atoms(chain, potential)

    def first(positions):
        vectors = positions[graph.others] - positions[graph.centers]
        moved = type(graph)(
            vectors, graph.centers, graph.others, graph.species, graph.mask, graph.owned
        )
        return potential(moved)[0]

    felt = np.abs(jax.jit(jax.grad(first))(jnp.asarray(chain.positions))).max(axis=1)
    assert np.all(felt[: potential.hops + 1] > 0) and not np.any(felt[potential.hops + 1 :])


def test_rotation_and_permutation(tmp_path, crystal):
    write_checkpoint(tmp_path, degrees=[1, 2, 3, 6])
    potential = So3krates.from_mlff(tmp_path, PAIR)
    base = energy_forces_virial(potential, graph_from_atoms(crystal, potential))
    rotation, order = (
        Rotation.from_rotvec([1.0, 0.2, -0.4]).as_matrix(),
        np.random.default_rng(1).permutation(7),
    )
    turned = crystal[order]
    turned.set_cell(crystal.cell.array @ rotation.T, scale_atoms=True)
    result = energy_forces_virial(potential, graph_from_atoms(turned, potential))
    assert relative_error(result.energies, np.asarray(base.energies)[order]) < ROUNDING
    assert relative_error(result.forces, np.asarray(base.forces)[order] @ rotation.T) < ROUNDING


def test_harmonics_equal_scipy_and_are_orthonormal():
    degrees = (0, 1, 2, 3, 4, 5, 6)
    directions = np.random.default_rng(0).normal(size=(20, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    slow = [np.concatenate([real_harmonics(degree, d) for degree in degrees]) for d in directions]
    assert (
        relative_error(spherical_harmonics(jnp.asarray(directions), degrees), np.array(slow))
        < 1e-13
    )
    # exact up to degree 15 in z, and 14 in the angle
    z, weights = np.polynomial.legendre.leggauss(8)
    angle = np.arange(15) * 2 * np.pi / 15
    x, y = np.sqrt(1 - z**2)[:, None] * np.cos(angle), np.sqrt(1 - z**2)[:, None] * np.sin(angle)
    points = np.stack([x, y, np.broadcast_to(z[:, None], x.shape)], axis=-1).reshape(-1, 3)
    values = np.asarray(spherical_harmonics(jnp.asarray(points), degrees))
    product = values.T @ (np.repeat(weights, 15)[:, None] * values) * 2 * np.pi / 15
    assert np.abs(product - np.eye(49)).max() < 1e-13


@pytest.mark.slow
@pytest.mark.parametrize("variant", ("two layers", "bernstein", "neighbourhood at the start"))
def test_padding_lonely_atoms_and_float32_do_no_harm(tmp_path, variant):
    write_checkpoint(
        tmp_path, **VARIANTS[variant] | dict(layers=2 if variant == "two layers" else 1)
    )
    atoms = cluster(6, elements=PAIR)
    atoms.positions[3] += [90.0, 0.0, 0.0]
    potential = So3krates.from_mlff(tmp_path, PAIR)
    double = energy_forces_virial(potential, graph_from_atoms(atoms, potential))
    assert not np.any(double.forces[3])
    single = So3krates.from_mlff(tmp_path, PAIR, dtype=np.float32)
    graph = graph_from_atoms(atoms, single, dtype=np.float32)
    padded = pad(graph, len(graph.centers) + 9, len(atoms) + 3, single.cutoff)
    result = energy_forces_virial(single, padded)
    assert result.forces.dtype == np.float32 and not np.any(result.forces[len(atoms) :])
    # hundreds of roundings of 6e-8, amplified by cancellation
    assert relative_error(result.energies[: len(atoms)], np.asarray(double.energies)) < 1e-4
    assert relative_error(result.forces[: len(atoms)], np.asarray(double.forces)) < 1e-3
    if variant == "two layers":
        assert np.isfinite(heat_flux(single, padded, np.ones((9, 3), np.float32))).all()
        gradient = jax.jit(jax.grad(lambda p: jnp.sum(p(padded))))(single)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


@pytest.mark.parametrize("variant", ("two layers", "rbf"))
def test_a_model_file_gives_it_back(tmp_path, crystal, variant):
    write_checkpoint(tmp_path / "mlff", **VARIANTS[variant])
    potential = So3krates.from_mlff(tmp_path / "mlff", PAIR)
    export(potential, tmp_path / "model.pkl")
    again = load(tmp_path / "model.pkl")
    assert jax.tree.structure(again) == jax.tree.structure(potential)
    graph, compiled = graph_from_atoms(crystal, potential), 0

    @jax.jit
    def energies(potential, graph):
        nonlocal compiled
        compiled += 1
        return potential(graph)

    assert np.array_equal(energies(potential, graph), energies(again, graph)) and compiled == 1


def test_new_weights_do_not_compile_again(tmp_path, crystal):
    compiled = 0

    @jax.jit
    def energy(potential, graph):
        nonlocal compiled
        compiled += 1
        return potential(graph)

    for seed in (0, 1):
        write_checkpoint(tmp_path / str(seed), seed=seed)
        potential = So3krates.from_mlff(tmp_path / str(seed), PAIR)
        energy(potential, graph_from_atoms(crystal, potential))
    assert compiled == 1
