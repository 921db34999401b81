"""Functions of a block of pairs, and what follows from them: tangents, transposes, batches."""

import contextlib
import functools
import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Primitive, jaxpr_as_fun
from jax.interpreters import ad, batching, mlir
from jax.interpreters import partial_eval as pe
from jaxtyping import Array, Shaped

# where an argument or a result of the function belongs: rows of atoms that are gathered by the
# centre or the other of each pair (results: added there), rows of pairs, or the whole array (a sum
# over the blocks)
CENTERS, OTHERS, PAIRS, WHOLE = "centers", "others", "pairs", "whole"


class Body(NamedTuple):
    """A function of one block: (mask, *rows) → results, each with the place where it belongs."""

    jaxpr: ClosedJaxpr
    arguments: tuple[str, ...]
    results: tuple[str, ...]

    def __call__(self, mask, *rows) -> Sequence[Array]:
        return jaxpr_as_fun(self.jaxpr)(mask, *rows)

    # bodies are parameters of an operation, which JAX compares
    def __hash__(self) -> int:
        return id(self.jaxpr)

    def __eq__(self, other) -> bool:
        return isinstance(other, Body) and self.jaxpr is other.jaxpr and self[1:] == other[1:]


def lifted(function, avals) -> tuple[ClosedJaxpr, list]:
    """The function, with what it closes over as last arguments; and these values, which may be
    traced.
    """
    closed = jax.make_jaxpr(function)(*avals)
    inner = closed.jaxpr
    arguments = [*inner.invars, *inner.constvars]
    names = _names(inner, arguments, inner.outvars)
    whole = inner.replace(constvars=[], invars=arguments, debug_info=names)
    return ClosedJaxpr(whole, []), closed.consts


def _names(jaxpr, arguments, results):
    # some were added, whose names JAX would miss
    empty = {"arg_names": ("",) * len(arguments), "result_paths": ("",) * len(results)}
    return jaxpr.debug_info and jaxpr.debug_info._replace(**empty)


def _made(function, arguments, avals, results) -> Body:
    """The body of a function of (mask, *rows)."""
    return Body(jax.make_jaxpr(function)(*avals), tuple(arguments), tuple(results))


def _marked(body: Body) -> list:
    """The operations of `keep` whose values were not given yet, in their order."""
    return [eqn for eqn in body.jaxpr.eqns if eqn.primitive is keep_p and eqn.params["number"]]


@functools.lru_cache(maxsize=256)
def giving_kept(body: Body) -> Body:
    """The same function, which gives the values to keep as well, as rows of pairs."""
    marked = _marked(body)
    jaxpr = body.jaxpr.jaxpr
    eqns = [
        eqn.replace(params={"number": 0}) if eqn.primitive is keep_p else eqn for eqn in jaxpr.eqns
    ]
    outvars = [*jaxpr.outvars, *(eqn.outvars[0] for eqn in marked)]
    names = _names(jaxpr, jaxpr.invars, outvars)
    more = jaxpr.replace(eqns=eqns, outvars=outvars, debug_info=names)
    return Body(
        ClosedJaxpr(more, body.jaxpr.consts), body.arguments, body.results + (PAIRS,) * len(marked)
    )


class Tangent(NamedTuple):
    """A body of the tangents of those results of another body that have one."""

    body: Body
    changed: list[int]  # the numbers of these results
    # what it needs, by number, of (arguments, tangents of the moving ones, kept values)
    needed: list[int]
    takes_kept: bool


@functools.lru_cache(maxsize=256)
def tangent_of(body: Body, moving: tuple[int, ...]) -> Tangent | None:
    """The tangents of the results if these arguments have one; None where no result has."""
    count, (mask_aval, *avals) = len(body.arguments), body.jaxpr.in_avals
    marked = _marked(body)
    numbers = [eqn.params["number"] for eqn in marked]

    def tangents(mask, *rows):
        given, moved = list(rows[:count]), rows[count : count + len(moving)]
        kept = dict(zip(numbers, rows[count + len(moving) :], strict=True))

        def at(*values):
            for n, value in zip(moving, values, strict=True):
                given[n] = value
            return body(mask, *given)

        with _known(kept):
            return jax.jvp(at, [rows[n] for n in moving], list(moved))[1]

    closed = jax.make_jaxpr(tangents)(
        mask_aval,
        *avals,
        *(avals[n] for n in moving),
        *(eqn.outvars[0].aval for eqn in marked),
    )
    of_tangents = slice(1 + count, 1 + count + len(moving))
    changed = []
    for n in range(len(body.results)):
        _, used = pe.dce_jaxpr(closed.jaxpr, [m == n for m in range(len(body.results))])
        if any(used[of_tangents]):
            changed.append(n)
    if not changed:
        return None
    pruned, used = pe.dce_jaxpr(
        closed.jaxpr,
        [n in changed for n in range(len(body.results))],
        [True] + [False] * (len(closed.jaxpr.invars) - 1),
    )
    needed = [n for n, is_used in enumerate(used[1:]) if is_used]
    places = [*body.arguments, *(body.arguments[n] for n in moving), *(PAIRS,) * len(marked)]
    found = Body(
        ClosedJaxpr(pruned, closed.consts),
        tuple(places[n] for n in needed),
        tuple(body.results[n] for n in changed),
    )
    return Tangent(found, changed, needed, needed[-1] >= count + len(moving))


@functools.lru_cache(maxsize=256)
def transposed(body: Body, linear: tuple[int, ...], felt: tuple[int, ...]) -> Body:
    """(other arguments, cotangents of the results `felt`) → cotangents of the linear arguments."""
    mask, *avals = body.jaxpr.in_avals
    known = [n for n in range(len(avals)) if n not in linear]

    def pull(mask, *rows):
        full: list = [None] * len(avals)
        for n, row in zip(known, rows, strict=False):
            full[n] = row

        def forward(*values):
            for n, value in zip(linear, values, strict=True):
                full[n] = value
            results = body(mask, *full)
            return [results[n] for n in felt]

        return jax.linear_transpose(forward, *(avals[n] for n in linear))(list(rows[len(known) :]))

    return _made(
        pull,
        [*(body.arguments[n] for n in known), *(body.results[n] for n in felt)],
        [mask, *(avals[n] for n in known), *(body.jaxpr.out_avals[n] for n in felt)],
        [body.arguments[n] for n in linear],
    )


@functools.lru_cache(maxsize=256)
def batched_over(body: Body, batched: tuple[bool, ...], size: int) -> Body:
    mask, *avals = body.jaxpr.in_avals
    # rows stay first
    where = [int(place != WHOLE) for place in body.arguments]
    axes = [axis if is_batched else None for axis, is_batched in zip(where, batched, strict=True)]

    def wider(aval, axis):
        if axis is None:
            return aval
        return aval.update(shape=(*aval.shape[:axis], size, *aval.shape[axis:]))

    function = jax.vmap(
        body.__call__,
        in_axes=(None, *axes),
        out_axes=[int(place != WHOLE) for place in body.results],
    )
    return _made(
        function,
        body.arguments,
        [mask, *map(wider, avals, axes)],
        body.results,
    )


def keep(values: Shaped[Array, "pairs *shape"]) -> Shaped[Array, "pairs *shape"]:
    """The values, which derivatives of a message take from memory, instead of evaluating them anew:
    for what costs much and has few numbers a pair.
    """
    return keep_p.bind(values, number=next(_numbers))


_numbers = itertools.count(1)
# values that are known by number, while a tangent is made
_replacements: list[dict[int, Any]] = []


@contextlib.contextmanager
def _known(values: dict[int, Any]):
    _replacements.append(values)
    try:
        yield
    finally:
        _replacements.pop()


def _keep_jvp(primals, tangents, *, number: int):
    known = _replacements[-1] if _replacements else {}
    kept = known[number] if number in known else keep_p.bind(*primals, number=number)
    return kept, tangents[0]


def _keep_batch(values, axes, *, number: int):
    # rows of pairs stay first
    return keep_p.bind(jnp.moveaxis(values[0], axes[0], 1), number=number), 1


keep_p = Primitive("adflux_keep")
keep_p.def_impl(lambda values, *, number: values)
keep_p.def_abstract_eval(lambda values, *, number: values)
ad.primitive_jvps[keep_p] = _keep_jvp
batching.primitive_batchers[keep_p] = _keep_batch
mlir.register_lowering(keep_p, lambda context, values, *, number: [values])
