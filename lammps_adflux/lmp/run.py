"""`adflux run`: LAMMPS on n ranks with the templates at hand, and a progress bar."""

import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ..errors import AdfluxError
from ..paths import template_path
from .answers import help_text
from .programs import find_lmp, find_mpiexec, find_program, lammps_environment

NOTES = ("adflux: comp", "adflux: goes on")
REASONS = ("ERROR", "adflux:")  # how a line begins that says why LAMMPS ended


def run_lammps(
    script: Path,
    ranks: int = 1,
    extra: tuple[str, ...] = (),
    lmp: Path | None = None,
    verbose: bool = False,
    folder: Path | None = None,
) -> int:
    """Run an input script; returns LAMMPS' exit code. The log has everything, the screen a progress
    bar.

    extra: further arguments of `lmp`, such as ("-var", "seed", "2"). On failure the last lines of
    output follow.
    """
    script = Path(script)
    if not script.is_file():
        raise AdfluxError(
            f"The input script {script} was not found: give the path of a LAMMPS input file."
        )
    if ranks < 1:
        raise AdfluxError(f"The number of ranks must be 1 or more, but is {ranks}.")
    lmp = find_lmp() if lmp is None else program(lmp)
    launcher = [str(find_mpiexec()), "-n", str(ranks)] if ranks > 1 else []
    command = [*launcher, str(lmp), "-in", str(script.resolve())]
    command += ["-var", "adflux", template_path(), "-echo", "both", *extra]
    environment = {"OMP_NUM_THREADS": "1", **lammps_environment()}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL, errors="replace",
    )  # fmt: skip
    last, reasons = deque[str](maxlen=15), deque[str](maxlen=5)
    try:
        with _ends_on_request():
            for line in _followed(process, verbose):
                last.append(line)
                if line.startswith(REASONS) and not line.startswith(NOTES):
                    reasons.append(line)
    except (KeyboardInterrupt, SystemExit):
        process.terminate()
        raise
    finally:
        code = process.wait()
    if code and not verbose:
        seen = [line for line in last if line in reasons]
        # other ranks may print what they had in store after the reason
        print("".join(seen or (*last, *reasons)), file=sys.stderr, end="")
    return code


@contextmanager
def _ends_on_request():
    """SIGTERM, as a queue sends it, becomes SystemExit, so that LAMMPS ends as well."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number, frame):
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def program(lmp: Path) -> Path:
    """The LAMMPS that a user names, by its path or as the shell would find it."""
    # the absolute path, since a relative one would be looked for in the folder where LAMMPS runs
    found = find_program(str(lmp.absolute())) or find_program(str(lmp))
    if found is None:
        reason = (
            "is a folder"
            if lmp.is_dir()
            else "is not a program"
            if lmp.exists()
            else "was not found"
        )
    elif "date" not in (seen := help_text(found)):
        reason = f"is not LAMMPS (`{lmp} -h` printed {seen['output']})"
    else:
        return found
    raise AdfluxError(
        f"The lmp {lmp} {reason}: give the path of a LAMMPS, or leave it out for this "
        "environment's own."
    )


def _followed(process, verbose: bool) -> Iterator[str]:
    """The lines of the output, with a bar for each `run`; all are shown where asked, notes and
    warnings in any case.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} steps"),
        TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    steps, upto, first = 0, False, None
    with Progress(
        *columns, console=console, disable=not console.is_terminal or verbose
    ) as progress:
        task = None
        for line in process.stdout:
            yield line
            if verbose:
                print(line, end="", flush=True)
            elif line.startswith((*NOTES, "WARNING")):
                progress.console.print(line.rstrip(), markup=False, highlight=False)
            if command := re.match(r"\s*run\s+(\d+)(\s+upto)?", line):
                steps, upto, first = int(command[1]), bool(command[2]), None
                if task is not None:
                    progress.update(task, completed=progress.tasks[task].total)
                task = progress.add_task("LAMMPS", total=steps)
            elif task is not None and (row := re.match(r"\s*(\d+)(\s+[-+.\deE]+)+\s*$", line)):
                if first is None:
                    first = int(row[1])
                    steps -= first if upto else 0
                    progress.update(task, total=steps)
                progress.update(task, completed=min(int(row[1]) - first, steps))
        if task is not None and process.poll() in (None, 0):
            progress.update(task, completed=progress.tasks[task].total)
