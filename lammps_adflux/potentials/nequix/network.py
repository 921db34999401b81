"""Nequix, an equivariant message-passing network for 89 elements."""

import functools
from collections.abc import Sequence
from os import PathLike

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from ase.data import chemical_symbols
from jaxtyping import Array, Float, PyTree
from scipy.special import ndtri

from ...errors import AdfluxError
from ...graph import Graph
from ..base import Potential, check_elements
from .nqx_file import channels, read_nqx
from .tensor_product import harmonics, paths, product


class Nequix(Potential):
    """Energies from features x_i^l of degrees l, updated along the pairs.

    Koker, Kotak, Smidt, arXiv:2508.16067; phonon-fine-tuned weights: arXiv:2601.07742. Batzner et
    al., Nat. Commun. 13, 2453 (2022) for the kind of network. With linear maps A, B, C of the
    channels, the radial functions b(r) = Bessel(r) · polynomial cutoff, harmonics Y and the
    Clebsch-Gordan product ⊗, each layer does

        m_i = Σ_j MLP(b(r_ij)) (A x_j ⊗ Y(r̂_ij)) / √n       n: mean number of neighbours
        x_i ← gate(norm(B m_i + C x_i))                     C by element where `index_weights`

    and U_i = scale · linear(x_i^0) + shift + energy of the atom alone, in eV. A x travels through
    `Graph.sum_messages`, once a layer: the heat flux is exact. `from_file` reads what the authors
    publish; only the elements in use are kept.
    """

    # nested dicts and tuples, see nqx_file.read_nqx
    parameters: PyTree[Float[Array | np.ndarray, "..."]]
    hidden: tuple[int, ...] = eqx.field(static=True)  # channels of each degree
    highest_harmonic: int = eqx.field(static=True)
    radial_basis_size: int = eqx.field(static=True)
    polynomial: float = eqx.field(static=True)  # p of the cutoff
    mean_neighbours: float = eqx.field(static=True)
    species_of_training: int = eqx.field(static=True)
    cutoff: float = eqx.field(static=True)
    hops: int = eqx.field(static=True)
    elements: tuple[str, ...] = eqx.field(static=True)
    units: str = eqx.field(static=True, default="metal")

    @classmethod
    def from_file(
        cls, path: str | PathLike, elements: str | Sequence[str] | None = None
    ) -> "Nequix":
        """The potential of a file of nequix (.nqx).

        Parameters
        ----------
        path
            The file.
        elements
            Those wanted, in the order of LAMMPS' types; default: all that the model knows.

        Raises
        ------
        AdfluxError
            Where the file cannot be read or is another one, and where the model does not know an
            element.
        """
        settings, parameters = read_nqx(path)
        known = [chemical_symbols[number] for number in sorted(settings["atomic_numbers"])]
        wanted = check_elements(known if elements is None else elements, chemical=True)
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise AdfluxError(
                f"elements names {', '.join(unknown)}, which {path} does not know: it knows "
                f"{', '.join(known)}."
            )
        rows = [known.index(name) for name in wanted]
        parameters |= {
            "scale": np.asarray(settings["scale"]),
            "shift": np.asarray(settings["shift"]),
        }
        return cls(
            parameters=_of_elements(parameters, rows, settings["index_weights"]),
            hidden=channels(path, settings["hidden_irreps"]),
            highest_harmonic=int(settings["lmax"]),
            radial_basis_size=int(settings["radial_basis_size"]),
            polynomial=float(settings["radial_polynomial_p"]),
            mean_neighbours=float(settings["avg_n_neighbors"]),
            species_of_training=len(known),
            cutoff=float(settings["cutoff"]),
            hops=int(settings["n_layers"]),
            elements=wanted,
        )

    def __call__(self, graph: Graph) -> Float[Array, " atoms"]:
        """U_i."""
        p = self.parameters
        # None: one-hot vectors of the elements
        features = None
        for layer in p["layers"]:
            features = self._layer(layer, graph, features)
        assert features is not None
        energies = _linear(p["readout"], features[0])[:, 0, 0]
        alone = jnp.asarray(p["atom_energies"])[graph.species]
        return p["scale"] * energies + p["shift"] + alone

    def _layer(self, layer, graph: Graph, features):
        results = tuple(range(len(layer["after"])))
        embedding = None
        if features is None:
            # a linear map of one-hot vectors picks rows
            size = self.species_of_training**-0.5
            sent, degrees = graph.species, (0,)
            embedding = size * jnp.asarray(layer["before"][0])
            skip = jnp.asarray(layer["skip"][0])
            skipped = {0: size * skip[graph.species][:, None, :]}
        else:
            degrees = tuple(features)
            sent = {
                degree: _linear(w, features[degree]) for degree, w in enumerate(layer["before"])
            }
            skipped = {
                degree: _linear(w, features[degree], graph.species)
                for degree, w in enumerate(layer["skip"])
            }
        routes = paths(degrees, self.highest_harmonic, results)

        def message(vectors, others, centers):
            if embedding is not None:
                others = {0: embedding[others][:, None, :]}
            weights = self._radial(jnp.sqrt(jnp.sum(vectors**2, axis=1)))
            for number, matrix in enumerate(layer["radial"]):
                weights = (jax.nn.silu(weights) if number else weights) @ matrix
            ends = np.cumsum([others[path.feature].shape[-1] for path in routes])
            parts = jnp.split(weights, ends[:-1], axis=1)
            directions = harmonics(vectors, self.highest_harmonic)
            made = {degree: [] for degree in results}
            for path, part in zip(routes, parts, strict=True):
                made[path.result].append(
                    product(path, others[path.feature], directions[path.harmonic], part)
                )
            return {degree: jnp.concatenate(found, axis=-1) for degree, found in made.items()}

        received = graph.sum_messages(message, sent)
        mixed = {}
        for degree in results:
            whole = received[degree] / self.mean_neighbours**0.5
            mixed[degree] = _linear(layer["after"][degree], whole)
            if degree in skipped:
                mixed[degree] = mixed[degree] + skipped[degree]
        if "norm" in layer:
            mixed = _normalise(layer["norm"], mixed)
        return _gate(mixed)

    def _radial(self, r: Float[Array, " pairs"]) -> Float[Array, "pairs basis"]:
        """2/r_c sin(n π r/r_c)/r times the polynomial that ends smoothly at r_c."""
        x, p = r / self.cutoff, self.polynomial
        inside = x < 1.0
        x = jnp.where(inside, x, 0.5)
        frequencies = jnp.pi * jnp.arange(1, self.radial_basis_size + 1, dtype=r.dtype)
        bessel = 2.0 / self.cutoff**2 * jnp.sin(frequencies * x[:, None]) / x[:, None]
        envelope = (
            1.0
            - (p + 1.0) * (p + 2.0) / 2.0 * x**p
            + p * (p + 2.0) * x ** (p + 1.0)
            - p * (p + 1.0) / 2.0 * x ** (p + 2.0)
        )
        return bessel * jnp.where(inside, envelope, 0.0)[:, None]


def _of_elements(parameters, rows: list[int], indexed: bool):
    """Without the rows of elements that are not in use."""
    first, *others = parameters["layers"]
    (before,), (skip,) = first["before"], first["skip"]
    first = {**first, "before": (before[rows],)}
    if indexed:
        # the row of one-hot vectors is the element itself
        first["skip"] = (skip[rows, rows],)
        others = [{**one, "skip": tuple(w[rows] for w in one["skip"])} for one in others]
    else:
        first["skip"] = (skip[rows],)
    return {
        **parameters,
        "layers": (first, *others),
        "atom_energies": parameters["atom_energies"][rows],
    }


def _linear(weights, x: Float[Array, "atoms components inputs"], species=None):
    """Σ_u x_u W_uv / √inputs, the same for each component; W [elements, inputs, outputs] by
    element.
    """
    weights = jnp.asarray(weights) / np.sqrt(x.shape[-1])
    if weights.ndim == 3:
        return jnp.einsum("aiu,auv->aiv", x, weights[species])
    return x @ weights


def _normalise(scales, features: dict):
    """x / √(Σ x² / (degrees (2l+1)²) + 10⁻¹²), all degrees together, times a scale per channel."""
    sizes = [
        jnp.sum(x**2, axis=(1, 2)) / ((2 * degree + 1) ** 2 * len(features))
        for degree, x in features.items()
    ]
    size = (sum(sizes) + 1e-12) ** -0.5
    return {degree: x * scales[degree] * size[:, None, None] for degree, x in features.items()}


def _gate(features: dict):
    """silu of the scalars; each channel of a higher degree is multiplied by silu of its own scalar,
    which stand behind the others.
    """
    scalars = jax.nn.silu(features[0]) / silu_size()
    higher = [degree for degree in features if degree]
    ends = np.cumsum([features[degree].shape[-1] for degree in higher])
    kept, *gates = (
        jnp.split(scalars, scalars.shape[-1] - ends[-1] + np.concatenate([[0], ends[:-1]]), axis=-1)
        if higher
        else (scalars,)
    )
    return {0: kept} | {
        degree: gate * features[degree] for degree, gate in zip(higher, gates, strict=True)
    }


@functools.cache
def silu_size() -> float:
    """√⟨silu(z)²⟩ over normally distributed z, from a million quantiles as e3nn takes it."""
    z = ndtri((np.arange(1, 1_000_002)) / 1_000_002)
    return float(np.sqrt(np.mean((z / (1.0 + np.exp(-z))) ** 2)))
