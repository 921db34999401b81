"""Models of mlip (InstaDeep): MACE, NequIP, ViSNet and eSEN, of its first version as well."""

from dataclasses import asdict, replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from ase.data import chemical_symbols
from jaxtyping import Array, Float

try:
    from e3j.utils import config as kernels  # pyright: ignore[reportMissingImports]
    from mlip.data import DatasetInfo  # pyright: ignore[reportMissingImports]
    from mlip.graph import EdgeOrdering, Graph, GraphEdges, GraphGlobals, GraphNodes  # pyright: ignore[reportMissingImports]
    from mlip.models import ForceField, InferenceContext  # pyright: ignore[reportMissingImports]
    from mlip.models.inference_context import apply_inference_context_to_graph  # pyright: ignore[reportMissingImports]
    from mlip.models.mlip_network import MLIPNetwork  # pyright: ignore[reportMissingImports]
except ImportError as error:
    raise ImportError(
        "Models of mlip need the library itself: pip install 'lammps-adflux[mlip]'"
    ) from error

from ...errors import AdfluxError
from ..function import FunctionPotential, from_function


class MlipModel(eqx.Module):
    """A network of mlip, its arrays, and what it is given with every structure (dataset, charge,
    spin).
    """

    parameters: dict
    network: MLIPNetwork = eqx.field(static=True)
    context: InferenceContext = eqx.field(static=True)

    def to_saved(self) -> dict:
        described = {
            name: getattr(self.network, name).model_dump(mode="json")
            for name in ("config", "dataset_info")
        }
        return {
            "network": type(self.network),
            "context": asdict(self.context),
            "parameters": self.parameters,
            **described,
        }

    @classmethod
    def from_saved(cls, saved: dict) -> "MlipModel":
        kind = saved["network"]
        network = kind(kind.Config(**saved["config"]), DatasetInfo(**saved["dataset_info"]))
        return cls(saved["parameters"], network, InferenceContext(**saved["context"]))


def from_mlip(force_field: ForceField) -> FunctionPotential:
    """The potential of a force field of mlip, as `mlip.models.model_io.load_model_from_zip` returns
    it.

    Energies in eV, with the scale, shift and atomic energies of the model's own `dataset_info`,
    from which the elements and the cutoff come as well. Fused kernels are left out, which presume
    pairs sorted by their other atom, and so are scatter operations that multiply all atoms with all
    pairs (`deterministic_scatter_ops`). A Coulomb term has a pair list of its own and charges that
    depend on all atoms: it is refused.
    """
    network, config = force_field.predictor.mlip_network, force_field.config
    if getattr(config, "use_coulomb_term", False):
        raise AdfluxError(
            "This force field of mlip has a Coulomb term, which the pair list of one cutoff does "
            "not hold."
        )
    if getattr(config, "deterministic_scatter_ops", False):
        network = network.clone(
            config=config.model_copy(update={"deterministic_scatter_ops": False})
        )
    context = (force_field.inference_context or InferenceContext()).resolve(network.dataset_info)
    if getattr(config, "predict_partial_charges", False) and not getattr(
        config, "use_total_charge_embedding", False
    ):
        context = replace(context, charge=0)  # energies do not depend on it, but mlip asks for it
    parameters = {"params": force_field.params["params"]["mlip_network"]}
    elements = tuple(
        chemical_symbols[number] for number in network.dataset_info.allowed_atomic_numbers
    )
    model = MlipModel(parameters, network, context)
    return from_function(energies, model, cutoff=force_field.cutoff_distance, elements=elements)


def energies(model: MlipModel, vectors, centers, others, species, mask) -> Float[Array, " atoms"]:
    """U_i of mlip, whose edges run from the sender j to the receiver i with r_i - r_j."""
    network, atoms = model.network, len(species)
    numbers = np.asarray(network.dataset_info.allowed_atomic_numbers)
    graph = Graph(
        nodes=GraphNodes(
            positions=jnp.zeros((atoms, 3), vectors.dtype),
            atomic_numbers=jnp.asarray(numbers)[species],
        ),
        edges=GraphEdges(
            displ_fun=jax.tree_util.Partial(_first, -vectors),
            features={"edge_scale": mask.astype(vectors.dtype)},
        ),
        globals=GraphGlobals(cell=jnp.zeros((1, 3, 3)), weight=jnp.ones(1)),
        n_node=np.array([atoms]),
        n_edge=np.array([len(centers)]),
        senders=others,
        receivers=centers,
        ordering=EdgeOrdering.SENDER,  # not true: asked for, but used by fused kernels only
    )
    graph = apply_inference_context_to_graph(graph, model.context)
    method = network.calculate if hasattr(network, "calculate") else None  # of version 1
    with (
        kernels.use(convolution="UNFUSED", tensor_product="UNFUSED"),
        jax.default_matmul_precision("float32"),
    ):
        return (
            network.apply(model.parameters, graph, method=method)
            .nodes.features["energy"]
            .astype(vectors.dtype)
        )


def _first(vectors, *_):
    return vectors
