"""Models of ace-jax (ACEsuit): linear ACE, and PACE potentials in .yace files."""

from os import PathLike

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from ase.data import chemical_symbols
from jaxtyping import Array, Float

try:
    from ace_jax.eval import ACEModel, PACEModel, load  # pyright: ignore[reportMissingImports]
except ImportError as error:
    raise ImportError(
        "Models of ace-jax need the library itself: pip install 'lammps-adflux[ace]'"
    ) from error

from ...graph import Graph
from ..base import Potential


class AceJax(Potential):
    """Energies of atoms that depend on their own pairs alone, so that nothing hops: linear ACE or
    PACE.
    """

    model: eqx.Module
    cutoff: float = eqx.field(static=True)
    elements: tuple[str, ...] = eqx.field(static=True)
    hops: int = eqx.field(static=True, default=1)

    def __call__(self, graph: Graph) -> Float[Array, " atoms"]:
        """U_i of ace-jax, whose edges run from the centre i to the neighbour j with r_j - r_i."""
        model, species = jax.tree.map(jnp.asarray, self.model), graph.species
        ends = species[graph.centers], species[graph.others]
        with jax.default_matmul_precision("highest"):
            return model.site_energies(
                graph.vectors, *ends, graph.centers, len(species), species, graph.mask
            )


def from_ace_jax(model: ACEModel | PACEModel | str | PathLike, meta: dict | None = None) -> AceJax:
    """The potential of a file of ace-jax (.npz) or pacemaker (.yace), or of a model with its
    `meta`.

    Energies in eV, those of isolated atoms included. Cutoff and elements are those of `meta`. Its
    Gaussian-process models are other classes, and not to be had here.
    """
    if meta is None:
        with jax.enable_x64(True):  # else it would round the file's numbers to float32
            model, meta, _ = load(model)
    model = jax.tree.map(np.asarray, model)
    return AceJax(
        model,
        float(meta["rcut"]),
        tuple(chemical_symbols[int(number)] for number in meta["elements"]),
    )
