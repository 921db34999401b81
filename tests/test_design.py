"""Inverse design: gradients of relaxed structures, losses that never rise, what constraints keep,
checkpoints, ranks, and mistakes.
"""

import re

import jax
import numpy as np
import pytest
from comparing import close
from lammps_runner import run_python
from relaxing import found, reported

import lammps_adflux as adflux
from lammps_adflux.implicit.design.constraints import Feasible, penalty
from lammps_adflux.implicit.parameters import choose, flatten

pytestmark = pytest.mark.lammps
LJ = adflux.LennardJones(
    epsilon=np.ones((2, 2)), sigma=np.ones((2, 2)), cutoff=2.5, elements=("Ar", "Kr")
)


@pytest.fixture(scope="module")
def gradients(starts):
    return {ranks: found(starts, "designs", "gradient", ranks=ranks) for ranks in (1, 2)}


@pytest.fixture(scope="module")
def run(starts, tmp_path_factory):
    (starts / "steps.npz").unlink(missing_ok=True)
    return found(starts, "designs", "run", time_limit=300.0)


@pytest.mark.parametrize("ranks", (1, 2))
def test_the_gradient_is_that_of_structures_that_are_relaxed_again(gradients, ranks):
    close(*gradients[ranks]["slope"], 1e-6)


def test_elastic_constants_are_there_where_the_loss_asks_for_them(gradients):
    constants = gradients[1]["asked"]
    assert np.all(np.linalg.eigvalsh(constants) > 0.0) and gradients[1]["not asked"]


@pytest.mark.parametrize("what", ("loss", "slope", "relaxed 1", "predicted 1", "steps losses"))
def test_two_ranks_find_the_same(gradients, what):
    close(gradients[2][what], gradients[1][what], 1e-6 if "steps" in what else 1e-8, what)


def test_the_predicted_loss_is_right_to_second_order_of_the_step(gradients):
    case = gradients[1]
    first = abs(case["relaxed 1"] - case["loss"])
    assert abs(case["predicted 1"] - case["relaxed 1"]) < 1e-2 * first


@pytest.mark.parametrize("name", ("free", "whole", "again", "adam", "pulled"))
def test_accepted_losses_never_rise(run, name):
    losses = run[f"{name} losses"]
    assert len(losses) > 2 and np.all(np.diff(losses) < 0.0)


def test_lbfgs_lowers_the_loss(run):
    losses = run["free losses"]
    assert losses[-1] < 0.2 * losses[0]


def test_combinations_stay_and_bounds_hold(run):
    vectors = run["whole vectors"]
    epsilon, sigma = vectors[:, :4].reshape(-1, 2, 2), vectors[:, 4:].reshape(-1, 2, 2)
    close(epsilon[:, 0, 1], epsilon[:, 1, 0], 1e-13)
    close(sigma[:, 0, 1], sigma[:, 1, 0], 1e-13)
    close(epsilon.sum(axis=(1, 2)), np.full(len(epsilon), epsilon[0].sum()), 1e-13)
    assert vectors.min() >= 0.5 and sigma[:, 0, 0].max() <= 1.005


@pytest.mark.parametrize("what", ("losses", "vectors", "positions held", "strain bulk"))
def test_a_restart_equals_an_uninterrupted_run(run, what):
    assert len(run["short losses"]) == 4 and len(run["again losses"]) == 6
    close(run[f"again {what}"], run[f"whole {what}"], 1e-6, what)


def test_a_saddle_is_designed_as_a_saddle(run):
    assert len(run["saddle losses"]) > 1 and np.all(np.diff(run["saddle losses"]) < 0.0)
    values = run["saddle eigenvalues"]
    assert values[0] < 0.0 < values[1]


def test_a_structure_jumps_where_it_may_and_only_there(starts):
    """An atom between two others, in the wrong one of two minima."""
    case = found(starts, "designs", "jumps", time_limit=300.0)
    for name in ("stays", "jumps"):
        assert np.all(np.diff(case[f"{name} losses"]) < 0.0), name
    # its distances were 1.52 and 1.05 from two atoms
    assert case["jumps losses"][-1] < 0.01 and case["jumps jumped"].tolist() == [2]
    assert case["stays losses"][-1] > 0.05 and not len(case["stays jumped"])
    assert "left its basin" in str(case["stays refused"])


def test_what_has_no_variance_stays(run):
    vectors = run["pulled vectors"]
    assert np.ptp(vectors[:, 7]) < 1e-14 < np.ptp(vectors[:, 0])


def test_the_figure_is_drawn(run):
    assert run["figure"]


def test_a_direction_at_its_bounds_keeps_the_combinations_all_the_same():
    choice = choose(LJ, "epsilon")
    constraints = adflux.Constraints(keep=lambda e: e.sum(), lower=0.0, upper=np.ones((2, 2)))
    feasible = Feasible(choice, constraints, np.zeros((0, 4)))
    at = flatten(choice.values)
    found = feasible.direction(at, np.array([1.0, -1.0, -2.0, -4.0]))
    assert abs(found.sum()) < 1e-14 and np.all(found <= 1e-14)
    inside = feasible.direction(0.5 * at, np.array([1.0, -1.0, -2.0, -4.0]))
    close(inside, np.array([2.5, 0.5, -0.5, -2.5]), 1e-14)
    assert feasible.reach(0.5 * at, inside) == pytest.approx(0.2)


def crystal(positions, cell, energy=-3.0, species=(0, 0, 0, 1)):
    return adflux.losses.Structure(
        positions, np.zeros(6), np.asarray(energy), cell, species, (True, True, True)
    )


def test_distances_are_modulo_translation_and_periodic_images():
    random = np.random.default_rng(1)
    cell = np.array([[5.0, 0.0, 0.0], [1.0, 6.0, 0.0], [-0.5, 0.7, 4.0]])
    target = random.uniform(0.0, 4.0, (4, 3))
    moved = 0.1 * random.normal(size=(4, 3))
    whole = random.integers(-2, 3, (4, 3)) @ cell
    structure = crystal(target + moved + 0.5 * cell.sum(axis=0) + whole, cell)
    expected = np.sum((moved - moved.mean(axis=0)) ** 2)
    close(adflux.losses.squared_distance(structure, target), expected, 1e-12)
    two = moved[:2] - moved[:2].mean(axis=0)
    close(adflux.losses.displacements(structure, target, [0, 1]), two, 1e-12)
    there = crystal(np.array([[0.1, 0.1, 0.1], [4.9, 0.1, 0.1]] * 2), cell)
    close(adflux.losses.distance(there, 0, 1), 0.2, 1e-12)
    with pytest.raises(adflux.AdfluxError, match="give all atoms"):
        adflux.losses.squared_distance(structure, target[:2])


@pytest.mark.parametrize("periodic", [(1, 1, 1), (1, 0, 1), (0, 1, 0), (0, 0, 0)])
@pytest.mark.parametrize("shape", ("LAMMPS", "tilted", "any"))
def test_the_nearest_image_is_the_nearest_of_all(shape, periodic):
    """With tilts of half an edge, as LAMMPS has them, and with far larger ones."""
    random = np.random.default_rng(3)
    for _ in range(20):
        cell = np.diag(random.uniform(0.7, 2.0, 3))
        tilt = 0.5 if shape == "LAMMPS" else 2.0
        cell[[1, 2, 2], [0, 0, 1]] = (
            random.choice([-tilt, tilt, 0.1], 3) * cell[[0, 0, 1], [0, 0, 1]]
        )
        cell = random.normal(size=(3, 3)) if shape == "any" else cell
        lattice = cell[np.flatnonzero(periodic)]
        structure = adflux.losses.Structure(
            np.zeros((1, 3)), np.zeros(6), np.array(0.0), cell, (0,), tuple(map(bool, periodic))
        )
        vectors = random.normal(size=(10, 3)) @ cell
        found = np.asarray(structure.nearest(vectors))
        # around the one that was found: a shorter one would be there as well
        steps = [np.arange(-9, 10) if along else [0] for along in periodic]
        images = np.stack(np.meshgrid(*steps), axis=-1).reshape(-1, 3) @ cell
        shortest = np.linalg.norm(found[:, None] + images, axis=2).min(axis=1)
        close(np.linalg.norm(found, axis=1), shortest, 1e-12)
        whole = (vectors - found) @ np.linalg.pinv(lattice)
        close(np.round(whole) @ lattice, vectors - found, 1e-9, floor=1.0)


def test_a_distance_follows_the_cell_that_it_crosses():
    """The slope of a distance by the cell: of the images, which are not differentiated."""
    cell = np.array([[2.0, 0.0, 0.0], [-1.0, 1.7, 0.0], [0.9, 0.8, 3.0]])
    random = np.random.default_rng(5)
    positions, change = random.uniform(0.0, 4.0, (4, 3)), 1e-5 * random.normal(size=(3, 3))

    def length(cell):
        return adflux.losses.distance(crystal(positions, cell), 0, 1)

    slope = np.sum(jax.jit(jax.grad(length))(cell) * change)
    assert abs(slope) > 1e-6
    close(slope, (length(cell + change) - length(cell - change)) / 2.0, 1e-6)


def test_elastic_constants_count_however_a_loss_depends_on_them(tmp_path):
    constants = found(tmp_path, "losses_of_constants")
    close(*constants["loss"], 1e-9)
    assert constants["one-sided"] and constants["inverse"] and not constants["absent"]


def test_cells_and_formation_energies():
    cell = np.array([[3.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 3.0, 5.0]])
    one = crystal(np.zeros((4, 3)), cell)
    root = np.sqrt(34.0)
    close(adflux.losses.lattice_parameters(one), [3.0, 4.0, root, 12.0 / (4.0 * root), 0, 0], 1e-12)
    close(adflux.losses.volume(one), 60.0, 1e-12)
    bulk = crystal(np.zeros((8, 3)), 2.0 * cell, -8.0, (0, 0, 0, 1) * 2)
    close(adflux.losses.formation_energy(one, bulk), -3.0 + 8.0 * 4 / 8, 1e-12)
    close(adflux.losses.formation_volume(one, bulk), 60.0 - 480.0 * 4 / 8, 1e-12)
    other = crystal(np.zeros((8, 3)), cell, species=(0,) * 8)
    with pytest.raises(adflux.AdfluxError, match="equal composition"):
        adflux.losses.formation_energy(one, other)


@pytest.mark.parametrize("covariance", (0.5, np.array([1.0, 2.0, 3.0, 4.0]), "matrix"))
def test_the_pull_towards_the_start_has_the_slope_of_its_value(covariance):
    random = np.random.default_rng(0)
    if isinstance(covariance, str):
        rows = random.normal(size=(4, 4))
        covariance = rows @ rows.T
    choice = choose(LJ, "epsilon")
    pull, stay = penalty(choice, adflux.Regularization(covariance, 3.0))
    at, change = random.normal(size=(2, 4))
    slope = (pull(at + 1e-5 * change)[0] - pull(at - 1e-5 * change)[0]) / 2e-5
    close(pull(at)[1] @ change, slope, 1e-8)
    full = np.diag(np.broadcast_to(covariance, 4)) if np.ndim(covariance) < 2 else covariance
    close(pull(at)[0], 1.5 * at @ np.linalg.solve(full, at), 1e-10)
    assert len(stay) == 0


SENTENCES = {
    "no dependence": "does not depend on the chosen parameters",
    "no setups": "at least one by name",
    "optimizer": 'optimizer must be "lbfgs" or a transformation of optax',
    "cell of nobody": "cell names the set-ups bulks, but there are held, bulk",
    "not a number": "not finite",
    "not JAX": "must be a JAX function",
    "not scalar": "The loss must be one number",
    "not linear": "keep must be linear",
    "outside": "outside of its bounds",
    "nothing to move": "leave no way to lower the loss",
    "covariance": r"one number, \[8\] or \[8, 8\]",
    "does not relax": "The set-up structure does not relax",
    "other checkpoint": "checkpoint of another design",
    "other loss": "the loss, its regularization or a set-up is another one",
    "no checkpoint": "is not a checkpoint of a design",
}


@pytest.fixture(scope="module")
def sentences(starts):
    return reported(run_python(starts, "designs", "mistakes", time_limit=300.0))


@pytest.mark.parametrize("name", SENTENCES)
def test_mistakes_are_one_sentence(sentences, name):
    (sentence,) = sentences[name].values()
    assert re.search(SENTENCES[name], sentence), sentence
