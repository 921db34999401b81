"""The hop rule for functions that index neighbours by themselves: a pass over the jaxpr.

`graph.hop` carries the rule for models written with it. A function of (vectors, centers, others,
species, mask) that reads `h[others]` on its own is traced to a jaxpr instead, and evaluated again
with the rule added: every gather by `others` weights its tangent by (1 - s·r_p), every sum into the
others by (1 + s·r_p). On several ranks the same gathers and sums exchange with other ranks. What
`operations.py` finds to mix atoms outside the pair list is refused by
name.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..errors import AdfluxError
from ..graph import Graph
from .locality import Info
from .walk import Walk


class Survey(NamedTuple):
    """What a pass over a function's operations finds."""

    hops: int  # layers of messages: reach of the energies in units of the cutoff
    fault: str | None  # why the hop rule does not hold for the function, if it does not


def survey(function: Callable, atoms: int = 5, pairs: int = 11, dtype=None) -> Survey:
    """Layers of `function(vectors, centers, others, species, mask) -> energies [atoms]`, and
    whether it is local.

    The function is traced, not evaluated; the sizes do not matter, but should differ from its
    feature sizes.
    """
    dtype = dtype or jnp.result_type(float)
    shape = jax.ShapeDtypeStruct
    closed = jax.make_jaxpr(function)(
        shape((pairs, 3), dtype),
        shape((pairs,), jnp.int32),
        shape((pairs,), jnp.int32),
        shape((atoms,), jnp.int32),
        shape((pairs,), bool),
    )
    if len(closed.out_avals) != 1 or closed.out_avals[0].shape != (atoms,):
        found = ", ".join(str(aval.shape) for aval in closed.out_avals) or "nothing"
        raise AdfluxError(
            f"A potential gives one energy per atom, an array of shape [atoms] = ({atoms},), but "
            f"the function gives {found}."
        )
    info = Walk(atoms, None).run(closed, _inputs())[0][0]
    return Survey(max(info.reach, 1), _fault(info))


def with_hop_rule(function: Callable, graph: Graph):
    """The value of `function(vectors, centers, others, species, mask)`, its tangent following the
    hop rule at s = `graph.probe`, and what belongs to atoms of other ranks from `graph.exchange`.
    """
    arguments = (graph.vectors, graph.centers, graph.others, graph.species, graph.mask)
    closed = jax.make_jaxpr(function)(*arguments)
    weights = {}
    if graph.probe is not None:
        along = graph.vectors @ graph.probe
        weights = {"others": 1.0 - along, "into others": 1.0 + along}
    walk = Walk(len(graph.species), weights, graph.exchange)
    (info,), (energies,) = walk.run(closed, _inputs(), arguments)
    if (fault := _fault(info)) is not None:
        raise AdfluxError(fault)
    return energies


def _inputs() -> list[Info]:
    return [
        Info(("pairs", None), reach=1),
        Info(("pairs",), origin="centers"),
        Info(("pairs",), origin="others"),
        Info(("atoms",)),
        Info(("pairs",), origin="mask"),
    ]


def _fault(energies: Info) -> str | None:
    if energies.fault is not None:
        return energies.fault
    if energies.axes != ("atoms",) and energies.reach:
        return (
            "The function's energies do not belong to atoms: the last operation must leave one "
            "energy per atom, in the order of `species`."
        )
    return None
