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

from ..errors import AdfluxError
from ..paths import template_path
from . import harmless
from .programs import find_lmp, lammps_environment, potentials_folder

# of a pair style in a restart file; of most many-body styles only the name is there
RESTORED = re.compile(
    r"^\s*(restoring )?pair style (?P<style>\S+) (from restart|stores no restart info)\s*$"
)


def resolved_commands(
    script: Path,
    names: Iterable[str],
    variables: tuple[str, ...] = (),
    later: Iterable[str] = (),
) -> list[str]:
    """The commands of these names that LAMMPS reads before the first `run`, and those of `later`
    anywhere, in order.

    LAMMPS itself reads the script, without what runs or writes files. What it cannot read after the
    first `run` is left out. "restored" among the names is the pair style of a restart file that the
    script reads. variables: further arguments of `lmp`, such as ("-var", "seed", "2").
    """
    if not script.is_file():
        raise AdfluxError(
            f"The input script {script} was not found: give the path of a LAMMPS input file."
        )
    early, late = set(names), set(later)
    wanted = early | late
    with tempfile.TemporaryDirectory() as folder:
        part, log = Path(folder) / script.name, Path(folder) / "log.lammps"
        # the same file for what the script includes: LAMMPS runs it with this Python
        shutil.copy(harmless.__file__, part.parent / "harmless.py")
        (part.parent / "python").symlink_to(sys.executable)
        harmless.harmless_copy(script, part, wanted)
        command = [str(find_lmp()), "-in", str(part), "-log", str(log), "-screen", "none"]
        command += ["-echo", "log", "-skiprun", "-var", "adflux", template_path(), *variables]
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=lammps_environment(),
        )
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    lines = [RESTORED.sub(r"restored \g<style>", line) for line in lines]
    first = lines.index(harmless.MARK) if harmless.MARK in lines else len(lines)
    # a command with variables stands there twice, as it was and as it became
    found = [
        line
        for number, line in enumerate(lines)
        if line.split()[:1]
        and line.split()[0] in (wanted if number < first else late)
        and "$" not in line
    ]
    # a style that this LAMMPS does not have is not refused here
    read = first < len(lines) or (found and found[-1].startswith("pair_style"))
    if done.returncode and not read:
        said = (line for line in reversed(lines) if line.startswith(("ERROR", "adflux:")))
        reason = next(said, "").removeprefix("adflux: ")
        reason = reason or (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        hint = "; give variables with var=" if "variable" in reason else ""
        raise AdfluxError(
            f"LAMMPS does not read {script} up to its pair_coeff: {reason.rstrip('.')}{hint}."
        )
    return [_with_paths(line) for line in found]


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
