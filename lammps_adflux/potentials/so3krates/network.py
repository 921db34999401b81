"""So3krates, the equivariant message-passing network of mlff."""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ...graph import Graph, keep
from ..base import Potential, check_units
from .mlff_reader import read_so3krates
from .radial import cutoff_function, radial_basis
from .spherical_harmonics import spherical_harmonics


class So3krates(Potential):
    """Energies from atomic features x_i and spherical harmonic coordinates χ_i, updated along the
    pairs.

    Frank, Unke, Müller, NeurIPS 35, 29400 (2022); Frank, Unke, Müller, Chmiela, Nat. Commun. 15,
    6539 (2024); its heat flux: Langer, Frank, Knoop, J. Chem. Phys. 159, 174105 (2023). With φ the
    cutoff function, g the radial basis, Y the spherical harmonics and |c|²_l = Σ_m c_lm²/√(2l+1),
    each layer does

        W_ij = MLP(g(r_ij)) + MLP(|χ_j - χ_i|²)       one filter for the features, one for χ
        α_ij^h = φ(r_ij) Σ_f q_if W_ijf k_jf / √F_h   head h; q, k, v linear in x, no softmax
        x_i ← x_i + Σ_j α_ij^h v_j
        χ_i,lm ← χ_i,lm + Σ_j α_ij^l Y_lm(r̂_ij)
        (a, b) = linear(x_i, |χ_i|²)
        x_i ← x_i + a,  χ_i,lm ← χ_i,lm (1 + b_l)

    and U_i = scale MLP(x_i) + shift, by element. Layer normalisation and residual MLPs are used
    where `parameters` has them. χ starts at zero, or, with a `sphc_normalization` N, at Σ_j φ Y/N,
    which reaches one hop farther. Only χ, k and v travel from j to i, through `Graph.hop`: the heat
    flux is exact for any number of layers.
    """

    # nested dicts and tuples, see mlff_so3krates.read_so3krates
    parameters: PyTree[Float[Array | np.ndarray, "..."]]
    degrees: tuple[int, ...] = eqx.field(static=True)
    radial_basis: str = eqx.field(static=True)
    radial_basis_size: int = eqx.field(static=True)
    cutoff_function: str = eqx.field(static=True)
    sphc_normalization: float | None = eqx.field(static=True)
    cutoff: float = eqx.field(static=True)
    hops: int = eqx.field(static=True)
    elements: tuple[str, ...] = eqx.field(static=True)
    units: str = eqx.field(static=True, default="metal")

    @classmethod
    def from_mlff(
        cls,
        folder,
        elements=("Sn", "Se"),
        dtype=None,
        *,
        add_shift: bool = False,
        units: str = "metal",
    ) -> "So3krates":
        """Read the folder that mlff wrote.

        It holds hyperparameters.json, scales.json and checkpoint_loss_<step>. Of several
        checkpoint_loss files the one with the largest step is read, as by flax's
        restore_checkpoint, and of its parameters `params`, as mlff's calculator, MLFFPotential and
        glp do; `valid_params` (the Polyak average; the same numbers without one) is what mlff uses
        for validation. The energies are multiplied by scales.json's scale.

        Parameters
        ----------
        folder
            The folder.
        elements
            Those wanted, in the order of LAMMPS' types. A checkpoint has a row for every atomic
            number below `num_embeddings`, and does not tell for which of them it was trained.
        dtype
            Of the parameters; default: float64, to which mlff's float32 is widened exactly.
        add_shift
            Also add the per_atom_shift of scales.json, as mlff did by default until 2024. It moves
            the zero of the energy, and with it the convective part of the heat flux; large shifts
            cost digits in float32.
        units
            Those of the data that it was trained on, which the folder does not tell.

        Raises
        ------
        AdfluxError
            By name, for what changes the network and is not implemented.
        """
        fields = read_so3krates(folder, elements, add_shift)
        if dtype is not None:
            fields["parameters"] = jax.tree.map(
                lambda leaf: leaf.astype(dtype), fields["parameters"]
            )
        return cls(**fields, units=check_units(units))

    def __call__(self, graph: Graph) -> Float[Array, " atoms"]:
        with jax.default_matmul_precision("float32"):  # GPUs would take TF32, which has 10 bits
            return self._energies(graph)

    def _energies(self, graph: Graph) -> Float[Array, " atoms"]:
        p = self.parameters
        features = jnp.asarray(p["embedding"])[graph.species]
        coordinates = None  # zero
        if self.sphc_normalization is not None:

            def neighbourhood(vectors, others, centers):
                _, envelope, harmonics = self._geometry(vectors)
                return envelope * harmonics

            coordinates = graph.sum_messages(neighbourhood) / self.sphc_normalization
        for layer in p["layers"]:
            features, coordinates = self._layer(layer, graph, features, coordinates)
        energies = _mlp(p["energy"], features)[:, 0]
        return (
            jnp.asarray(p["scale"])[graph.species] * energies
            + jnp.asarray(p["shift"])[graph.species]
        )

    def _geometry(self, vectors: Float[Array, "pairs 3"]):
        """g, φ and Y of the pairs."""
        r = jnp.sqrt(jnp.sum(vectors**2, axis=1))
        trained = self.parameters.get("radial", {})
        radial = radial_basis(self.radial_basis, r, self.radial_basis_size, self.cutoff, trained)
        envelope = cutoff_function(self.cutoff_function, r, self.cutoff)
        harmonics = spherical_harmonics(vectors / r[:, None], self.degrees)
        return radial, envelope[:, None], harmonics

    def _layer(self, layer, graph, features, coordinates):
        dtype = graph.vectors.dtype
        expand = self._expansion(dtype)
        x = _layer_norm(layer["norm_before"], features) if "norm_before" in layer else features
        # made before they are spread over the pairs, of which there are more than atoms
        sent = {
            "values": _by_head(x, layer["feature"]["value"]),
            **{name: _by_head(x, layer[name]["key"]) for name in ("feature", "geometric")},
        }
        kept = {name: _by_head(x, layer[name]["query"]) for name in ("feature", "geometric")}
        if coordinates is not None:
            sent["coordinates"] = kept["coordinates"] = coordinates

        def message(vectors, others, centers):
            radial, envelope, harmonics = self._geometry(vectors)
            if coordinates is None:
                # the same for all pairs: one row
                separation = jnp.zeros((1, len(self.degrees)), dtype)
            else:
                separation = self._squares(others["coordinates"] - centers["coordinates"])
            # derivatives would evaluate the filters anew: of the two, one is kept, since both
            # would take more memory than all else
            filters = {
                "feature": keep(_filter(layer["feature"], radial, separation)),
                "geometric": _filter(layer["geometric"], radial, separation),
            }
            attention = {
                name: envelope * _attention(weights, centers[name], others[name])
                for name, weights in filters.items()
            }
            return {
                "features": jnp.einsum("ph,phf->phf", attention["feature"], others["values"]),
                "coordinates": (attention["geometric"] @ expand) * harmonics,
            }

        received = graph.sum_messages(message, sent, kept)
        features = features + received["features"].reshape(features.shape)
        moved = received["coordinates"]
        coordinates = moved if coordinates is None else coordinates + moved
        if "residual_between" in layer:
            features = _residual_mlp(layer["residual_between"], features)
        x = _layer_norm(layer["norm_between"], features) if "norm_between" in layer else features
        mixed = _mlp(layer["interaction"], jnp.concatenate([x, self._squares(coordinates)], axis=1))
        features = features + mixed[:, : features.shape[1]]
        coordinates = coordinates * (1.0 + mixed[:, features.shape[1] :] @ expand)
        if "residual_after" in layer:
            features = _residual_mlp(layer["residual_after"], features)
        return _layer_norm(
            layer["norm_after"], features
        ) if "norm_after" in layer else features, coordinates

    def _expansion(self, dtype) -> Float[Array, "degrees components"]:
        """One where the component belongs to the degree, else zero."""
        sizes = [2 * degree + 1 for degree in self.degrees]
        return jnp.asarray(np.repeat(np.eye(len(sizes)), sizes, axis=1), dtype)

    def _squares(
        self, coordinates: Float[Array, "rows components"]
    ) -> Float[Array, "rows degrees"]:
        """|c|²_l = Σ_m c_lm²/√(2l+1)."""
        norms = jnp.asarray(
            [(2 * degree + 1) ** -0.5 for degree in self.degrees], coordinates.dtype
        )
        return jnp.einsum("nm,lm,l->nl", coordinates**2, self._expansion(coordinates.dtype), norms)


def _filter(block, radial, separation) -> Float[Array, "pairs features"]:
    """w_ij from distances of positions and of coordinates."""
    weights = _mlp(block["radial_filter"], radial)
    if "spherical_filter" in block:
        weights = weights + _mlp(block["spherical_filter"], separation)
    return weights


def _attention(weights, queries, keys) -> Float[Array, "pairs heads"]:
    """α_ij^h without the cutoff function."""
    # a product and a sum, which XLA fuses: einsum would make of it as many tiny matrix products as
    # there are pairs
    alike = jnp.sum(queries * weights.reshape(queries.shape) * keys, axis=-1)
    return alike / queries.shape[-1] ** 0.5


def _by_head(x: Float[Array, "atoms features"], kernel) -> Float[Array, "atoms heads size"]:
    """A linear map without bias for each head of features."""
    heads, size, _ = kernel.shape
    # not einsum: its batched product puts the atoms last in memory, and then each pair gathers from
    # all over it
    mapped = [
        part @ own
        for part, own in zip(jnp.split(x, heads, axis=1), jnp.asarray(kernel), strict=True)
    ]
    return jnp.concatenate(mapped, axis=1).reshape(-1, heads, size)


def _mlp(layers: tuple[Mapping, ...], x: Float[Array, "rows _"]) -> Float[Array, "rows _"]:
    """Linear maps with silu(x) = x/(1 + e^-x) between them."""
    for number, layer in enumerate(layers):
        x = (jax.nn.silu(x) if number else x) @ layer["kernel"] + layer["bias"]
    return x


def _residual_mlp(
    block: Mapping, x: Float[Array, "atoms features"]
) -> Float[Array, "atoms features"]:
    """y = x + silu(silu(x) A) B, then silu(y) C."""
    changed = jax.nn.silu(jax.nn.silu(x) @ block["first"]) @ block["second"]
    return jax.nn.silu(x + changed) @ block["last"]


def _layer_norm(
    block: Mapping, x: Float[Array, "atoms features"]
) -> Float[Array, "atoms features"]:
    """(x - mean)/√(variance + 10⁻⁶) over the features, times scale, plus bias; as in flax."""
    return jax.nn.standardize(x, axis=-1, epsilon=1e-6) * block["scale"] + block["bias"]
