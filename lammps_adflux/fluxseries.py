"""Heat flux time series, or their correlation functions, from the files that LAMMPS writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
        data = self._data if self.flux is not None else self.diagonal_correlation
        if not np.all(np.isfinite(data)):
            raise AdfluxError("The heat flux holds NaN or infinite values: look for the step where the run broke.")

    @property
    def _data(self) -> np.ndarray:
        data = self.flux if self.flux is not None else self.correlation
        assert data is not None  # __post_init__ saw to it
        return data

    @property
    def seeds(self) -> int:
        return len(self._data)

    @property
    def samples(self) -> int:
        """Samples of a series, lags of a correlation."""
        return self._data.shape[1]

    @property
    def diagonal_correlation(self) -> Float[np.ndarray, "seeds lags 3"]:
        if self.correlation is None:
            raise AdfluxError("This FluxSeries holds a time series, not a correlation: see correlation.correlate.")
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
        raise AdfluxError("No file was given: name at least one LAMMPS log, ave/time or ave/correlate file.")
    columns = tuple(columns) if columns is not None else None
    if columns is not None and len(columns) not in (3, 6):
        raise AdfluxError(f"--columns needs 3 names (x, y, z) or 6 (and the convective part), got {len(columns)}.")
    files = [read_file(Path(name), columns, run) for name in names]
    if log is not None:
        logs = [log] if isinstance(log, str | Path) else list(log)
        if len(logs) not in (1, len(files)):
            raise AdfluxError(f"--log takes one log, or one for each of the {len(files)} files, got {len(logs)}.")
        for index, file in enumerate(files):
            complete_from_log(file, Path(logs[index % len(logs)]))
    given = {"--units": units, "--volume": volume, "--temperature": temperature, "--timestep": timestep}
    return _join([_settle(file, given, skip, discard) for file in files])


def _settle(file: FluxFile, given: dict, skip: int, discard: float) -> FluxSeries:
    """One seed: options over what the file says, without the equilibration."""
    facts, notes = file.facts, list(file.notes)
    values: dict[str, Any] = {}
    stated = {
        "--units": facts.units,
        "--volume": None if facts.box_may_change else facts.volume,
        "--temperature": file.temperature,
        "--timestep": None if facts.timestep_may_change else facts.timestep,
    }
    for name in stated:
        values[name] = stated[name] if given[name] is None else given[name]
    if (
        values.get("--timestep") is None
        and not facts.timestep_may_change
        and facts.units == values["--units"] is not None
    ):
        # the log has the units, but no `timestep` command
        values |= {"--timestep": unit_system(values["--units"]).default_timestep}
        notes.append(f"{file.name}: LAMMPS' default time step {values['--timestep']} was taken (--timestep)")
    missing = [name for name, value in values.items() if value is None]
    if missing:
        known = ", ".join(f"{name[2:]} {value}" for name, value in values.items() if value is not None)
        raise AdfluxError(
            f"{file.name}: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} needed and not in "
            f"the file ({known or 'none of units, volume, temperature, timestep'} found): "
            "pass them, or name the run's log with --log."
        )
    spacing = float(file.steps[1] - file.steps[0]) if len(file.steps) > 1 else 1.0
    sampling = float(values["--timestep"]) * spacing
    if skip < 0 or discard < 0:
        raise AdfluxError("--skip and --discard must not be negative.")
    if not sampling > 0:
        raise AdfluxError(f"--timestep must be a positive number, got {values['--timestep']}.")
    drop = max(skip, int(np.ceil(discard / sampling - 1e-9)))
    is_correlation = file.correlation_samples is not None
    if drop and is_correlation:
        raise AdfluxError(f"{file.name} holds correlations: --skip and --discard need the time series.")
    left = max(len(file.total) - drop, 0)
    if left < (2 if is_correlation else 16):
        raise AdfluxError(f"{file.name}: 16 samples or more were needed, {left} are left.")

    def seed(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else values[None, drop:]

    return FluxSeries(
        sampling=sampling,
        volume=float(values["--volume"]),
        temperature=float(values["--temperature"]),
        units=values["--units"],
        flux=None if is_correlation else seed(file.total),
        potential=seed(file.potential),
        convective=seed(file.convective),
        correlation=seed(file.total) if is_correlation else None,
        correlation_samples=file.correlation_samples,
        files=(file.name,),
        notes=tuple(notes),
    )


def _join(seeds: list[FluxSeries]) -> FluxSeries:
    first = seeds[0]
    for other in seeds[1:]:
        if (first.flux is None) != (other.flux is None):
            raise AdfluxError(
                f"{first.files[0]} and {other.files[0]} are a time series and a correlation: give one kind."
            )
        differences = {
            "units": first.units != other.units,
            "sampling": abs(first.sampling - other.sampling) > 1e-9 * first.sampling,
            "volume": abs(first.volume - other.volume) > 1e-2 * first.volume,
            "temperature": abs(first.temperature - other.temperature) > 5e-2 * first.temperature,
        }
        for what in (name for name, differs in differences.items() if differs):
            one, two = (getattr(series, what) for series in (first, other))
            raise AdfluxError(
                f"Seeds must be of one system, but {what} is {one} in {first.files[0]} and {two} in "
                f"{other.files[0]}: analyse them separately."
            )
    samples = min(seed.samples for seed in seeds)
    notes = [note for seed in seeds for note in seed.notes]
    longest = max(seed.samples for seed in seeds)
    if longest != samples:
        notes.append(f"the seeds were cut to the shortest, {samples} samples (the longest has {longest})")

    def stack(name: str) -> np.ndarray | None:
        arrays = [getattr(seed, name) for seed in seeds]
        if any(array is None for array in arrays):
            return None
        return np.concatenate([array[:, :samples] for array in arrays])

    counts = [seed.correlation_samples for seed in seeds if seed.correlation_samples is not None]
    return FluxSeries(
        sampling=first.sampling,
        volume=float(np.mean([seed.volume for seed in seeds])),
        temperature=float(np.mean([seed.temperature for seed in seeds])),
        units=first.units,
        flux=stack("flux"),
        potential=stack("potential"),
        convective=stack("convective"),
        correlation=stack("correlation"),
        correlation_samples=min(counts) if counts else None,
        files=tuple(name for seed in seeds for name in seed.files),
        notes=tuple(notes),
    )
