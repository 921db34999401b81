"""mlff's hyperparameters with their defaults, and checks of the entries of its JSON files."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import AdfluxError

REQUIRED = object()
# mlff's hyperparameters that change the energies, with mlff's defaults …
GEOMETRY: dict[str, Any] = {
    "degrees": REQUIRED,
    "radial_basis_function": REQUIRED,
    "n_rbf": REQUIRED,
    "radial_cutoff_fn": REQUIRED,
    "r_cut": REQUIRED,
    "sphc": REQUIRED,
    "sphc_normalization": None,
}
EMBEDDING: dict[str, Any] = {"num_embeddings": 100, "features": REQUIRED}
FILTERS = tuple(
    f"{block}_{part}_filter_features" for block in ("fb", "gb") for part in ("rad", "sph")
)
LAYER: dict[str, Any] = {
    "degrees": REQUIRED,
    **dict.fromkeys(FILTERS, REQUIRED),
    "fb_filter": "radial_spherical",
    "gb_filter": "radial_spherical",
    "n_heads": 4,
    "residual_mlp_1": False,
    "residual_mlp_2": False,
    "layer_normalization": False,
    "final_layer": False,
    "non_local_sphc": False,
    "non_local_feature": False,
    "neighborhood_normalization": False,
    "chi_cut": None,
    "chi_cut_dynamic": False,
}
ENERGY: dict[str, Any] = {"per_atom_scale": None, "per_atom_shift": None, "zbl_repulsion": False}
# … those of which one value is implemented …
ONLY = {
    "sphc": True,
    "non_local_sphc": False,
    "non_local_feature": False,
    "neighborhood_normalization": False,
    "chi_cut": None,
    "chi_cut_dynamic": False,
    "zbl_repulsion": False,
}
# … and those that mlff writes but does not use in these networks
UNUSED = {
    "geometry_embed": {"prop_keys", "mic", "input_convention", "solid_harmonic"},
    "atom_type_embed": {"prop_keys"},
    "so3krates_layer": {
        "fb_attention",
        "gb_attention",
        "parity",
        "sphc_normalization",
        "fast_attention_kwargs",
    },
    "energy": {"prop_keys", "num_embeddings", "output_convention", "zbl_repulsion_shift"},
}
ELSEWHERE = "give mlff's own function to lammps_adflux.from_function instead"


def checked_degrees(path: Path, values) -> tuple[int, ...]:
    right = (
        isinstance(values, list)
        and values
        and all(type(value) is int and value >= 0 for value in values)
    )
    if not right or sorted(values) != values:
        raise AdfluxError(
            f"{path}: degrees must be a list of numbers 0, 1, … that do not decrease, but is "
            f"{values}."
        )
    return tuple(values)


def entry_of(path: Path, mapping, key: str):
    if not isinstance(mapping, Mapping) or key not in mapping:
        raise AdfluxError(f"{path} has no entry {key}: the file is not of mlff, or damaged.")
    return mapping[key]


def checked_choice(path: Path, name: str, value, known: tuple[str, ...]) -> str:
    if value not in known:
        raise AdfluxError(
            f"{path}: {name} = {value} is not implemented, {', '.join(known)} are; {ELSEWHERE}."
        )
    return value


def checked_number(path: Path, name: str, value) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise AdfluxError(f"{path}: {name} must be a finite number, but is {value}.")
    return float(value)


def checked_positive(path: Path, name: str, value) -> float:
    if checked_number(path, name, value) <= 0.0:
        raise AdfluxError(f"{path}: {name} must be positive, but is {value}.")
    return float(value)


def checked_count(path: Path, name: str, value) -> int:
    if type(value) is not int or value < 1:
        raise AdfluxError(f"{path}: {name} must be a positive integer, but is {value}.")
    return value


def numbers_by_element(path: Path, key: str, mapping, elements, rows) -> np.ndarray:
    """Entries of a list over atomic numbers; mlff itself would take the last one for an element
    beyond its end.
    """
    values = entry_of(path, mapping, key)
    if not isinstance(values, list) or len(values) <= max(rows):
        raise AdfluxError(
            f"{path}: {key} must be a list with an entry for {elements[int(np.argmax(rows))]}: "
            "mend it."
        )
    return np.array([checked_number(path, key, values[row]) for row in rows])
