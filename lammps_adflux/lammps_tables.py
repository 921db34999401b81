"""Reads the tables that LAMMPS writes: thermo output in logs, `fix ave/time` and `fix ave/correlate` files.

NumPy only. Rows that LAMMPS had not finished writing are dropped and counted; anything else that does not
fit is an AdfluxError with file and line number.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from .errors import AdfluxError
from .units import UNIT_NAMES


@dataclass(frozen=True)
class Table:
    """Columns against time steps, of one run or one file."""

    columns: tuple[str, ...]
    rows: Float[np.ndarray, "rows columns"]
    line: int  # of the header, counted from 1
    dropped: int = 0  # unfinished rows at the end

    def column(self, name: str) -> Float[np.ndarray, " rows"]:
        return self.rows[:, self.columns.index(name)]


@dataclass
class LogFacts:
    """What a log says about its runs besides the tables, as of its end. None where it does not say."""

    units: str | None = None
    timestep: float | None = None
    volume: float | None = None  # of the last box that was printed
    box_may_change: bool = False
    timestep_may_change: bool = False
    normalised: bool | None = None  # does thermo divide extensive computes by the number of atoms?


@dataclass
class Log:
    facts: LogFacts = field(default_factory=LogFacts)
    # one per run, with the facts as they stood when the run began
    runs: list[tuple[Table, LogFacts]] = field(default_factory=list)


@dataclass(frozen=True)
class Correlation:
    """The last time window of a `fix ave/correlate` file."""

    columns: tuple[str, ...]  # "v_a*v_b": ⟨a(0) b(t)⟩
    steps: Float[np.ndarray, " lags"]  # lag in time steps
    counts: Float[np.ndarray, " lags"]
    values: Float[np.ndarray, "lags columns"]
    windows: int


def read_text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise AdfluxError(f"{path} could not be read ({error.strerror}): check the name.") from None
    if not text.strip():
        raise AdfluxError(f"{path} is empty: LAMMPS has not written any output there yet.")
    return text


def kind_of(text: str) -> str:
    """ "log", "ave/time", "ave/time vector", "ave/correlate", "ave/correlate/long", "yaml" or "unknown"."""
    head = text[:4000]
    comments = [line for line in head.splitlines()[:6] if line.startswith("#")]
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
    if head.startswith("LAMMPS (") or "\nLAMMPS (" in head or "MPI rank memory" in text or "\nkeywords:" in text:
        return "log"
    return "unknown"


def _numbers(tokens: list[str]) -> list[float] | None:
    try:
        return [float(token) for token in tokens]
    except ValueError:
        return None


def _table(path: Path, columns: list[str], lines: list[tuple[int, str]], header: int, ended: bool) -> Table:
    """`ended`: something follows the last line, so that LAMMPS had finished writing it."""
    rows: list[list[float]] = []
    dropped = 0
    for index, (number, line) in enumerate(lines):
        tokens = line.split()
        last = index == len(lines) - 1 and not ended
        values = _numbers(tokens)
        if last and (not line.endswith("\n") or values is None or len(values) != len(columns)):
            dropped += 1
        elif values is not None and len(values) == len(columns):
            rows.append(values)
        elif values is not None and tokens:
            raise AdfluxError(
                f"{path}, line {number}: {len(columns)} columns were needed ({columns[0]} … {columns[-1]}), "
                f"{len(values)} found; mend or remove the line."
            )
        # a line with words in it is a warning or a `print` in between the rows
    array = np.array(rows, dtype=float).reshape(len(rows), len(columns))
    return Table(tuple(columns), array, header, dropped)


def read_log(path: Path, text: str) -> Log:
    """Every thermo table of a log (`line one` and `line yaml`), and what its echoed commands say."""
    log = Log()
    lines = text.splitlines(keepends=True)
    index = 0
    while index < len(lines):
        line = lines[index]
        index += 1
        words = line.split()
        if not words:
            continue
        yaml = words[0] == "keywords:"
        # The header is the line after "Per MPI rank memory allocation ..."; a yaml table brings its own.
        if "MPI rank memory allocation" in line and index < len(lines):
            columns = lines[index].split()
            if "Step" not in columns:
                continue  # yaml, multi, or no table
            index += 1
        elif yaml:
            columns = re.findall(r"'([^']*)'|\"([^\"]*)\"", line)
            columns = [one or two for one, two in columns] or re.findall(r"[^\s,\[\]]+", line.split(":", 1)[1])
        else:
            _note_fact(log.facts, words, line)
            continue
        header, body, ended = index, [], False
        while index < len(lines):
            row = lines[index]
            if row.startswith(("Loop time of", "ERROR", "...")):
                ended = True
                break
            if yaml and row.lstrip().startswith("- ["):
                row = row.split("[", 1)[1].replace("]", " ").replace(",", " ")
            body.append((index + 1, row))
            index += 1
        table = _table(path, columns, body, header, ended)
        log.runs.append((table, LogFacts(**vars(log.facts))))
    return log


_BOX = re.compile(r"(?:orthogonal|triclinic) box = \(([-\d.eE+ ]+)\) to \(([-\d.eE+ ]+)\)(?! and)")


def _note_fact(facts: LogFacts, words: list[str], line: str) -> None:
    command, arguments = words[0], words[1:]
    if command == "units" and arguments and arguments[0] in UNIT_NAMES:
        facts.units = arguments[0]
    elif line.strip().startswith("Unit style") and words[-1] in UNIT_NAMES:
        facts.units = words[-1]
    elif command == "timestep" and arguments:
        numbers = _numbers(arguments[:1])
        facts.timestep = numbers[0] if numbers else facts.timestep  # `timestep ${dt}` is echoed again, substituted
    elif line.strip().startswith("Time step ") and words[-1:] and (numbers := _numbers(words[-1:])):
        facts.timestep = numbers[0]
    elif command == "fix" and len(arguments) > 2:
        style = arguments[2].split("/kk")[0]
        facts.box_may_change |= any(part in style for part in ("npt", "nph", "deform", "box/relax", "press/"))
        facts.timestep_may_change |= style == "dt/reset"
    elif command in ("change_box", "clear"):
        facts.box_may_change = command == "change_box"
        if command == "clear":
            facts.units = facts.timestep = facts.volume = facts.normalised = None
    elif command == "thermo_modify" and "norm" in arguments[:-1]:
        facts.normalised = arguments[arguments.index("norm") + 1] in ("yes", "on", "true")
    elif command == "thermo_style":
        facts.normalised = None  # a new style forgets thermo_modify
    elif match := _BOX.search(line):
        low, high = (_numbers(group.split()) for group in match.groups())
        if low and high and len(low) == len(high) == 3:
            facts.volume = float(np.prod(np.subtract(high, low)))


def read_average(path: Path, text: str) -> Table:
    """A `fix ave/time` file of scalars: the header starts with `# TimeStep`."""
    lines = text.splitlines(keepends=True)
    header = next(i for i, line in enumerate(lines) if line.lower().startswith("# timestep "))
    body = [(i + 1, line) for i, line in enumerate(lines) if not line.startswith("#") and line.strip()]
    return _table(path, lines[header].split()[1:], body, header + 1, ended=False)


def read_correlation(path: Path, text: str) -> Correlation:
    """The last finished window of a `fix ave/correlate` file (header `# Index TimeDelta Ncount …`)."""
    lines = text.splitlines(keepends=True)
    header = next(line for line in lines[:6] if line.startswith("# Index TimeDelta"))
    columns = header.split()[4:]
    body = [(i + 1, line) for i, line in enumerate(lines) if not line.startswith("#") and line.strip()]
    windows, start, last = 0, 0, None
    while start < len(body):
        number, line = body[start]
        numbers = _numbers(line.split())
        if numbers is None or len(numbers) != 2 or numbers[1] < 1:
            if start == len(body) - 1:
                break
            raise AdfluxError(
                f"{path}, line {number}: the 'Timestep Number-of-lags' of a window was needed: mend the file."
            )
        end = start + 1 + int(numbers[1])
        if end > len(body) or (end == len(body) and not body[-1][1].endswith("\n")):
            break  # LAMMPS had not finished this window
        last, windows, start = body[start + 1 : end], windows + 1, end
    if last is None:
        raise AdfluxError(f"{path} holds no finished time window: wait for the run, or shorten Nfreq.")
    table = _table(path, ["Index", "TimeDelta", "Ncount", *columns], last, last[0][0], ended=True)
    return Correlation(tuple(columns), table.rows[:, 1], table.rows[:, 2], table.rows[:, 3:], windows)
