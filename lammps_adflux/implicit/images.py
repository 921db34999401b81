"""From displacements and strain to changes of pair vectors, and the transpose of it.

Every atom that a pair ends at is a row, images of atoms in other cells too. Then a pair vector is a
difference of two rows' positions, and displacement and strain are one field over the rows: what a
strain does costs as much as a few atoms, not as all pairs.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..errors import AdfluxError
from ..graph import Graph
from ..parallel.system import System
from .strain import strain_slopes, stretch

COARSE = 1024, 4096  # images: room is a power of two there, since compiling costs more than padding


class Images(eqx.Module):
    """Rows: the atoms of a graph in their order, then images of them. r_p = positions[others] -
    positions[centers].
    """

    atoms: Int[Array, " rows"]  # of which atom
    others: Int[Array, " pairs"]  # the row that each pair leads to; it starts from an atom
    positions: Float[Array, "rows 3"]
    count: int = eqx.field(static=True)  # of atoms, padding included

    def fields(self, displacements: Float[Array, "atoms 3"], strain: Float[Array, "6"]):
        """Displacements of the rows, before and after the strain is added [rows, 3]."""
        before = displacements[self.atoms]
        return before, before + self.positions @ stretch(strain).T

    def to_pairs(self, graph: Graph, rows: Float[Array, "rows 3"]) -> Float[Array, "pairs 3"]:
        """Changes of the pair vectors."""
        return rows[self.others] - rows[graph.centers]

    def from_pairs(self, graph: Graph, slopes: Float[Array, "pairs 3"]) -> Float[Array, "rows 3"]:
        """Slopes by the pair vectors → slopes by the rows' positions: the transpose of
        `to_pairs`.
        """
        rows = len(self.atoms)
        ends = jax.ops.segment_sum(slopes, self.others, rows)
        return ends - jax.ops.segment_sum(slopes, graph.centers, rows, indices_are_sorted=True)

    def sum_images(self, row_gradients: Float[Array, "rows 3"]) -> Float[Array, "atoms 3"]:
        """Slopes by the rows' positions → slopes by the atoms': sums over the images of each."""
        return (
            row_gradients[: self.count]
            .at[self.atoms[self.count :]]
            .add(row_gradients[self.count :])
        )

    def strain_slopes(self, row_gradients: Float[Array, "rows 3"]) -> Float[Array, "6"]:
        """The slope by the strain of the rows' positions."""
        return strain_slopes(row_gradients, self.positions)


def images_of(system: System) -> Images:
    """The images that the pairs of a system lead to; collective."""
    graph, count = system.graph, len(system.graph.species)
    known = system.positions if system.halo is None else system.halo.forward(system.positions)
    positions = np.zeros((count, 3))
    positions[: len(known)] = known
    pairs = int(np.asarray(graph.mask).sum())  # padding comes last
    centers, others = np.asarray(graph.centers), np.array(graph.others)
    steps = (
        np.asarray(graph.vectors)[:pairs] - positions[others[:pairs]] + positions[centers[:pairs]]
    )
    cells = np.rint(steps @ np.linalg.inv(system.cell))
    if np.abs(steps - cells @ system.cell).max(initial=0.0) > 1e-6 * np.abs(system.cell).max():
        raise AdfluxError(
            "The pair list is not that of the atoms' present positions: evaluate the forces first."
        )
    cells = cells.astype(np.int64)
    reach = int(np.abs(cells).max(initial=0))
    away = np.flatnonzero(cells.any(axis=1))
    keys = others[away].astype(np.int64)
    for axis in range(3):
        keys = keys * (2 * reach + 1) + cells[away, axis] + reach
    _, first, rows = np.unique(keys, return_index=True, return_inverse=True)
    first = away[first]
    found = len(first)
    # room that grows in steps, so that JAX does not compile for each structure anew
    coarse = max(COARSE[0], 1 << found.bit_length())
    room = coarse if coarse <= COARSE[1] else int(1.1 ** np.ceil(np.log(found) / np.log(1.1))) + 1
    places = np.zeros((count + room, 3))
    places[:count] = positions
    places[count : count + found] = positions[others[first]] + cells[first] @ system.cell
    atoms = np.full(count + room, count - 1, others.dtype)
    atoms[:count] = np.arange(count)
    atoms[count : count + found] = others[first]
    others[away] = count + rows
    return Images(jnp.asarray(atoms), jnp.asarray(others), jnp.asarray(places), count)
