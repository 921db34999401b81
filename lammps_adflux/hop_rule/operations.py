"""What each operation of a jaxpr does to atoms and pairs: the premises of the hop rule, operation
by operation.

`infer` follows through one operation which axes of an array run over atoms or pairs, how many
cutoffs far its values see, and whether an integer array still is `centers` or `others`. Operations
that mix atoms other than along the pair list leave a fault in what they return; it counts only if
the energies depend on it.
"""

from pathlib import Path

import equinox
import jax
import numpy as np

from .indexing import SCATTERS, gather_axes, origin_of, scatter_axes
from .locality import Info, Mixes, Weight, merge, untouched

NOT_THE_USERS = tuple(
    str(folder)
    for folder in (
        Path(__file__).parents[1],
        Path(jax.__file__).parent,
        Path(equinox.__file__).parent,
    )
)

ELEMENTWISE = frozenset(
    """abs acos acosh adflux_keep add add_any and asin asinh atan atan2 atanh bessel_i0e bessel_i1e
    bitcast_convert_type cbrt ceil clamp clz complex conj convert_element_type copy copy_p
    cos cosh device_put digamma div eq eq_to erf erf_inv erfc exp exp2 expm1 floor ge gt
    igamma igamma_grad_a igammac imag integer_pow is_finite le le_to lgamma log log1p
    logistic lt lt_to max min mul name ne neg nextafter not or optimization_barrier
    polygamma population_count pow pvary random_gamma_grad real reduce_precision
    regularized_incomplete_beta rem reshard round rsqrt select_n sharding_constraint
    shift_left shift_right_arithmetic shift_right_logical sign sin sinh sqrt square
    stop_gradient sub tan tanh xor zeta""".split()
)
REDUCTIONS = frozenset(
    "argmax argmin reduce_and reduce_max reduce_min reduce_or reduce_prod reduce_sum "
    "reduce_xor".split()
)
ALONG_ONE_AXIS = {  # operations along an axis that keep its length, and the parameter that names it
    "cumlogsumexp": "axis", "cummax": "axis", "cummin": "axis", "cumprod": "axis", "cumsum": "axis",
    "sort": "dimension",
}  # fmt: skip
MATRIX = frozenset(
    "cholesky eig eigh householder_product lu qr schur svd triangular_solve "
    "tridiagonal_solve".split()
)


def infer(eqn, infos: list[Info], atoms: int, place: str) -> tuple[list[Info], Weight | None]:
    """Infos of the results of one operation, and the weight that the hop rule gives it.

    place: where in the user's code the operation stands, for the sentence that refuses it.
    """
    name = eqn.primitive.name
    fault = next((info.fault for info in infos if info.fault), None)
    reach = max((info.reach for info in infos), default=0)
    local = all(axis is None for info in infos for axis in info.axes)
    summed = any(info.summed for info in infos) or (name in SCATTERS and "pairs" in infos[2].axes)
    weight, axes, origin = None, None, None
    try:
        if name in ("gather", *SCATTERS):
            axes, reach, weight = (gather_axes if name == "gather" else scatter_axes)(eqn, infos)
        elif local:
            axes = [(None,) * var.aval.ndim for var in eqn.outvars]
        else:
            axes = _axes(eqn, name, infos)
        origin = origin_of(eqn, name, infos, atoms)
    except Mixes as error:
        fault = fault or _sentence(eqn, place, str(error))
    if axes is None:
        axes = [(None,) * var.aval.ndim for var in eqn.outvars]
    return [Info(one, reach, origin, fault, summed) for one in axes], weight


def _axes(eqn, name: str, infos: list[Info]) -> list[tuple]:
    """The axes of the results of everything but gathers and scatters."""
    params, shapes = eqn.params, [var.aval.shape for var in eqn.invars]
    first = infos[0].axes
    if name in ELEMENTWISE:
        if name == "optimization_barrier":
            return [info.axes for info in infos]
        rank = eqn.outvars[0].aval.ndim
        axes, clash = merge([info.axes for info in infos if len(info.axes) == rank])
        if clash or sum(axis is not None for axis in axes) > 1:
            raise Mixes("combines all atoms or pairs with all")
        return [axes]
    if name in REDUCTIONS:
        untouched(first, params["axes"], "runs over all {}")
        return [tuple(axis for d, axis in enumerate(first) if d not in params["axes"])] * len(
            eqn.outvars
        )
    if name in ALONG_ONE_AXIS:
        untouched(first, [params[ALONG_ONE_AXIS[name]]], "runs over all {}")
        return [info.axes for info in infos]
    if name == "broadcast_in_dim":
        origin = dict(zip(params["broadcast_dimensions"], first, strict=True))
        return [tuple(origin.get(d) for d in range(len(params["shape"])))]
    if name == "transpose":
        return [tuple(first[d] for d in params["permutation"])]
    if name == "squeeze":
        untouched(first, params["dimensions"], "drops the axis of the {}")
        return [tuple(axis for d, axis in enumerate(first) if d not in params["dimensions"])]
    if name == "reshape":
        return [_reshape(first, shapes[0], params["new_sizes"])]
    if name == "rev":
        untouched(first, params["dimensions"], "reorders the {}")
        return [first]
    if name == "slice":
        strides = params["strides"] or (1,) * len(first)
        untouched(
            first,
            [d for d in range(len(first)) if params["start_indices"][d] or strides[d] != 1],
            "skips some of the {}",
        )
        return [first]
    if name == "pad":
        untouched(
            first,
            [d for d, (low, _, inner) in enumerate(params["padding_config"]) if low or inner],
            "shifts the {}",
        )
        return [first]
    if name in ("dynamic_slice", "dynamic_update_slice"):
        part = params.get("slice_sizes") or shapes[1]
        untouched(
            first,
            [d for d in range(len(first)) if part[d] != shapes[0][d]],
            "takes a part of the {}",
        )
        return [first if name == "dynamic_slice" else merge([first, infos[1].axes])[0]]
    if name == "split":
        untouched(first, [params["axis"]], "splits the {}")
        return [first] * len(eqn.outvars)
    if name == "stack":
        axes, clash = merge([info.axes for info in infos])
        if clash:
            raise Mixes("joins atoms with pairs")
        return [(*axes[: params["axis"]], None, *axes[params["axis"] :])]
    if name == "unstack":
        untouched(first, [params["axis"]], "splits the {}")
        return [tuple(axis for d, axis in enumerate(first) if d != params["axis"])] * len(
            eqn.outvars
        )
    if name == "tile":
        untouched(
            first, [d for d, times in enumerate(params["reps"]) if times != 1], "repeats the {}"
        )
        return [first]
    if name == "concatenate":
        along = params["dimension"]
        for info in infos[1:]:
            untouched(info.axes, [along], "appends {}")
            if first[along] is not None and info.reach:
                raise Mixes(f"appends rows to the {first[along]}")
        axes, clash = merge([info.axes for info in infos])
        if clash:
            raise Mixes("joins atoms with pairs")
        return [axes]
    if name == "dot_general":
        return [_dot_general(params["dimension_numbers"], infos)]
    if name in MATRIX or name == "top_k":
        inner = 1 if name == "top_k" else 2
        for info in infos:
            untouched(info.axes, range(len(info.axes) - inner, len(info.axes)), "runs over all {}")
        return [
            (*first[: len(first) - inner], *(None,) * (var.aval.ndim - len(first) + inner))
            for var in eqn.outvars
        ]
    raise Mixes("is not known to leave atoms apart")


def _dot_general(dimension_numbers, infos) -> tuple:
    (left_sum, right_sum), (left_batch, right_batch) = dimension_numbers
    left, right = infos[0].axes, infos[1].axes
    untouched(left, left_sum, "sums over all {}")
    untouched(right, right_sum, "sums over all {}")
    batch, clash = merge([tuple(left[d] for d in left_batch), tuple(right[d] for d in right_batch)])
    free = [a for d, a in enumerate(left) if d not in (*left_sum, *left_batch)]
    free += [a for d, a in enumerate(right) if d not in (*right_sum, *right_batch)]
    axes = (*batch, *free)
    if clash or sum(axis is not None for axis in axes) > 1:
        raise Mixes("combines all atoms or pairs with all")
    return axes


def _reshape(axes, old, new) -> tuple:
    result: list = [None] * len(new)
    for d, axis in enumerate(axes):
        if axis is None:
            continue
        before = int(np.prod(old[:d], dtype=int))
        places = [
            e
            for e in range(len(new))
            if new[e] == old[d] and int(np.prod(new[:e], dtype=int)) == before
        ]
        if not places:
            raise Mixes(f"merges the axis of the {axis} with another")
        result[places[0]] = axis
    return tuple(result)


def _sentence(eqn, place: str, what: str) -> str:
    return (
        f"The hop rule does not hold: `{eqn.primitive.name}`{place} {what}, so energies depend on "
        "more than "
        "messages along the pair list, and the flux and every parallel run would be wrong."
    )


def place_of(eqn) -> str:
    """Where in the user's code an operation stands: " in function (file.py:line)", or nothing where
    JAX does not tell.
    """
    traceback = getattr(eqn.source_info, "traceback", None)
    for frame in getattr(traceback, "frames", ()):
        if not frame.file_name.startswith(NOT_THE_USERS):
            return (
                f" in {frame.function_name} ({frame.file_name.rpartition('/')[2]}:{frame.line_num})"
            )
    return ""
