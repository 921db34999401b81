"""Graphs of ASE structures."""

from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np

from .errors import AdfluxError
from .graph import Graph, slots_for
from .potentials import Potential

if TYPE_CHECKING:
    import ase


def graph_from_atoms(
    atoms: "ase.Atoms", potential: Potential, dtype=None, *, cutoff: float | None = None
) -> Graph:
    """Graph of an ASE structure, one row per atom, in the order of `atoms`.

    Any cell and any mixture of periodic directions, also cells smaller than the cutoff: then an
    atom is a neighbour of its own images. Neighbours come from vesin. dtype: that of JAX (float64
    with `jax.config.update("jax_enable_x64", True)`), if not given. cutoff: of the pairs; that of
    the potential, if not given.
    """
    import vesin

    elements = potential.elements
    unknown = sorted(set(atoms.get_chemical_symbols()) - set(elements))
    if unknown:
        raise AdfluxError(
            f"The structure holds {', '.join(unknown)}, but the potential knows only "
            f"{', '.join(elements)}: "
            "give a potential for these elements."
        )
    positions = np.asarray(atoms.positions, np.float64)
    if not np.isfinite(positions).all():
        raise AdfluxError("The structure holds positions that are not finite: mend it.")
    periodic = np.asarray(atoms.pbc, bool)
    cell = np.asarray(atoms.cell.array, np.float64)
    if periodic.any():
        cell = np.asarray(atoms.cell.complete().array, np.float64)
        if abs(np.linalg.det(cell)) < 1e-12:
            raise AdfluxError(
                "The structure is periodic but its cell has no volume: set the cell or pbc=False."
            )
    neighbors = vesin.NeighborList(cutoff=float(cutoff or potential.cutoff), full_list=True)
    centers, others, vectors = neighbors.compute(
        points=positions, box=cell, periodic=periodic, quantities="ijD", copy=True
    )
    order = np.lexsort((others, centers))
    index = {element: number for number, element in enumerate(elements)}
    dtype = dtype or jnp.result_type(float)
    vectors = np.asarray(vectors).reshape(-1, 3)[order]
    centers = np.asarray(centers)[order].astype(np.int32)
    slots = slots_for(vectors, centers, potential.triplet_cutoff)
    return Graph(
        vectors=jnp.asarray(vectors, dtype),
        centers=jnp.asarray(centers),
        others=jnp.asarray(np.asarray(others)[order].astype(np.int32)),
        species=jnp.asarray([index[symbol] for symbol in atoms.get_chemical_symbols()], jnp.int32),
        mask=jnp.ones(len(centers), bool),
        owned=jnp.ones(len(positions), bool),
        slots=None if slots is None else jnp.asarray(slots),
    )
