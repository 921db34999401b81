"""Folders: the files that travel with the package, and the cache."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import AdfluxError

_PACKAGE = Path(__file__).resolve().parent


def _data_folder(name: str) -> Path:
    # a wheel carries the folder inside the package; a checkout has it beside the package
    for folder in (_PACKAGE / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise AdfluxError(
        f"The folder {name}/ of lammps_adflux is missing from {_PACKAGE}: install the package "
        "again."
    )


def template_path() -> str:
    """Folder of the LAMMPS input templates, for `-var adflux $(adflux path)`."""
    return str(_data_folder("input_templates"))


def cmake_path() -> str:
    """Folder of the CMake superbuild, the presets (`cmake -C`) and the patches to LAMMPS."""
    return str(_data_folder("cmake"))


COMPILATIONS = 1 << 30  # bytes that compiled functions may take on disk


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/lammps-adflux`, by default ~/.cache/lammps-adflux."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lammps-adflux"


def compilations_folder() -> Path:
    """Where JAX keeps what it compiled, unless JAX_COMPILATION_CACHE_DIR names another folder."""
    return cache_folder() / "jax"


def folder_size(folder: Path) -> tuple[int, int]:
    """Files of a folder, and the bytes in them."""
    sizes = [size for _, size, _ in _files(folder)]
    return len(sizes), sum(sizes)


def trim_folder(folder: Path, limit: int) -> None:
    """Remove the files that nobody used for longest, where all take more than `limit` bytes, until
    four fifths of it are left. Other processes may do the same.
    """
    files = sorted(_files(folder))
    total = sum(size for _, size, _ in files)
    if total <= limit:
        return
    for _, size, path in files:
        if total <= 0.8 * limit:
            break
        with suppress(OSError):  # of somebody else, or gone
            path.unlink()
        total -= size


def _files(folder: Path) -> list[tuple[float, int, Path]]:
    """When each file was used last, its size, and the file."""
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        try:
            status = path.stat()
        except FileNotFoundError:
            continue  # removed meanwhile
        if stat.S_ISREG(status.st_mode):
            found.append((max(status.st_atime, status.st_mtime), status.st_size, path))
    return found


@contextmanager
def whole_file(path) -> Iterator[Path]:
    """Where to write a file so that it appears under `path` complete or not at all, also where
    several ranks write the same one.
    """
    path = Path(path)
    partial = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def exchange_library() -> Path:
    """The compiled side of the exchange between ranks: $ADFLUX_EXCHANGE, by default where `adflux
    build-lammps` puts it in this environment.
    """
    named = os.environ.get("ADFLUX_EXCHANGE")
    return Path(named or Path(sys.prefix, "lib", "lammps_adflux", "libadflux_exchange.so"))
