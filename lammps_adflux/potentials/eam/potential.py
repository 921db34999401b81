"""The embedded-atom method, with LAMMPS' tables and files."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...graph import Graph
from ..base import Potential, check_elements
from .files import pair_row, read_tables
from .splines import evaluate


class EAM(Potential):
    """U_i = F_i(ρ_i) + ½ Σ_j φ_ij(r_ij), ρ_i = Σ_j f_j(r_ij), as LAMMPS' `eam`, `eam/alloy` and
    `eam/fs`.

    Daw, Baskes, Phys. Rev. B 29, 6443 (1984). In `eam/fs` f depends on the element of i as well:
    Finnis, Sinclair, Phil. Mag. A 50, 45 (1984).

    F, f and r φ are tables, interpolated as LAMMPS does: cubic in each interval, with continuous
    slopes; their second derivatives jump at the points of the grid. Beyond the last density F goes
    on along its tangent. All values of the tables are parameters.

    Attributes
    ----------
    embedding
        F [elements, points], from ρ = 0 at spacing `drho`.
    density
        f [elements at j, 1 or elements at i, points], from r = 0 at spacing `dr`.
    pair
        r φ [pairs of elements, points], pairs in the order 0 0, 1 0, 1 1, 2 0, …
    """

    embedding: Float[Array | np.ndarray, "elements densities"]
    density: Float[Array | np.ndarray, "elements centers distances"]
    pair: Float[Array | np.ndarray, "pairs distances"]
    drho: float = eqx.field(static=True)
    dr: float = eqx.field(static=True)
    cutoff: float = eqx.field(static=True)
    elements: tuple[str, ...] = eqx.field(static=True)
    hops: int = eqx.field(static=True, default=1)
    units: str = eqx.field(static=True, default="metal")

    @classmethod
    def from_lammps(
        cls, path, *, elements, style: str | None = None, units: str | None = None
    ) -> "EAM":
        """Read the tables of a file of LAMMPS' `eam/alloy` or `eam/fs`, or of files of `eam`.

        Masses are not read: give them with LAMMPS' `mass`.

        Parameters
        ----------
        path
            A file; for `eam` a list of them, one for each element.
        elements
            Those wanted, in the order of LAMMPS' types.
        style
            "eam", "eam/alloy" or "eam/fs"; default: what the file shows.
        units
            Default: those that the first line names (`UNITS: real`), as LAMMPS reads it; metal, if
            it names none.

        Raises
        ------
        AdfluxError
            With file and line, where a file is not of this form.
        """
        elements = check_elements(elements)
        tables = read_tables(path, elements, style, units)
        return cls(
            embedding=tables.embedding,
            density=tables.density,
            pair=tables.pair,
            drho=tables.drho,
            dr=tables.dr,
            cutoff=tables.cutoff,
            elements=elements,
            units=tables.units,
        )

    def __call__(self, graph: Graph) -> Float[Array, " atoms"]:
        size = len(self.elements)
        if size > 1:
            center, other = graph.at_center(graph.species), graph.hop(graph.species)
            rows = jnp.asarray(pair_row(*np.indices((size, size))))[center, other]
        else:  # nothing to look up
            center = other = rows = jnp.zeros_like(graph.centers)
        inside = graph.mask & (graph.distances < self.cutoff)
        # beyond, a pair is evaluated at a harmless distance
        r = jnp.where(inside, graph.distances, self.cutoff)
        embedding, density, pair = (
            jnp.asarray(table) for table in (self.embedding, self.density, self.pair)
        )
        own = density.shape[1]  # 1: the density does not depend on the element of the centre
        source = other * own + (center if own > 1 else 0)
        found = evaluate(density.reshape(-1, density.shape[-1]), source, r / self.dr)
        repulsion = evaluate(pair, rows, r / self.dr) / r
        sums = graph.sum_pairs(
            jnp.where(inside[:, None], jnp.stack([found, 0.5 * repulsion], axis=1), 0.0)
        )
        embedded = evaluate(embedding, graph.species, sums[:, 0] / self.drho, linear=True)
        return embedded + sums[:, 1]
