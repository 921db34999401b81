"""Derivatives of relaxed structures: re-relaxation by finite differences, adjoints, expansions, and
any number of ranks.
"""

import json

import numpy as np
import pytest
from comparing import close
from relaxing import found, read_start

pytestmark = pytest.mark.lammps


WHAT = ("positions", "strain", "energy1", "energy2", "volume")
AGAINS = tuple(f"{what} again" for what in WHAT)
HOLD = ("group base id 1:8", "fix hold base setforce 0.0 0.0 NULL")
# a slab on held layers, open above and below
SLAB = (
    "displace_atoms all move 0.0 0.0 0.4",
    "change_box all z delta -4.0 4.0 boundary p p f",
    "region bottom block INF INF INF INF INF 0.8",
    "group base region bottom",
)
CASES = {
    "cubic": [
        (None, None),
        ("iso", None),
        ("aniso", None),
        (None, "base", HOLD[0]),
        ("iso", None, *HOLD),
        (None, "base", *SLAB),
    ],
    "hexagonal": [("tri", None)],
    "silicon": [(None, None), ("iso", None)],
    "network": [(None, None), ("tri", None)],
}


@pytest.mark.parametrize("name", CASES)
def test_the_response_is_that_of_a_relaxation_with_other_parameters(starts, name):
    """Central differences of step h: their error is h² of the third order, and 1e-11 of forces
    divided by h.
    """
    all_found = found(starts, "responses", json.dumps({name: CASES[name]}), time_limit=200)
    for cell, fixed, *more in CASES[name]:
        case = {
            what: all_found[f"{name} {cell} {fixed} {len(more)} {what}"]
            for what in (*WHAT, *AGAINS)
        }
        assert np.abs(case["positions"]).max() > 1e-3
        close(case["positions"], case["positions again"], 1e-5)
        close(case["energy1"], case["energy1 again"], 1e-6)
        # a difference of energies divided by h²
        close(case["energy2"], case["energy2 again"], 1e-4)
        if cell is None:
            assert np.all(case["strain"] == 0.0) and case["volume"] == 0.0
        else:
            assert np.count_nonzero(case["strain"]) == (6 if cell == "tri" else 3)
            close(case["strain"], case["strain again"], 1e-5)
            close(case["volume"], case["volume again"], 1e-5)
        if fixed:
            held = np.arange(len(case["positions"])) < 8
            if tuple(more) == SLAB:
                start = read_start(starts, name)
                held = (start.positions[:, 2] + 0.4) % start.cell.array[2, 2] < 0.8
                assert held.sum() == 12  # a layer
            assert np.all(case["positions"][held] == 0.0)
            assert np.all(case["positions"][~held] != 0.0)
        elif more:
            assert np.all(case["positions"][:8, :2] == 0.0) and np.all(
                case["positions"][:8, 2] != 0.0
            )


def test_script_and_potential_decide_where_a_relaxation_ends(starts):
    """Held atoms stay in LAMMPS' minimiser as well, and cells of tilted boxes do not depend on its
    path.
    """
    all_found = found(starts, "relaxation_ends", time_limit=200)
    moves = all_found.pop("moves")
    assert moves[:8].max() < 1e-12 and moves[8:].min() > 1e-4  # images of atoms differ by rounding
    for name, (ours, theirs) in all_found.items():
        close(ours, theirs, 1e-8 if name in ("two densities", "held as by setforce") else 1e-6)


@pytest.fixture(scope="module")
def routes(starts):
    """Pairs of numbers that different routes give, by name."""
    return found(starts, "adjoints", time_limit=300)


def agree(routes, tolerance: float, *names: str) -> None:
    for name in names:
        ours, theirs = routes[name]
        if name.endswith("strain None"):
            assert np.all(ours == 0.0) and np.all(theirs == 0.0)
        else:
            close(ours, theirs, tolerance, name)


# routes end at a relative residual of 1e-11; two solves differ by it times the condition number of
# the Hessian
ONE_SOLVE, TWO_SOLVES = 1e-10, 1e-9
cells = pytest.mark.parametrize("cell", (None, "iso", "aniso", "tri"))


@cells
def test_backward_is_the_transpose_of_forward(routes, cell):
    agree(routes, ONE_SOLVE, f"vjp {cell}", f"gradient {cell}")


@cells
def test_columns_of_the_jacobian_add_up_to_the_response(routes, cell):
    agree(routes, TWO_SOLVES, *(f"columns {x} {cell}" for x in ("positions", "strain", "energy")))


@cells
def test_dense_matrices_give_the_jacobian(routes, cell):
    agree(routes, TWO_SOLVES, f"dense positions {cell}", f"dense strain {cell}")


@cells
def test_the_hessian_is_symmetric(routes, cell):
    agree(routes, ONE_SOLVE, f"symmetry {cell}")


def test_shared_and_transformed_parameters_follow_the_chain_rule(routes):
    agree(routes, TWO_SOLVES, "tied", *(f"tied {x}" for x in ("positions", "energy1", "energy2")))


def test_all_parameters_are_those_that_are_named(routes):
    agree(routes, TWO_SOLVES, "where none")


def test_the_gradient_of_a_loss_is_its_difference_between_relaxations(routes):
    # h² of the third order
    agree(routes, 1e-6, "differences")


@pytest.mark.parametrize("name", ("none", "jacobi", "exp"))
def test_the_preconditioner_changes_nothing(routes, name):
    agree(routes, TWO_SOLVES, f"preconditioner {name}", f"preconditioner strain {name}")


def test_a_saddle_responds_where_its_index_is_given(starts):
    """Newton steps and MINRES; a minimum is asked for otherwise."""
    case = found(starts, "saddle")
    assert "saddle point of index 1, with eigenvalues -7.7" in str(case["refused"])
    assert case["eigenvalues"][0] < -0.1 and case["eigenvalues"][1] > 0.1
    close(*case["positions"], 1e-6)
    close(*case["energy1"], 1e-6)
    close(*case["dense"], 1e-9)
    close(*case["adjoint"], 1e-9)
    assert np.abs(case["positions"][0][:, 2]).max() > 1e-3  # along the unstable direction as well


@pytest.mark.parametrize(
    ("name", "cell", "numbers"),
    (("cubic", "iso", (2, 4)), ("network", "tri", (2,))),  # on 4, the network compiles for minutes
)
def test_any_number_of_ranks(starts, name, cell, numbers):
    """The same start, the same minimum to 1e-11 of forces, the same answer by atom id."""
    alone = found(starts, "responses_on_ranks", name, cell, time_limit=200)
    for ranks in numbers:
        together = found(starts, "responses_on_ranks", name, cell, ranks=ranks, time_limit=300)
        for what, values in together.items():
            close(values, alone[what], 1e-9, what, floor=1e-3)


@pytest.mark.parametrize("cell", (None, "iso"))
def test_halving_the_change_divides_errors_of_the_energy_by_4_8_16(starts, cell):
    """U to first and second order, and U of the changed potential at the structure predicted to
    first order.
    """
    large, small = found(starts, "energy_errors", cell or "none")["errors"]
    ratios = large / small / [4, 8, 16]
    assert np.all(np.abs(small) > 1e-9)  # energies of 270 eV are exact to 1e-12
    if cell is None:
        # the next order is smaller by about the change, a few per cent
        assert np.all(np.abs(ratios - 1.0) < 0.1), ratios
    else:
        # at zero pressure only angles matter, and the third order is as small as the fourth
        assert np.all(np.abs(ratios[[0, 2]] - 1.0) < 0.1) and 1.0 <= ratios[1] <= 2.0, ratios


@pytest.fixture(scope="module")
def solves(starts):
    return {ranks: found(starts, "solves", ranks=ranks) for ranks in (1, 2)}


@pytest.mark.parametrize("what", ("energy", "exp", "jacobi", "first", "second", "again"))
def test_solves_find_the_same_on_two_ranks(solves, what):
    close(solves[2][what], solves[1][what], 1e-8, what)


def test_two_ranks_need_hardly_more_products(solves):
    one, two = (float(solves[ranks]["first products"]) for ranks in (1, 2))
    assert two <= 1.15 * one


@pytest.mark.parametrize("ranks", (1, 2))
def test_products_that_were_made_shorten_the_solves_that_follow(solves, ranks):
    first, second, again = (
        float(solves[ranks][f"{name} products"]) for name in ("first", "second", "again")
    )
    assert second < first and again <= 0.4 * first
    close(solves[ranks]["again"], solves[ranks]["first"], 1e-9)
