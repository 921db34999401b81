"""Commands of an input script as LAMMPS reads them: variables put in, files included, loops and
conditions followed.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ..errors import AdfluxError
from ..paths import template_path
from . import harmless
from .data_coefficients import coefficients_of_data
from .programs import find_lmp, lammps_environment, potentials_folder

# of a pair style in a restart file; of most many-body styles only the name is there
RESTORED = re.compile(
    r"^\s*(restoring )?pair style (?P<style>\S+) (from restart|stores no restart info)\s*$"
)


POTENTIAL = "units", "pair_style", "pair_coeff", "pair_modify", "read_data", "clear", "restored"
READING = "ADFLUX_READING"  # see mliap/continuation.py


class Reading(NamedTuple):
    """What LAMMPS made of a script.

    Attributes
    ----------
    commands
        Those that were wanted, with variables put in; "restored NAME" is the pair style of a
        restart file.
    first
        How many of them stand before the first `run`.
    reason
        Why LAMMPS stopped, if it did.
    reached
        Did it come to a `run`?
    """

    commands: list[str]
    first: int
    reason: str | None
    reached: bool


def read_script(
    script: Path,
    wanted: Iterable[str],
    variables: tuple[str, ...] = (),
    at_run: Iterable[str] = (),
) -> Reading:
    """The commands of these names, as LAMMPS itself reads the script without what runs or writes
    files.

    variables: further arguments of `lmp`, such as ("-var", "seed", "2"). at_run: commands in the
    place of each `run`.
    """
    if not script.is_file():
        raise AdfluxError(
            f"The input script {script} was not found: give the path of a LAMMPS input file."
        )
    wanted, at_run = set(wanted), list(at_run)
    with tempfile.TemporaryDirectory() as folder:
        part, log = Path(folder) / script.name, Path(folder) / "log.lammps"
        # the same file for what the script includes: LAMMPS runs it with this Python
        shutil.copy(harmless.__file__, part.parent / "harmless.py")
        (part.parent / "python").symlink_to(sys.executable)
        if at_run:
            (part.parent / harmless.AT_RUN).write_text("\n".join(at_run) + "\n")
        harmless.harmless_copy(script, part, wanted)
        command = [str(find_lmp()), "-in", str(part), "-log", str(log), "-screen", "none"]
        command += ["-echo", "log", "-skiprun", "-var", "adflux", template_path(), *variables]
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            # our own templates then leave files as they are
            env={**lammps_environment(), READING: "1"},
        )
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    lines = [RESTORED.sub(r"restored \g<style>", line) for line in lines]
    mark = lines.index(harmless.MARK) if harmless.MARK in lines else len(lines)
    # a command with variables stands there twice, as it was and as it became
    found = [
        (number, line)
        for number, line in enumerate(lines)
        if line.split()[:1] and line.split()[0] in wanted and "$" not in line
    ]
    reason = None
    if done.returncode:
        errors = done.stderr.strip().splitlines()
        # our own sentence says more than LAMMPS' that Python failed
        said = [line for line in errors if line.startswith("adflux: ")] or [
            line
            for line in lines
            if line.startswith(("ERROR", "adflux: ")) and line != harmless.MARK
        ]
        reason = (said or errors or ["it gave no reason"])[-1].removeprefix("adflux: ")
    return Reading(
        [line for _, line in found],
        sum(number < mark for number, _ in found),
        reason,
        mark < len(lines),
    )


def resolved_commands(
    script: Path,
    names: Iterable[str],
    variables: tuple[str, ...] = (),
    later: Iterable[str] = (),
) -> list[str]:
    """The commands of these names that LAMMPS reads before the first `run`, and those of `later`
    anywhere, in order.

    What LAMMPS cannot read after the first `run` is left out. "restored" among the names is the
    pair style of a restart file that the script reads. variables: as for `read_script`.
    """
    late = set(later)
    read = read_script(script, {*names, *late}, variables)
    found = [
        line
        for number, line in enumerate(read.commands)
        if number < read.first or line.split()[0] in late
    ]
    _check_read(script, read, found)
    return [_with_paths(line) for line in found]


def potential_commands(script: Path, variables: tuple[str, ...] = ()) -> list[str]:
    """The commands of `POTENTIAL` that LAMMPS reads before the first `run`; in place of read_data
    the pair_coeff commands that the data file stands for.

    AdfluxError where others follow after the first `run`. variables: as for `read_script`.
    """
    read = read_script(script, POTENTIAL, variables)
    first, later = read.commands[: read.first], read.commands[read.first :]
    _check_read(script, read, first)
    first, later = (
        [_with_paths(one) for line in part for one in coefficients_of_data(line)]
        for part in (first, later)
    )
    other = _other(first, later)
    if other is not None:
        raise AdfluxError(
            f"One potential was needed, but {script} has `{other}` after its first run: take the "
            "line out, or move it before the run."
        )
    return first


def _other(first: list[str], later: list[str]) -> str | None:
    """The command that makes later ones more than the first ones over again, as in a loop."""
    cleared = max((n + 1 for n, line in enumerate(first) if line == "clear"), default=0)
    styled = max((n for n, line in enumerate(first) if line.startswith("pair_style")), default=0)
    repeats = [part for part in (["clear"], first[cleared:], first[styled:]) if part]
    while later:
        part = next((part for part in repeats if later[: len(part)] == part), None)
        if part is None:
            return next((line for line in later if line not in first), later[0])
        later = later[len(part) :]
    return None


def _check_read(script: Path, read: Reading, found: list[str]) -> None:
    # a style that this LAMMPS does not have is not refused here
    enough = read.reached or (found and found[-1].startswith("pair_style"))
    if read.reason and not enough:
        hint = "; give variables with var=" if "variable" in read.reason else ""
        raise AdfluxError(
            f"LAMMPS does not read {script} up to its pair_coeff: {read.reason.rstrip('.')}{hint}."
        )


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
