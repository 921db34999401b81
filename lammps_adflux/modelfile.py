"""The model file: a potential without code, as `pair_style mliap unified FILE` loads it.

LAMMPS unpickles FILE. The pickle holds one call, `lammps_adflux.modelfile.open_in_lammps(payload)`, and the
payload is ours: a line of magic with the format version, a line of JSON (import path of the potential,
static fields, dtype), and the arrays as .npz. Nothing in it can run code but that one named function.
"""

import dataclasses
import importlib
import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np

from .errors import AdfluxError

MAGIC, VERSION = b"lammps_adflux model", 1


def export(potential, path, dtype: str = "float64") -> None:
    """Write `potential` for `pair_style mliap unified PATH 0`, computing in `dtype` (float64 or float32).

    The file appears complete or not at all.
    """
    if str(dtype) not in ("float64", "float32"):
        raise AdfluxError(f"The precision of a model file is float64 or float32, but {dtype} was asked for.")
    payload = _payload(potential, str(dtype))
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(partial, "wb") as file:
            pickle.dump(_Call(payload), file, protocol=4)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise AdfluxError(f"The model file {path} cannot be written: {error.strerror}.") from error


def load(path):
    """The potential in a model file, its arrays in the precision of the file; no code from the file runs."""
    try:
        with open(path, "rb") as file:
            payload = _OnlyOurs(file).load()
    except OSError as error:
        raise AdfluxError(f"The model file {path} cannot be read: {error.strerror}.") from error
    except AdfluxError as error:
        raise AdfluxError(f"{path}: {error}") from error
    except Exception as error:  # an unpickler raises nearly anything on damaged bytes
        raise AdfluxError(
            f"{path} is damaged or not a model file of lammps_adflux: write it with `adflux export`."
        ) from error
    if not isinstance(payload, bytes):
        raise AdfluxError(f"{path} is not a model file of lammps_adflux: write it with `adflux export`.")
    try:
        return restore(payload)[0]
    except AdfluxError as error:
        raise AdfluxError(f"{path}: {error}") from error


def open_in_lammps(payload: bytes):
    """What LAMMPS calls when it unpickles a model file: the plugin around the potential."""
    from .mliap.runtime import prepare_process

    prepare_process()
    from .mliap.plugin import AdfluxPlugin

    return AdfluxPlugin(*restore(payload))


def restore(payload: bytes):
    """The potential and its dtype from a payload."""
    try:
        magic, header, arrays = payload.split(b"\n", 2)
        name, _, version = magic.rpartition(b" ")
        if name != MAGIC:
            raise AdfluxError("not a model file of lammps_adflux: write it with `adflux export`.")
        if version != str(VERSION).encode():
            raise AdfluxError(
                f"this is format version {version.decode(errors='replace')} of the model file, but this lammps_adflux "
                f"reads version {VERSION}: export the potential again, or install the version that wrote it."
            )
        description = json.loads(header)
        with np.load(io.BytesIO(arrays), allow_pickle=False) as archive:
            values = dict(archive.items())
        kind = _import_kind(description["potential"])
        fields = {name: _from_json(value) for name, value in description["static"].items()}
        potential = object.__new__(kind)
        for field in dataclasses.fields(kind):
            value = fields[field.name] if field.name in fields else _nest(values, field.name)
            object.__setattr__(potential, field.name, value)
        return potential, description["dtype"]
    except (ValueError, KeyError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise AdfluxError("the model file is damaged: write it again with `adflux export`.") from error


class _Call:
    """Pickles as the call open_in_lammps(payload)."""

    def __init__(self, payload: bytes):
        self.payload = payload

    def __reduce__(self):
        return open_in_lammps, (self.payload,)


class _OnlyOurs(pickle.Unpickler):
    """Knows one name, and hands the payload through instead of calling it."""

    def find_class(self, module: str, name: str):
        if (module, name) != (open_in_lammps.__module__, open_in_lammps.__name__):
            raise AdfluxError("not a model file of lammps_adflux: write it with `adflux export`.")
        return lambda payload: payload


def _payload(potential, dtype: str) -> bytes:
    kind = type(potential)
    if "<locals>" in kind.__qualname__ or kind.__module__ == "__main__":
        raise AdfluxError(
            f"The potential {kind.__qualname__} is defined in {kind.__module__}, where LAMMPS cannot import it: "
            "put it into a module of its own on the Python path."
        )
    static, arrays = {}, {}
    for field in dataclasses.fields(kind):
        value = getattr(potential, field.name)
        if field.metadata.get("static", False):
            static[field.name] = _to_json(field.name, value)
        else:
            _flatten(field.name, value, arrays, np.dtype(dtype))
    header = {"potential": f"{kind.__module__}:{kind.__qualname__}", "dtype": dtype, "static": static}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return b"%s %d\n%s\n%s" % (MAGIC, VERSION, json.dumps(header).encode(), buffer.getvalue())


def _flatten(name: str, value, arrays: dict, dtype) -> None:
    """Nested dicts, lists and tuples of arrays, as names like layers/0/kernel."""
    if isinstance(value, dict):
        for key, item in value.items():
            _flatten(f"{name}/{key}", item, arrays, dtype)
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            _flatten(f"{name}/#{number}", item, arrays, dtype)
    else:
        array = np.asarray(value)
        if array.dtype == object:
            raise AdfluxError(
                f"The field {name} of the potential is a {type(value).__name__}: a model file holds arrays, in nested "
                "dicts and lists, and static fields of plain numbers, strings and tuples."
            )
        arrays[name] = array.astype(dtype) if np.issubdtype(array.dtype, np.inexact) else array


def _nest(values: dict, name: str):
    """The inverse of `_flatten` for one field."""
    if name in values:
        return values[name]
    prefix = f"{name}/"
    keys = list(dict.fromkeys(key[len(prefix) :].split("/")[0] for key in values if key.startswith(prefix)))
    if not keys:
        raise KeyError(name)
    items = {key: _nest(values, prefix + key) for key in keys}
    if all(key.startswith("#") for key in keys):
        return tuple(items[f"#{number}"] for number in range(len(keys)))
    return items


def _to_json(name: str, value):
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (tuple, list)):
        return [_to_json(name, item) for item in value]
    raise AdfluxError(
        f"The static field {name} is a {type(value).__name__}: a model file holds plain numbers, strings and tuples."
    )


def _from_json(value):
    return tuple(_from_json(item) for item in value) if isinstance(value, list) else value


def _import_kind(name: str) -> type:
    from .potentials import Potential

    module, _, qualified = name.partition(":")
    try:
        kind = importlib.import_module(module)
        for part in qualified.split("."):
            kind = getattr(kind, part)
    except (ImportError, AttributeError) as error:
        raise AdfluxError(
            f"the potential {name} of this model file cannot be imported ({error}): install the package that defines it."
        ) from error
    if not (isinstance(kind, type) and issubclass(kind, Potential)):
        raise AdfluxError(f"{name} is not a lammps_adflux potential: the model file is damaged or not ours.")
    return kind
