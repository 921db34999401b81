"""Laws of the model file."""

import pickle
import pickletools
import warnings
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from networks import function_network, message_passing, plain_network
from systems import random_crystal

from lammps_adflux import (
    AdfluxError,
    LennardJones,
    Potential,
    export,
    from_function,
    graph_from_atoms,
    load,
    modelfile,
)


@pytest.mark.parametrize("layers", (1, 3))
def test_a_potential_comes_back_equal(tmp_path, layers):
    potential = message_passing(layers)
    export(potential, tmp_path / "model.pkl")
    again = load(tmp_path / "model.pkl")
    assert jax.tree.structure(again) == jax.tree.structure(potential)
    for one, two in zip(jax.tree.leaves(potential), jax.tree.leaves(again), strict=True):
        assert np.array_equal(one, two)
    graph = graph_from_atoms(random_crystal(5), potential)
    assert np.array_equal(potential(graph), again(graph))


def test_float32_rounds_once(tmp_path):
    potential = LennardJones(epsilon=0.1, sigma=3.3, cutoff=8.5, elements=("Ar",), shift=True)
    export(potential, tmp_path / "model.pkl", dtype="float32")
    again = load(tmp_path / "model.pkl")
    assert again.epsilon.dtype == np.float32 and again.epsilon[0, 0] == np.float32(0.1)
    assert (again.cutoff, again.shift, again.elements) == (8.5, True, ("Ar",))


def test_the_pickle_holds_one_function_and_bytes(tmp_path):
    """No code: unpickling can call nothing but open_in_lammps."""
    export(message_passing(2), tmp_path / "model.pkl")
    operations = [op.name for op, _, _ in pickletools.genops((tmp_path / "model.pkl").read_bytes())]
    assert operations.count("REDUCE") == 1 and operations.count("STACK_GLOBAL") == 1
    assert not set(operations) & {"BUILD", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "GLOBAL"}


def test_loading_runs_nothing(tmp_path):
    class Evil:
        def __reduce__(self):
            return warnings.warn, ("code ran",)

    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(AdfluxError, match="not a model file of lammps_adflux"):
        load(tmp_path / "evil.pkl")


def damaged(tmp_path, change):
    potential = LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar")
    export(potential, tmp_path / "model.pkl")
    (tmp_path / "model.pkl").write_bytes(change((tmp_path / "model.pkl").read_bytes()))
    return tmp_path / "model.pkl"


@pytest.mark.parametrize("length", (0, 1, 30, 200, 500))
def test_a_truncated_file_is_one_sentence(tmp_path, length):
    with pytest.raises(AdfluxError, match=r"model\.pkl.*damaged"):
        load(damaged(tmp_path, lambda content: content[:length]))


@pytest.mark.parametrize(
    ("change", "message"),
    (
        (
            lambda content: content.replace(b"adflux model 1\n", b"adflux model 7\n"),
            "format version 7 .* reads version 1",
        ),
        (
            lambda content: content.replace(b"adflux model 1\n", b"other  model 1\n"),
            "not a model file",
        ),
        (lambda content: content.replace(b"PK\x03\x04", b"PK\x03\x05"), "damaged"),
        (lambda content: content.replace(b":LennardJones", b":LennardJonas"), "cannot be imported"),
        (lambda content: content.replace(b'"cutoff"', b'"kutoff"'), "damaged"),
        (lambda content: b"hello, this is a text", "damaged or not a model file"),
    ),
)
def test_a_foreign_or_damaged_file_is_one_sentence(tmp_path, change, message):
    with pytest.raises(AdfluxError, match=message) as caught:
        load(damaged(tmp_path, change))
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_missing_folder_are_named(tmp_path):
    with pytest.raises(AdfluxError, match=r"absent\.pkl cannot be read"):
        load(tmp_path / "absent.pkl")
    with pytest.raises(AdfluxError, match="cannot be written"):
        export(message_passing(1), tmp_path / "absent" / "model.pkl")


def test_an_interrupted_export_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.pkl"
    export(LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar"), path)
    before = path.read_bytes()

    def stop(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(modelfile.pickle, "dump", stop)
    with pytest.raises(AdfluxError, match="No space left"):
        export(message_passing(1), path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_only_two_precisions(tmp_path):
    with pytest.raises(AdfluxError, match="float64 or float32, but float16"):
        export(message_passing(1), tmp_path / "model.pkl", dtype="float16")


def test_a_potential_that_lammps_could_not_import_is_refused(tmp_path):
    class Local(LennardJones):
        pass

    with pytest.raises(AdfluxError, match="module of its own"):
        export(Local(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar"), tmp_path / "model.pkl")


class WithModules(Potential):
    """Fields that people use: layers of equinox with their activation functions, lists, dicts,
    plain numbers.
    """

    network: eqx.nn.MLP
    tables: list
    named: dict
    strength: float
    cutoff: float = eqx.field(static=True, default=3.0)
    hops: int = eqx.field(static=True, default=1)
    elements: tuple = eqx.field(static=True, default=("Si", "Ge"))

    def __call__(self, graph):
        r = graph.distances[:, None]
        radial = jnp.where(r < self.cutoff, (self.cutoff - r) ** 2, 0.0)
        return (
            self.strength * graph.sum_pairs(jax.vmap(self.network)(radial) * radial)[:, 0]
            + self.named["shift"][graph.species]
        )


def test_modules_of_equinox_come_back_with_their_functions(tmp_path):
    network = eqx.nn.MLP(1, 1, 4, 2, activation=jax.nn.silu, key=jax.random.key(0))
    potential = WithModules(network, [np.ones(2), (1, "two")], {"shift": np.array([0.1, 0.2])}, 0.5)
    export(potential, tmp_path / "model.pkl")
    again = load(tmp_path / "model.pkl")
    assert jax.tree.structure(again) == jax.tree.structure(potential)
    assert again.network.activation is potential.network.activation
    graph = graph_from_atoms(random_crystal(5), potential)
    assert np.array_equal(potential(graph), again(graph))


def test_a_function_potential_comes_back(tmp_path):
    potential = function_network(2)
    export(potential, tmp_path / "model.pkl")
    again = load(tmp_path / "model.pkl")
    graph = graph_from_atoms(random_crystal(5), potential)
    assert again.function is potential.function and np.array_equal(potential(graph), again(graph))


def test_a_function_without_a_name_is_refused(tmp_path):
    params = function_network(1).parameters
    nameless = from_function(
        lambda *a: plain_network(*a), params, cutoff=3.5, elements=("Si", "Ge")
    )
    with pytest.raises(AdfluxError, match="LAMMPS cannot import it"):
        export(nameless, tmp_path / "model.pkl")
    with pytest.raises(AdfluxError, match="which has no name"):
        export(
            eqx.tree_at(lambda p: p.parameters, nameless, {"f": partial(max, 1)}),
            tmp_path / "model.pkl",
        )
