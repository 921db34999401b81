"""Files of `adflux implicit`: the arrays of an expansion as .npz or HDF5."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from ..errors import AdfluxError
from ..modelfile import export, load
from ..paths import whole_file

# of files that are no arrays
UNREADABLE = (
    OSError,
    KeyError,
    ValueError,
    TypeError,
    EOFError,
    BadZipFile,
)
NEEDED = (
    "parameters",
    "energy",
    "gradient",
    "curvature",
    "positions",
    "position_jacobian",
    "strain_jacobian",
    "cell",
    "origin",
    "periodic",
    "ids",
    "symbols",
    "names",
)
# files of the first version have none of these
LATER = "units", "order", "strains", "loads", "cutoff", "record", "model", "dimension"
TEXTS = "symbols", "names", "units", "strains", "record"
HDF5 = ".h5", ".hdf5"


def write_arrays(path, values: Mapping[str, Any]) -> None:
    """Numbers and texts by name; None is left out."""
    arrays = {name: np.asarray(value) for name, value in values.items() if value is not None}
    if "record" in arrays:
        arrays["record"] = np.asarray(json.dumps(values["record"]))
    with whole_file(path) as partial:
        if partial.suffix in HDF5:
            import h5py

            with h5py.File(partial, "w") as file:
                for name, value in arrays.items():
                    file[name] = np.char.encode(value, "utf-8") if name in TEXTS else value
        else:
            with open(partial, "wb") as file:
                np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]


def read_arrays(path) -> dict[str, Any]:
    """All that `write_arrays` wrote; what an older file does not have is None."""
    try:
        found = read_named(path)
    except FileNotFoundError:
        raise AdfluxError(
            f"{path} was not found: it must be a file of `adflux implicit`."
        ) from None
    except UNREADABLE as error:
        raise AdfluxError(f"{path} is not a file of `adflux implicit`, .npz or .h5.") from error
    missing = [name for name in NEEDED if name not in found]
    if missing:
        held = ", ".join(sorted(found)) or "nothing"
        raise AdfluxError(
            f"{path} is not a file of `adflux implicit`, .npz or .h5: it holds {held}."
        )
    values: dict[str, Any] = {name: found.get(name) for name in (*NEEDED, *LATER)}
    try:
        _check_shapes(values)
        for name in TEXTS:
            values[name] = _text(values[name])
        values["energy"] = float(values["energy"])
        values["cutoff"] = None if values["cutoff"] is None else float(values["cutoff"])
        values["dimension"] = 3 if values["dimension"] is None else int(values["dimension"])
        values["record"] = None if values["record"] is None else json.loads(values["record"])
    except UNREADABLE as error:
        raise AdfluxError(
            f"{path} is damaged: its arrays do not fit together; run `adflux implicit` again."
        ) from error
    return values


def read_named(path) -> dict[str, np.ndarray]:
    """Arrays by name from .npz or HDF5, whatever the file is called."""
    with open(path, "rb") as file:
        start = file.read(4)
    if start == b"\x89HDF":
        import h5py

        with h5py.File(path) as file:
            return {str(name): np.asarray(file[name][()]) for name in file}  # pyright: ignore[reportIndexIssue]
    if start[:2] != b"PK":
        raise ValueError("neither .npz nor HDF5")
    with open(path, "rb") as file, np.load(file) as archive:
        return {name: archive[name] for name in archive.files}


def pack_model(potential) -> np.ndarray | None:
    """The bytes of the potential's model file; None where it cannot have one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        try:
            export(potential, path)
        except AdfluxError:
            return None
        return np.frombuffer(path.read_bytes(), np.uint8)


def unpack_model(content: np.ndarray):
    """The potential in the bytes of a model file; None where its classes are not here."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        path.write_bytes(np.asarray(content, np.uint8).tobytes())
        try:
            return load(path)
        except AdfluxError:
            return None


def _text(value):
    if value is None:
        return None
    value = np.asarray(value)
    if value.dtype.kind in "SO":
        value = np.array(
            [x.decode() if isinstance(x, bytes) else x for x in value.ravel()]
        ).reshape(value.shape)
    return tuple(value.astype(str).tolist()) if value.ndim else str(value)


def _check_shapes(values: Mapping[str, Any]) -> None:
    count, atoms = len(values["parameters"]), len(values["ids"])
    wanted = {
        "gradient": (count,),
        "curvature": (count, count),
        "positions": (atoms, 3),
        "position_jacobian": (count, atoms, 3),
        "strain_jacobian": (count, 6),
        "cell": (3, 3),
        "symbols": (atoms,),
        "names": (count,),
    }
    for name, shape in wanted.items():
        if np.shape(values[name]) != shape:
            raise ValueError(name)
