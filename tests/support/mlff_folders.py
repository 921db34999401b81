"""Checkpoint folders like those of mlff, with random arrays."""

import json
from itertools import pairwise
from typing import Any

import msgpack
import numpy as np


def write_checkpoint(
    folder,
    *,
    layers=2,
    degrees=(1, 2, 3),
    features=12,
    n_rbf=5,
    embeddings=1,
    geometry=None,
    layer=None,
    energy=None,
    seed=0,
):
    """A folder like one of mlff's, with random arrays of order one; its hyperparameters
    and arrays.
    """
    random, F, L = np.random.default_rng(seed), features, len(degrees)
    degrees = list(degrees)
    h: dict[str, Any] = {
        key: [F, F] for key in ("fb_rad_filter_features", "gb_rad_filter_features")
    }
    h |= {key: [F // 4, F] for key in ("fb_sph_filter_features", "gb_sph_filter_features")}
    h |= dict(
        degrees=degrees, fb_filter="radial_spherical", gb_filter="radial_spherical", n_heads=2
    )
    h |= dict(
        residual_mlp_1=False, residual_mlp_2=False, layer_normalization=False, final_layer=False
    )
    h |= layer or {}
    g = dict(
        degrees=degrees,
        radial_basis_function="phys",
        n_rbf=n_rbf,
        radial_cutoff_fn="cosine_cutoff_fn",
    )
    g |= dict(r_cut=3.1, sphc=True, sphc_normalization=None, mic=True, prop_keys={}) | (
        geometry or {}
    )
    network = {
        "geometry_embeddings": [{"geometry_embed": g}],
        "feature_embeddings": [{"atom_type_embed": {"num_embeddings": 60, "features": F}}]
        * embeddings,
        "layers": [{"so3krates_layer": h}] * layers,
        "observables": [
            {"energy": {"per_atom_scale": None, "per_atom_shift": None} | (energy or {})}
        ],
    }

    def array(*shape):
        return (random.normal(size=shape) / np.sqrt(shape[-2] if len(shape) > 1 else 4)).astype(
            np.float32
        )

    def dense(*sizes, lead=()):
        return {
            f"layers_{n}": {"kernel": array(*lead, a, b), "bias": array(*lead, b)}
            for n, (a, b) in enumerate(pairwise(sizes))
        }

    def block(short, heads, extra):
        filters = {"VmapMLP_0": dense(n_rbf, *h[f"{short}_rad_filter_features"], lead=(1,))}
        if h[f"{short}_filter"] == "radial_spherical":
            filters["VmapMLP_1"] = dense(L, *h[f"{short}_sph_filter_features"], lead=(1,))
        maps = {f"Dense_{n}": {"kernel": array(heads, F // heads, F // heads)} for n in range(2)}
        return {
            "filter_fn": filters,
            "attention_fn": {"VmapConvAttentionCoefficients_0": maps} | extra,
        }

    params = {
        f"feature_embeddings_{n}": {"Embed_0": {"embedding": array(60, F) * 4}}
        for n in range(embeddings)
    }
    for n in range(layers):
        values = {"Dense_0": {"kernel": array(h["n_heads"], F // h["n_heads"], F // h["n_heads"])}}
        params[f"layers_{n}"] = {
            "FeatureBlock_0": block("fb", h["n_heads"], {"VmapAttentionAggregation_0": values}),
            "GeometricBlock_0": block("gb", L, {}),
            "InteractionBlock_0": {"MLP_0": dense(F + L, F + L)},
        }
        for k in range(2 + h["final_layer"] if h["layer_normalization"] else 0):
            params[f"layers_{n}"][f"LayerNorm_{k}"] = {"scale": array(F), "bias": array(F)}
        for k in range(h["residual_mlp_1"] + h["residual_mlp_2"]):
            inner = {f"layers_{m}": {"kernel": array(F, F)} for m in range(2)}
            params[f"layers_{n}"][f"ResidualMLP_{k}"] = {
                "Residual_0": inner,
                "Dense_0": {"kernel": array(F, F)},
            }
    params["observables_0"] = {"MLP_0": dense(F, F, 1)}
    if g["radial_basis_function"] == "rbf":
        params["geometry_embeddings_0"] = {
            "rbf_fn": {"centers": 3 * np.abs(array(n_rbf)), "widths": 1 + array(n_rbf) ** 2}
        }
    folder.mkdir(exist_ok=True)
    (folder / "hyperparameters.json").write_text(
        json.dumps({"stack_net": network | {"n_layers": layers}})
    )
    scales = {"scale": 0.3, "per_atom_shift": [0.1 * z for z in range(60)]}
    (folder / "scales.json").write_text(json.dumps({"energy": scales}))
    write_arrays(folder / "checkpoint_loss_120", params)
    return network, params


def write_arrays(path, params, other=None):
    """What flax's msgpack_serialize writes; `other` stands where training keeps its averaged
    parameters.
    """

    def extension(x):
        return msgpack.ExtType(1, msgpack.packb((x.shape, x.dtype.name, x.tobytes())))

    record = {"chi_in": np.zeros((3, 2), np.float32)}
    state = {"step": 120, "params": {"params": params, "record": record}, "opt_state": {"0": None}}
    state["valid_params"] = {"params": other or params, "record": record}
    path.write_bytes(msgpack.packb(state, default=extension))
