"""The heat flux columns of one LAMMPS file, with the runs that wrote it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import AdfluxError
from .flux_columns import (
    CONVECTIVE,
    ENOUGH,
    POTENTIAL,
    TEMPERATURE,
    TOTAL,
    FluxFile,
    flux_computes,
    no_columns,
    pick,
)
from .flux_correlation import read_correlation_file
from .flux_log import writers
from .lammps_log import Log, Run, read_log
from .lammps_tables import Table, kind_of, read_average
from .log_state import Definition
from .text_files import read_text


def read_file(path: Path, columns: tuple[str, ...] | None, run: int | str | None) -> FluxFile:
    text = read_text(path)
    kind = kind_of(text)
    if kind == "log":
        return _from_log(path, text, columns, run)
    if kind == "ave/time":
        table, header = read_average(path, text)
        file = _from_table(path, table, table.columns[0], columns)
        file.header = header
        return file
    if kind == "ave/correlate":
        return read_correlation_file(path, text, columns)
    advice = {
        "ave/time vector": "holds vectors (fix ave/time mode vector); "
        "let fix ave/time write scalars, "
        "mode scalar with v_adflux_jx v_adflux_jy v_adflux_jz",
        "ave/correlate/long": "was written by fix ave/correlate/long, whose lags are "
        "not evenly spaced; "
        "use fix ave/correlate or a fix ave/time series",
        "yaml": "is a fix ave/time file in YAML; give it a name that does not end in .yaml",
    }.get(
        kind, "is neither a LAMMPS log nor a fix ave/time or fix ave/correlate file; check the name"
    )
    raise AdfluxError(f"{path} {advice}.")


def _from_log(
    path: Path, text: str, columns: tuple[str, ...] | None, run: int | str | None
) -> FluxFile:
    log = read_log(path, text)
    runs = [one for one in log.runs if one.dynamics and one.kind != "multi" and len(one.table.rows)]
    runs = [one for one in runs if pick(one.table, columns, flux_computes(one))]
    if not runs:
        raise _no_runs(path, log, columns)
    chosen, note = _choose(path, runs, run)
    last = chosen[-1]
    table = last.table
    if len(chosen) > 1:
        rows = np.concatenate([one.table.rows for one in chosen])
        dropped = sum(one.table.dropped for one in chosen)
        table = Table(table.columns, rows, chosen[0].table.line, dropped, table.names)
    file = _from_table(path, table, "Step", columns, flux_computes(last))
    file.witnesses = [(log, chosen)]
    file.where = (
        f"{'run' if len(chosen) == 1 else f'{len(chosen)} runs up to that'} of line {last.line}"
    )
    file.notes += note
    _refuse_per_atom(path, file, last)
    return file


def _no_runs(path: Path, log: Log, columns: tuple[str, ...] | None) -> AdfluxError:
    if any(one.kind == "multi" for one in log.runs):
        return AdfluxError(
            f"{path}: thermo output of `thermo_modify line multi` has four digits and no table; "
            "print it with line one."
        )
    if log.without_step is not None:
        return AdfluxError(
            f"{path}, line {log.without_step}: the thermo table has no column Step: add step to "
            "thermo_style custom."
        )
    if not log.runs:
        return AdfluxError(
            f"{path} has no thermo table: print it with thermo_style custom, thermo_modify line "
            "one."
        )
    if not any(one.dynamics and len(one.table.rows) for one in log.runs):
        return AdfluxError(
            f"{path} holds no samples of a run, only minimisations or empty tables: check the name."
        )
    return no_columns(path, log.runs[-1].table.columns, columns)


def _choose(path: Path, runs: list[Run], run: int | str | None) -> tuple[list[Run], list[str]]:
    """The run that the user names, or the last with enough samples."""
    if run == "all":
        return [one for one in runs if one.table.columns == runs[-1].table.columns], []
    if run is not None:
        try:
            return [runs[int(run)]], []
        except (IndexError, ValueError):
            raise AdfluxError(
                f"{path} has {len(runs)} runs with the flux: there is no run {run}."
            ) from None
    long = [number for number, one in enumerate(runs) if len(one.table.rows) >= ENOUGH]
    number = long[-1] if long else len(runs) - 1
    note = []
    if len(runs) > 1:
        note = [
            f"{path}: {len(runs)} runs hold the flux, run {number} of line {runs[number].line} "
            f"with {len(runs[number].table.rows)} "
            "samples was taken (run=, 0 is the first)"
        ]
    return [runs[number]], note


def _refuse_per_atom(path: Path, file: FluxFile, run: Run) -> None:
    normalised, units = run.state.normalised, run.state.units
    if normalised is None:
        normalised = units is None or units.value == "lj"
    used = [name for name in (*file.columns, *file.convective_columns) if name[:2] in ("c_", "f_")]
    if normalised and used:
        raise AdfluxError(
            f"{path}: thermo output divides {used[0]} by the number of atoms (the default of "
            "units lj); "
            "use `thermo_modify norm no`, or variables: `variable jx equal c_flux[1]`."
        )


def _from_table(
    path: Path,
    table: Table,
    step: str,
    columns: tuple[str, ...] | None,
    computes: Sequence[str] = (),
) -> FluxFile:
    names = pick(table, columns, computes)
    if names is None or table.place(step) is None:
        raise no_columns(path, table.columns, columns)

    def vector(names):
        if any(table.place(name) is None for name in names):
            return None
        return np.stack([table.column(name) for name in names], axis=1)

    notes = []
    if table.dropped:
        notes.append(
            f"{path}: the unfinished last line was dropped, {len(table.rows)} samples were read"
        )
    if columns and len(columns) == 6 and vector(columns[3:]) is None:
        raise no_columns(path, table.columns, columns)
    total = np.stack([table.column(name) for name in names], axis=1)
    own = tuple(table.name(name) for name in names)
    convective = vector(columns[3:]) if columns and len(columns) == 6 else None
    convective_columns = tuple(table.name(name) for name in columns[3:]) if columns else ()
    potential = None
    if columns is None and names == TOTAL[0]:
        potential, convective = vector(POTENTIAL), vector(CONVECTIVE)
    if potential is None and convective is not None:
        potential = total - convective
    if convective is None and potential is not None:
        convective = total - potential
    headings = tuple(
        table.columns[place] for name in names if (place := table.place(name)) is not None
    )
    file = FluxFile(
        str(path), table.column(step), total, own, headings, notes, potential, convective
    )
    file.convective_columns, file.named = convective_columns, columns is not None
    if table.place(TEMPERATURE) is not None:
        file.temperatures = table.column(TEMPERATURE)
    rows = ~np.isfinite(total).all(axis=1)
    if rows.any():
        raise AdfluxError(
            f"{path}: the heat flux is NaN or infinite at step {int(file.steps[rows][0])}: "
            "the run broke there, mend it before analysing."
        )
    one_spacing(file)
    return file


def one_spacing(file: FluxFile) -> None:
    """Later rows replace repeated steps; odd first and last rows of a run are dropped; a gap is an
    error.
    """
    keep = np.ones(len(file.steps), bool)
    for restart in np.flatnonzero(np.diff(file.steps) <= 0) + 1:
        keep[:restart] &= file.steps[:restart] < file.steps[restart]
    if not keep.all():
        file.notes.append(
            f"{file.name}: {int((~keep).sum())} rows that a later run repeats were dropped"
        )
    steps = file.steps[keep]
    if len(steps) >= 4:
        spacing = np.median(np.diff(steps))
        first = int(steps[1] - steps[0] != spacing)
        last = len(steps) - int(steps[-1] - steps[-2] != spacing)
        rows = np.flatnonzero(keep)
        if last - first < len(steps):
            file.notes.append(
                f"{file.name}: {len(steps) - last + first} row(s) at the ends, off the sampling "
                "interval of "
                f"{int(spacing)} steps, were dropped"
            )
        keep[rows[:first]] = keep[rows[last:]] = False
        gaps = np.flatnonzero(np.diff(file.steps[keep]) != spacing)
        if len(gaps):
            at = file.steps[keep][gaps[0]]
            raise AdfluxError(
                f"{file.name}: samples every {int(spacing)} steps were needed, after step "
                f"{int(at)} comes "
                f"{int(file.steps[keep][gaps[0] + 1])}; give the pieces as separate files."
            )
    for name in ("steps", "total", "potential", "convective", "temperatures"):
        if getattr(file, name) is not None:
            setattr(file, name, getattr(file, name)[keep])


def refuse_running_means(file: FluxFile) -> None:
    """Where no log says how the rows were made: increments that fall like 1/n are those of a mean
    over all rows so far.
    """
    rows = len(file.steps)
    if file.is_correlation or file.witnesses or rows < 200:
        return
    moves = np.diff(file.total, axis=0) ** 2
    second, third, fourth = (np.sqrt(part.mean()) for part in np.array_split(moves, 4)[1:])
    # √ of the mean of 1/n² over quarters of the rows
    if (
        second > 0
        and abs(third / second / 0.577 - 1) < 0.1
        and abs(fourth / second / 0.408 - 1) < 0.1
    ):
        raise AdfluxError(
            f"{file.name}: each row looks like the mean over all rows before it (fix ave/time … "
            "ave running), but samples of their own were "
            "needed: leave `ave` out."
        )


def add_log(file: FluxFile, path: Path, run: int | str | None) -> None:
    """Find in a log the runs that wrote the file."""
    text = read_text(path)
    if kind_of(text) != "log":
        raise AdfluxError(
            f"{path} is no LAMMPS log: name the log of the run that wrote {file.name}."
        )
    log = read_log(path, text)
    if file.is_correlation:
        assert file.ends is not None
        first = last = float(file.ends[-1])
    else:
        first, last = float(file.steps[0]), float(file.steps[-1])
    runs, fix, notes = writers(log, Path(file.name), first, last, run)
    file.witnesses.append((log, runs))
    file.notes += notes
    file.where = file.where or f"run of line {runs[-1].line} of {path}"
    if fix is not None:
        _mind_the_fix(file, fix, path)


def _mind_the_fix(file: FluxFile, fix: Definition, log: Path) -> None:
    """What the fix did to the samples: running averages are refused, a prefactor is taken out."""
    average = fix.after("ave")
    if fix.style == "ave/time":
        if average in ("running", "window"):
            raise AdfluxError(
                f"{file.name}: fix ave/time with `ave {average}` ({log}, line {fix.line}) writes "
                "averages over all earlier samples, but "
                "samples of their own were needed: leave `ave` out."
            )
        if fix.words[1:2] not in ((), ("1",)):
            file.notes.append(
                f"{file.name}: each row is a mean over {fix.words[1]} samples ({log}, line "
                f"{fix.line}), which damps fast parts of the flux"
            )
    factor = fix.after("prefactor")
    if fix.style == "ave/correlate" and factor is not None:
        file.total = file.total / float(factor)
        file.windows = None if file.windows is None else file.windows / float(factor)
        file.notes.append(
            f"{file.name}: the prefactor {factor} ({log}, line {fix.line}) was taken out"
        )
