"""Commands of an input script as LAMMPS reads them: variables put in, files included, loops and
conditions followed.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..errors import AdfluxError
from ..paths import template_path
from .programs import find_lmp, potentials_folder

# where the potential is complete
ENDS = (
    "run", "minimize", "rerun", "neb", "temper", "tad", "prd", "dynamical_matrix", "third_order",
    "fitpod",
)  # fmt: skip
# these write files, or need what is left out
LEFT_OUT = (
    "dump", "undump", "dump_modify", "restart", "write_data", "write_dump", "write_restart",
    "write_coeff", "log", "shell", "fix", "unfix", "fix_modify", "thermo_style", "thermo_modify",
    "compute", "compute_modify", "velocity", "reset_timestep", "plugin",
)  # fmt: skip


def resolved_commands(
    script: Path, names: Iterable[str], variables: tuple[str, ...] = ()
) -> list[str]:
    """The commands of these names that LAMMPS reads before the first `run`, in order.

    LAMMPS itself runs the script so far, without what writes files. variables: further arguments of
    `lmp`, such as ("-var", "seed", "2").
    """
    if not script.is_file():
        raise AdfluxError(
            f"The input script {script} was not found: give the path of a LAMMPS input file."
        )
    wanted = set(names)
    with tempfile.TemporaryDirectory() as folder:
        part, log = Path(folder) / script.name, Path(folder) / "log.lammps"
        part.write_text("\n".join(_so_far(script, wanted)) + "\n")
        command = [str(find_lmp()), "-in", str(part), "-log", str(log), "-screen", "none"]
        command += ["-echo", "log", "-skiprun", "-var", "adflux", template_path(), *variables]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=_environment()
        )
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    # a command with variables stands there twice, as it was and as it became
    found = [
        line for line in lines if line.split()[:1] and line.split()[0] in wanted and "$" not in line
    ]
    # a style that this LAMMPS does not have is not refused here
    if done.returncode and not (found and found[-1].startswith("pair_style")):
        reason = next((line for line in reversed(lines) if line.startswith("ERROR")), "")
        reason = reason or (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        hint = "; give variables with var=" if "variable" in reason else ""
        raise AdfluxError(
            f"LAMMPS does not read {script} up to its pair_coeff: {reason.rstrip('.')}{hint}."
        )
    return [_with_paths(line) for line in found]


def _environment() -> dict[str, str]:
    """With LAMMPS' own potential files, if the user names no other folder."""
    try:
        return {"LAMMPS_POTENTIALS": str(potentials_folder()), **os.environ}
    except AdfluxError:
        return dict(os.environ)


def _so_far(script: Path, wanted: set[str]) -> Iterator[str]:
    """The lines up to the first `run`, continued lines joined; of commands that are left out what
    is wanted is printed.
    """
    text = ""
    for line in script.read_text(errors="replace").splitlines():
        text += line.split("#")[0].rstrip() if '"' not in line else line.rstrip()
        if text.endswith("&"):
            text = text[:-1] + " "
            continue
        words, whole = text.split(), text
        text = ""
        if words[:1] and words[0] in ENDS:
            return
        if words[:1] and words[0] in LEFT_OUT and words[0] in wanted:
            yield f'print """{whole.strip()}"""'
        elif words[:1] and words[0] not in LEFT_OUT:
            yield whole


def _with_paths(line: str) -> str:
    """Names of files as LAMMPS finds them: here, or in the folder of its potentials."""
    return " ".join(_found(word) for word in line.split())


def _found(word: str) -> str:
    if Path(word).is_file():
        return str(Path(word).resolve())
    try:
        beside = potentials_folder() / word
    except AdfluxError:
        return word
    return str(beside) if "." in word and beside.is_file() else word
