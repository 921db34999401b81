"""Reads the tables that LAMMPS' fixes write: `fix ave/time` and `fix ave/correlate` files.

NumPy only. Rows that LAMMPS had not finished writing are dropped and counted; anything else that
does not fit is an AdfluxError with file and line number.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..errors import AdfluxError


@dataclass(frozen=True)
class Table:
    """Columns against time steps, of one run or one file."""

    columns: tuple[str, ...]
    rows: Float[np.ndarray, "rows columns"]
    line: int  # of the header, counted from 1
    dropped: int = 0  # unfinished rows at the end
    names: tuple[str, ...] = ()  # LAMMPS' own names of the columns, where a user renamed them

    def place(self, name: str) -> int | None:
        """Which column has this heading, or else this name."""
        for names in (self.columns, self.names):
            if name in names:
                return names.index(name)
        return None

    def column(self, name: str) -> Float[np.ndarray, " rows"]:
        place = self.place(name)
        assert place is not None
        return self.rows[:, place]

    def name(self, column: str) -> str:
        """LAMMPS' own name of a column."""
        place = self.place(column)
        return self.names[place] if place is not None and self.names else column


@dataclass(frozen=True)
class Correlation:
    """The time windows of a `fix ave/correlate` file."""

    columns: tuple[str, ...]  # "v_a*v_b": ⟨a(0) b(t)⟩
    steps: Float[np.ndarray, " lags"]  # lag in time steps
    ends: Float[np.ndarray, " windows"]  # time step at which each window was written
    counts: Float[np.ndarray, "windows lags"]
    values: Float[np.ndarray, "windows lags columns"]


@dataclass(frozen=True)
class Header:
    """What the comments at the beginning of a fix's file say; facts are those that our templates
    write.
    """

    columns: tuple[str, ...] = ()
    line: int = 0
    facts: dict[str, str] = field(default_factory=dict)


def kind_of(text: str) -> str:
    """ "log", "ave/time", "ave/time vector", "ave/correlate", "ave/correlate/long", "yaml" or
    "unknown".
    """
    head = text[:4000]
    if re.search(r"^LAMMPS \(", head, re.MULTILINE) or re.search(
        r"^(Per )?MPI rank memory", text, re.MULTILINE
    ):
        return "log"
    comments = []
    for line in head.splitlines():
        if not line.startswith("#"):
            break
        comments.append(line)
    if any(line.startswith("# Index TimeDelta Ncount") for line in comments):
        return "ave/correlate"
    if any(line.startswith("# Timestep:") for line in head.splitlines()[:6]):
        return "ave/correlate/long"
    if any(line.startswith(("# Row ", "# TimeStep Number-of-rows")) for line in comments):
        return "ave/time vector"
    if any(line.lower().startswith("# timestep ") for line in comments):
        return "ave/time"
    if re.search(r"^(keywords|data|  \S+):", head, re.MULTILINE) and "Time-averaged" in head:
        return "yaml"
    if "\nkeywords:" in text or text.startswith("keywords:"):
        return "log"
    return "unknown"


def numbers(tokens: list[str]) -> list[float] | None:
    """The tokens as numbers, None if one of them is none."""
    try:
        return [float(token) for token in tokens]
    except ValueError:
        return None


def _header(lines: list[str], start: str) -> Header:
    """The last comment that begins with `start` before the data, and facts as '# adflux
    units=metal,…'.
    """
    columns, place, facts = (), 0, {}
    for number, line in enumerate(lines, 1):
        if not line.startswith("#"):
            break
        if line.lower().startswith(start):
            columns, place = tuple(line.split()[1:]), number
        elif line.startswith("# adflux "):
            facts = dict(pair.split("=", 1) for pair in line.split()[2].split(",") if "=" in pair)
    return Header(columns, place, facts)


def _rows(
    path: Path, columns: tuple[str, ...], lines: list[tuple[int, str]], ended: bool
) -> tuple[list, int]:
    """`ended`: something follows the last line, so that LAMMPS had finished writing it."""
    rows: list[list[float]] = []
    dropped = 0
    for index, (number, line) in enumerate(lines):
        tokens = line.split()
        last = index == len(lines) - 1 and not ended
        values = numbers(tokens)
        if last and (not line.endswith("\n") or values is None or len(values) != len(columns)):
            dropped += 1
        elif values is not None and len(values) == len(columns):
            rows.append(values)
        else:
            raise AdfluxError(
                f"{path}, line {number}: {len(columns)} columns were needed ({columns[0]} … "
                f"{columns[-1]}), "
                f"{'words' if values is None else len(values)} found; mend or remove the line."
            )
    return rows, dropped


def read_average(path: Path, text: str) -> tuple[Table, dict[str, str]]:
    """A `fix ave/time` file of scalars, whose header starts with `# TimeStep`, and the facts in its
    header.
    """
    lines = text.splitlines(keepends=True)
    header = _header(lines, "# timestep ")
    body = [
        (i + 1, line) for i, line in enumerate(lines) if not line.startswith("#") and line.strip()
    ]
    rows, dropped = _rows(path, header.columns, body, ended=False)
    array = np.array(rows, dtype=float).reshape(len(rows), len(header.columns))
    return Table(header.columns, array, header.line, dropped), header.facts


def read_correlation(path: Path, text: str) -> tuple[Correlation, dict[str, str]]:
    """The finished windows of a `fix ave/correlate` file (header `# Index TimeDelta Ncount …`)."""
    lines = text.splitlines(keepends=True)
    header = _header(lines, "# index timedelta")
    columns = header.columns[3:]
    body = [
        (i + 1, line) for i, line in enumerate(lines) if not line.startswith("#") and line.strip()
    ]
    start, ends, windows = 0, [], []
    while start < len(body):
        number, line = body[start]
        found = numbers(line.split())
        if found is None or len(found) != 2 or found[1] < 1:
            if start == len(body) - 1:
                break
            raise AdfluxError(
                f"{path}, line {number}: the 'Timestep Number-of-lags' of a window was needed: "
                "mend the file."
            )
        end = start + 1 + int(found[1])
        if end > len(body) or (end == len(body) and not body[-1][1].endswith("\n")):
            break  # LAMMPS had not finished this window
        windows.append(
            _rows(
                path, ("Index", "TimeDelta", "Ncount", *columns), body[start + 1 : end], ended=True
            )[0]
        )
        ends.append(found[0])
        start = end
    if not windows:
        raise AdfluxError(
            f"{path} holds no finished time window: wait for the run, or shorten Nfreq."
        )
    # one file may hold windows of several fixes, appended: those of the last number of lags are one
    # series
    lags = len(windows[-1])
    kept = [number for number, window in enumerate(windows) if len(window) == lags]
    data = np.array([windows[number] for number in kept], dtype=float)
    return Correlation(
        columns, data[-1, :, 1], np.array(ends)[kept], data[:, :, 2], data[:, :, 3:]
    ), header.facts
