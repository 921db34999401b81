"""Reads a LAMMPS log as a sequence of jobs and runs: the thermo table of each run, and what held
for it.

NumPy only. Logs may be appended to, end in half a row, hold prints and warnings between rows, or be
what LAMMPS wrote to the screen.
"""

import itertools
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import AdfluxError
from .lammps_tables import Table, numbers
from .log_state import COMMANDS, HEADINGS, State

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
        """`run N pre no` prints the header of its table and nothing before it."""
        if self._now().command is None or not words:
            return False
        return words[0] == "Step" or (
            bool(self.log.runs) and tuple(words) == self.log.runs[-1].table.columns
        )

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
            columns, body = _multi(body)
        elif yaml:
            quoted = re.findall(r"'([^']*)'|\"([^\"]*)\"", head)
            columns = [one or two for one, two in quoted] or re.findall(
                r"[^\s,\[\]]+", head.split(":", 1)[-1]
            )
        else:
            columns = head.split()
        names = _headings(columns, state)
        if (body and body[0][1].startswith("Minimization")) or self._is_minimisation():
            kind = "minimize"
        if "Step" not in names:
            if columns and columns[0] != "Loop":
                self.log.without_step = header
            rest = body
        else:
            rows, rest, dropped = _rows(self.path, names, body, state.interval, ended)
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


def _headings(columns: list[str], state: State) -> tuple[str, ...]:
    """LAMMPS' own names of the columns, whatever thermo_modify colname calls them."""
    keywords = state.keywords
    if keywords is None or len(keywords) != len(columns):
        return tuple(columns)
    return tuple(
        HEADINGS.get(keyword, heading if keyword[:2] not in ("c_", "v_", "f_") else keyword)
        for keyword, heading in zip(keywords, columns, strict=True)
    )


def _multi(body: list[tuple[int, str]]) -> tuple[list[str], list[tuple[int, str]]]:
    """Columns and rows of `thermo_modify line multi`, where each step is several lines of NAME =
    VALUE.
    """
    columns: list[str] = []
    rows: list[tuple[int, str]] = []
    values: list[str] = []
    for number, line in [*body, (0, "---- Step ")]:
        if re.match(r"-+ Step\s", line):
            if values and len(values) == len(columns):
                rows.append((number, " ".join(values) + "\n"))
            values = []
            continue
        pairs = re.findall(r"(\S+)\s+=\s+(\S+)", line)
        if not rows:
            columns = columns + [name for name, _ in pairs if name not in columns]
        values += [value for _, value in pairs]
    return columns, rows


def _rows(
    path: Path,
    columns: tuple[str, ...],
    lines: list[tuple[int, str]],
    interval: int | None,
    ended: bool,
) -> tuple[list[list[float]], list[tuple[int, str]], int]:
    """The rows of a table, the lines after the last of them, and how many unfinished rows were
    dropped.

    A row is a line of as many numbers as there are columns whose step is the first, the last, or a
    multiple of the thermo interval; other lines are prints and warnings. `ended`: LAMMPS had
    finished the last line.
    """
    step = columns.index("Step")
    found: list[tuple[int, list[float]]] = []
    others: list[tuple[int, list[float]]] = []
    dropped = 0
    for place, (_, line) in enumerate(lines):
        tokens = line.split()
        values = numbers(tokens)
        unfinished = place == len(lines) - 1 and not ended and not line.endswith("\n")
        if values and len(values) == len(columns) and not unfinished:
            found.append((place, values))
        elif place == len(lines) - 1 and not ended and tokens:
            dropped += values is not None or unfinished
        elif values:
            others.append((place, values))
    if interval is None and len(found) > 3:
        gaps = Counter(b[1][step] - a[1][step] for a, b in itertools.pairwise(found))
        gaps = {gap: count for gap, count in gaps.items() if gap > 0}
        interval = int(max(gaps, key=lambda gap: gaps[gap])) if gaps else None
        # the multiples of an inferred interval count from wherever most rows stand
        offset = (
            Counter(values[step] % interval for _, values in found).most_common(1)[0][0]
            if interval
            else 0
        )
    else:
        offset = 0
    rows: list[tuple[int, list[float]]] = []
    for number, (place, values) in enumerate(found):
        last = number == len(found) - 1
        regular = interval is None or (interval > 0 and values[step] % interval == offset)
        if not (regular or not rows or last):
            continue
        if rows and rows[-1][1][step] == values[step]:
            rows.pop()  # a print of the same step came before the row
        rows.append((place, values))
    steps = {values[step] for _, values in rows}
    for place, values in others:
        before = max((row[1][step] for row in rows if row[0] < place), default=-np.inf)
        after = min((row[1][step] for row in rows if row[0] > place), default=np.inf)
        # behind the last row of a killed run it may be a print that came before a row
        inner = ended or after < np.inf
        if (
            inner
            and interval
            and values[0] % interval == offset
            and before < values[0] < after
            and values[0] not in steps
        ):
            raise AdfluxError(
                f"{path}, line {lines[place][0]}: {len(columns)} columns were needed "
                f"({columns[0]} … {columns[-1]}), "
                f"{len(values)} found; mend or remove the line."
            )
    end = rows[-1][0] + 1 if rows else 0
    return [values for _, values in rows], lines[end:], dropped
