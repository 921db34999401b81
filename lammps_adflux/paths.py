"""Folders: the files that travel with the package, and the cache."""

import os
import sys
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


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/lammps-adflux`, by default ~/.cache/lammps-adflux."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lammps-adflux"


def exchange_library() -> Path:
    """The compiled side of the exchange between ranks: $ADFLUX_EXCHANGE, by default where `adflux
    build-lammps` puts it in this environment.
    """
    named = os.environ.get("ADFLUX_EXCHANGE")
    return Path(named or Path(sys.prefix, "lib", "lammps_adflux", "libadflux_exchange.so"))
