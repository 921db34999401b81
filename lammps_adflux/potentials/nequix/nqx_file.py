"""Files of nequix (.nqx): a line of JSON, then the arrays of the network one after the other."""

import json
import re
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import AdfluxError
from .tensor_product import paths

# settings that describe the network
NEEDED = (
    "atomic_numbers",
    "avg_n_neighbors",
    "cutoff",
    "hidden_irreps",
    "index_weights",
    "layer_norm",
    "lmax",
    "n_layers",
    "radial_basis_size",
    "radial_mlp_layers",
    "radial_mlp_size",
    "radial_polynomial_p",
    "scale",
    "shift",
)
# settings that say how it was trained; any other one may change the energy
OF_TRAINING = frozenset(
    """
    atom_energies avg_n_edges avg_n_nodes batch_size cache_dir checkpoint_grad_energy displacement
    ema_decay energy_weight extra_energy_weight extra_force_weight extra_stress_weight
    extra_train_path extra_train_steps extra_val_frac extra_val_path finetune_from force_weight
    grad_clip_norm hessian_weight kernel learning_rate log_every loss_type max_n_edges max_n_nodes
    mlp_init_scale n_epochs n_graph optimizer readout_initialization resume_from state_path
    stress_weight train_path val_every val_path valid_frac valid_path warmup_epochs warmup_factor
    weight_decay
    """.split()
)


def read_nqx(path: str | PathLike) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings, and the arrays as nested dicts and tuples: all elements of the file.

    Raises
    ------
    AdfluxError
        Where the file is absent or another one, is cut off, or names what is not implemented.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            settings = _settings(path, file.readline())
            arrays = _arrays(path, file)
    except OSError as error:
        raise AdfluxError(
            f"The file of nequix {path} cannot be read: {error.strerror}; its authors publish "
            "weights at github.com/atomicarchitects/nequix."
        ) from error
    return settings, _Reader(path, settings, arrays).parameters()


def channels(path: str | PathLike, irreps: str) -> tuple[int, ...]:
    """Channels of each degree of 128x0e + 64x1o + …"""
    found = [re.fullmatch(r"(\d+)x(\d+)([eo])", part.strip()) for part in irreps.split("+")]
    degrees = [int(part[2]) for part in found if part]
    if (
        None in found
        or degrees != list(range(len(found)))
        or any(part is None or part[3] != "eo"[int(part[2]) % 2] for part in found)
    ):
        raise AdfluxError(
            f"{path} has hidden_irreps {irreps}: one block for each degree 0e, 1o, 2e, … was "
            "needed; other parities are not implemented."
        )
    return tuple(int(part[1]) for part in found if part)


def _settings(path: Path, line: bytes) -> dict[str, Any]:
    try:
        settings = json.loads(line.decode())
        missing = [name for name in NEEDED if name not in settings]
    except (UnicodeDecodeError, json.JSONDecodeError, TypeError):
        settings, missing = {}, list(NEEDED)
    if missing:
        raise AdfluxError(
            f"{path} is no file of nequix (.nqx): its first line must be JSON with "
            f"{', '.join(missing)}."
        )
    unknown = sorted(set(settings) - set(NEEDED) - OF_TRAINING)
    if unknown:
        raise AdfluxError(
            f"{path} has the settings {', '.join(unknown)}, which lammps_adflux does not know: "
            "they may change the energy, so it is not read."
        )
    if settings["n_layers"] < 1:
        raise AdfluxError(f"{path} has n_layers {settings['n_layers']}: 1 or more was needed.")
    return settings


def _arrays(path: Path, file) -> list[np.ndarray]:
    arrays = []
    while file.peek(1):
        try:
            array = np.load(file)
        except (ValueError, EOFError):
            # what is left is cut off: the reader says what is missing
            return arrays
        if array.dtype.kind != "f":
            raise AdfluxError(
                f"{path}: array {len(arrays) + 1} holds {array.dtype}, but floating-point numbers "
                "were needed: the file is damaged."
            )
        arrays.append(array)
    return arrays


class _Reader:
    """Takes arrays from a list in the order in which nequix writes them."""

    def __init__(self, path: Path, settings: dict[str, Any], arrays: list[np.ndarray]):
        self._path, self._settings = path, settings
        self._arrays = iter(arrays)
        self._found, self._taken = len(arrays), 0

    def parameters(self) -> dict[str, Any]:
        s = self._settings
        species = len(s["atomic_numbers"])
        hidden = channels(self._path, s["hidden_irreps"])
        energies = self._take("energies of atoms", species)
        layers, inputs = [], (species,)
        for number in range(s["n_layers"]):
            last = number == s["n_layers"] - 1
            outputs = hidden[:1] if last else hidden
            layers.append(self._layer(f"layer {number + 1}", inputs, outputs, species))
            inputs = outputs
        readout = self._take("readout", hidden[0], 1)
        if next(self._arrays, None) is not None:
            raise AdfluxError(
                f"{self._path} has {self._found} arrays, but its settings describe {self._taken}: "
                "the file is of another version of nequix."
            )
        return {"layers": tuple(layers), "readout": readout, "atom_energies": energies}

    def _layer(self, name: str, inputs, outputs, species: int) -> dict[str, Any]:
        s = self._settings
        routes = paths(tuple(range(len(inputs))), s["lmax"], tuple(range(len(outputs))))
        spread = [
            sum(inputs[p.feature] for p in routes if p.result == degree)
            for degree in range(len(outputs))
        ]
        # gates of the higher degrees are scalars
        gated = (outputs[0] + sum(outputs[1:]), *outputs[1:])
        inner = [s["radial_mlp_size"]] * s["radial_mlp_layers"]
        sizes = [s["radial_basis_size"], *inner, sum(spread)]
        indexed = (species,) if s["index_weights"] else ()
        both = range(min(len(inputs), len(outputs)))
        layer = {
            "radial": tuple(
                self._take(f"{name}, radial network", a, b) for a, b in pairwise(sizes)
            ),
            "before": tuple(self._take(f"{name}, linear_1", a, a) for a in inputs),
            "after": tuple(
                self._take(f"{name}, linear_2", a, b) for a, b in zip(spread, gated, strict=True)
            ),
            "skip": tuple(
                self._take(f"{name}, skip", *indexed, inputs[degree], gated[degree])
                for degree in both
            ),
        }
        if s["layer_norm"]:
            layer["norm"] = tuple(self._take(f"{name}, layer_norm", a) for a in gated)
        return layer

    def _take(self, what: str, *shape: int) -> np.ndarray:
        array = next(self._arrays, None)
        self._taken += 1
        if array is None or array.shape != shape:
            found = "none was found" if array is None else f"{array.shape} was found"
            raise AdfluxError(
                f"{self._path}: array {self._taken} should be {what} of shape {shape}, but {found}:"
                " the file is cut off, or of another version of nequix."
            )
        return array
