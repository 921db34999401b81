"""Graphs of ASE structures."""

from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from ..errors import AdfluxError
from ..graph import Graph, slots_for
from ..potentials import Potential

if TYPE_CHECKING:
    import ase


def graph_from_atoms(
    atoms: "ase.Atoms", potential: Potential, dtype=None, *, cutoff: float | None = None
) -> Graph:
    """Graph of an ASE structure, one row per atom, in the order of `atoms`.

    Any cell and any mixture of periodic directions, also cells smaller than the cutoff: then an
    atom is a neighbour of its own images. Neighbours come from vesin.

    Parameters
    ----------
    atoms
        An ASE structure.
    potential
        Whose cutoff and elements count.
    dtype
        Of the graph; default: that of JAX (float64 with `jax.config.update("jax_enable_x64",
        True)`).
    cutoff
        Of the pairs; default: that of the potential.
    """
    pairs = PairList(atoms, potential, cutoff=cutoff)
    dtype = dtype or jnp.result_type(float)
    vectors, centers, others = pairs.within(atoms, cutoff or potential.cutoff)
    slots = slots_for(vectors, centers, potential.triplet_cutoff)
    return Graph(
        vectors=jnp.asarray(vectors, dtype),
        centers=jnp.asarray(centers),
        others=jnp.asarray(others),
        species=jnp.asarray(pairs.species),
        mask=jnp.ones(len(centers), bool),
        owned=jnp.ones(len(atoms), bool),
        slots=None if slots is None else jnp.asarray(slots),
    )


class PairList:
    """Pairs of a structure within the cutoff and a skin, which hold while atoms move less than half
    of it.
    """

    def __init__(
        self,
        atoms: "ase.Atoms",
        potential: Potential,
        skin: float = 0.0,
        cutoff: float | None = None,
    ):
        import vesin

        elements = potential.elements
        symbols = atoms.get_chemical_symbols()
        unknown = sorted(set(symbols) - set(elements))
        if unknown:
            raise AdfluxError(
                f"The structure holds {', '.join(unknown)}, but the potential knows only "
                f"{', '.join(elements)}: "
                "give a potential for these elements."
            )
        self._positions = _positions(atoms)
        self._cell, self._periodic = cell_of(atoms), np.asarray(atoms.pbc, bool)
        self._symbols, self._skin = symbols, skin
        index = {element: number for number, element in enumerate(elements)}
        self.species = np.array([index[symbol] for symbol in symbols], np.int32)
        reach = float(cutoff or potential.cutoff) + skin
        neighbors = vesin.NeighborList(cutoff=reach, full_list=True)
        centers, others, shifts, vectors = neighbors.compute(
            points=self._positions,
            box=self._cell,
            periodic=self._periodic,
            quantities="ijSD",
            copy=True,
        )
        order = np.lexsort((others, centers))
        self._centers = np.asarray(centers)[order].astype(np.int32)
        self._others = np.asarray(others)[order].astype(np.int32)
        self._shifts = np.asarray(shifts).reshape(-1, 3)[order]
        self._vectors = np.asarray(vectors).reshape(-1, 3)[order]

    def holds(self, atoms: "ase.Atoms") -> bool:
        """Are all pairs within the cutoff still in the list?"""
        if (
            atoms.get_chemical_symbols() != self._symbols
            or not np.array_equal(atoms.pbc, self._periodic)
            or not np.array_equal(cell_of(atoms), self._cell)
        ):
            return False
        moved = _positions(atoms) - self._positions
        return bool(np.einsum("ia,ia->i", moved, moved).max(initial=0.0) <= 0.25 * self._skin**2)

    def within(
        self, atoms: "ase.Atoms", cutoff: float
    ) -> tuple[Float[np.ndarray, "pairs 3"], Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"]]:
        """Vectors, centres and others of the pairs that are no longer than the cutoff now."""
        if not self._skin:
            return self._vectors, self._centers, self._others
        positions = _positions(atoms)
        vectors = positions[self._others] - positions[self._centers] + self._shifts @ self._cell
        near = np.einsum("pa,pa->p", vectors, vectors) <= cutoff**2
        return vectors[near], self._centers[near], self._others[near]


def _positions(atoms: "ase.Atoms") -> Float[np.ndarray, "atoms 3"]:
    positions = np.array(atoms.positions, np.float64)
    if not np.isfinite(positions).all():
        raise AdfluxError("The structure holds positions that are not finite: mend it.")
    return positions


def cell_of(atoms: "ase.Atoms") -> Float[np.ndarray, "3 3"]:
    """The cell; where a direction is periodic, with vectors for the others that have none."""
    periodic = np.asarray(atoms.pbc, bool)
    if not periodic.any():
        return np.array(atoms.cell.array, np.float64)
    cell = np.array(atoms.cell.complete().array, np.float64)
    # `complete` gives a periodic direction without a vector one of 1 Å
    empty = periodic & ~atoms.cell.array.any(axis=1)
    if empty.any() or abs(np.linalg.det(cell)) < 1e-12:
        raise AdfluxError(
            "The structure is periodic but its cell has no volume: set the cell or pbc=False."
        )
    return cell
