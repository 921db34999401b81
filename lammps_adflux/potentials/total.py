"""Sums of potentials."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import AdfluxError
from ..graph import Graph
from .base import Potential


class Sum(Potential):
    """U_i = Σ_parts U_i(part), what `first + second` gives; as LAMMPS' `hybrid/overlay`.

    All parts know the same elements in the same order. cutoff and hops are the largest of the
    parts; each part sees the pairs within its own cutoff only. Parameters are those of the parts; a
    field that only one part has is found under its own name, so that `(snap + zbl).coefficients`
    are SNAP's.
    """

    parts: tuple[Potential, ...]
    cutoff: float = eqx.field(static=True)
    elements: tuple[str, ...] = eqx.field(static=True)
    hops: int = eqx.field(static=True)
    units: str = eqx.field(static=True, default="metal")

    def __init__(self, *parts):
        parts = tuple(
            part
            for whole in parts
            for part in (whole.parts if isinstance(whole, Sum) else (whole,))
        )
        if not parts:
            raise AdfluxError("A sum of potentials needs one or more of them, but none was given.")
        for part in parts:
            if not isinstance(part, Potential):
                raise AdfluxError(f"Potentials can be added, but {type(part).__name__} is none.")
            if part.elements != parts[0].elements:
                raise AdfluxError(
                    "Potentials that are added need the same elements in the same order, but "
                    f"{', '.join(parts[0].elements)} and "
                    f"{', '.join(part.elements)} were found: make both for the same elements=."
                )
        # a part in any units takes those of the others
        units = {getattr(part, "units", "metal") for part in parts} - {"any"}
        if len(units) > 1:
            raise AdfluxError(
                "Potentials that are added need the same units, but "
                f"{' and '.join(sorted(units))} were found: give units= where they are made."
            )
        self.units = min(units, default="any")
        self.parts = parts
        self.elements = parts[0].elements
        self.cutoff = max(part.cutoff for part in parts)
        self.hops = max(part.hops for part in parts)

    def __call__(self, graph: Graph) -> Float[Array, " atoms"]:
        """Σ_parts U_i."""
        return sum(part(self._seen_by(part, graph)) for part in self.parts)  # pyright: ignore[reportReturnType]

    def _seen_by(self, part: Potential, graph: Graph) -> Graph:
        """The graph of one part: pairs beyond its own cutoff are padding, with a vector longer than
        the cutoff.
        """
        if part.cutoff == self.cutoff:
            return graph
        near = graph.mask & (graph.distances < part.cutoff)
        far = jnp.asarray([2.0 * self.cutoff, 0.0, 0.0], graph.vectors.dtype)
        return dataclasses.replace(
            graph, vectors=jnp.where(near[:, None], graph.vectors, far), mask=near
        )

    @property
    def pair_cutoffs(self) -> np.ndarray:
        """The largest of the parts' [elements, elements]."""
        return np.max([part.pair_cutoffs for part in self.parts], axis=0)

    @property
    def triplet_cutoff(self) -> float | None:
        """The largest of the parts' that have one."""
        return max((c for part in self.parts if (c := part.triplet_cutoff)), default=None)

    @property
    def truncated(self) -> bool:
        """Does a part end with a step at its cutoff on purpose?"""
        return any(getattr(part, "truncated", False) for part in self.parts)

    def __getattr__(self, name: str):
        """A field of parameters that one part alone has."""
        # not set yet
        if name.startswith("_") or name in (
            "parts",
            "cutoff",
            "elements",
            "hops",
            "units",
        ):
            raise AttributeError(name)
        owners = [part for part in self.parts if name in parameter_fields(part)]
        if len(owners) == 1:
            return getattr(owners[0], name)
        which = "no part has" if not owners else "several parts have"
        names = ", ".join(type(part).__name__ for part in self.parts)
        raise AttributeError(
            f"{which} a parameter {name!r} in this sum of {names}; parts[n].{name} is that of one "
            "part"
        )


def parts_of(potential: Potential) -> tuple[Potential, ...]:
    """The parts of a sum; a potential that is none is its own part."""
    return potential.parts if isinstance(potential, Sum) else (potential,)


def parameter_fields(part: Potential) -> list[str]:
    """Names of the fields that hold arrays."""
    return [
        field.name
        for field in dataclasses.fields(part)
        if not field.metadata.get("static") and jax.tree.leaves(getattr(part, field.name, None))
    ]
