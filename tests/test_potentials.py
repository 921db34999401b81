"""The contract of every potential, and each one against an independent route."""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from networks import message_passing
from scipy.spatial.transform import Rotation
from systems import random_crystal, velocities
from test_snap import write_snap

import lammps_adflux as adflux
from lammps_adflux import (
    SNAP,
    AdfluxError,
    LennardJones,
    StillingerWeber,
    energy_forces_virial,
    graph_from_atoms,
    heat_flux,
)
from lammps_adflux.derivatives import with_vectors

ARGON = Path(__file__).parents[2] / "shared/data/lj_argon/reference.npz"
PAIR = ("Si", "Ge")
SW_FILE = """
# two elements with a mixed entry over two lines
Si Si Si 2.1683 2.0951 1.80 21.0 1.20 -0.333333333333 7.049556277 0.6022245584 4.0 0.0 0.0
Ge Ge Ge 1.93   2.181  1.80 31.0 1.20 -0.333333333333 7.049556277 0.6022245584 4.0 0.0 0.0
Si Ge Ge 2.0427 2.1376 1.80 24.0 1.20 -0.333333333333
         7.049556277 0.6022245584 4.0 0.0 0.0
Ge Si Si 2.0427 2.1376 1.80 26.0 1.20 -0.333333333333 7.049556277 0.6022245584 4.0 0.0 0.0
Si Si Ge 2.1    0.0    0.0  22.0 0.0  -0.3            0.0 0.0 0.0 0.0 0.0
Si Ge Si 2.1    0.0    0.0  22.0 0.0  -0.3            0.0 0.0 0.0 0.0 0.0
Ge Si Ge 2.0    0.0    0.0  27.0 0.0  -0.4            0.0 0.0 0.0 0.0 0.0
Ge Ge Si 2.0    0.0    0.0  27.0 0.0  -0.4            0.0 0.0 0.0 0.0 0.0
"""


@pytest.fixture(scope="module")
def sw_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("sw") / "SiGe.sw"
    path.write_text(SW_FILE)
    return path


@pytest.fixture(params=("lj", "lj switched", "lj matrix shifted", "sw", "snap", "network"))
def potential(request, sw_file):
    if request.param == "sw":
        return StillingerWeber.from_lammps(sw_file, elements=PAIR)
    if request.param == "snap":
        return SNAP.from_lammps(*write_snap(sw_file.parent, twojmax=4), PAIR)
    if request.param == "network":
        return message_passing(2)
    options = {
        "lj": dict(epsilon=0.3, sigma=2.1),
        "lj switched": dict(epsilon=0.3, sigma=2.1, onset=3.5),
        "lj matrix shifted": dict(epsilon=[[0.3, 0.2], [0.2, 0.4]], sigma=[[2.0, 2.1], [2.1, 2.3]], shift=True),
    }[request.param]
    return LennardJones(**options, cutoff=4.7, elements=PAIR)


@pytest.fixture
def crystal():
    return random_crystal(17, volume_per_atom=16.0, seed=2)


def test_forces_are_minus_the_slope_of_the_energy(potential, crystal):
    forces = energy_forces_virial(potential, graph_from_atoms(crystal, potential)).forces
    graph = graph_from_atoms(crystal, potential)
    direction = velocities(crystal)
    step = 1e-5

    def energy(sign):  # the pairs stay the same, so that a cutoff that is not smooth does no harm
        moved = sign * step * direction
        return energy_forces_virial(
            potential, with_vectors(graph, graph.vectors + moved[graph.others] - moved[graph.centers])
        ).energy

    slope = (energy(1) - energy(-1)) / (2 * step)
    assert float(slope) == pytest.approx(
        -float(np.sum(forces * direction)), rel=1e-7
    )  # error of the central difference


def test_virial_is_minus_the_slope_under_strain(potential, crystal):
    graph = graph_from_atoms(crystal, potential)
    strain = np.random.default_rng(5).normal(size=(3, 3))

    def energy(size):
        return energy_forces_virial(
            potential, with_vectors(graph, graph.vectors @ (np.eye(3) + size * strain).T)
        ).energy

    slope = (energy(1e-6) - energy(-1e-6)) / 2e-6
    virial = energy_forces_virial(potential, graph).virial
    assert float(slope) == pytest.approx(-float(np.sum(virial * strain)), rel=1e-6)


def test_rotation_permutation_and_translation(potential, crystal):
    base = energy_forces_virial(potential, graph_from_atoms(crystal, potential))
    rotation = Rotation.from_rotvec([1.0, 0.2, -0.4]).as_matrix()
    order = np.random.default_rng(1).permutation(len(crystal))
    changed = crystal[order]
    changed.set_cell(crystal.cell.array @ rotation.T, scale_atoms=True)
    changed.positions += [0.3, -4.0, 9.0]
    other = energy_forces_virial(potential, graph_from_atoms(changed, potential))
    assert float(other.energy) == pytest.approx(float(base.energy), rel=1e-12)
    assert np.allclose(other.forces, base.forces[order] @ rotation.T, rtol=0, atol=1e-11 * np.abs(base.forces).max())
    assert np.allclose(
        other.virial, rotation @ base.virial @ rotation.T, rtol=0, atol=1e-11 * np.abs(base.virial).max()
    )


def test_no_net_force_and_symmetric_virial(potential, crystal):
    result = energy_forces_virial(potential, graph_from_atoms(crystal, potential))
    assert np.abs(result.forces.sum(axis=0)).max() < 1e-12 * np.abs(result.forces).max() * len(crystal)
    assert np.abs(result.virial - result.virial.T).max() < 1e-12 * np.abs(result.virial).max()


def test_parameters_can_be_differentiated(potential, crystal):
    graph = graph_from_atoms(crystal, potential)
    gradient = jax.grad(lambda p: jnp.sum(p(graph)))(potential)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))


def test_float32_follows_the_input(potential, crystal):
    single = energy_forces_virial(potential.astype(np.float32), graph_from_atoms(crystal, potential, dtype=np.float32))
    double = energy_forces_virial(potential, graph_from_atoms(crystal, potential))
    assert single.forces.dtype == np.float32
    assert (
        np.abs(single.forces - double.forces).max() < 2e-5 * np.abs(double.forces).max()
    )  # some ten roundings of 6e-8, amplified by cancellation


def test_stillinger_weber_equals_a_loop_over_triplets(sw_file, crystal):
    potential = StillingerWeber.from_lammps(sw_file, elements=PAIR)
    graph = graph_from_atoms(crystal, potential)
    entries, words = {}, SW_FILE.split("\n", 2)[2].split()
    for start in range(0, len(words), 14):
        entries[tuple(words[start : start + 3])] = [float(word) for word in words[start + 3 : start + 14]]
    names = [PAIR[s] for s in np.asarray(graph.species)]
    energies = np.zeros(len(crystal))
    vectors, centers, others = (np.asarray(x) for x in (graph.vectors, graph.centers, graph.others))
    lengths = np.linalg.norm(vectors, axis=1)
    for i in range(len(crystal)):
        near = [p for p in np.flatnonzero(centers == i)]
        for p in near:
            e, s, a, _, _, _, A, B, power, q, _ = entries[names[i], names[others[p]], names[others[p]]]
            if lengths[p] < a * s:
                x = s / lengths[p]
                energies[i] += 0.5 * A * e * (B * x**power - x**q) * np.exp(s / (lengths[p] - a * s))
        for n, p in enumerate(near):
            for k in near[n + 1 :]:
                _, s1, a1, _, g1, *_ = entries[names[i], names[others[p]], names[others[p]]]
                _, s2, a2, _, g2, *_ = entries[names[i], names[others[k]], names[others[k]]]
                e, _, _, lam, _, cosine, *_ = entries[names[i], names[others[p]], names[others[k]]]
                if lengths[p] < a1 * s1 and lengths[k] < a2 * s2:
                    angle = vectors[p] @ vectors[k] / lengths[p] / lengths[k] - cosine
                    tails = g1 * s1 / (lengths[p] - a1 * s1) + g2 * s2 / (lengths[k] - a2 * s2)
                    energies[i] += lam * e * angle**2 * np.exp(tails)
    assert np.abs(energy_forces_virial(potential, graph).energies - energies).max() < 1e-12 * np.abs(energies).max()


@pytest.mark.parametrize("factor", (0.98, 0.9995, 1.0005))
def test_a_stillinger_weber_whose_length_is_varied_is_the_one_of_that_length(factor, tmp_path, crystal):
    """Its range was fixed when it was made: pairs beyond the new aσ are out, those that a longer one adds are exp(-σ/0.002) small."""
    words = "Si Si Si 2.1683 {} 1.80 21.0 1.20 -0.333333333333 7.049556277 0.6022245584 4.0 0.0 0.0\n"
    made = []
    for sigma in (2.0951, factor * 2.0951):
        (tmp_path / "one.sw").write_text(words.format(sigma))
        made.append(StillingerWeber.from_lammps(tmp_path / "one.sw", elements="Si"))
    varied = eqx.tree_at(lambda p: p.sigma, made[0], factor * made[0].sigma)
    crystal.symbols[:] = "Si"
    ours, theirs = (energy_forces_virial(p, graph_from_atoms(crystal, p)) for p in (varied, made[1]))
    for name in ("energies", "forces", "virial"):
        expected = np.asarray(getattr(theirs, name))
        assert np.abs(getattr(ours, name) - expected).max() < 1e-12 * np.abs(expected).max(), name


@pytest.mark.skipif(not ARGON.exists(), reason="../shared/data/lj_argon/reference.npz is absent")
def test_lennard_jones_equals_glp():
    import ase

    data = np.load(ARGON)
    atoms = ase.Atoms(numbers=data["numbers"], positions=data["positions"], cell=data["cell"], pbc=True)
    potential = LennardJones(epsilon=0.01042, sigma=3.405, cutoff=10.5, onset=9.0, elements="Ar")
    graph = graph_from_atoms(atoms, potential)
    result = energy_forces_virial(potential, graph)
    flux = heat_flux(potential, graph, data["velocities_A_per_ps"])
    for ours, theirs in (
        (result.energy, "energy"),
        (result.energies, "per_atom_energies"),
        (result.forces, "forces"),
        (-result.virial, "dU_dstrain"),
        (flux, "heat_flux_potential_unfolded"),
        (flux, "heat_flux_potential_hardy"),
    ):
        reference = data[f"{theirs}_p64"] if f"{theirs}_p64" in data else data[theirs]
        assert np.abs(ours - reference).max() < 1e-10 * np.abs(reference).max(), theirs


@pytest.mark.parametrize(
    ("options", "message"),
    (
        (dict(epsilon=[[1, 2], [3, 4]]), "not symmetric"),
        (dict(epsilon=[1, 2, 3]), "2 × 2 matrix"),
        (dict(sigma=-1.0), "sigma must not be negative"),
        (dict(sigma=np.nan), "finite"),
        (dict(cutoff=-1.0), "positive length"),
        (dict(onset=9.0), "between 0 and the cutoff"),
        (dict(onset=2.0, shift=True), "one of them"),
        (dict(elements=("Si", "Si")), "different names"),
    ),
)
def test_lennard_jones_refuses_what_makes_no_sense(options, message):
    with pytest.raises(AdfluxError, match=message):
        LennardJones(**{**dict(epsilon=1.0, sigma=2.0, cutoff=5.0, elements=PAIR), **options})


@pytest.mark.parametrize(
    ("change", "message"),
    (
        (lambda text: text.replace("1.93 ", "1.9x "), "line 4: three elements and 11 numbers are needed"),
        (lambda text: text.replace("1.93 ", "-1.93 "), "line 4: .* not negative"),
        (
            lambda text: text.rsplit("Ge Ge Si", 1)[0] + "Ge Ge Si 2.0 0.0",
            "line 11: an entry has 14 words, but the file ends after 5",
        ),
        (
            lambda text: text.replace(
                "7.049556277 0.6022245584 4.0 0.0 0.0\nGe Si Si",
                "7.049556277 0.6022245584 4.0 0.0 0.0 0.0\nGe Si Si",
            ),
            "line 6: an entry has 14 words, but 15",
        ),
        (
            lambda text: text + "Si Si Si 2.1683 2.0951 1.80 21.0 1.20 -0.33 7.0 0.6 4.0 0.0 0.0",
            "line 12: a second entry",
        ),
        (lambda text: text.rsplit("Ge Ge Si", 1)[0], "no entry for Ge Ge Si"),
        (
            lambda text: text.replace("Si Ge Ge 2.0427", "Si Ge Ge 2.0428"),
            "epsilon of Si Ge Ge and of Ge Si Si differ",
        ),
        (lambda text: text.replace("Si Ge Si 2.1  ", "Si Ge Si 2.2  "), "Si Si Ge and of Si Ge Si differ"),
    ),
)
def test_a_bad_stillinger_weber_file_names_file_and_line(tmp_path, change, message):
    path = tmp_path / "bad.sw"
    path.write_text(change(SW_FILE))
    with pytest.raises(AdfluxError, match=f"{path.name}.*{message}"):
        StillingerWeber.from_lammps(path, elements=PAIR)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(AdfluxError, match=r"absent\.sw cannot be read"):
        StillingerWeber.from_lammps(tmp_path / "absent.sw", elements=PAIR)


def test_a_new_potential_is_public():
    assert adflux.LennardJones is LennardJones and adflux.Potential in LennardJones.__mro__
