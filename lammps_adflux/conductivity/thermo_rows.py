"""The rows of a thermo table among prints and warnings, and LAMMPS' own names of its columns."""

import itertools
import re
from collections import Counter
from pathlib import Path

import numpy as np

from ..errors import AdfluxError
from .lammps_tables import numbers
from .log_state import State
from .log_words import HEADINGS


def own_headings(columns: list[str], state: State) -> tuple[str, ...]:
    """LAMMPS' own names of the columns, whatever thermo_modify colname calls them."""
    keywords = state.keywords
    if keywords is None or len(keywords) != len(columns):
        return tuple(columns)
    return tuple(
        HEADINGS.get(keyword, heading if keyword[:2] not in ("c_", "v_", "f_") else keyword)
        for keyword, heading in zip(keywords, columns, strict=True)
    )


def multi_line(body: list[tuple[int, str]]) -> tuple[list[str], list[tuple[int, str]]]:
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


def table_rows(
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
