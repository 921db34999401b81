"""What is known of an array while a function's operations are followed: where its values belong,
and how far they see.
"""

from typing import NamedTuple

import jax


class Info(NamedTuple):
    """What is known of an array."""

    axes: tuple[str | None, ...]  # "atoms", "pairs" or None for each axis
    reach: int = (
        0  # its values depend on atoms up to reach · cutoff away from their own; 0: on no positions
    )
    origin: str | tuple | None = (
        None  # centers, others, mask, negative (a test); a tuple: of each entry of the last axis
    )
    fault: str | None = None
    # does it hold sums over pairs, which this rank does not know for atoms of other ranks?
    summed: bool = False


class Weight(NamedTuple):
    """Where an operation carries something along the pairs."""

    kind: str  # "others": from the other to the centre; "into others": from the centre to the other
    axis: int  # the pair axis, of the result or of the argument
    before: bool = False  # weight an argument, not the result
    argument: int = 0


def join(infos) -> Info:
    """What holds for a value that may be any of these."""
    infos = list(infos)
    axes, clash = merge([info.axes for info in infos])
    origin = infos[0].origin if all(info.origin == infos[0].origin for info in infos) else None
    fault = next((info.fault for info in infos if info.fault), None)
    if clash:
        fault = fault or (
            "The hop rule cannot follow a value that belongs to atoms in one branch and to "
            "pairs in another."
        )
    return Info(
        axes, max(info.reach for info in infos), origin, fault, any(info.summed for info in infos)
    )


class Mixes(Exception):
    """The operation mixes atoms outside the pair list, or cannot be followed."""


def untouched(axes, touched, what: str) -> None:
    for d in touched:
        if axes[d] is not None:
            raise Mixes(what.format(axes[d]))


def merge(many) -> tuple[tuple, bool]:
    """Axes of arrays of one shape, together; and whether they contradict one another."""
    axes = [{axis for axis in column if axis is not None} for column in zip(*many, strict=True)]
    return tuple(min(found) if found else None for found in axes), any(
        len(found) > 1 for found in axes
    )


@jax.jit
def any_counts(flags) -> jax.Array:
    """flags.any(), to skip work where nothing counts: promises that what is skipped would have
    added zero.

    So nothing depends on the answer, and the survey of operations takes it, by this function's
    name, as a constant, though one that differs between ranks.
    """
    return flags.any()
