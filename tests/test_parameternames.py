"""A coefficient's name says where it stands in LAMMPS' file, and an expansion has its coefficients
in that order.
"""

import equinox as eqx
import jax
import numpy as np
import pytest
from systems import random_crystal

from lammps_adflux import SNAP, LennardJones, Potential, graph_from_atoms
from lammps_adflux.implicit.model_record import difference, model_record
from lammps_adflux.implicit.parameter_names import plain_name, summary
from lammps_adflux.implicit.parameters import choose, flatten, unflatten

PAIR = ("Si", "Ge")
COMPONENTS = 5  # of twojmax 2


def write_snap(folder, quadratic: bool = False, change: tuple[str, int, float] | None = None):
    """A SNAP potential of two elements; change: (element, line of its block, what is added)."""
    count = 1 + COMPONENTS + (COMPONENTS * (COMPONENTS + 1) // 2 if quadratic else 0)
    random = np.random.default_rng(4)
    lines = [f"2 {count}"]
    for element, radius, weight in (("Si", 0.5, 1.0), ("Ge", 0.52, 0.9)):
        values = random.normal(size=count)
        if change is not None and change[0] == element:
            values[change[1]] += change[2]
        lines += [f"{element} {radius} {weight}", *(f"{value:.17g}" for value in values)]
    (folder / "pair.snapcoeff").write_text("\n".join(lines))
    (folder / "pair.snapparam").write_text(
        f"rcutfac 4.0\ntwojmax 2\nquadraticflag {int(quadratic)}\n"
    )
    return SNAP.from_lammps(folder / "pair.snapcoeff", folder / "pair.snapparam", PAIR)


@pytest.mark.slow
@pytest.mark.parametrize("quadratic", (False, True))
@pytest.mark.parametrize("where", (None, ("quadratic", "coefficients")))
def test_a_coefficient_is_named_after_its_line(tmp_path, quadratic, where):
    """The named number, changed, makes the potential of a file in which that line is changed."""
    if not quadratic and where is not None:
        where = ("coefficients",)
    potential = write_snap(tmp_path, quadratic)
    choice = choose(potential, where)
    names, values = list(choice.names), flatten(choice.values)
    assert len(set(names)) == len(names)
    atoms = random_crystal(elements=PAIR, seed=3)
    graph = graph_from_atoms(atoms, potential)
    first = 0 if where is None else 1
    last = 5 + (15 if quadratic else 0)
    assert sorted(names) == sorted(
        f"{element}:beta{k}" for element in PAIR for k in range(first, last + 1)
    )
    for element, line in (("Si", first), ("Ge", 3), ("Si", 5), ("Ge", last)):
        changed = values.copy()
        changed[names.index(f"{element}:beta{line}")] += 0.25
        ours = choice.build(unflatten(choice.values, changed))(graph)
        theirs = write_snap(tmp_path, quadratic, (element, line, 0.25))(graph)
        before = potential(graph)
        assert np.abs(np.asarray(theirs - before)).max() > 1e-3
        np.testing.assert_allclose(ours, theirs, rtol=1e-6 if ours.dtype == np.float32 else 1e-13)


def test_the_order_is_that_of_the_file(tmp_path):
    """β₀ … β_K of one element, then of the next; arrays of other potentials stay as they are."""
    choice = choose(write_snap(tmp_path, quadratic=True))
    ordered = [choice.names[k] for k in choice.order]
    assert ordered == [f"{element}:beta{k}" for element in PAIR for k in range(21)]
    pair = LennardJones(
        epsilon=[[1.0, 0.5], [0.5, 2.0]], sigma=1.0, cutoff=2.5, elements=("Ar", "Kr")
    )
    choice = choose(pair)
    assert np.array_equal(choice.order, np.arange(8)) and choice.names[1] == "epsilon[0,1]"


class Two(Potential):
    """A sum of two potentials."""

    one: Potential
    other: Potential
    cutoff: float = eqx.field(static=True, default=5.0)
    hops: int = eqx.field(static=True, default=1)
    elements: tuple = eqx.field(static=True, default=PAIR)

    def __call__(self, graph):
        return self.one(graph) + self.other(graph)


def test_parts_of_a_sum_have_names_of_their_own(tmp_path):
    snap = write_snap(tmp_path)
    pair = LennardJones(epsilon=1.0, sigma=2.0, cutoff=4.0, elements=PAIR)
    names = choose(Two(snap, pair)).names
    assert "Ge:beta5" in names and "other.sigma[0,1]" in names
    names = choose(Two(snap, snap)).names
    assert len(set(names)) == len(names) == 24 and "other.Ge:beta5" in names
    values = {"log": np.array(0.0)}
    names = choose(snap, (values, lambda v: jax.tree.map(lambda leaf: leaf * 1.0, snap))).names
    assert names == ("values['log']",)


def test_names_in_few_words_and_as_users_write_them():
    names = [f"W:beta{k}" for k in range(1, 56)]
    assert summary(names) == "W:beta1 … W:beta55" and summary(["epsilon[0,0]"]) == "epsilon[0,0]"
    assert summary(["Si:beta0", "Si:beta1", "Ge:beta0"]) == "Si:beta0 … Si:beta1, Ge:beta0"
    assert (
        plain_name("β7", names)
        == plain_name("W:β7", names)
        == plain_name(" beta7", names)
        == "W:beta7"
    )
    assert plain_name("beta1", ["Si:beta1", "Ge:beta1"]) == "beta1"  # whose it is, is not said


def test_a_record_tells_potentials_apart_beside_their_parameters(tmp_path):
    potential = write_snap(tmp_path)
    paths = choose(potential, "coefficients").varied
    record = model_record(potential, paths)
    other = choose(potential, "coefficients")
    changed = other.build(jax.tree.map(lambda leaf: leaf + 1.0, other.values))
    assert difference(record, model_record(changed, paths)) is None
    # fields that only one has are not compared
    assert difference(record, model_record(changed)) is None
    assert (
        difference(record, model_record(write_snap(tmp_path, change=("Ge", 0, 1e-6))))
        == "constants"
    )
    assert difference(record, model_record(potential.astype(np.float64))) is None
    write_snap(tmp_path)
    (tmp_path / "pair.snapparam").write_text("rcutfac 4.1\ntwojmax 2\n")
    wider = SNAP.from_lammps(tmp_path / "pair.snapcoeff", tmp_path / "pair.snapparam", PAIR)
    assert difference(record, model_record(wider)) == "cutoff"
    pair = LennardJones(epsilon=1.0, sigma=2.0, cutoff=4.0, elements=PAIR)
    assert difference(record, model_record(pair)) == "kind"
