"""The compiled side of the exchange: a small library that XLA calls, beside LAMMPS and with its
MPI.
"""

import ctypes
import os
from functools import cache
from pathlib import Path

import numpy as np

from ..errors import AdfluxError
from ..paths import exchange_library
from .halo import Halo

NAME = "adflux_exchange"
BUILD = "run `adflux build-lammps --exchange-only`"


class Handler:
    """The library, loaded and registered with XLA."""

    def __init__(self, path: Path):
        import jax.ffi

        self.path = path
        try:
            library = ctypes.CDLL(str(path))
        except OSError as error:
            raise AdfluxError(
                f"The exchange handler {path} does not load ({error}): {BUILD}."
            ) from None
        library.adflux_mpi.restype = ctypes.c_char_p
        built, present = _short(library.adflux_mpi().decode()), _short(_mpi_of_python())
        if built != present:
            raise AdfluxError(
                f"The exchange handler {path} uses {built}, but mpi4py uses {present}: {BUILD}."
            )
        self._library = library
        jax.ffi.register_ffi_target(NAME, jax.ffi.pycapsule(library.adflux_exchange), "cpu")

    def publish(self, handle: int, halo: Halo) -> None:
        """From now on `handle` stands for these rows; collective calls follow in XLA."""
        lists = [np.ascontiguousarray(part, np.int32) for part in halo.messages()]
        pointers = [part.ctypes.data_as(ctypes.c_void_p) for part in lists]
        self._library.adflux_publish(
            handle, halo.comm.py2f(), halo.comm.size, halo.owned, len(halo.ids), *pointers
        )

    def forget(self, handle: int) -> None:
        """Free what was published."""
        self._library.adflux_forget(handle)


def load_handler() -> Handler | None:
    """The handler of this environment; None where features go through Python, which
    `missing_handler` explains.
    """
    return _look()[0]


def missing_handler() -> str | None:
    """Why there is no compiled handler; None where there is one."""
    return _look()[1]


@cache
def _look() -> tuple[Handler | None, str | None]:
    if os.environ.get("ADFLUX_EXCHANGE") == "python":
        return None, "ADFLUX_EXCHANGE=python is set"
    path = exchange_library()
    if not path.is_file():
        return None, f"the exchange handler {path} is missing: {BUILD}"
    try:
        return Handler(path), None
    except AdfluxError as error:
        return None, str(error).rstrip(".")


def _mpi_of_python() -> str:
    from mpi4py import MPI

    return MPI.Get_library_version()


def _short(version: str) -> str:
    """The line of an MPI library's version text that names it: `MPICH Version: 5.0.1`."""
    return " ".join(version.strip("\0 \n").splitlines()[0].split()).rstrip(",")
