"""Heat flux time series, or their correlation functions, from the files that LAMMPS writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from .errors import AdfluxError
from .flux_files import FluxFile, complete_from_log, read_file
from .units import unit_system


@dataclass(frozen=True)
class FluxSeries:
    """The extensive heat flux J(t) of one or several independent runs (seeds) of one system.

    Either `flux` is there, or, for `fix ave/correlate` files, `correlation`. Lengths, energies, times are
    in the LAMMPS unit system `units`; J is energy·length/time as in LAMMPS' `compute heat/flux`.
    """

    sampling: float  # time between samples, or between lags
    volume: float
    temperature: float
    units: str
    flux: Float[np.ndarray, "seeds samples 3"] | None = None
    potential: Float[np.ndarray, "seeds samples 3"] | None = None
    convective: Float[np.ndarray, "seeds samples 3"] | None = None
    # ⟨J_a(0) J_b(t)⟩; NaN where the file has no such pair
    correlation: Float[np.ndarray, "seeds lags 3 3"] | None = None
    correlation_samples: int | None = None  # that lag 0 is an average of, per seed
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # what was dropped or assumed while reading

    def __post_init__(self):
        if (self.flux is None) == (self.correlation is None):
            raise AdfluxError("A FluxSeries holds either flux or correlation: give exactly one of the two.")
        unit_system(self.units)
        for name in ("sampling", "volume", "temperature"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise AdfluxError(f"The {name} must be a positive number, {value} was found.")
        if not np.all(np.isfinite(self.flux if self.flux is not None else self.diagonal_correlation)):
            raise AdfluxError(
                "The heat flux holds NaN or infinite values: look for the step where the run broke."
            )

    @property
    def seeds(self) -> int:
        return len(self.flux if self.flux is not None else self.correlation)

    @property
    def samples(self) -> int:
        """Samples of a series, lags of a correlation."""
        return (self.flux if self.flux is not None else self.correlation).shape[1]

    @property
    def diagonal_correlation(self) -> Float[np.ndarray, "seeds lags 3"]:
        return np.einsum("ntaa->nta", self.correlation)


def read_flux(
    paths: str | Path | Sequence[str | Path],
    *,
    units: str | None = None,
    columns: Sequence[str] | None = None,
    volume: float | None = None,
    temperature: float | None = None,
    timestep: float | None = None,
    skip: int = 0,
    discard: float = 0.0,
    log: str | Path | Sequence[str | Path] | None = None,
    run: int | str = -1,
) -> FluxSeries:
    """Read the heat flux of one run, or of several seeds of the same system, one file each.

    A file is a LAMMPS log with thermo output (`line one` or `yaml`), a `fix ave/time` file of scalars, or a
    `fix ave/correlate` file; all files must be of one kind. What the files do not hold is read from `log`,
    the log of the run (one for all files, or one each), or given by `units`, `volume`, `temperature`,
    `timestep`, which take precedence.

    columns: three column names of the total flux (x, y, z), or six with its convective part after it, the
        order of `compute heat/flux`. Default: v_adflux_jx … with v_adflux_jpx …, v_adflux_jcx … where they
        are there.
    volume: length³. temperature: T [K, reduced in lj], default the mean over the run. timestep: time unit.
    skip, discard: samples, or the time, to leave out at the beginning of each file.
    run: which run of a log with several: -1 the last that has the columns, 0 the first, "all" for a run
        that was continued in the same log.

    A row that LAMMPS had not finished is dropped, and where a restarted run repeats steps, the later rows
    hold; `notes` says so. Gaps, NaN and missing information raise AdfluxError. Seeds are cut to the
    shortest.
    """
    names = [paths] if isinstance(paths, str | Path) else list(paths)
    if not names:
        raise AdfluxError(
            "No file was given: name at least one LAMMPS log, ave/time or ave/correlate file."
        )
    columns = tuple(columns) if columns is not None else None
    if columns is not None and len(columns) not in (3, 6):
        raise AdfluxError(
            f"--columns needs 3 names (x, y, z) or 6 (and the convective part), got {len(columns)}."
        )
    files = [read_file(Path(name), columns, run) for name in names]
    if log is not None:
        logs = [log] if isinstance(log, str | Path) else list(log)
        if len(logs) not in (1, len(files)):
            raise AdfluxError(
                f"--log takes one log, or one for each of the {len(files)} files, got {len(logs)}."
            )
        for index, file in enumerate(files):
            complete_from_log(file, Path(logs[index % len(logs)]))
    for file in files:
        _settle(file, units, volume, temperature, timestep, skip, discard)
    return _join(files)


def _settle(file: FluxFile, units, volume, temperature, timestep, skip: int, discard: float) -> None:
    """Options over facts; then leave out the equilibration."""
    facts = file.facts
    if facts.timestep is None and facts.units is not None and units in (None, facts.units):
        facts.timestep = unit_system(facts.units).default_timestep  # the log shows no `timestep` command
        if timestep is None:
            file.notes.append(
                f"{file.name}: LAMMPS' default time step {facts.timestep} was taken (--timestep)"
            )
    facts.units = units or facts.units
    facts.timestep = timestep or (None if facts.timestep_may_change else facts.timestep)
    facts.volume = volume or (None if facts.box_may_change else facts.volume)
    file.temperature = temperature or file.temperature
    found = {
        "--units": facts.units,
        "--volume": facts.volume,
        "--temperature": file.temperature,
        "--timestep": facts.timestep,
    }
    missing = [name for name, value in found.items() if value is None]
    if missing:
        known = ", ".join(f"{name[2:]} {value}" for name, value in found.items() if value is not None)
        raise AdfluxError(
            f"{file.name}: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} needed and not in "
            f"the file ({known or 'none of units, volume, temperature, timestep'} found): "
            "pass them, or name the run's log with --log."
        )
    spacing = float(file.steps[1] - file.steps[0]) if len(file.steps) > 1 else 1.0
    facts.timestep *= spacing  # from here on: the time between samples
    if skip < 0 or discard < 0:
        raise AdfluxError("--skip and --discard must not be negative.")
    drop = max(skip, int(np.ceil(discard / facts.timestep - 1e-9)))
    if drop and file.correlation_samples:
        raise AdfluxError(f"{file.name} holds correlations: --skip and --discard need the time series.")
    if len(file.total) - drop < (2 if file.correlation_samples else 16):
        raise AdfluxError(
            f"{file.name}: 16 samples or more were needed, {max(len(file.total) - drop, 0)} are left."
        )
    file.total = file.total[drop:]
    file.potential = None if file.potential is None else file.potential[drop:]
    file.convective = None if file.convective is None else file.convective[drop:]


def _join(files: list[FluxFile]) -> FluxSeries:
    first = files[0]
    for file in files[1:]:
        pairs = (
            ("the kind of file", first.correlation_samples is None, file.correlation_samples is None, 0.0),
            ("--units", first.facts.units, file.facts.units, 0.0),
            ("the time between samples", first.facts.timestep, file.facts.timestep, 1e-9),
            ("--volume", first.facts.volume, file.facts.volume, 1e-2),
            ("--temperature", first.temperature, file.temperature, 5e-2),
        )
        for what, one, other, tolerance in pairs:
            if one != other and (isinstance(one, str | bool) or abs(one - other) > tolerance * abs(one)):
                raise AdfluxError(
                    f"Seeds must be of one system, but {what} is {one} in {first.name} and {other} in "
                    f"{file.name}: analyse them separately."
                )
    samples = min(len(file.total) for file in files)
    notes = [note for file in files for note in file.notes]
    if any(len(file.total) != samples for file in files):
        longest = max(len(file.total) for file in files)
        notes.append(f"the seeds were cut to the shortest, {samples} samples (the longest has {longest})")

    def stack(name):
        if any(getattr(file, name) is None for file in files):
            return None
        return np.stack([getattr(file, name)[:samples] for file in files])

    return FluxSeries(
        sampling=float(first.facts.timestep),
        volume=float(np.mean([file.facts.volume for file in files])),
        temperature=float(np.mean([file.temperature for file in files])),
        units=first.facts.units,
        flux=stack("total") if first.correlation_samples is None else None,
        potential=stack("potential"),
        convective=stack("convective"),
        correlation=None if first.correlation_samples is None else stack("total"),
        correlation_samples=first.correlation_samples and min(file.correlation_samples for file in files),
        files=tuple(file.name for file in files),
        notes=tuple(notes),
    )
