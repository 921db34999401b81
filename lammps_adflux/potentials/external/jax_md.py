"""Energy functions of jax-md that give energies of atoms: functions of a distance, and its NequIP.

The others give the energy of the whole system alone, and are not to be had here: graph networks
(`graph_network*`) read it out of a state of the whole system, which is no sum over atoms; the
Behler-Parrinello, Stillinger-Weber, Tersoff, EDIP and EAM functions sum over atoms inside.
"""

import json
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

try:
    import jraph  # pyright: ignore[reportMissingImports]
    from jax_md import energy  # pyright: ignore[reportMissingImports]
    from jax_md._nn import nequip  # pyright: ignore[reportMissingImports]
    from jax_md._nn.e3nn_layer import Linear  # pyright: ignore[reportMissingImports]
    from ml_collections import ConfigDict  # pyright: ignore[reportMissingImports]
except ImportError as error:
    raise ImportError(
        "Models of jax-md need the library itself: pip install 'lammps-adflux[jax-md]'"
    ) from error

from ...errors import AdfluxError
from ..function import FunctionPotential, from_function


class Pair(eqx.Module):
    """A function of the distance, switched off between onset and cutoff, with its parameters."""

    parameters: dict
    function: Callable = eqx.field(static=True)
    onset: float = eqx.field(static=True)
    cutoff: float = eqx.field(static=True)


class Nequip(eqx.Module):
    """The weights of jax-md's NequIP, and its configuration."""

    parameters: dict
    config: str = eqx.field(static=True)  # JSON


def from_pair_function(
    function: Callable, *, onset: float, cutoff: float, elements, **parameters
) -> FunctionPotential:
    """The potential of a pair energy of jax-md, such as `jax_md.energy.morse`: U_i = ½ Σ_j S(r_ij)
    function(r_ij).

    parameters: those of the function, each a number or a symmetric matrix over the elements. S is
    jax-md's `multiplicative_isotropic_cutoff`, one below the onset and zero beyond the cutoff, both
    lengths here.
    """
    total = "_neighbor_list", "_pair", "graph_network", "behler_parrinello"
    if function in (
        energy.stillinger_weber,
        energy.tersoff,
        energy.edip,
        energy.eam,
    ) or function.__name__.endswith(total):
        raise AdfluxError(
            f"jax_md's {function.__name__} gives the energy of the whole system, and the heat "
            "flux needs that of each "
            "atom: give a function of the distance, such as jax_md.energy.morse, or its NequIP."
        )
    model = Pair(parameters, function, float(onset), float(cutoff))
    return from_function(pair_energies, model, cutoff=cutoff, elements=elements)


def pair_energies(model: Pair, vectors, centers, others, species, mask) -> Float[Array, " atoms"]:
    """½ Σ_j S(r_ij) function(r_ij, parameters of the two elements)."""

    def between(value):
        return value[species[centers], species[others]] if value.ndim else value

    distances = jnp.sqrt(jnp.sum(vectors**2, axis=1))
    function = energy.multiplicative_isotropic_cutoff(model.function, model.onset, model.cutoff)
    pairs = function(
        distances, **{name: between(value) for name, value in model.parameters.items()}
    )
    return 0.5 * jax.ops.segment_sum(
        jnp.where(mask, pairs, 0.0).astype(vectors.dtype), centers, len(species)
    )


def from_nequip(config: ConfigDict, parameters: dict, elements) -> FunctionPotential:
    """The potential of jax-md's NequIP: its configuration, with scale and shift, and its weights,
    as `init_fn` gives them.

    elements: in the order of the one-hot vectors that it was trained with, which the configuration
    does not hold.
    """
    if config.n_elements != len(elements):
        raise AdfluxError(
            f"This NequIP of jax-md knows {config.n_elements} elements, but {len(elements)} were "
            "given."
        )
    model = Nequip(parameters, config.to_json())
    return from_function(nequip_energies, model, cutoff=config.r_max, elements=elements)


def nequip_energies(
    model: Nequip, vectors, centers, others, species, mask
) -> Float[Array, " atoms"]:
    """U_i of jax-md, whose edges run from the sender j to the receiver i with r_i - r_j."""
    network = nequip.model_from_config(ConfigDict(json.loads(model.config)))
    graph = jraph.GraphsTuple(
        nodes=jax.nn.one_hot(species, network.n_elements, dtype=vectors.dtype), edges=-vectors,
        senders=others,
        receivers=centers, n_node=jnp.array([len(species)]), n_edge=jnp.array([len(centers)]),
        globals=None,
    )  # fmt: skip
    with jax.default_matmul_precision("float32"):
        kept = {
            "capture_intermediates": lambda module, _: isinstance(module, Linear),
            "mutable": ["intermediates"],
        }
        found = network.apply(model.parameters, graph, **kept)[1]["intermediates"]
    *_, last = sorted(
        (name for name in found if name.startswith("Linear_")), key=lambda name: int(name[7:])
    )
    return (network.scale * found[last]["__call__"][0].array[:, 0] + network.shift).astype(
        vectors.dtype
    )
