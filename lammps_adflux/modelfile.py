"""The model file: a potential without code, as `pair_style mliap unified FILE` loads it.

LAMMPS unpickles FILE. The pickle holds one call, `lammps_adflux.modelfile.open_in_lammps(payload)`,
and the payload is ours: a line of magic with the format version, a line of JSON (dtype, unit
system, and the potential by the import paths and fields of its classes, see modeltree.py), and the
arrays as .npz. The file names code, and holds none.
"""

import io
import json
import pickle
import warnings
import zipfile
from typing import Any, NamedTuple

import numpy as np

# nothing that imports JAX: in LAMMPS its settings come first, see open_in_lammps
from .errors import AdfluxError
from .paths import whole_file

MAGIC, VERSION = b"lammps_adflux model", 1


class Model(NamedTuple):
    """What a model file holds."""

    potential: Any
    dtype: str
    # those of its kind of potential, where the file, written by an older version, names none
    assumed_units: str | None

    @property
    def note(self) -> str | None:
        """The sentence about units that were assumed."""
        if self.assumed_units in (None, "any"):
            return None
        return (
            f"the model file does not name its units, so {self.assumed_units} units are assumed: "
            "export it again to have them in the file."
        )


def export(potential, path, dtype: str = "float64") -> None:
    """Write a potential for `pair_style mliap unified PATH 0`.

    The file appears complete or not at all.

    Parameters
    ----------
    potential
        Any potential.
    path
        Of the model file.
    dtype
        Of the evaluation in LAMMPS: "float64" or "float32".

    Raises
    ------
    AdfluxError
        Where energies reach farther than the layers that the potential declares.
    """
    if str(dtype) not in ("float64", "float32"):
        raise AdfluxError(
            f"The precision of a model file is float64 or float32, but {dtype} was asked for."
        )
    payload = _payload(potential, str(dtype))
    from .potentials.layers import require_layers

    require_layers(potential)
    try:
        with whole_file(path) as partial, open(partial, "wb") as file:
            pickle.dump(_Call(payload), file, protocol=4)
    except OSError as error:
        raise AdfluxError(f"The model file {path} cannot be written: {error.strerror}.") from error


def load(path):
    """Read the potential in a model file. No code from the file runs.

    Its arrays are JAX arrays in the precision of the file. Files that name no units (written before
    they did) give a warning with those that are assumed.

    Raises
    ------
    AdfluxError
        Where the potential declares too few layers, and where the file is float64 and JAX is set to
        float32 only.
    """
    from .potentials.layers import require_layers

    model = read(path)
    require_layers(model.potential)
    if model.note is not None:
        warnings.warn(f"{path}: {model.note}", stacklevel=2)
    return model.potential


def read(path) -> Model:
    """What a model file holds, whether its layers are right or not."""
    try:
        with open(path, "rb") as file:
            payload = _OnlyOurs(file).load()
    except OSError as error:
        raise AdfluxError(f"The model file {path} cannot be read: {error.strerror}.") from error
    except AdfluxError as error:
        raise AdfluxError(f"{path}: {error}") from error
    except Exception as error:  # an unpickler raises nearly anything on damaged bytes
        raise AdfluxError(
            f"{path} is damaged or not a model file of lammps_adflux: write it with `adflux "
            "export`."
        ) from error
    if not isinstance(payload, bytes):
        raise AdfluxError(
            f"{path} is not a model file of lammps_adflux: write it with `adflux export`."
        )
    try:
        return restore(payload)
    except AdfluxError as error:
        raise AdfluxError(f"{path}: {error}") from error


def open_in_lammps(payload: bytes):
    """What LAMMPS calls when it unpickles a model file: the plugin around the potential."""
    from .process import prepare

    prepare()
    from .mliap.plugin import AdfluxPlugin

    model = restore(payload)
    return AdfluxPlugin(model.potential, model.dtype, note=model.note)


def restore(payload: bytes) -> Model:
    """The model from a payload."""
    import jax
    import jax.numpy as jnp

    from .potentials import Potential
    from .potentials.encoding import decode

    try:
        magic, header, arrays = payload.split(b"\n", 2)
        name, _, version = magic.rpartition(b" ")
        if name != MAGIC:
            raise AdfluxError("not a model file of lammps_adflux: write it with `adflux export`.")
        if version != str(VERSION).encode():
            raise AdfluxError(
                f"this is format version {version.decode(errors='replace')} of the model file, "
                "but this lammps_adflux "
                f"reads version {VERSION}: export the potential again, or install the version "
                "that wrote it."
            )
        description = json.loads(header)
        with np.load(io.BytesIO(arrays), allow_pickle=False) as archive:
            values = dict(archive.items())
        potential = decode(description["potential"], values)
        if not isinstance(potential, Potential):
            raise AdfluxError("the file holds no potential: it is damaged or not ours.")
        dtype, units = description["dtype"], description.get("units")
        if dtype == "float64" and not jax.config.read("jax_enable_x64"):
            raise AdfluxError(
                "the model computes in float64, but JAX is set to float32 only: call "
                'jax.config.update("jax_enable_x64", True) before '
                "(for lmp, unset JAX_ENABLE_X64), or export the model with --dtype float32."
            )
        if units not in (None, potential.units):
            raise AdfluxError(
                f"the file was written in {units} units, but {type(potential).__name__} is in "
                f"{potential.units} units now: export it again."
            )
        # under jit NumPy arrays take no index that JAX traces; static fields, which are no leaves,
        # stay as they are
        potential = jax.tree.map(
            lambda leaf: jnp.asarray(leaf) if isinstance(leaf, (np.ndarray, np.generic)) else leaf,
            potential,
        )
        return Model(potential, dtype, potential.units if units is None else None)
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise AdfluxError(
            "the model file is damaged: write it again with `adflux export`."
        ) from error


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
    from .potentials import Potential
    from .potentials.base import check_units
    from .potentials.encoding import encode

    if not isinstance(potential, Potential):
        raise AdfluxError(
            f"A model file holds a lammps_adflux.Potential, but a {type(potential).__name__} was "
            "given."
        )
    arrays: dict[str, np.ndarray] = {}
    header = {
        "dtype": dtype,
        "units": check_units(potential.units),
        "potential": encode(potential, "", arrays, np.dtype(dtype)),
    }
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # pyright: ignore[reportArgumentType]
    return b"%s %d\n%s\n%s" % (MAGIC, VERSION, json.dumps(header).encode(), buffer.getvalue())
