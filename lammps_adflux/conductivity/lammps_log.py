"""Reads a LAMMPS log as a sequence of jobs and runs: the thermo table of each run, and what held
for it.

NumPy only. Logs may be appended to, end in half a row, hold prints and warnings between rows, or be
what LAMMPS wrote to the screen.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .lammps_tables import Table
from .log_state import State
from .log_words import COMMANDS
from .thermo_rows import multi_line, own_headings, table_rows

_HEADER = re.compile(r"LAMMPS \(\d{1,2} [A-Z][a-z]{2} \d{4}")
_GLUED = re.compile(rf"[-\s\d.eE+]*?((?:{'|'.join(COMMANDS)})\s.*)", re.DOTALL)


@dataclass(frozen=True)
class Run:
    """One run of a log: its thermo table, and the state of LAMMPS when it began."""

    table: Table
    state: State
    # run, minimize, rerun, multi (thermo_modify line multi), or unknown where commands are not
    # echoed
    kind: str
    line: int  # of the command, or of the table's header
    finished: bool

    @property
    def dynamics(self) -> bool:
        return self.kind != "minimize"


@dataclass
class Log:
    """All runs of a log, of however many jobs."""

    path: Path
    runs: list[Run] = field(default_factory=list)
    state: State = field(default_factory=State)  # at the end
    without_step: int | None = None  # line of a table without a column of steps


def read_log(path: Path, text: str) -> Log:
    """Every run of a log, in the order of the file."""
    return _Reader(path, text).read()


class _Reader:
    def __init__(self, path: Path, text: str):
        self.path = path
        self.lines = text.splitlines(keepends=True)
        self.log = Log(path)
        self.state: State | None = None
        self.index = 0
        self.command_line = 0

    def read(self) -> Log:
        while self.index < len(self.lines):
            line = self.lines[self.index]
            self.index += 1
            self._line(line)
        self.log.state = self._now()
        return self.log

    def _now(self) -> State:
        if self.state is None:
            self.state = State.of_new_job(None, whole=False)
        return self.state

    def _line(self, line: str) -> None:
        """One line outside tables."""
        if _HEADER.match(line):
            self.state = State.of_new_job(self.state, whole=True)
        elif line.startswith("Total wall time:"):
            self.state = State.of_new_job(self._now(), whole=False)
        elif "MPI rank memory allocation" in line:
            self._run()
        elif line.lstrip().startswith("keywords:") or self._is_header(line.split()):
            self.index -= 1
            self._run()
        else:
            number = self.index
            line = self._whole_command(line)
            before = self._now().command
            self._now().read(line, number)
            if self._now().command is not before:
                self.command_line = number

    def _is_header(self, words: list[str]) -> bool:
        """`run N pre no` prints the header of its table and nothing before it, as the later parts
        of `run N every M` do, for which no command is echoed.
        """
        state, runs = self._now(), self.log.runs
        again = bool(runs) and tuple(words) == runs[-1].table.columns
        if state.command is None and again and runs[-1].kind == "run" and runs[-1].finished:
            state.command = "run"
        return bool(words) and state.command is not None and (words[0] == "Step" or again)

    def _whole_command(self, line: str) -> str:
        """Take in the lines of a triple-quoted text."""
        while line.count('"""') % 2 and self.index < len(self.lines):
            line += self.lines[self.index]
            self.index += 1
        return line

    def _run(self) -> None:
        state = self._now()
        state.begin_run()
        kind, line = state.command or "unknown", self.command_line if state.command else self.index
        while self.index < len(self.lines) and self.lines[self.index].startswith("WARNING"):
            self.index += 1
        head = self.lines[self.index] if self.index < len(self.lines) else ""
        header = self.index + 1
        yaml = "keywords:" in head or head.startswith("---\n")
        if head.startswith("---\n"):
            self.index += 1
            head = self.lines[self.index] if self.index < len(self.lines) else ""
        multi = re.match(r"-+ Step\s", head) is not None
        if not multi:
            self.index += 1
        body, ended = self._body(yaml)
        if multi:
            kind = "multi"
            columns, body = multi_line(body)
        elif yaml:
            quoted = re.findall(r"'([^']*)'|\"([^\"]*)\"", head)
            columns = [one or two for one, two in quoted] or re.findall(
                r"[^\s,\[\]]+", head.split(":", 1)[-1]
            )
        else:
            columns = head.split()
        names = own_headings(columns, state)
        if (body and body[0][1].startswith("Minimization")) or self._is_minimisation():
            kind = "minimize"
        if "Step" not in names:
            if columns and columns[0] != "Loop":
                self.log.without_step = header
            rest = body
        else:
            rows, rest, dropped = table_rows(self.path, names, body, state.interval, ended)
            array = np.array(rows, dtype=float).reshape(len(rows), len(names))
            table = Table(tuple(columns), array, header, dropped, names)
            snapshot = state.snapshot()
            snapshot.atoms = self._atoms() or state.atoms
            self.log.runs.append(Run(table, snapshot, kind, line, ended))
        state.command = None
        if not ended:
            self._after_a_broken_run(rest)

    def _body(self, yaml: bool) -> tuple[list[tuple[int, str]], bool]:
        """The lines up to the end of the run, or to where another begins; True: LAMMPS ended it."""
        body = []
        while self.index < len(self.lines):
            row = self.lines[self.index]
            if row.startswith(("Loop time of", "ERROR", "...")):
                return body, True
            if row.startswith("Total wall time:") or "MPI rank memory allocation" in row:
                return body, False
            if found := _HEADER.search(row):
                # a job was appended to the half row of one that was killed
                if found.start():
                    body.append((self.index + 1, row[: found.start()]))
                    self.lines[self.index] = row[found.start() :]
                return body, False
            if yaml and row.lstrip().startswith("- ["):
                row = row.split("[", 1)[1].replace("]", " ").replace(",", " ")
            body.append((self.index + 1, row))
            self.index += 1
        return body, False

    def _after_a_broken_run(self, rest: list[tuple[int, str]]) -> None:
        """A job that was killed may be followed by the commands of another, in the middle of its
        last line.
        """
        if self.index >= len(self.lines) and not any(_GLUED.fullmatch(line) for _, line in rest):
            return
        self.state = State.of_new_job(self._now(), whole=False)
        if rest:
            # read these lines again, as commands
            self.index = rest[0][0] - 1
            for number, line in rest:
                if glued := _GLUED.fullmatch(line):
                    self.lines[number - 1] = glued.group(1)

    def _is_minimisation(self) -> bool:
        """Without echoed commands, only the statistics behind the table tell a minimisation."""
        return any(
            line.startswith("Minimization stats:")
            for line in self.lines[self.index : self.index + 6]
        )

    def _atoms(self) -> int | None:
        line = self.lines[self.index] if self.index < len(self.lines) else ""
        found = re.search(r"with (\d+) atoms", line)
        return int(found.group(1)) if found else None
