"""The fixes of a set-up: which there are, the forces that they make zero, and those that they add.

`session` is a `session.Session`; all functions are collective.
"""

import os
import re
import tempfile
from pathlib import Path

import numpy as np

from ..errors import AdfluxError
from ..parallel.reductions import largest
from ..parallel.system import System
from .moment import owned

# forces that are not the potential's, beside its own, and beside a moderate force
OTHER, SMALL = 1e-6, 1e-3
NO_FORCES = {"setforce", "nve", "property/atom"}


def fixes_of(lammps, comm) -> list[tuple[str, str, str]]:
    """(id, style, group) of the fixes that LAMMPS has."""
    handle, path = tempfile.mkstemp(prefix="adflux", suffix=".info")
    os.close(handle)
    try:
        lammps.command(f"info fixes out overwrite {path}")
        lines = Path(path).read_text().splitlines() if comm.rank == 0 else []
    finally:
        os.unlink(path)
    found = []
    for line in lines:
        found += re.findall(r"Fix\[.*?\]:\s*(\S+),\s*style =\s*([^\s,]+),?\s*group =\s*(\S+)", line)
    return comm.bcast(found)


def refuse_box_relax(lammps, comm) -> None:
    """An error where the set-up has a `fix box/relax`: Python cannot read its pressure."""
    names = [name for name, style, _ in fixes_of(lammps, comm) if style == "box/relax"]
    if names:
        raise AdfluxError(
            f"The set-up has the fix {names[0]} (box/relax), whose pressure is not known here: "
            "take it out of the set-up, and give cell= and pressure= instead."
        )


def frozen_components(session) -> list[tuple[str, np.ndarray]]:
    """Groups of which a fix makes forces zero, and those components [3], at the last force call."""
    forces, found = owned(session.lammps, "f").reshape(-1, 3), []
    for _, style, group in fixes_of(session.lammps, session.comm):
        if style in ("setforce", "freeze"):
            own = np.any(forces[session.in_group(group)] != 0.0, axis=0)
            found.append((group, session.comm.allreduce(own.astype(int)) == 0))
    return found


def check_forces(session, system: System, slopes: np.ndarray) -> None:
    """An error where LAMMPS' forces on atoms that may move are not the potential's, -slopes
    [owned, 3].
    """
    forces = owned(session.lammps, "f").reshape(-1, 3)
    others = np.abs(np.where(system.held, 0.0, forces + slopes)).max(initial=0.0)
    most, size = (
        largest(session.comm, float(value)) for value in (others, np.abs(slopes).max(initial=0.0))
    )
    if most > max(OTHER * size, SMALL * session.moderate_force()):
        styles = sorted(
            {style for _, style, _ in fixes_of(session.lammps, session.comm)} - NO_FORCES
        )
        raise AdfluxError(
            f"Forces up to {most:.2g} that are not the potential's act on the atoms "
            f"({'fixes: ' + ', '.join(styles) if styles else 'bonds, or the like'}): "
            "derivatives know the potential only; take them out of the set-up."
        )
