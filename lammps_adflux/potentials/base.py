"""What a potential is: Graph → energies."""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from ase.data import atomic_numbers
from jaxtyping import Array, Float

from ..errors import AdfluxError
from ..graph import Graph
from ..units import UNIT_NAMES


class Potential(eqx.Module):
    """Graph → energy per atom; everything else follows by automatic differentiation.

    Parameters are the array leaves. cutoff, hops and elements are static fields: the energy of atom
    i depends on atoms up to hops · cutoff away, through `hops` layers of messages along pairs no
    longer than cutoff. units names the unit system of energies and lengths, "metal" (eV, Å) unless
    a subclass says otherwise; LAMMPS converts between metal and real. The energy must be invariant
    under translation, and take what belongs to the other atom of a pair through `Graph.hop`.
    """

    cutoff: eqx.AbstractVar[float]
    hops: eqx.AbstractVar[int]
    elements: eqx.AbstractVar[tuple[str, ...]]
    # of energies and lengths: a name of LAMMPS' `units`, or "any" where numbers are taken as they
    # are; without an annotation, so that
    # a subclass may have a field or a class attribute of this name
    units = "metal"

    @abstractmethod
    def __call__(self, graph: Graph) -> Float[Array, " atoms"]:
        """Energy of each atom, U_i, in the unit of the parameters."""

    def astype(self, dtype) -> "Potential":
        """The same potential with its floating-point arrays in another precision."""

        def cast(leaf):
            return (
                leaf.astype(dtype)
                if eqx.is_inexact_array_like(leaf) and hasattr(leaf, "astype")
                else leaf
            )

        return jax.tree.map(cast, self)

    @property
    def pair_cutoffs(self) -> np.ndarray:
        """Distance beyond which two atoms of these elements are no pair [elements, elements]."""
        return np.full((len(self.elements), len(self.elements)), self.cutoff)

    def __add__(self, other: "Potential") -> "Potential":
        """The sum of both energies, a potential again: `SNAP + ZBL` (LAMMPS' `hybrid/overlay`).
        Both need the same elements.
        """
        from .total import Sum

        return Sum(self, other)

    def __radd__(self, other) -> "Potential":
        """So that Python's `sum` of several potentials works, which starts with 0."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    @property
    def triplet_cutoff(self) -> float | None:
        """`Graph.neighbors` lays out neighbours nearer than this; None where it is not used."""
        return None

    @property
    def truncated(self) -> bool:
        """Does the energy or its slope end with a step at the cutoff on purpose, as LAMMPS'
        `lj/cut`? `adflux check` asks.
        """
        return False

    @property
    def reach(self) -> float:
        """hops · cutoff, the distance beyond which atoms do not feel each other's energy."""
        return self.hops * self.cutoff


def check_elements(elements, chemical: bool = False) -> tuple[str, ...]:
    """Element names as a tuple without repetition; a string may hold several, as "Ga,N" or "Ga N".

    chemical: names must be symbols of the periodic table, for potentials of ASE's structures.
    """
    names = (
        tuple(elements.replace(",", " ").split()) if isinstance(elements, str) else tuple(elements)
    )
    plain = all(isinstance(name, str) and name and not set(name) & set(", \t\n") for name in names)
    if not names or not plain or len(set(names)) != len(names):
        raise AdfluxError(f"Elements must be different names, one or more, but found {names}.")
    unknown = [name for name in names if name not in atomic_numbers or name == "X"]
    if chemical and unknown:
        raise AdfluxError(
            f"Elements must be chemical symbols such as Si, but {', '.join(unknown)} was found: "
            "name the elements as the periodic table does."
        )
    return names


def check_units(units: str) -> str:
    """The name of a unit system, if it is one."""
    if units not in ("any", *UNIT_NAMES):
        raise AdfluxError(
            "units must be any, metal, real or another style of LAMMPS' `units` command, but "
            f"{units!r} was found."
        )
    return units


def smooth_switch(
    squared: Float[Array, " pairs"], onset: float, cutoff: float
) -> Float[Array, " pairs"]:
    """S = 1 below the onset, (c²-r²)²(c²+2r²-3o²)/(c²-o²)³ up to the cutoff c, 0 beyond.

    squared is r². First derivative continuous. As in glp (and HOOMD-blue's XPLOR switching).
    """
    c, o = cutoff**2, onset**2
    between = (c - squared) ** 2 * (c + 2.0 * squared - 3.0 * o) / (c - o) ** 3
    return jnp.where(squared < o, 1.0, jnp.where(squared < c, between, 0.0))
