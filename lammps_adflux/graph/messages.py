"""Messages along the pairs, in blocks that fit a core's cache: one JAX operation.

It gathers the rows of atoms that a block of pairs needs, calls a function of the block, and adds
what it gives to atoms. Its tangent and its transpose are the same operation with another function,
which evaluates the first one anew: derivatives of any order follow, and memory grows with the
atoms, not with the pairs.
"""

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Bool, Int, Shaped

from .bodies import (
    CENTERS,
    OTHERS,
    PAIRS,
    WHOLE,
    Body,
    batched_over,
    giving_kept,
    lifted,
    tangent_of,
    transposed,
)

# bytes that arguments and results of a block may take, so that they stay near a core; and those of
# all pairs of a domain so small that blocks, whose derivatives evaluate messages anew, do not pay:
# benchmarks/message_blocks.py
BLOCK, AT_ONCE = 2**23, 2**26
# a GPU has no use for small blocks, only no memory for all; chosen without one at hand
GPU_BLOCK, GPU_AT_ONCE = 2**30, 2**31


def over_pairs(
    function: Callable[..., Sequence[Array]],
    centers: Int[Array, " pairs"],
    others: Int[Array, " pairs"],
    mask: Bool[Array, " pairs"],
    arguments: Sequence[tuple[str, Shaped[Array, "..."]]],
    atoms: int,
) -> list[Shaped[Array, "..."]]:
    """Σ over the pairs of each centre of function(mask, *rows), block by block, for each of its
    results.

    arguments: (place, array). What the function closes over counts as `whole`. Results must be zero
    where the mask is False.
    """
    pairs, a_pair = len(centers), _bytes(function, arguments)
    on_cpu = jax.default_backend() == "cpu"
    block_bytes, at_once = (BLOCK, AT_ONCE) if on_cpu else (GPU_BLOCK, GPU_AT_ONCE)
    if pairs * a_pair <= at_once:
        index = {CENTERS: centers, OTHERS: others}
        taken = [x[index[place]] if place in index else x for place, x in arguments]
        return [
            jax.ops.segment_sum(x, centers, atoms, indices_are_sorted=True)
            for x in function(mask, *taken)
        ]
    block = _even(pairs, max(1, block_bytes // a_pair))
    rows = [_row(place, jnp.asarray(array), block) for place, array in arguments]
    jaxpr, closed_over = lifted(function, [jax.ShapeDtypeStruct((block,), bool), *rows])
    places = [*(place for place, _ in arguments), *(WHOLE,) * len(closed_over)]
    body = Body(jaxpr, tuple(places), (CENTERS,) * len(jaxpr.out_avals))
    values = [*(array for _, array in arguments), *closed_over]
    return over_pairs_p.bind(centers, others, mask, *values, body=body, atoms=atoms)


def _bytes(function, arguments) -> int:
    """What arguments and results of one pair take."""
    rows = [_row(place, jnp.asarray(array), 1) for place, array in arguments]
    results = jax.eval_shape(function, jax.ShapeDtypeStruct((1,), bool), *rows)
    of_pairs = [row for row, (place, _) in zip(rows, arguments, strict=True) if place != WHOLE]
    return sum(row.size * row.dtype.itemsize for row in (*of_pairs, *results))


def _even(pairs: int, block: int) -> int:
    """Pairs of each block, where all blocks are alike and none is longer than `block`."""
    return -(-pairs // max(1, -(-pairs // block)))


def _row(place: str, array, block: int) -> jax.ShapeDtypeStruct:
    shape = array.shape if place == WHOLE else (block, *array.shape[1:])
    return jax.ShapeDtypeStruct(shape, array.dtype)


def _evaluate(centers, others, mask, *operands, body: Body, atoms: int):
    block = body.jaxpr.in_avals[0].shape[0]
    pairs = len(centers)
    blocks = max(1, -(-pairs // block))

    def in_blocks(array, mode="edge"):
        more = [(0, blocks * block - pairs)] + [(0, 0)] * (array.ndim - 1)
        padded = jnp.pad(array, more, mode=mode) if more[0][1] else array
        return padded.reshape(blocks, block, *array.shape[1:])

    rows = {n: in_blocks(x) for n, x in enumerate(operands) if body.arguments[n] == PAIRS}
    data = in_blocks(centers), in_blocks(others), in_blocks(mask, "constant"), rows
    avals = body.jaxpr.out_avals
    sums = [
        jnp.zeros(aval.shape if place == WHOLE else (atoms, *aval.shape[1:]), aval.dtype)
        for place, aval in zip(body.results, avals, strict=True)
        if place != PAIRS
    ]

    def step(sums, data):
        centers, others, mask, rows = data
        index = {CENTERS: centers, OTHERS: others}

        def argument(n, place):
            if place == WHOLE:
                return operands[n]
            if place == PAIRS:
                return rows[n]
            return operands[n].at[index[place]].get(mode="promise_in_bounds")

        results = body(mask, *[argument(n, place) for n, place in enumerate(body.arguments)])
        before, after, of_pairs = iter(sums), [], []
        for place, result in zip(body.results, results, strict=True):
            if place == PAIRS:
                of_pairs.append(result)
            elif place == WHOLE:
                after.append(next(before) + result)
            else:
                added = (
                    next(before)
                    .at[index[place]]
                    .add(result, mode="promise_in_bounds", indices_are_sorted=place == CENTERS)
                )
                after.append(added)
        return after, of_pairs

    if blocks == 1:
        sums, of_pairs = step(sums, jax.tree.map(lambda x: x[0], data))
    else:
        sums, of_pairs = jax.lax.scan(step, sums, data)
        of_pairs = [x.reshape(-1, *x.shape[2:])[:pairs] for x in of_pairs]
    sums, of_pairs = iter(sums), iter(of_pairs)
    return [next(of_pairs if place == PAIRS else sums) for place in body.results]


def _abstract(centers, others, mask, *operands, body: Body, atoms: int):
    def whole(place, aval):
        if place == WHOLE:
            return aval
        return aval.update(shape=(centers.shape[0] if place == PAIRS else atoms, *aval.shape[1:]))

    return [
        whole(place, aval) for place, aval in zip(body.results, body.jaxpr.out_avals, strict=True)
    ]


def _jvp(primals, tangents, *, body: Body, atoms: int):
    index, operands = primals[:3], primals[3:]
    moving = tuple(n for n, tangent in enumerate(tangents[3:]) if type(tangent) is not ad.Zero)
    tangent = tangent_of(body, moving) if moving else None
    if tangent is not None and tangent.takes_kept:
        both = over_pairs_p.bind(*primals, body=giving_kept(body), atoms=atoms)
    else:
        both = over_pairs_p.bind(*primals, body=body, atoms=atoms)
    results, kept = both[: len(body.results)], both[len(body.results) :]
    changes = [ad.Zero(jax.typeof(result).to_tangent_aval()) for result in results]
    if tangent is not None:
        given = [*operands, *(tangents[3 + n] for n in moving), *kept]
        found = over_pairs_p.bind(
            *index, *(given[n] for n in tangent.needed), body=tangent.body, atoms=atoms
        )
        for n, change in zip(tangent.changed, found, strict=True):
            changes[n] = change
    return results, changes


def _transpose(cotangents, centers, others, mask, *operands, body: Body, atoms: int):
    linear = tuple(n for n, x in enumerate(operands) if ad.is_undefined_primal(x))
    felt = tuple(n for n, bar in enumerate(cotangents) if type(bar) is not ad.Zero)
    if not felt:
        return [None] * 3 + [
            ad.Zero(x.aval) if ad.is_undefined_primal(x) else None for x in operands
        ]
    known = [n for n in range(len(operands)) if n not in linear]
    found = iter(
        over_pairs_p.bind(
            centers,
            others,
            mask,
            *(operands[n] for n in known),
            *(cotangents[n] for n in felt),
            body=transposed(body, linear, felt),
            atoms=atoms,
        )
    )
    return [None] * 3 + [next(found) if n in linear else None for n in range(len(operands))]


def _batch(arguments, axes, *, body: Body, atoms: int):
    if any(axis is not None for axis in axes[:3]):
        raise NotImplementedError("a batch of pair lists: batch the values only")
    batched = tuple(axis is not None for axis in axes[3:])
    operands = [
        jnp.moveaxis(x, axis, place != WHOLE) if is_batched else x
        for x, axis, place, is_batched in zip(
            arguments[3:], axes[3:], body.arguments, batched, strict=True
        )
    ]
    size = next(
        x.shape[axis] for x, axis in zip(arguments[3:], axes[3:], strict=True) if axis is not None
    )
    results = over_pairs_p.bind(
        *arguments[:3], *operands, body=batched_over(body, batched, size), atoms=atoms
    )
    return results, [int(place != WHOLE) for place in body.results]


def _compiled(*arguments, **parameters):
    return jax.jit(functools.partial(over_pairs_p.bind, **parameters))(*arguments)


over_pairs_p = Primitive("adflux_over_pairs")
over_pairs_p.multiple_results = True
over_pairs_p.def_impl(_compiled)
over_pairs_p.def_abstract_eval(_abstract)
ad.primitive_jvps[over_pairs_p] = _jvp
ad.primitive_transposes[over_pairs_p] = _transpose
batching.primitive_batchers[over_pairs_p] = _batch
mlir.register_lowering(over_pairs_p, mlir.lower_fun(_evaluate, multiple_results=True))
