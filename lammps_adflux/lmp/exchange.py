"""`adflux build-lammps --exchange-only`: the compiled part of the exchange between ranks."""

import os
import shlex
import sys
import tempfile
from pathlib import Path

from ..errors import AdfluxError
from ..paths import cache_folder, cmake_path, exchange_library
from .logged import console, run_logged
from .programs import find_program


def find_mpi_compiler(named: str | None = None) -> Path:
    """The MPI compiler of this environment, or the one that the user names."""
    wrapper = find_program(named or "mpicxx")
    if wrapper is None:
        raise AdfluxError(
            f"No MPI compiler {named or 'mpicxx'}: run `pip install mpich`, or name yours by "
            "--mpi-cxx."
        )
    return wrapper


def build_exchange(mpi_cxx: str | None = None) -> Path:
    """Compile cmake/exchange.cc with the MPI of LAMMPS into the active environment; returns the
    library.
    """
    import jax.ffi

    compiler, library = find_mpi_compiler(mpi_cxx), exchange_library()
    source = Path(cmake_path(), "exchange.cc")
    log = cache_folder() / "logs" / "exchange.log"
    for folder in (log.parent, library.parent):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=library.parent, prefix="build-") as folder:
        built = Path(folder, library.name)
        command = [
            compiler, "-O2", "-std=c++17", "-shared", "-fPIC", "-DNDEBUG",
            "-isystem", jax.ffi.include_dir(),
            *shlex.split(os.environ.get("CXXFLAGS", "")),
            source, "-o", built,
            # libmpi of this environment, where lmp has not loaded it
            f"-Wl,-rpath,{sys.prefix}/lib",
        ]  # fmt: skip
        run_logged([command], log, dict(os.environ), "The exchange between ranks")
        # other processes see the old library or the new one
        os.replace(built, library)
    console.print(f"The exchange between ranks is in this environment: {library}")
    return library
