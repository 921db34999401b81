"""The heat flux columns of one LAMMPS file, with what the file says about the run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import AdfluxError
from .lammps_tables import LogFacts, Table, kind_of, read_average, read_correlation, read_log, read_text

# tried in this order when `columns` is not given; anything less specific has to be named by the user
_TOTAL = [tuple(f"v_{stem}{axis}" for axis in "xyz") for stem in ("adflux_j", "j", "J")]
_POTENTIAL = tuple(f"v_adflux_jp{axis}" for axis in "xyz")
_CONVECTIVE = tuple(f"v_adflux_jc{axis}" for axis in "xyz")


@dataclass
class FluxFile:
    """One file's data, before the seeds are put together."""

    name: str
    steps: np.ndarray
    total: np.ndarray  # [samples, 3], or [lags, 3, 3] for a correlation
    facts: LogFacts
    notes: list[str]
    potential: np.ndarray | None = None
    convective: np.ndarray | None = None
    temperature: float | None = None
    correlation_samples: int | None = None  # how many samples lag 0 is an average of; None for a series


def read_file(path: Path, columns: tuple[str, ...] | None, run: int | str) -> FluxFile:
    text = read_text(path)
    kind = kind_of(text)
    if kind == "log":
        return _from_log(path, text, columns, run)
    if kind == "ave/time":
        table = read_average(path, text)
        return _from_table(path, table, table.columns[0], LogFacts(), columns)
    if kind == "ave/correlate":
        return _from_correlation(path, text, columns)
    advice = {
        "ave/time vector": "holds vectors (fix ave/time mode vector); let fix ave/time write scalars, "
        "mode scalar with v_adflux_jx v_adflux_jy v_adflux_jz",
        "ave/correlate/long": "was written by fix ave/correlate/long, whose lags are not evenly spaced; "
        "use fix ave/correlate or a fix ave/time series",
        "yaml": "is a fix ave/time file in YAML; give it a name that does not end in .yaml",
    }.get(kind, "is neither a LAMMPS log nor a fix ave/time or fix ave/correlate file; check the name")
    raise AdfluxError(f"{path} {advice}.")


def _pick(path: Path, available: tuple[str, ...], columns: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The three names of the total flux, None where they are not there."""
    for names in [columns[:3]] if columns else _TOTAL:
        if set(names) <= set(available):
            return names
    return None


def _no_columns(path: Path, available: Sequence[str], columns: tuple[str, ...] | None) -> AdfluxError:
    wanted = ", ".join(columns or _TOTAL[0])
    return AdfluxError(
        f"{path}: the heat flux columns {wanted} were needed, found {', '.join(available) or 'none'}; "
        "name the three with --columns."
    )


def _from_log(path: Path, text: str, columns: tuple[str, ...] | None, run: int | str) -> FluxFile:
    log = read_log(path, text)
    runs = [one for one in log.runs if _pick(path, one[0].columns, columns) and len(one[0].rows)]
    if not runs:
        if not log.runs:
            raise AdfluxError(f"{path} has no thermo table: print it with thermo_style custom, thermo_modify line one.")
        raise _no_columns(path, log.runs[-1][0].columns, columns)
    if run == "all":
        same = [one for one in runs if one[0].columns == runs[-1][0].columns]
        table = Table(
            same[-1][0].columns,
            np.concatenate([one[0].rows for one in same]),
            same[0][0].line,
            sum(one[0].dropped for one in same),
        )
        facts = same[-1][1]
    else:
        try:
            table, facts = runs[int(run)]
        except (IndexError, ValueError):
            raise AdfluxError(f"{path} has {len(runs)} runs with the flux: there is no run {run}.") from None
    file = _from_table(path, table, "Step", facts, columns)
    if run != "all" and len(runs) > 1:
        file.notes.append(f"{path}: {len(runs)} runs hold the flux, run {int(run) % len(runs)} was taken (--run)")
    used = _pick(path, table.columns, columns) or ("",)
    normalised = facts.normalised if facts.normalised is not None else facts.units == "lj"
    if normalised and used[0][:2] in ("c_", "f_"):
        raise AdfluxError(
            f"{path}: thermo output divides {used[0]} by the number of atoms (the default of units lj); "
            "use `thermo_modify norm no`, or variables: `variable jx equal c_flux[1]`."
        )
    return file


def _from_table(path: Path, table: Table, step: str, facts: LogFacts, columns) -> FluxFile:
    names = _pick(path, table.columns, columns)
    if names is None or step not in table.columns:
        raise _no_columns(path, table.columns, columns)

    def vector(names):
        if not set(names) <= set(table.columns):
            return None
        return np.stack([table.column(name) for name in names], axis=1)

    notes = []
    if table.dropped:
        notes.append(f"{path}: the unfinished last line was dropped, {len(table.rows)} samples were read")
    if columns and len(columns) == 6 and vector(columns[3:]) is None:
        raise _no_columns(path, table.columns, columns)
    total = np.stack([table.column(name) for name in names], axis=1)
    convective = vector(columns[3:]) if columns and len(columns) == 6 else None
    potential = None
    if columns is None and names == _TOTAL[0]:
        potential, convective = vector(_POTENTIAL), vector(_CONVECTIVE)
    if potential is None and convective is not None:
        potential = total - convective
    if convective is None and potential is not None:
        convective = total - potential
    file = FluxFile(str(path), table.column(step), total, facts, notes, potential, convective)
    _from_thermo(file, table)
    rows = ~np.isfinite(total).all(axis=1)
    if rows.any():
        raise AdfluxError(
            f"{path}: the heat flux is NaN or infinite at step {int(file.steps[rows][0])}: "
            "the run broke there, mend it before analysing."
        )
    _one_spacing(file)
    return file


def _from_thermo(file: FluxFile, table: Table) -> None:
    """Mean temperature and volume of the run, from whichever thermo columns are there."""
    if "Temp" in table.columns:
        file.temperature = float(table.column("Temp").mean())
    volumes = None
    if "Volume" in table.columns:
        volumes = table.column("Volume")
    elif {"Lx", "Ly", "Lz"} <= set(table.columns):
        volumes = table.column("Lx") * table.column("Ly") * table.column("Lz")
    if volumes is not None and len(volumes):
        file.facts.volume, file.facts.box_may_change = float(volumes.mean()), False
        if np.ptp(volumes) > 1e-6 * abs(volumes.mean()):
            file.notes.append(f"{file.name}: the volume changes during the run; Green–Kubo is for a fixed box")


def _one_spacing(file: FluxFile) -> None:
    """Later rows replace repeated steps; odd first and last rows of a run are dropped; a gap is an error."""
    keep = np.ones(len(file.steps), bool)
    for restart in np.flatnonzero(np.diff(file.steps) <= 0) + 1:
        keep[:restart] &= file.steps[:restart] < file.steps[restart]
    if not keep.all():
        file.notes.append(f"{file.name}: {int((~keep).sum())} rows that a later run repeats were dropped")
    steps = file.steps[keep]
    if len(steps) >= 4:
        spacing = np.median(np.diff(steps))
        first = int(steps[1] - steps[0] != spacing)
        last = len(steps) - int(steps[-1] - steps[-2] != spacing)
        rows = np.flatnonzero(keep)
        if last - first < len(steps):
            file.notes.append(
                f"{file.name}: {len(steps) - last + first} row(s) at the ends, off the sampling interval of "
                f"{int(spacing)} steps, were dropped"
            )
        keep[rows[:first]] = keep[rows[last:]] = False
        gaps = np.flatnonzero(np.diff(file.steps[keep]) != spacing)
        if len(gaps):
            at = file.steps[keep][gaps[0]]
            raise AdfluxError(
                f"{file.name}: samples every {int(spacing)} steps were needed, after step {int(at)} comes "
                f"{int(file.steps[keep][gaps[0] + 1])}; give the pieces as separate files."
            )
    for name in ("steps", "total", "potential", "convective"):
        if getattr(file, name) is not None:
            setattr(file, name, getattr(file, name)[keep])


def _from_correlation(path: Path, text: str, columns: tuple[str, ...] | None) -> FluxFile:
    data = read_correlation(path, text)
    selves = tuple(a for a, _, b in (name.partition("*") for name in data.columns) if a == b)
    names = _pick(path, selves, columns) or (selves if len(selves) == 3 and columns is None else None)
    if names is None:
        wanted = " ".join(f"{name}*{name}" for name in (columns or _TOTAL[0])[:3])
        raise AdfluxError(
            f"{path}: the pairs {wanted} were needed, found "
            f"{' '.join(data.columns)}; use type auto, auto/upper or full in fix ave/correlate, or --columns."
        )
    filled = data.counts > 0
    lags = len(filled) if filled.all() else int(np.argmin(filled))
    correlation = np.full((lags, 3, 3), np.nan)
    for a, first in enumerate(names):
        for b, second in enumerate(names):
            for pair in (
                f"{second}*{first}",
                f"{first}*{second}",
            ):  # by Onsager symmetry, if only one is there
                if pair in data.columns:
                    correlation[:, a, b] = data.values[:lags, data.columns.index(pair)]
    notes = [f"{path}: the last of {data.windows} time windows was taken"] if data.windows > 1 else []
    if not np.isfinite(np.einsum("taa->ta", correlation)).all():
        raise AdfluxError(f"{path}: the correlation function holds NaN or infinite values: the run broke.")
    if lags < 2:
        raise AdfluxError(f"{path}: 2 lags or more were needed, {lags} found: let the run go on.")
    file = FluxFile(
        str(path),
        data.steps[:lags],
        correlation,
        LogFacts(),
        notes,
        correlation_samples=int(data.counts[0]),
    )
    if np.ptp(np.diff(file.steps)) > 0:
        raise AdfluxError(f"{path}: evenly spaced lags were needed: is the file damaged?")
    return file


def complete_from_log(file: FluxFile, path: Path) -> None:
    """Take from the last run of a log what the file itself does not say."""
    log = read_log(path, read_text(path))
    facts = log.runs[-1][1] if log.runs else log.facts
    probe = FluxFile(str(path), np.zeros(0), np.zeros((0, 3)), facts, [])
    if log.runs:
        _from_thermo(probe, log.runs[-1][0])
    for name in ("units", "timestep", "volume"):
        if getattr(file.facts, name) is None:
            setattr(file.facts, name, getattr(facts, name))
    file.facts.box_may_change |= facts.box_may_change
    file.facts.timestep_may_change |= facts.timestep_may_change
    file.temperature = probe.temperature if file.temperature is None else file.temperature
