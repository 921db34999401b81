"""Messages that are summed in blocks of pairs are those of hop, at_center and sum_pairs."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from comparing import close
from networks import InBlocks, message_passing
from systems import random_crystal, velocities

import lammps_adflux as adflux
from lammps_adflux.derivatives import energies_and_pair_gradients, energy
from lammps_adflux.graph import Graph, messages, pad
from lammps_adflux.hop_rule.jaxpr_pass import survey

ROUNDING = 1e-12
LAYERS = 2


# bytes of arguments and results of a pair of the networks here
A_PAIR = 8 * (3 + 5 + 15 + 5 + 5 + 15)


@pytest.fixture(params=(50, 10**6))
def blocks(request, monkeypatch):
    """Pairs of a block: some, and all."""
    monkeypatch.setattr(messages, "AT_ONCE", 0)
    monkeypatch.setattr(messages, "BLOCK", request.param * A_PAIR)
    jax.clear_caches()
    yield request.param
    jax.clear_caches()


@pytest.fixture(scope="module")
def crystal():
    return random_crystal(6)


def graph_of(atoms) -> Graph:
    return adflux.graph_from_atoms(atoms, message_passing(LAYERS))


def hessian_product(potential, graph):
    def gradients(vectors):
        return energies_and_pair_gradients(potential, graph.with_vectors(vectors))[1]

    return jax.jvp(gradients, (graph.vectors,), (jnp.sin(7.0 * graph.vectors),))[1]


def third(potential, graph):
    return jax.grad(
        lambda vectors: jnp.sum(hessian_product(potential, graph.with_vectors(vectors)))
    )(graph.vectors)


def by_parameters(potential, graph):
    arrays, rest = eqx.partition(jax.tree.map(jnp.asarray, potential), eqx.is_array)
    slopes = jax.grad(lambda a: energy(eqx.combine(a, rest), graph, graph.vectors))(arrays)
    return jnp.concatenate([slope.ravel() for slope in jax.tree.leaves(slopes)])


def batch(potential, graph):
    """Gradients at several structures at once, differentiated again."""
    scales = jnp.asarray([0.9, 1.0, 1.1])
    of_one = lambda scale: hessian_product(potential, graph.with_vectors(scale * graph.vectors))  # noqa: E731
    return jax.vmap(jax.jacfwd(of_one))(scales)


QUANTITIES = {
    "energies": lambda potential, graph: potential(graph),
    "gradients": lambda potential, graph: energies_and_pair_gradients(potential, graph)[1],
    "hessian": hessian_product,
    "third": third,
    "parameters": by_parameters,
    "batch": batch,
}


@pytest.mark.slow
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_derivatives_are_those_of_all_pairs_at_once(blocks, quantity, crystal):
    if blocks == 10**6 and quantity in ("third", "batch"):
        pytest.skip("no other operation than with some")
    graph = graph_of(crystal)
    found, expected = (
        eqx.filter_jit(QUANTITIES[quantity])(message_passing(LAYERS, kind=kind), graph)
        for kind in (InBlocks, message_passing(1).__class__)
    )
    close(found, expected, ROUNDING)


@pytest.mark.slow
def test_the_flux_and_the_virials_of_atoms_are_those_of_all_pairs_at_once(blocks, crystal):
    graph, v = graph_of(crystal), velocities(crystal)
    ours, reference = message_passing(LAYERS, kind=InBlocks), message_passing(LAYERS)
    close(adflux.heat_flux(ours, graph, v), adflux.heat_flux(reference, graph, v), ROUNDING)
    close(adflux.atomic_virials(ours, graph), adflux.atomic_virials(reference, graph), ROUNDING)


def test_padding_and_pairs_without_partners_count_nothing(blocks, crystal):
    potential, graph = message_passing(LAYERS, kind=InBlocks), graph_of(crystal)
    more = pad(graph, len(graph.centers) + 13, len(graph.species) + 3, potential.cutoff)
    compiled = eqx.filter_jit(energies_and_pair_gradients)
    energies, gradients = compiled(potential, graph)
    padded, more_gradients = compiled(potential, more)
    close(padded[: len(energies)], energies, ROUNDING)
    close(more_gradients[: len(gradients)], gradients, ROUNDING)
    assert not np.any(np.asarray(more_gradients[len(gradients) :]))


def test_without_pairs_there_are_energies_and_no_forces(blocks):
    potential = message_passing(LAYERS, kind=InBlocks)
    empty = Graph(
        vectors=jnp.zeros((0, 3)),
        centers=jnp.zeros(0, int),
        others=jnp.zeros(0, int),
        species=jnp.zeros(2, int),
        mask=jnp.zeros(0, bool),
        owned=jnp.ones(2, bool),
    )
    energies, gradients = eqx.filter_jit(energies_and_pair_gradients)(potential, empty)
    assert energies.shape == (2,) and np.isfinite(energies).all() and gradients.shape == (0, 3)


def test_the_survey_of_operations_follows_messages():
    potential = message_passing(3, kind=InBlocks)

    def energies(vectors, centers, others, species, mask):
        owned = jnp.ones(len(species), bool)
        return potential(Graph(vectors, centers, others, species, mask, owned))

    found = survey(energies)
    assert found.hops == 3 and found.fault is None


def temporary_bytes(potential, pairs: int, atoms: int) -> int:
    """Memory that the compiled energy and pair gradients take beside arguments and results."""
    random = np.random.default_rng(0)
    graph = Graph(
        vectors=jnp.asarray(random.normal(size=(pairs, 3))),
        centers=jnp.sort(jnp.asarray(random.integers(0, atoms, size=pairs))),
        others=jnp.asarray(random.integers(0, atoms, size=pairs)),
        species=jnp.zeros(atoms, int),
        mask=jnp.ones(pairs, bool),
        owned=jnp.ones(atoms, bool),
    )
    compiled = jax.jit(lambda graph: energies_and_pair_gradients(potential, graph)).lower(graph)
    return compiled.compile().memory_analysis().temp_size_in_bytes


def test_memory_grows_with_what_is_kept_of_each_pair_only():
    """Of 40 channels and vectors of them, that is 40 numbers in each layer, and some indices."""
    width, pairs = 40, (20_000, 40_000)
    ours = message_passing(LAYERS, width=width, kind=InBlocks)
    reference = message_passing(LAYERS, width=width)
    (less, more), (all_less, all_more) = (
        [temporary_bytes(potential, count, 500) for count in pairs]
        for potential in (ours, reference)
    )
    a_pair = (more - less) / (pairs[1] - pairs[0])
    assert a_pair < (LAYERS * width + 30) * 8
    assert (all_more - all_less) / (pairs[1] - pairs[0]) > 4 * a_pair
