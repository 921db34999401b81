"""The reader of So3krates networks that mlff trained: hyperparameters and arrays, checked against
each other.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import AdfluxError
from ..base import check_elements
from .mlff_checkpoint import Arrays, newest_checkpoint, read_json
from .mlff_values import (
    ELSEWHERE,
    EMBEDDING,
    ENERGY,
    FILTERS,
    GEOMETRY,
    LAYER,
    ONLY,
    REQUIRED,
    UNUSED,
    checked_choice,
    checked_count,
    checked_degrees,
    checked_number,
    checked_positive,
    entry_of,
    numbers_by_element,
)
from .radial import BASES, CUTOFFS


def read_so3krates(folder, elements, add_shift: bool = False) -> dict[str, Any]:
    """The fields of a `So3krates` for these elements; what they mean stands there. Arrays are
    float64.

    parameters: embedding [elements, features]; layers, a tuple of dicts of blocks (feature and
    geometric, each with radial_filter, spherical_filter, query, key and, in feature, value [heads,
    size, size]; interaction; norm_… and residual_… where used); energy; scale and shift [elements];
    radial where the basis is trained. A multi-layer perceptron is a tuple of {kernel, bias}.
    """
    from ase.data import atomic_numbers

    folder, elements = Path(folder), check_elements(elements)
    path = folder / "hyperparameters.json"
    network = entry_of(path, read_json(path), "stack_net")
    geometry = _only_module(path, network, "geometry_embeddings", "geometry_embed", GEOMETRY)
    energy = _only_module(path, network, "observables", "energy", ENERGY)
    embeddings = _modules(path, network, "feature_embeddings", "atom_type_embed", EMBEDDING)
    layers = _modules(path, network, "layers", "so3krates_layer", LAYER)
    degrees, cutoff = (
        checked_degrees(path, geometry["degrees"]),
        checked_positive(path, "r_cut", geometry["r_cut"]),
    )
    size, width = (
        checked_count(path, "n_rbf", geometry["n_rbf"]),
        checked_count(path, "features", embeddings[0]["features"]),
    )
    basis = checked_choice(path, "radial_basis_function", geometry["radial_basis_function"], BASES)
    envelope = checked_choice(path, "radial_cutoff_fn", geometry["radial_cutoff_fn"], CUTOFFS)
    normalization = geometry["sphc_normalization"]
    if normalization is not None:
        normalization = checked_positive(path, "sphc_normalization", normalization)
    for layer in layers:
        _check_layer(path, layer, degrees, width)

    arrays = Arrays(newest_checkpoint(folder))
    rows = np.array([atomic_numbers.get(element, 0) for element in elements])
    table = np.zeros((len(elements), width))
    for number, embedding in enumerate(embeddings):
        known = checked_count(path, "num_embeddings", embedding["num_embeddings"])
        for element, row in zip(elements, rows, strict=True):
            if not 0 < row < known:
                raise AdfluxError(
                    f"{path}: the model knows the elements with atomic numbers 1 to {known - 1}, "
                    f"but {element} was asked "
                    "for: give the elements that it was trained for."
                )
        table += arrays.take(f"feature_embeddings_{number}/Embed_0/embedding", known, width)[rows]
    parameters: dict[str, Any] = {
        "embedding": table / math.sqrt(len(embeddings)),
        "layers": tuple(
            _layer(arrays, f"layers_{n}", h, len(degrees), size, width)
            for n, h in enumerate(layers)
        ),
        "energy": arrays.perceptron("observables_0/MLP_0", width, (width, 1)),
    }
    if basis == "rbf":
        names = ("centers", "widths")
        parameters["radial"] = {
            name: arrays.take(f"geometry_embeddings_0/rbf_fn/{name}", size) for name in names
        }
    arrays.refuse_the_rest()

    scale, shift = _scale_and_shift(folder, energy, elements, rows, add_shift)
    return {
        "parameters": parameters | {"scale": scale, "shift": shift},
        "degrees": degrees,
        "radial_basis": basis,
        "radial_basis_size": size,
        "cutoff_function": envelope,
        "sphc_normalization": normalization,
        "cutoff": cutoff,
        "hops": len(layers) + (normalization is not None),
        "elements": elements,
    }


def _scale_and_shift(
    folder: Path, energy: Mapping, elements, rows, add_shift: bool
) -> tuple[np.ndarray, np.ndarray]:
    """U_i = scale (own scale e_i + own shift) + shift: those of scales.json, outside, are of the
    training data.
    """
    network, data = folder / "hyperparameters.json", folder / "scales.json"
    scales = entry_of(data, read_json(data), "energy")
    factor = checked_number(data, "scale", entry_of(data, scales, "scale"))
    scale, shift = np.full(len(rows), factor), np.zeros(len(rows))
    if energy["per_atom_scale"] is not None:
        scale = factor * numbers_by_element(network, "per_atom_scale", energy, elements, rows)
    if energy["per_atom_shift"] is not None:
        shift = factor * numbers_by_element(network, "per_atom_shift", energy, elements, rows)
    if add_shift:
        shift = shift + numbers_by_element(data, "per_atom_shift", scales, elements, rows)
    return scale, shift


def _layer(
    arrays: Arrays, name: str, h: dict, degrees: int, basis: int, width: int
) -> dict[str, Any]:
    """The blocks of one layer; flax numbers LayerNorm and ResidualMLP in the order of their use."""
    layer: dict[str, Any] = {}
    for key, block, short, heads in (
        ("feature", "FeatureBlock_0", "fb", h["n_heads"]),
        ("geometric", "GeometricBlock_0", "gb", degrees),
    ):
        filters, attention = (
            f"{name}/{block}/filter_fn/VmapMLP",
            f"{name}/{block}/attention_fn/Vmap",
        )
        features = {part: h[f"{short}_{part}_filter_features"] for part in ("rad", "sph")}
        square = (heads, width // heads, width // heads)
        layer[key] = {
            "radial_filter": arrays.perceptron(f"{filters}_0", basis, features["rad"], (1,))
        }
        if h[f"{short}_filter"] == "radial_spherical":
            layer[key]["spherical_filter"] = arrays.perceptron(
                f"{filters}_1", degrees, features["sph"], (1,)
            )
        layer[key]["query"] = arrays.take(
            f"{attention}ConvAttentionCoefficients_0/Dense_0/kernel", *square
        )
        layer[key]["key"] = arrays.take(
            f"{attention}ConvAttentionCoefficients_0/Dense_1/kernel", *square
        )
        if key == "feature":
            layer[key]["value"] = arrays.take(
                f"{attention}AttentionAggregation_0/Dense_0/kernel", *square
            )
    mixed = width + degrees
    layer["interaction"] = arrays.perceptron(f"{name}/InteractionBlock_0/MLP_0", mixed, (mixed,))
    if h["layer_normalization"]:
        for number, key in enumerate(
            ("norm_before", "norm_between", "norm_after")[: 3 if h["final_layer"] else 2]
        ):
            layer[key] = {
                part: arrays.take(f"{name}/LayerNorm_{number}/{part}", width)
                for part in ("scale", "bias")
            }
    used = [
        key for key, on in (("between", h["residual_mlp_1"]), ("after", h["residual_mlp_2"])) if on
    ]
    for number, key in enumerate(used):
        maps = {"first": "Residual_0/layers_0", "second": "Residual_0/layers_1", "last": "Dense_0"}
        layer[f"residual_{key}"] = {
            part: arrays.take(f"{name}/ResidualMLP_{number}/{map_}/kernel", width, width)
            for part, map_ in maps.items()
        }
    return layer


def _modules(path: Path, network, kind: str, name: str, known: Mapping) -> list[dict[str, Any]]:
    """The modules of one kind, [{name: {hyperparameters}}, …], all of this name; mlff's defaults
    where one is not given.
    """
    given = entry_of(path, network, kind)
    if not (
        isinstance(given, list)
        and given
        and all(isinstance(m, Mapping) and len(m) == 1 for m in given)
    ):
        raise AdfluxError(
            f"{path}: {kind} must be a list of modules, one or more: the file is not of mlff, or "
            "damaged."
        )
    modules = []
    for module in given:
        ((found, hyperparameters),) = module.items()
        if found != name or not isinstance(hyperparameters, Mapping):
            raise AdfluxError(
                f"{path}: {kind} must be {name}, but {found} was found, not implemented here; "
                f"{ELSEWHERE}."
            )
        for key, value in hyperparameters.items():
            if key not in known and key not in UNUSED[name]:
                raise AdfluxError(
                    f"{path}: {name} has {key}, which is unknown here and may change it; "
                    f"{ELSEWHERE}."
                )
            if key in known and key in ONLY and value != ONLY[key]:
                raise AdfluxError(
                    f"{path}: {name} has {key} = {json.dumps(value)}, but only "
                    f"{json.dumps(ONLY[key])} is implemented; "
                    f"{ELSEWHERE}."
                )
        for key, default in known.items():
            if default is REQUIRED and key not in hyperparameters:
                raise AdfluxError(
                    f"{path}: {name} has no {key}: the file is not of mlff's So3krates, or damaged."
                )
        modules.append({key: hyperparameters.get(key, default) for key, default in known.items()})
    return modules


def _only_module(path: Path, network, kind: str, name: str, known: Mapping) -> dict[str, Any]:
    modules = _modules(path, network, kind, name, known)
    if len(modules) != 1:
        raise AdfluxError(
            f"{path}: one {name} in {kind} is implemented, but {len(modules)} were found; "
            f"{ELSEWHERE}."
        )
    return modules[0]


def _check_layer(path: Path, h: dict[str, Any], degrees: tuple[int, ...], width: int) -> None:
    if checked_degrees(path, h["degrees"]) != degrees:
        raise AdfluxError(
            f"{path}: a layer has degrees {h['degrees']}, but geometry_embed has {list(degrees)}: "
            "mend it."
        )
    for name, count in (
        ("n_heads", checked_count(path, "n_heads", h["n_heads"])),
        ("the number of degrees", len(degrees)),
    ):
        if width % count:
            raise AdfluxError(
                f"{path}: {name} must divide the {width} features, but is {count}: mend it."
            )
    for block in ("fb", "gb"):
        checked_choice(
            path, f"{block}_filter", h[f"{block}_filter"], ("radial_spherical", "radial")
        )
    for name in FILTERS:
        sizes = h[name]
        if "sph" in name and h[f"{name[:2]}_filter"] == "radial":
            continue
        if (
            not isinstance(sizes, list)
            or not sizes
            or [checked_count(path, name, size) for size in sizes][-1] != width
        ):
            raise AdfluxError(
                f"{path}: {name} must be numbers that end with the {width} features, but is "
                f"{sizes}: mend it."
            )
