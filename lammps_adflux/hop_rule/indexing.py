"""Gathers and sums by the pair list, in the language of jaxprs: which of them read others, centers,
or something else.
"""

import numpy as np
from jax.extend.core import Literal

from .locality import Mixes, Weight, merge

KEEP = frozenset(
    "broadcast_in_dim convert_element_type copy copy_p device_put optimization_barrier reshape "
    "squeeze stop_gradient transpose".split()
)


def gather_axes(eqn, infos):
    """Rows by centers or others; anything within a row."""
    operand, indices = infos
    numbers, sizes = eqn.params["dimension_numbers"], eqn.params["slice_sizes"]
    shape, rank = eqn.invars[0].aval.shape, eqn.outvars[0].aval.ndim
    rows = indices.axes[:-1]
    dropped = numbers.collapsed_slice_dims
    kinds = _indexed(
        operand, indices, rows, numbers.start_index_map, dropped, sizes, shape, summing=False
    )
    batch = [d for d in range(rank) if d not in numbers.offset_dims]
    axes: list = [None] * rank
    for d, axis in zip(batch, rows, strict=True):
        axes[d] = axis
    window = [d for d in range(len(shape)) if d not in (*dropped, *numbers.operand_batching_dims)]
    for d, source in zip(numbers.offset_dims, window, strict=True):
        axes[d] = None if source in kinds else operand.axes[source]
    for source, target in zip(
        numbers.operand_batching_dims, numbers.start_indices_batching_dims, strict=True
    ):
        merged, clash = merge([(axes[batch[target]],), (operand.axes[source],)])
        if clash:
            raise Mixes("combines atoms with pairs")
        axes[batch[target]] = merged[0]
    if sum(axis is not None for axis in axes) > 1:
        raise Mixes("combines all atoms or pairs with all")
    reach = max(operand.reach, indices.reach)
    if "others" not in kinds.values():
        return [tuple(axes)], reach, None
    if axes.count("pairs") != 1:
        raise Mixes("reads others outside the pair list")
    # what was not summed over pairs is known of all atoms, and has no tangent
    weight = Weight("others", axes.index("pairs")) if operand.reach or operand.summed else None
    return [tuple(axes)], max(reach, operand.reach + bool(operand.reach)), weight


KINDS = "add", "max", "min", "mul", "sub"
SCATTERS = ("scatter", *(f"scatter{mark}{kind}" for kind in KINDS for mark in "-_"))


def scatter_axes(eqn, infos):
    """Sums of pairs into their centers or others; anything within a row."""
    operand, indices, updates = infos
    numbers = eqn.params["dimension_numbers"]
    shape, part = eqn.invars[0].aval.shape, eqn.invars[2].aval.shape
    inserted, batching = numbers.inserted_window_dims, numbers.operand_batching_dims
    window = [d for d in range(len(shape)) if d not in (*inserted, *batching)]
    sizes = [1] * len(shape)
    for d, source in zip(window, numbers.update_window_dims, strict=True):
        sizes[d] = part[source]
    scattered = [d for d in range(len(part)) if d not in numbers.update_window_dims]
    rows, clash = merge([tuple(updates.axes[d] for d in scattered), indices.axes[:-1]])
    if clash:
        raise Mixes("combines atoms with pairs")
    index_map = numbers.scatter_dims_to_operand_dims
    kinds = _indexed(operand, indices, rows, index_map, inserted, sizes, shape, summing=True)
    axes = list(operand.axes)
    for d, source in zip(window, numbers.update_window_dims, strict=True):
        if updates.axes[source] is not None and (
            sizes[d] != shape[d] or axes[d] not in (None, updates.axes[source])
        ):
            raise Mixes("combines atoms with pairs")
        axes[d] = axes[d] or updates.axes[source]
    targets = dict(zip(numbers.scatter_indices_batching_dims, batching, strict=True))
    for position, axis in enumerate(rows):
        if axis is not None and position in targets:
            axes[targets[position]] = axis
        elif axis is not None and not kinds:
            raise Mixes("sums rows of all " + axis)
    for d in kinds:
        axes[d] = "atoms"
    if sum(axis is not None for axis in axes) > 1:
        raise Mixes("combines all atoms or pairs with all")
    reach = max(operand.reach, updates.reach, indices.reach)
    if "others" not in kinds.values():
        return [tuple(axes)], reach, None
    pair_axis = scattered[rows.index("pairs")]
    return (
        [tuple(axes)],
        max(reach, updates.reach + bool(updates.reach)),
        Weight("into others", pair_axis, before=True, argument=2),
    )


def _indexed(operand, indices, rows, index_map, dropped, sizes, shape, summing: bool) -> dict:
    """Which axes of the operand centers or others pick: {axis: "centers" | "others"}.

    Where nothing is summed, an axis that is not of atoms is a table of parameters, and any index
    may pick from it.
    """
    kinds = {}
    for entry, d in enumerate(index_map):
        origin = indices.origin[entry] if isinstance(indices.origin, tuple) else indices.origin
        axis, single = operand.axes[d], d in dropped or sizes[d] == 1
        if (not single and sizes[d] == shape[d]) or (axis is None and not summing):
            continue
        if origin in ("centers", "others") and single and "pairs" in rows and axis != "pairs":
            kinds[d] = origin
        # else the whole axis of a single atom
        elif axis is not None and not (shape[d] == 1 and d not in dropped):
            raise Mixes(f"picks {axis} by an index that is neither centers nor others")
    return kinds


def origin_of(eqn, name: str, infos, atoms: int):
    """Of an integer or Boolean result: what it still is, after the index arithmetic that NumPy
    indexing adds.
    """
    origins = [info.origin for info in infos]
    if not any(origins):
        return None
    if name in KEEP:
        kept = origins[0]
        return (
            kept if isinstance(kept, str) or (name != "reshape" and name != "transpose") else None
        )
    if name == "pad" and all(low == inner == 0 for low, _, inner in eqn.params["padding_config"]):
        # rows that are appended are padding
        return origins[0] if isinstance(origins[0], str) else None
    if name == "lt" and origins[0] in ("centers", "others"):
        # 0: the test for a negative index, which NumPy indexing adds
        bound = _number(eqn.invars[1])
        return "negative" if bound == 0 else "an atom" if bound >= atoms else None
    if name == "and":
        return "an atom" if origins == ["an atom"] * 2 else None
    if name == "select_n":
        which, *cases = origins
        if which == "negative":  # never
            return cases[0]
        if which == "an atom":  # always
            return cases[1]
        # padding may point anywhere
        return cases[1] if which == "mask" and len(cases) == 2 else None
    if name == "clamp":
        low, high = _number(eqn.invars[0], np.inf), _number(eqn.invars[2], -np.inf)
        return origins[1] if low <= 0 and high >= atoms - 1 else None
    if name == "max":
        return next(o for o in origins if o) if _is_number(eqn, -np.inf, 0) else None
    if name == "min":
        return next(o for o in origins if o) if _is_number(eqn, atoms - 1, np.inf) else None
    if name == "concatenate" and eqn.params["dimension"] == eqn.outvars[0].aval.ndim - 1:
        return tuple(
            o for o, var in zip(origins, eqn.invars, strict=True) for _ in range(var.aval.shape[-1])
        )
    return None


def _number(atom, otherwise=np.nan) -> float:
    return float(atom.val) if isinstance(atom, Literal) and np.ndim(atom.val) == 0 else otherwise


def _is_number(eqn, low, high) -> bool:
    """Is one of the arguments a number in [low, high]?"""
    return any(low <= _number(atom) <= high for atom in eqn.invars)
