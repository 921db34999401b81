"""The hop rule from outside: functions that index neighbours themselves, and those that
it refuses.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from comparing import close
from networks import message_passing
from reference import hardy_flux, unfolded_flux
from systems import random_crystal, velocities

from lammps_adflux import (
    AdfluxError,
    Graph,
    atomic_virials,
    from_function,
    graph_from_atoms,
    heat_flux,
)

ROUNDING = 1e-11  # relative, of sums of some thousand terms
CUTOFF, WIDTH, ELEMENTS = 3.0, 4, ("Si", "Ge")
LAYER = 4 * WIDTH * WIDTH


def parameters(layers, seed=0):
    random = np.random.default_rng(seed)
    return {
        "embedding": random.normal(size=(2, WIDTH)),
        "layers": random.normal(size=(layers, 3, WIDTH, WIDTH)) / 2,
    }


def filters(vectors, mask):
    """Smooth radial functions, zero beyond the cutoff and for padding [pairs, WIDTH], and
    directions.
    """
    squared = jnp.sum(vectors**2, axis=1)
    inside = mask & (squared < CUTOFF**2)
    r = jnp.sqrt(jnp.where(inside, squared, 1.0))
    envelope = jnp.where(inside, (1 - (r / CUTOFF) ** 2) ** 3, 0.0)
    return envelope[:, None] * jnp.cos(r[:, None] * jnp.arange(1, WIDTH + 1)), inside


def layer(weights, h, radial, centers, others, take=lambda h, i: h[i]):
    gate = jnp.tanh(take(h, others) @ weights[0] + h[centers] @ weights[1])
    return h + jax.ops.segment_sum(gate * (radial @ weights[2]), centers, len(h))


def network(params, vectors, centers, others, species, mask, step=layer):
    radial, _ = filters(vectors, mask)
    h = params["embedding"][species]
    for weights in params["layers"]:
        h = step(weights, h, radial, centers, others)
    return jnp.sum(jnp.sin(h), axis=1)


# each of these computes the same function as `network` with its own way to index

take_step = partial(layer, take=lambda h, i: jnp.take(h, i, axis=0))
clip_step = partial(layer, take=lambda h, i: jnp.take(h, i, axis=0, mode="clip"))
heads_step = partial(
    layer, take=lambda h, i: jax.vmap(lambda column: column[i], in_axes=1, out_axes=1)(h)
)
rows_step = partial(layer, take=lambda h, i: jax.vmap(lambda j: h[j])(i))
columns_step = partial(layer, take=lambda h, i: h.T[:, i].T)
element_step = partial(layer, take=lambda h, i: jnp.stack([h[i, f] for f in range(WIDTH)], axis=1))
along_step = partial(
    layer,
    take=lambda h, i: jnp.take_along_axis(h, jnp.broadcast_to(i[:, None], (len(i), WIDTH)), 0),
)
extra_row_step = partial(layer, take=lambda h, i: jnp.concatenate([h, jnp.zeros((1, WIDTH))])[i])
bounded_step = partial(
    layer, take=lambda h, i: h[jnp.where((i < jnp.sum(jnp.ones(len(h), int))) & (i < 99), i, 99)]
)
jit_step, remat_step = jax.jit(layer), jax.checkpoint(layer)


@jax.custom_jvp
def twice_tanh(x):
    return jnp.tanh(x)


twice_tanh.defjvp(lambda p, t: (jnp.tanh(p[0]), (1 - jnp.tanh(p[0]) ** 2) * t[0]))


@jax.custom_vjp
def reverse_only(x):
    return jnp.tanh(x)


reverse_only.defvjp(lambda x: (jnp.tanh(x), x), lambda x, g: ((1 - jnp.tanh(x) ** 2) * g,))


@jax.custom_vjp
def reverse_only_read(h, others):
    return h[others]


reverse_only_read.defvjp(
    lambda h, others: (h[others], (others, len(h))),
    lambda kept, g: (jnp.zeros((kept[1], g.shape[1])).at[kept[0]].add(g), None),
)


def custom_step(gate, weights, h, radial, centers, others):
    message = gate(h[others] @ weights[0] + h[centers] @ weights[1]) * (radial @ weights[2])
    return h + jnp.zeros_like(h).at[centers].add(message)


def cond_step(weights, h, radial, centers, others):
    return jax.lax.cond(
        weights[0, 0, 0] > -1e3, layer, lambda w, h, *rest: h, weights, h, radial, centers, others
    )


def where_step(weights, h, radial, centers, others):
    return layer(weights, h, radial, centers, jnp.where(others < 0, others + len(h), others))


def while_step(weights, h, radial, centers, others):
    # a loop that leaves atoms apart
    wrapped = jax.lax.fori_loop(0, 2, lambda n, x: x + 0.0 * n, radial)
    return layer(weights, h, wrapped, centers, others)


def scan_network(params, vectors, centers, others, species, mask):
    radial, _ = filters(vectors, mask)

    def body(h, weights):
        return layer(weights, h, radial, centers, others), None

    h, _ = jax.lax.scan(body, params["embedding"][species], params["layers"])
    return jnp.sum(jnp.sin(h), axis=1)


def fori_network(params, vectors, centers, others, species, mask):
    radial, _ = filters(vectors, mask)
    h = jax.lax.fori_loop(
        0,
        len(params["layers"]),
        lambda n, h: layer(params["layers"][n], h, radial, centers, others),
        params["embedding"][species],
    )
    return jnp.sum(jnp.sin(h), axis=1)


def masked_network(params, vectors, centers, others, species, mask):
    return network(params, vectors, centers, jnp.where(mask, others, 0), species, mask)


def network_with(step):
    return partial(network, step=step)


SAME = {
    "indexing": network,
    "take": network_with(take_step),
    "take, clipped": network_with(clip_step),
    "vmap over features": network_with(heads_step),
    "vmap over pairs": network_with(rows_step),
    "pairs on the second axis": network_with(columns_step),
    "element by element": network_with(element_step),
    "take_along_axis": network_with(along_step),
    "a row for padding": network_with(extra_row_step),
    "bounded by the number of atoms": network_with(bounded_step),
    "wrapped by hand": network_with(where_step),
    "jit": network_with(jit_step),
    "remat": network_with(remat_step),
    "cond": network_with(cond_step),
    "fori_loop inside": network_with(while_step),
    "scatter": network_with(partial(custom_step, jnp.tanh)),
    "custom_jvp": network_with(partial(custom_step, twice_tanh)),
    "custom_vjp": network_with(partial(custom_step, reverse_only)),
    "custom_vjp that reads others": network_with(partial(layer, take=reverse_only_read)),
    "scan over layers": scan_network,
    "fori_loop over layers": fori_network,
    "others of padding replaced": masked_network,
}


@pytest.mark.parametrize("layers", (1, 2, 3))
def test_a_function_gives_the_unfolded_flux(layers):
    crystal = random_crystal(6)
    potential = from_function(network, parameters(layers), cutoff=CUTOFF, elements=ELEMENTS)
    flux = heat_flux(potential, graph_from_atoms(crystal, potential), velocities(crystal))
    assert potential.hops == layers
    close(flux, unfolded_flux(crystal, potential, velocities(crystal)), ROUNDING)


@pytest.mark.parametrize("way", SAME)
def test_every_way_to_index_gives_the_same_flux(way):
    crystal, params = random_crystal(5), parameters(2)
    expected = from_function(network, params, cutoff=CUTOFF, elements=ELEMENTS)
    potential = from_function(SAME[way], params, cutoff=CUTOFF, elements=ELEMENTS)
    graph, v = graph_from_atoms(crystal, potential), velocities(crystal)
    # the comparison is worth something only if it is the same function
    close(potential(graph), expected(graph), ROUNDING)
    assert potential.hops == 2
    close(heat_flux(potential, graph, v), heat_flux(expected, graph, v), ROUNDING)


@pytest.mark.slow
@pytest.mark.parametrize("layers", (2, 3))
def test_equals_the_flux_of_the_same_network_written_with_hop(layers):
    net, crystal = message_passing(layers), random_crystal(7)

    def function(params, vectors, centers, others, species, mask):
        return params(Graph(vectors, centers, others, species, mask, jnp.ones(len(species), bool)))

    potential = from_function(function, net, cutoff=net.cutoff, elements=net.elements)
    graph = graph_from_atoms(crystal, net)
    close(
        heat_flux(potential, graph, velocities(crystal)),
        heat_flux(net, graph, velocities(crystal)),
        1e-13,
    )
    close(atomic_virials(potential, graph), atomic_virials(net, graph), 1e-13)


def sums_into_others(params, vectors, centers, others, species, mask):
    """Half of each pair energy goes to the other atom, and a layer is summed there as well."""
    radial, _ = filters(vectors, mask)
    h = params["embedding"][species]
    h = h + jax.ops.segment_sum(radial * h[centers], others, len(h))
    share = jnp.sum(radial * jnp.tanh(h[centers] * h[others]), axis=1)
    return 0.5 * jax.ops.segment_sum(share, centers, len(h)) + 0.5 * jax.ops.segment_sum(
        share, others, len(h)
    )


def differentiates_inside(params, vectors, centers, others, species, mask):
    """A model that takes a gradient of its own on the way."""

    def density(h):
        return jnp.sum(
            jnp.sin(layer(params["layers"][0], h, filters(vectors, mask)[0], centers, others)),
            axis=1,
        )

    h = params["embedding"][species]
    _, pull_back = jax.vjp(density, h)
    return jnp.sum(pull_back(jnp.ones(len(h)))[0] ** 2, axis=1)


@pytest.mark.parametrize("function", (sums_into_others, differentiates_inside))
def test_sums_into_the_others_carry_the_opposite_hop(function):
    crystal = random_crystal(4)
    potential = from_function(function, parameters(1), cutoff=CUTOFF, elements=ELEMENTS)
    flux = heat_flux(potential, graph_from_atoms(crystal, potential), velocities(crystal))
    close(flux, hardy_flux(crystal, potential, velocities(crystal)), ROUNDING)


# what the pass must refuse: each mixes atoms outside the pair list, or cannot be followed


def mixes(change):
    def function(params, vectors, centers, others, species, mask):
        radial, _ = filters(vectors, mask)
        h = params["embedding"][species]
        h = layer(params["layers"][0], h, radial, centers, others)
        return jnp.sum(change(h, vectors, centers, others, mask), axis=1)

    return function


def attention(h, *_):
    return jax.nn.softmax(h @ h.T, axis=1) @ h


def ewald(h, vectors, centers, others, mask):
    structure_factor = jnp.sum(jnp.cos(vectors @ jnp.ones(3)))
    return h * structure_factor


REFUSED = {
    "mean over all atoms": (lambda h, *_: h - jnp.mean(h, axis=0), "reduce_sum"),
    "largest of all atoms": (lambda h, *_: h / jnp.max(h), "reduce_max"),
    "number of pairs": (lambda h, v, c, o, mask: h / jnp.sum(mask), "reduce_sum"),
    "dense attention": (attention, "dot_general"),
    "structure factor": (ewald, "reduce_sum"),
    "running sum": (lambda h, *_: jnp.cumsum(h, axis=0), "cumsum"),
    "sorted": (lambda h, *_: jnp.sort(h, axis=0), "sort"),
    "permuted": (lambda h, *_: h[::-1], "rev"),
    "next atom": (lambda h, *_: jnp.roll(h, 1, axis=0), "slice"),
    "bounded index": (
        lambda h, v, c, o, m: jax.ops.segment_sum(h[jnp.where(o < 3, o, 0)], c, len(h)),
        "gather",
    ),
    "own index": (lambda h, v, c, others, m: h[(others[: len(h)] + 1) % len(h)], "gather"),
    "shifted index": (lambda h, v, c, o, m: jax.ops.segment_sum(h[o + 1], c, len(h)), "gather"),
    "other pair": (lambda h, v, c, o, m: jax.ops.segment_sum(v[o, :1] * h[o], c, len(h)), "gather"),
    "sum over elements": (
        lambda h, v, c, o, m: h + jnp.zeros_like(h).at[c % 2].add(h[o]),
        "scatter",
    ),
    "all pairs of atoms": (lambda h, *_: jnp.sum(jnp.tanh(h[:, None] - h[None, :]), axis=1), "sub"),
    "one-hot of others": (
        lambda h, v, c, o, m: jax.ops.segment_sum(jax.nn.one_hot(o, len(h)) @ h, c, len(h)),
        "dot_general",
    ),
    "Fourier transform": (lambda h, *_: jnp.real(jnp.fft.fft(h, axis=0)), "fft"),
    "scan over atoms": (
        lambda h, *_: jax.lax.scan(lambda s, row: (s + row, s + row), jnp.zeros(WIDTH), h)[1],
        "scan",
    ),
    "callback": (
        lambda h, *_: jax.pure_callback(
            lambda x: np.asarray(x), jax.ShapeDtypeStruct(h.shape, h.dtype), h
        ),
        "pure_callback",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_mixing_of_atoms_is_refused_by_name(what):
    change, operation = REFUSED[what]
    with pytest.raises(AdfluxError, match=f"`{operation}") as error:
        from_function(mixes(change), parameters(1), cutoff=CUTOFF, elements=ELEMENTS)
    assert "test_hops.py" in str(error.value) or operation == "scan"  # tells the line


def test_what_the_energies_do_not_use_is_not_refused():
    def function(params, *arrays):
        jnp.mean(arrays[0])  # a diagnostic that goes nowhere
        return network(params, *arrays)

    assert from_function(function, parameters(2), cutoff=CUTOFF, elements=ELEMENTS).hops == 2


def test_a_while_loop_over_layers_is_refused():
    def layers_until(params, vectors, centers, others, species, mask):
        radial, _ = filters(vectors, mask)
        h = params["embedding"][species]
        _, h = jax.lax.while_loop(
            lambda state: state[0] < params["layers"][0, 0, 0, 0],
            lambda state: (
                state[0] + 1.0,
                layer(params["layers"][0], state[1], radial, centers, others),
            ),
            (0.0, h),
        )
        return jnp.sum(h, axis=1)

    with pytest.raises(
        AdfluxError, match="`while` loop that passes messages an unknown number of times"
    ):
        from_function(layers_until, parameters(1), cutoff=CUTOFF, elements=ELEMENTS)


def test_understated_hops_are_refused():
    with pytest.raises(AdfluxError, match="3 layers, but hops=2"):
        from_function(network, parameters(3), cutoff=CUTOFF, elements=ELEMENTS, hops=2)


def test_energies_have_one_entry_per_atom():
    with pytest.raises(AdfluxError, match=r"one energy per atom.*but the function gives \(\)"):
        from_function(
            lambda *a: jnp.sum(network(*a)), parameters(1), cutoff=CUTOFF, elements=ELEMENTS
        )
