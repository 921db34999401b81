"""Models of nequix (Koker, Kotak, Smidt, arXiv:2508.16067), such as nequix-mp-1."""

import inspect
import json
from os import PathLike

import equinox as eqx
import jax
from ase.data import chemical_symbols
from jaxtyping import Array, Float

try:
    from nequix.model import Nequix, load_model  # pyright: ignore[reportMissingImports]
except ImportError as error:
    raise ImportError(
        "Models of nequix need the library itself: pip install 'lammps-adflux[nequix]'"
    ) from error

from ...errors import AdfluxError
from ..function import FunctionPotential, from_function


class NequixModel(eqx.Module):
    """The network, and the configuration from which nequix builds it."""

    network: Nequix
    config: str = eqx.field(static=True)  # JSON

    def to_saved(self) -> dict:
        return {"config": self.config, "arrays": jax.tree.leaves(self.network)}

    @classmethod
    def from_saved(cls, saved: dict) -> "NequixModel":
        config = json.loads(saved["config"])
        species = len(config.pop("atomic_numbers"))
        shapes = eqx.filter_eval_shape(lambda: Nequix(jax.random.key(0), species, **config))
        return cls(jax.tree.unflatten(jax.tree.structure(shapes), saved["arrays"]), saved["config"])


def from_nequix(model: Nequix | str | PathLike, config: dict | None = None) -> FunctionPotential:
    """The potential of a file of nequix (.nqx), or of a network with its configuration.

    Energies in eV, with scale, shift and the energies of isolated atoms that the network holds.
    Elements are those of config["atomic_numbers"] in ascending order, as in nequix's own
    calculator. Networks for the OpenEquivariance kernels (kernel=True) are evaluated without them,
    with the same weights.
    """
    if config is None:
        with jax.enable_x64(False):  # the files hold float32, and nequix reads nothing else
            network, config = load_model(model)
    else:
        network = model
    names = set(inspect.signature(Nequix).parameters) & set(config) - {
        "key",
        "n_species",
        "atom_energies",
        "kernel",
    }
    numbers = sorted(config["atomic_numbers"])
    kept = json.dumps({name: config[name] for name in sorted(names)} | {"atomic_numbers": numbers})
    parameters = NequixModel.from_saved({"config": kept, "arrays": jax.tree.leaves(network)})
    if _settings(network) != _settings(parameters.network):
        raise AdfluxError(
            "The network and the configuration of nequix do not belong together: give both of one "
            "model."
        )
    elements = tuple(chemical_symbols[number] for number in numbers)
    return from_function(energies, parameters, cutoff=network.cutoff, elements=elements)


def energies(model: NequixModel, vectors, centers, others, species, mask) -> Float[Array, " atoms"]:
    """U_i of nequix, whose edges run from the sender j to the receiver i with r_j - r_i.

    Padding needs no mask: its vectors are longer than the cutoff, where the radial functions are
    zero.
    """
    with jax.default_matmul_precision("float32"):  # GPUs would take TF32, which has 10 bits
        return model.network.node_energies(vectors, species, others, centers)[:, 0].astype(
            vectors.dtype
        )


def _settings(network: Nequix):
    numbers = (
        network.cutoff,
        network.shift,
        network.scale,
        network.radial_polynomial_p,
        network.radial_basis_size,
    )
    return (
        numbers,
        network.layers[0].avg_n_neighbors,
        [leaf.shape for leaf in jax.tree.leaves(network)],
    )
