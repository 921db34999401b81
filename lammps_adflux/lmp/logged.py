"""Long commands with their output in a log and a progress bar on the screen."""

import os
import re
import signal
import subprocess
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ..errors import AdfluxError

console = Console(highlight=False, soft_wrap=True)


def run_logged(
    commands: list[list], log: Path, environment: dict[str, str], what: str = "LAMMPS"
) -> None:
    """Run the commands with their output in a log and ninja's counter [n/N] as a progress bar."""
    last: deque[str] = deque(maxlen=20)
    columns = (
        BarColumn(),
        TextColumn("{task.completed}/{task.total} compiled"),
        TimeElapsedColumn(),
    )
    progress = Progress(*columns, console=console, disable=not console.is_terminal)
    quarter = 0
    with log.open("w", buffering=1) as file, progress:
        task = progress.add_task("compiling", total=None)
        for command in commands:
            with subprocess.Popen(
                [str(word) for word in command], env=environment, text=True, errors="replace",
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as process, _stopped_with_us(process):  # fmt: skip
                assert process.stdout
                for line in process.stdout:
                    file.write(line)
                    last.append(line.rstrip())
                    # the superbuild has a counter too, to less than 20
                    if (count := re.match(r"\[(\d+)/(\d+)\]", line)) and int(count[2]) > 20:
                        done, total = int(count[1]), int(count[2])
                        progress.update(task, completed=done, total=total)
                        if not console.is_terminal and 4 * done // total > quarter:
                            quarter = 4 * done // total
                            console.print(f"  {done}/{total} compiled")
            if process.returncode:
                console.print("\n".join(last), markup=False)
                raise AdfluxError(
                    f"{what} could not be built; the end of the log is above, all of it in {log}."
                )


@contextmanager
def _stopped_with_us(process: subprocess.Popen) -> Iterator[None]:
    """Ctrl-C or a signal to this process also ends the compilers, which would go on otherwise."""
    try:
        yield
    except BaseException:
        os.killpg(process.pid, signal.SIGTERM)
        raise
