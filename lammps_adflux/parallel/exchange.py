"""Rows of other ranks' atoms take their owners' values, inside jit: a linear JAX operation whose
other side is MPI.

A domain has one row for each atom that it owns and one for each atom of another rank that it sees.
E = [[1, 0], [S, 0]] leaves owned rows as they are and fills the others from their owners; its
transpose adds what those rows hold to their owners, and leaves zeros there. Derivatives of any
order follow.

The primitive has an ordered effect: JAX threads a token through it in the order of the program, so
that ranks whose arrays have other shapes, which XLA schedules otherwise, meet in the same order.
"""

import itertools
import weakref
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

# JAX has no public way to declare an effect; mpi4jax does the same
from jax._src import core, effects
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Int, PyTree

from ..errors import AdfluxError
from ..graph import Exchange
from .halo import Halo
from .handler import NAME, Handler, load_handler


class RankExchange(Exchange):
    """E of one domain; `handle` names its `Plan`, so that a new plan does not compile anew."""

    handle: Int[Array, ""]

    def __call__(self, values: PyTree) -> PyTree:
        """Values with rows of other ranks' atoms from their owners; one message for all leaves of
        one type.
        """
        leaves, structure = jax.tree.flatten(values)
        kinds = {leaf.dtype: None for leaf in leaves}
        for kind in kinds:
            mine = [n for n, leaf in enumerate(leaves) if leaf.dtype == kind]
            whole = _columns([leaves[n] for n in mine])
            widths = np.cumsum([_width(leaves[n]) for n in mine])[:-1]
            parts = jnp.split(_bind(self.handle, whole, False), widths, axis=1)
            for n, part in zip(mine, parts, strict=True):
                leaves[n] = part.reshape(leaves[n].shape)
        return jax.tree.unflatten(structure, leaves)

    def add_home(self, values: Array) -> Array:
        """The transpose: rows of other ranks' atoms are added to their owners' and become zero."""
        return _bind(self.handle, _columns([values]), True).reshape(values.shape)


def _width(leaf) -> int:
    return int(np.prod(leaf.shape[1:], dtype=int))


def _columns(leaves) -> Array:
    flat = [leaf.reshape(len(leaf), -1) for leaf in leaves]
    return flat[0] if len(flat) == 1 else jnp.concatenate(flat, axis=1)


class ExchangeEffect(effects.Effect):
    """What the primitive does besides giving a value: it talks to other ranks, in order."""

    def __str__(self) -> str:
        return "MPI"


PLATFORMS = "cpu", "cuda", "rocm"  # on a GPU features go through Python and the host's memory
EFFECT = ExchangeEffect()
for allowed in (
    effects.lowerable_effects,
    effects.ordered_effects,
    effects.control_flow_allowed_effects,
    effects.custom_derivatives_allowed_effects,
    effects.remat_allowed_effects,
):
    allowed.add_type(ExchangeEffect)

exchange_p = Primitive("adflux_exchange")


def _bind(handle, values, transposed: bool):
    return exchange_p.bind(handle, values, transposed=transposed)


def _evaluate(handle, values, *, transposed):
    return jax.jit(_bind, static_argnums=2)(handle, values, transposed)


def _abstract(handle, values, *, transposed):
    return core.ShapedArray(values.shape, values.dtype), {EFFECT}


def _jvp(primals, tangents, *, transposed):
    (handle, values), (_, change) = primals, tangents
    result = _bind(handle, values, transposed)
    if type(change) is ad.Zero:
        return result, ad.Zero(jax.typeof(result).to_tangent_aval())
    return result, _bind(handle, change, transposed)


def _transpose(cotangent, handle, values, *, transposed):
    if type(cotangent) is ad.Zero:
        return None, ad.Zero(values.aval)
    return None, _bind(handle, cotangent, not transposed)


def _batch(arguments, axes, *, transposed):
    handle, values = arguments
    if axes[0] is not None:
        raise NotImplementedError("a batch of domains cannot exchange: batch the values only")
    # one wider message for the whole batch
    return _bind(handle, jnp.moveaxis(values, axes[1], 1), transposed), 1


exchange_p.def_impl(_evaluate)
exchange_p.def_effectful_abstract_eval(_abstract)
ad.primitive_jvps[exchange_p] = _jvp
ad.primitive_transposes[exchange_p] = _transpose
batching.primitive_batchers[exchange_p] = _batch


def _lower(context, handle, values, *, transposed):
    token = context.tokens_in.get(EFFECT)
    compiled = "cpu" in context.module_context.platforms and load_handler() is not None
    lower = _lower_to_handler if compiled else _lower_to_python
    results, token = lower(context, token, handle, values, transposed)
    context.set_tokens_out(mlir.TokenSet({EFFECT: token}))
    return results


def _lower_to_handler(context, token, handle, values, transposed: bool):
    inner = replace(
        context,
        avals_in=[core.abstract_token, *context.avals_in],
        avals_out=[core.abstract_token, *context.avals_out],
    )
    call: Any = jax.ffi.ffi_lowering(NAME, has_side_effect=True)
    token, result = call(inner, token, handle, values, transposed=np.int32(transposed))
    return [result], token


def _lower_to_python(context, token, handle, values, transposed: bool):
    # the function gets NumPy arrays: what pure_callback makes of them would wait for JAX's threads
    def host(handle, values):
        return (_plans[int(handle)].evaluate(np.asarray(values), transposed),)

    results, token, _ = mlir.emit_python_callback(
        context,
        host,
        token,
        [handle, values],
        context.avals_in,
        context.avals_out,
        has_side_effect=True,
    )
    return results, token


for platform in PLATFORMS:
    mlir.register_lowering(exchange_p, _lower, platform=platform)

_handles = itertools.count(1)
# for the Python route; plugins hold their plans
_plans: "weakref.WeakValueDictionary[int, Plan]" = weakref.WeakValueDictionary()


class Plan:
    """Who sends which rows to whom, for one plugin or one relaxed structure.

    It has a communicator of its own, which is freed with it. comm: the communicator of LAMMPS. A
    plan is made, updated and dropped by all ranks.
    """

    def __init__(self, comm):
        self.comm = comm.Dup()
        self.handle = next(_handles)
        self.halo: Halo | None = None
        self._handler: Handler | None = load_handler()
        have = comm.allgather(self._handler is not None)
        if len(set(have)) > 1:
            raise AdfluxError(
                f"{have.count(True)} of {comm.size} ranks have the compiled exchange handler, "
                f"rank {have.index(False)} has not: install it on all nodes, or set "
                "ADFLUX_EXCHANGE=python on all of them."
            )
        _plans[self.handle] = self
        # what lives until the process ends need not be freed, and MPI may have ended by then
        weakref.finalize(self, _close, self.comm, self.handle, self._handler).atexit = False

    def update(self, ids: np.ndarray, owned: int) -> None:
        """From now on rows are these atoms: the owned ones, then one for each id of another
        rank.
        """
        self.halo = Halo(self.comm, ids, owned)
        if self._handler is not None:
            self._handler.publish(self.handle, self.halo)

    def exchange(self) -> RankExchange:
        """E of the present rows."""
        return RankExchange(np.int32(self.handle))  # pyright: ignore[reportArgumentType]

    def evaluate(self, values: np.ndarray, transposed: bool) -> np.ndarray:
        """E or its transpose on the host; rows beyond the atoms are padding."""
        assert self.halo is not None
        result, rows = np.array(values), len(self.halo.ids)
        if transposed:
            result[:rows] = 0
            result[: self.halo.owned] = self.halo.reverse_add(values[:rows])
        else:
            result[:rows] = self.halo.forward(values[: self.halo.owned])
        return result


def _close(comm, handle: int, handler: Handler | None) -> None:
    from mpi4py import MPI

    if handler is not None:
        handler.forget(handle)
    if not MPI.Is_finalized():
        comm.Free()
