"""What the commands that a LAMMPS log echoes say of the runs that follow them."""

import copy
import re
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any, NamedTuple

from ..units import UNIT_NAMES
from .log_words import COMMANDS, split_words

# fixes that change the box, by a part of their name
BOX_FIXES = ("npt", "nph", "deform", "box/relax", "press/", "msst", "pimd", "nvt/sllod")
_BOX = re.compile(r"(?:orthogonal|triclinic) box = \(([-\d.eE+ ]+)\) to \(([-\d.eE+ ]+)\)(?! and)")
_VARIABLE = re.compile(r"\\?\$(?:\{[^}]*\}|\([^)]*\)|\w)")


class Fact(NamedTuple):
    """A value, and the line of the log that says it (0: a default of LAMMPS)."""

    value: Any
    line: int


@dataclass(frozen=True, eq=False)
class Definition:
    """A fix, compute or variable: its style, what follows it, and the line that made it."""

    style: str
    words: tuple[str, ...]
    line: int
    group: str = "all"

    def after(self, keyword: str) -> str | None:
        """The word behind a keyword, None where it is not there."""
        return self.words[self.words.index(keyword) + 1] if keyword in self.words[:-1] else None

    @property
    def file(self) -> str | None:
        return self.after("file") or self.after("append")


@dataclass
class State:
    """One LAMMPS, as far as the log has shown it by now. None: not shown."""

    job: int = 0  # counted from 0
    whole: bool = False  # all commands of this job are in the log
    units: Fact | None = None
    timestep: Fact | None = None
    timestep_varies: str | None = None  # what may have changed it
    restored: str | None = (
        None  # the restart file that units and time step come from, where they are unknown
    )
    lengths: Fact | None = None  # of the box's edges along x, y, z
    box_varies: str | None = None  # what may have changed it since it was printed
    dimension: Fact | None = None
    atoms: int | None = None
    interval: int | None = None  # of thermo output; 0: first and last step only
    keywords: tuple[str, ...] | None = None  # of thermo_style custom
    normalised: bool | None = None  # does thermo divide extensive computes by the number of atoms?
    fixes: dict[str, Definition] = field(default_factory=dict)
    computes: dict[str, Definition] = field(default_factory=dict)
    variables: dict[str, Definition] = field(default_factory=dict)
    pair_style: tuple[str, ...] = ()
    masses: dict[str, float] = field(default_factory=dict)  # by what stands before them
    elements: tuple[str, ...] = ()  # that pair_coeff names
    # patterns of the restart files written so far → units, time step and dimension in them
    restarts: dict[str, tuple] = field(default_factory=dict)
    periodic: tuple[str, ...] = ()  # restart files that runs write
    command: str | None = None  # the last of run, minimize, rerun
    printed: tuple[str, ...] = ()  # patterns of the lines that the last print command writes

    @property
    def kinds(self) -> int:
        """How many kinds of atoms the commands tell apart, by their masses or elements."""
        return max(len(set(self.masses.values())), len(self.elements))

    def snapshot(self) -> "State":
        """A copy that later commands do not change; definitions are shared."""
        copied = copy.copy(self)
        for name in ("fixes", "computes", "variables", "restarts", "masses"):
            setattr(copied, name, dict(getattr(self, name)))
        return copied

    @classmethod
    def of_new_job(cls, before: "State | None", whole: bool) -> "State":
        job = before.job + 1 if before is not None else 0
        state = cls(job, whole, restarts=dict(before.restarts) if before is not None else {})
        if whole:
            state.units, state.dimension = Fact("lj", 0), Fact(3, 0)
        return state

    def read(self, text: str, line: int) -> None:
        """Take one line of the log, outside tables, into account."""
        if self.printed:
            pattern, *rest = self.printed
            self.printed = tuple(rest)
            if re.fullmatch(pattern, text.strip()):
                return
        if match := _BOX.search(text):
            low, high = ([float(word) for word in group.split()] for group in match.groups())
            if len(low) == len(high) == 3:
                self.lengths = Fact(tuple(b - a for a, b in zip(low, high, strict=True)), line)
                self.box_varies = None
            return
        words, complete = split_words(text)
        if not words:
            return
        if words[:2] == ["Unit", "style"] and words[-1] in UNIT_NAMES:
            self.units = Fact(words[-1], line)
        elif words[:2] == ["Time", "step"] and _number(words[-1]) is not None:
            self.timestep, self.timestep_varies = Fact(_number(words[-1]), line), None
        elif words[1:2] == ["CPU"]:
            # "  read_restart CPU = 0.001 seconds", as several commands report
            return
        elif complete:  # else LAMMPS echoes it again, substituted
            action = getattr(self, f"_{words[0]}", None)
            if action is not None and words[0] in COMMANDS:
                action(words[1:], line)
            elif words[0] in ("uncompute", "read_dump", "delete_atoms", "fix_modify"):
                self._other(words[0], words[1:])

    def _other(self, command: str, words: list[str]) -> None:
        if command == "uncompute" and words:
            self.computes.pop(words[0], None)
        elif command == "read_dump":
            self.box_varies = "read_dump"

    def _units(self, words, line) -> None:
        if words and words[0] in UNIT_NAMES:
            self.units, self.timestep, self.timestep_varies = Fact(words[0], line), None, None

    def _timestep(self, words, line) -> None:
        if words and (value := _number(words[0])) is not None:
            self.timestep, self.timestep_varies = Fact(value, line), None

    def _dimension(self, words, line) -> None:
        if words and words[0] in ("2", "3"):
            self.dimension = Fact(int(words[0]), line)

    def _read_restart(self, words, line) -> None:
        stored = next(
            (
                facts
                for pattern, facts in self.restarts.items()
                if words and _matches(words[0], pattern)
            ),
            None,
        )
        stated = self.units if self.units is not None and self.units.line else None
        self.units, self.timestep, self.dimension = stored or (stated, None, None)
        self.timestep_varies = None
        self.restored = None if stored else (words or ["the restart file"])[0]

    def _clear(self, words, line) -> None:
        kept = self.job, self.whole, self.variables, self.restarts
        vars(self).update(vars(State.of_new_job(None, self.whole)))
        self.job, self.whole, self.variables, self.restarts = kept

    def _change_box(self, words, line) -> None:
        self.box_varies = "change_box"

    def _fix(self, words, line) -> None:
        if len(words) < 3:
            return
        style = re.sub(r"/(kk|omp|intel|gpu|opt)(/device|/host)?$", "", words[2])
        self.fixes[words[0]] = Definition(style, tuple(words[3:]), line, words[1])

    def _unfix(self, words, line) -> None:
        if words:
            self.fixes.pop(words[0], None)

    def _compute(self, words, line) -> None:
        if len(words) >= 3:
            self.computes[words[0]] = Definition(words[2], tuple(words[3:]), line, words[1])

    def _variable(self, words, line) -> None:
        if len(words) < 2:
            return
        if words[1] == "delete":
            self.variables.pop(words[0], None)
        elif (
            words[1] in ("equal", "atom", "vector", "python", "internal")
            or words[0] not in self.variables
        ):
            self.variables[words[0]] = Definition(words[1], tuple(words[2:]), line)

    def _pair_style(self, words, line) -> None:
        self.pair_style, self.elements = tuple(words), ()

    def _pair_coeff(self, words, line) -> None:
        found = [word for word in words[2:] if re.fullmatch("[A-Z][a-z]?", word)]
        self.elements = tuple(dict.fromkeys([*self.elements, *found]))

    def _mass(self, words, line) -> None:
        if len(words) > 1 and (value := _number(words[1])) is not None:
            self.masses[words[0]] = value

    def _thermo(self, words, line) -> None:
        self.interval = int(words[0]) if words and words[0].isdigit() else None

    def _thermo_style(self, words, line) -> None:
        self.normalised = None  # a new style forgets thermo_modify
        self.keywords = tuple(words[1:]) if words[:1] == ["custom"] else None

    def _thermo_modify(self, words, line) -> None:
        if "norm" in words[:-1]:
            self.normalised = words[words.index("norm") + 1] in ("yes", "on", "true")

    def _echo(self, words, line) -> None:
        if words and words[0] in ("none", "screen"):
            self.whole = False

    def _restart(self, words, line) -> None:
        self.periodic = tuple(words[1:3]) if words[:1] != ["0"] else ()

    def _write_restart(self, words, line) -> None:
        if words:
            self._remember(words[0])

    def _remember(self, name: str) -> None:
        self.restarts[name] = self.units, self.timestep, self.dimension

    def _print(self, words, line) -> None:
        lines = words[0].strip().splitlines() if words else []
        self.printed = tuple(
            ".*".join(map(re.escape, _VARIABLE.split(line.strip()))) for line in lines
        )

    def _run(self, words, line) -> None:
        self.command = "run"

    def _rerun(self, words, line) -> None:
        self.command = "rerun"

    def _minimize(self, words, line) -> None:
        self.command = "minimize"

    def begin_run(self) -> None:
        """Before a run: what its fixes will change from now on, and which restart files
        it writes.
        """
        if self.command is None:  # commands are not echoed, so that none of them is known
            self.whole = False
            self.units = self.units if self.units is not None and self.units.line else None
            self.dimension = (
                self.dimension if self.dimension is not None and self.dimension.line else None
            )
        for name, fix in self.fixes.items():
            if any(part in fix.style for part in BOX_FIXES):
                self.box_varies = f"fix {name} {fix.style} of line {fix.line}"
            if fix.style == "dt/reset":
                self.timestep_varies, self.timestep = (
                    f"fix {name} dt/reset of line {fix.line}",
                    None,
                )
        for name in self.periodic:
            self._remember(name)


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _matches(name: str, pattern: str) -> bool:
    """Is NAME, which may end in a star itself, a file that was written as PATTERN?"""
    name, pattern = name.replace("%", ""), pattern.replace("%", "")
    return name == pattern or fnmatch(name, pattern)
