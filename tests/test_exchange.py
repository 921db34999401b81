"""Rows of other ranks' atoms: the exchange is E = [[1, 0], [S, 0]], linear, with its transpose."""

import re
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lammps_runner import find_program, run_program
from networks import message_passing

from lammps_adflux import graph_from_atoms
from lammps_adflux.flux import hop_flux
from lammps_adflux.graph import pad
from lammps_adflux.parallel.exchange import EFFECT, RankExchange, exchange_p
from lammps_adflux.parallel.handler import Handler, load_handler
from lammps_adflux.parallel.rows import Rows

PROGRAM = Path(__file__).parent / "programs" / "exchange_laws.py"
LAWS = re.findall(r"law\(f?\"([^\"{]*)", PROGRAM.read_text())
needs_handler = pytest.mark.skipif(
    load_handler() is None, reason="needs the handler: run `adflux build-lammps --exchange-only`"
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "route", [pytest.param("compiled", marks=needs_handler), pytest.param("python")]
)
@pytest.mark.parametrize("ranks", (1, 2, 3, 4))
def test_laws_of_the_exchange(tmp_path, ranks, route):
    if find_program("mpiexec") is None:
        pytest.skip("needs mpiexec: install mpich")
    environment = {"ADFLUX_EXCHANGE": "python"} if route == "python" else {}
    command = [sys.executable, str(PROGRAM), route]
    run = run_program(tmp_path, command, ranks, environment=environment)
    assert "broken" not in run.stdout
    assert all(f"ok {law}" in run.stdout for law in LAWS)


def calls(shape_of_pairs: int, atoms: int) -> list[tuple]:
    """Exchanges of a three-layer flux in the order in which XLA runs them: width, and direction."""
    import ase.build

    potential = message_passing(3, cutoff=2.9, elements=("Si",))
    crystal = ase.build.bulk("Si", cubic=True)
    graph = pad(graph_from_atoms(crystal, potential), shape_of_pairs, atoms, potential.cutoff)
    graph = eqx.tree_at(
        lambda g: g.exchange, graph, RankExchange(jnp.int32(1)), is_leaf=lambda leaf: leaf is None
    )
    function = jax.jit(lambda graph, v: hop_flux(potential, graph, v))
    text = function.lower(graph, jnp.zeros((atoms, 3))).compile().as_text()
    call = r"\(token\[\], f64\[\d+,(\d+)\]\S*\) custom-call.*transposed = (\d)"
    return [(int(width), int(way)) for width, way in re.findall(call, text)]


@pytest.mark.slow
@needs_handler
def test_ranks_of_other_shapes_exchange_in_the_same_order():
    few, many = calls(64, 9), calls(4096, 300)
    assert len(few) >= 12 and {way for _, way in few} == {0, 1}
    assert few == many


def test_jax_still_takes_our_effect():
    """JAX has no public way to declare an effect: this fails first where JAX moves it."""
    jaxpr = jax.make_jaxpr(lambda x: exchange_p.bind(jnp.int32(1), x, transposed=False))(
        jnp.ones((2, 3))
    )
    assert jaxpr.effects == {EFFECT}

    def energy(x):
        exchange = RankExchange(jnp.int32(1))
        return jnp.sum(jax.checkpoint(lambda x: exchange(x) ** 2)(x))

    again = jax.make_jaxpr(jax.grad(energy))(jnp.ones((2, 3)))
    assert all(f"adflux_exchange[transposed={way}]" in str(again) for way in (False, True))


def test_a_graph_hops_several_arrays_in_one_message():
    seen = []

    class Counts(RankExchange):
        def __call__(self, values):
            seen.append(jax.tree.structure(values))
            return values

    import ase.build

    potential = message_passing(1, elements=("Si",))
    graph = graph_from_atoms(ase.build.bulk("Si", cubic=True), potential)
    graph = eqx.tree_at(
        lambda g: g.exchange, graph, Counts(jnp.int32(1)), is_leaf=lambda leaf: leaf is None
    )
    values = {"a": jnp.arange(8.0), "b": (jnp.ones((8, 3)), graph.species)}
    at_others = graph.hop(values)
    assert len(seen) == 1
    assert np.array_equal(at_others["a"], values["a"][graph.others])
    assert np.array_equal(at_others["b"][1], graph.species[graph.others])
    # what every rank knows does not travel
    graph.hop(graph.species)
    assert len(seen) == 1


def test_a_handler_of_another_mpi_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "lammps_adflux.parallel.handler._mpi_of_python", lambda: "Open MPI v5.0.7, package: x"
    )
    handler = load_handler()
    if handler is None:
        pytest.skip("needs the handler")
    with pytest.raises(Exception, match=r"uses MPICH.* but mpi4py uses Open MPI v5.0.7"):
        Handler(handler.path)


def test_a_damaged_handler_is_one_sentence(tmp_path):
    library = tmp_path / "libadflux_exchange.so"
    library.write_bytes(b"no library")
    with pytest.raises(Exception, match=r"does not load.*--exchange-only"):
        Handler(library)


def test_images_share_a_row_and_other_ranks_atoms_have_one_each():
    ids = np.array([7, 3, 9, 3, 11, 3, 12, 11, 9])
    rows = Rows.of(ids, 3)
    assert np.array_equal(ids[rows.member], [7, 3, 9, 11, 12])
    assert np.array_equal(rows.row, [0, 1, 2, 1, 3, 1, 4, 3, 2])
    assert rows.remote == 2
    nobody = Rows.of(ids[3:], 0)
    assert len(nobody.member) == 4 and nobody.remote == 4
    assert Rows.of(np.zeros(0, int), 0).remote == 0
