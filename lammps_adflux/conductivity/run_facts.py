"""What the runs that wrote a flux say about it: units, time step, volume, temperature, and from
where.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import AdfluxError
from ..units import unit_system
from .lammps_log import Log, Run

UNSURE = 0.01  # of the mean temperature
FACTS = "units", "timestep", "volume", "temperature", "dimension"


@dataclass
class Facts:
    """Values by name, where each comes from, and why one is missing."""

    values: dict = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    atoms: int | None = None
    masses: int | None = None  # how many different ones the header tells
    own: dict = field(default_factory=dict)  # values before the user's options

    def put(self, name: str, value, source: str) -> None:
        self.values[name], self.sources[name] = value, source


def facts_of(log: Log, runs: list[Run], first: float, last: float) -> Facts:
    """Facts of the steps from `first` to `last` in these runs, which are pieces of one."""
    facts, path, state = Facts(), log.path, runs[-1].state
    facts.atoms = state.atoms
    _units(facts, log, runs)
    for run in runs:
        value, source = _timestep(path, run, facts)
        if value is None:
            continue
        if abs(facts.values.get("timestep", value) - value) > 1e-9 * value:
            raise AdfluxError(
                f"{path}: the time step is {facts.values['timestep']:g} at first, but {value:g} "
                f"in the run of line {run.line}: choose one "
                "run with run=, or give the pieces as separate files."
            )
        facts.put("timestep", value, source)
    if state.dimension is not None:
        line = f"line {state.dimension.line}" if state.dimension.line else "no dimension command"
        facts.put("dimension", state.dimension.value, f"{path}, {line}")
    _temperature(facts, path, runs, first, last)
    _volume(facts, path, runs, first, last)
    return facts


def _temperature(facts: Facts, path: Path, runs: list[Run], first: float, last: float) -> None:
    found = _rows(runs, ["Temp"], first, last)
    if found is None:
        return
    values, where, inside = found
    count, mean = len(values), float(values.mean())
    if count == 1:
        facts.missing["temperature"] = (
            f"{path} has one row of Temp for these samples ({where}), which is no mean"
        )
        return
    facts.put("temperature", mean, f"mean of {count} rows of Temp, {where}")
    error = float(values.std(ddof=1)) / math.sqrt(count)
    if not inside:
        facts.notes.append(
            f"{path}: no row of Temp lies between the samples; the mean of {where} was taken "
            "(temperature=)"
        )
    elif error > UNSURE * mean:
        facts.notes.append(
            f"{path}: the mean temperature of {count} rows is uncertain by "
            f"{100 * error / mean:.0f} %, and κ by twice that: print thermo output more often "
            "(temperature=)"
        )


def _units(facts: Facts, log: Log, runs: list[Run]) -> None:
    state = runs[-1].state
    if state.units is not None:
        line = f"line {state.units.line}" if state.units.line else "no units command"
        facts.put("units", state.units.value, f"{log.path}, {line}")
        return
    others = {
        run.state.units.value
        for run in log.runs
        if run.state.units is not None and run.state.job < state.job
    }
    if len(others) == 1:
        facts.put("units", others.pop(), f"an earlier job in {log.path}")
        facts.notes.append(
            f"{log.path}: the job of line {runs[-1].line} does not say its units; those of the "
            "job before it were taken (units=)"
        )
    elif state.restored:
        facts.missing["units"] = (
            f"they are in the restart file {state.restored}, and {log.path} does not print them"
        )


def _timestep(path: Path, run: Run, facts: Facts) -> tuple[float | None, str]:
    """The time step of one run: from its table where it is printed, else from the commands."""
    table, state = run.table, run.state
    stated = state.timestep.value if state.timestep is not None else None
    steps = table.column("Step")
    if run.kind == "rerun" and state.timestep is None:
        facts.missing["timestep"] = (
            "a rerun does not know the time step of the run that wrote the dump"
        )
        return None, ""
    if table.place("Dt") is not None and len(steps):
        values = table.column("Dt")
        if np.ptp(values) > 1e-6 * abs(values.mean()):
            raise AdfluxError(
                f"{path}: the time step changes from {values.min():g} to {values.max():g} in the "
                f"run of line {run.line} (column Dt), but "
                "evenly spaced samples were needed: run without fix dt/reset."
            )
        return float(values[-1]), f"column Dt of {path}"
    slope = None
    if table.place("Time") is not None and len(steps) > 1 and steps[-1] > steps[0]:
        times = table.column("Time")
        slope = float(f"{(times[-1] - times[0]) / (steps[-1] - steps[0]):.6g}")
        # each Time is printed with eight digits
        bent = np.abs(times - times[0] - slope * (steps - steps[0])).max()
        if bent > 1e-4 * (times[-1] - times[0]) + 1e-6 * np.abs(times).max():
            raise AdfluxError(
                f"{path}: the time step changes in the run of line {run.line} (column Time), but "
                "evenly spaced samples were needed: run without fix dt/reset."
            )
    if state.timestep_varies:
        if slope is None:
            facts.missing["timestep"] = f"{state.timestep_varies} may have changed it"
        return slope, f"column Time of {path}"
    if stated is not None and slope is not None and abs(stated - slope) > 1e-3 * slope:
        assert state.timestep is not None
        raise AdfluxError(
            f"{path}: the time step is {stated:g} by line {state.timestep.line}, but {slope:g} by "
            "the column Time of the run of line "
            f"{run.line}: give timestep=."
        )
    if stated is not None:
        return stated, f"{path}, line {state.timestep.line}"  # pyright: ignore[reportOptionalMemberAccess]
    if slope is not None:
        return slope, f"column Time of {path}"
    if state.restored:
        facts.missing["timestep"] = (
            f"it is in the restart file {state.restored}, and {path} does not print it"
        )
    elif not state.whole:
        facts.missing["timestep"] = f"{path} does not show all commands of the run"
    elif state.units is not None:
        value = unit_system(state.units.value).default_timestep
        facts.notes.append(
            f"{path}: no timestep command, so that LAMMPS' default {value} was taken (timestep=)"
        )
        return value, f"LAMMPS' default for units {state.units.value}"
    return None, ""


def _volume(facts: Facts, path: Path, runs: list[Run], first: float, last: float) -> None:
    state = runs[-1].state
    dimension = facts.values.get("dimension", 3)
    for names in (["Volume"], ["Lx", "Ly", "Lz"][:dimension]):
        found = _rows(runs, names, first, last)
        if found is not None:
            values, where, _ = found
            facts.put(
                "volume",
                float(values.mean()),
                f"mean of {len(values)} rows of {' '.join(names)}, {where}",
            )
            if np.ptp(values) > 1e-6 * abs(values.mean()):
                facts.notes.append(
                    f"{path}: the volume changes from {values.min():g} to {values.max():g} "
                    "between the samples; Green–Kubo is for a fixed box"
                )
            return
    if any(run.state.box_varies for run in runs):
        what = next(run.state.box_varies for run in runs if run.state.box_varies)
        facts.missing["volume"] = f"{what} may have changed it, and the table has no column Volume"
    elif state.lengths is not None:
        volume = float(np.prod(state.lengths.value[:dimension]))
        facts.put("volume", volume, f"box of {path}, line {state.lengths.line}")


def _rows(
    runs: list[Run], names: list[str], first: float, last: float
) -> tuple[np.ndarray, str, bool] | None:
    """The product of columns in the rows from step `first` to `last`, their steps in words, and
    whether there are such rows (else all are taken).
    """
    if not runs or any(run.table.place(name) is None for run in runs for name in names):
        return None
    steps = np.concatenate([run.table.column("Step") for run in runs])
    values = np.concatenate(
        [np.prod([run.table.column(name) for name in names], axis=0) for run in runs]
    )
    inside = (steps >= first) & (steps <= last)
    if not len(steps):
        return None
    some = bool(inside.any())
    if not some:
        inside[:] = True
    where = f"steps {int(steps[inside].min())} to {int(steps[inside].max())}"
    return values[inside], where, some
