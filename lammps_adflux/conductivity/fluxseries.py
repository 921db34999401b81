"""Heat flux time series, or their correlation functions, from the files that LAMMPS writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..errors import AdfluxError
from ..units import unit_system
from .flux_facts import Options
from .flux_files import add_log, read_file, refuse_running_means
from .flux_folders import expand
from .flux_pieces import compare, join_pieces, refuse_copies, same_kind, settle_pieces
from .flux_seeds import Seed, magnitude_note


@dataclass(frozen=True)
class FluxSeries:
    """The extensive heat flux J(t) of one or several independent runs (seeds) of one system.

    Either `flux` is there, or, for `fix ave/correlate` files, `correlation`. Lengths, energies,
    times are in the LAMMPS unit system `units`; J is energy·length/time as in LAMMPS' `compute
    heat/flux`.

    Attributes
    ----------
    sampling
        Time between samples, or between lags.
    volume, temperature, units
        Of the cell, of the run, and LAMMPS' unit style.
    flux, potential, convective
        J [seeds, samples, 3], and its two parts where the file has them.
    correlation
        ⟨J_a(0) J_b(t)⟩ [seeds, lags, 3, 3]; NaN where the file has no such pair.
    correlation_samples
        Samples that lag 0 is an average of, of each seed.
    windows
        The same of independent time windows [windows, lags, 3, 3], whose mean is `correlation`.
    dimension
        2: the volume is an area, and nothing flows along z.
    field
        F_e that drives the runs [1/length], see `hnemd`.
    files, notes, used
        What was read; what was dropped or assumed while reading; columns and facts that were used,
        and where each comes from.
    """

    sampling: float
    volume: float
    temperature: float
    units: str
    flux: Float[np.ndarray, "seeds samples 3"] | None = None
    potential: Float[np.ndarray, "seeds samples 3"] | None = None
    convective: Float[np.ndarray, "seeds samples 3"] | None = None
    correlation: Float[np.ndarray, "seeds lags 3 3"] | None = None
    correlation_samples: int | None = None
    windows: Float[np.ndarray, "windows lags 3 3"] | None = None
    dimension: int = 3
    field: tuple[float, ...] | None = None
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    used: tuple[str, ...] = ()

    def __post_init__(self):
        if (self.flux is None) == (self.correlation is None):
            raise AdfluxError(
                "A FluxSeries holds either flux or correlation: give exactly one of the two."
            )
        unit_system(self.units)
        if self.dimension not in (2, 3):
            raise AdfluxError(f"The dimension must be 2 or 3, {self.dimension} was found.")
        for name in ("sampling", "volume", "temperature"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise AdfluxError(f"The {name} must be a positive number, {value} was found.")
        data = self._data if self.flux is not None else self.diagonal_correlation
        if not np.all(np.isfinite(data)):
            raise AdfluxError(
                "The heat flux holds NaN or infinite values: look for the step where the run broke."
            )

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
    def directions(self) -> int:
        """In how many directions heat can flow: 2 where the flux along z is zero throughout."""
        along_z = self._data[..., 2] if self.correlation is None else self._data[..., 2, 2]
        return 3 if self.dimension == 3 and np.any(along_z) else 2

    @property
    def diagonal_correlation(self) -> Float[np.ndarray, "seeds lags 3"]:
        if self.correlation is None:
            raise AdfluxError(
                "This FluxSeries holds a time series, not a correlation: see correlation.correlate."
            )
        return np.einsum("ntaa->nta", self.correlation)[..., : self.dimension]


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
    run: int | str | None = None,
    per_volume: bool | None = None,
    dimension: int | None = None,
) -> FluxSeries:
    """Read the heat flux of one run, or of several seeds of the same system, one file each.

    A file is a LAMMPS log with thermo output (`line one` or `yaml`), a `fix ave/time` file of
    scalars, or a `fix ave/correlate` file. A row that LAMMPS had not finished is dropped. Where a
    restarted run repeats steps, the later rows hold; files whose steps go on are joined. Seeds are
    cut to the shortest. `FluxSeries.notes` says what was dropped, `FluxSeries.used` what was used
    and where it comes from.

    Parameters
    ----------
    paths
        Files of one kind, one for each seed; a folder stands for the one such file in it.
    units
        LAMMPS' unit style. It takes precedence over what the files say, as `volume`, `temperature`
        and `timestep` do.
    columns
        Names of three columns with the total flux (x, y, z), or of six with its convective part
        after it, the order of `compute heat/flux`. Default: v_adflux_jx … with v_adflux_jpx … and
        v_adflux_jcx … where they are there. Where a log shows how the columns are defined, a flux
        per volume becomes the extensive flux; a definition that does not tell is an error.
    volume
        Of the cell [length³].
    temperature
        T [K, reduced in lj]; default: the mean over the samples that are used.
    timestep
        Of the dynamics [time].
    skip
        Samples to leave out at the beginning of each run.
    discard
        The same as a time.
    log
        The log of the run, one for all files or one each, for what the files do not hold. It is
        taken from the runs in which a fix wrote the file.
    run
        Which run of a log with several: 0 the first that has the columns, -1 the last, "all" for a
        run that was continued in the same log; default: the last with enough samples.
    per_volume
        True where the columns are the flux per volume, False where they are the flux itself. None:
        as the log says, and the flux itself where it does not say.
    dimension
        2 where the volume is an area; default: what the log says.

    Raises
    ------
    AdfluxError
        For gaps, NaN, and missing or ambiguous information.
    """
    names = [paths] if isinstance(paths, str | Path) else list(paths)
    if not names:
        raise AdfluxError(
            "No file was given: name at least one LAMMPS log, ave/time or ave/correlate file."
        )
    columns = tuple(columns) if columns is not None else None
    if columns is not None and len(columns) not in (3, 6):
        raise AdfluxError(
            f"columns= needs 3 names (x, y, z) or 6 (and the convective part), got {len(columns)}."
        )
    if columns is not None and len(set(columns[:3])) < 3:
        raise AdfluxError(
            f"columns= needs the flux along x, y and z, but {', '.join(columns[:3])} names one "
            "twice."
        )
    if skip < 0 or discard < 0:
        raise AdfluxError("skip= and discard= must not be negative.")
    found = expand([Path(name) for name in names])
    logs: list[Path | None] = [own for _, own in found]
    if log is not None:
        given = [log] if isinstance(log, str | Path) else list(log)
        if len(given) not in (1, len(found)):
            raise AdfluxError(
                f"log= takes one log, or one for each of the {len(found)} files, got {len(given)}."
            )
        logs = [Path(given[index % len(given)]) for index in range(len(found))]
    # a run that is chosen in a log of its own, or in the log of a file
    files = [read_file(path, columns, run) for path, _ in found]
    same_kind(files)
    for file, one in zip(files, logs, strict=True):
        if one is not None:
            add_log(file, one, None if file.witnesses else run)
        refuse_running_means(file)
    options = Options(units, volume, temperature, timestep, dimension, per_volume, skip, discard)
    return _join([settle_pieces(group, options) for group in join_pieces(files)])


def _join(seeds: list[Seed]) -> FluxSeries:
    compare(seeds)
    refuse_copies(seeds)
    first = seeds[0]
    samples = min(len(seed.total) for seed in seeds)
    longest = max(len(seed.total) for seed in seeds)
    notes = [note for seed in seeds for note in (*seed.notes, magnitude_note(seed)) if note]
    if longest != samples:
        notes.append(
            f"the seeds were cut to the shortest, {samples} samples (the longest has {longest})"
        )
    if len({seed.columns for seed in seeds}) > 1:
        notes.append(
            "the seeds have columns of different names: "
            + ", ".join(f"{seed.columns[0]} in {seed.name}" for seed in seeds)
        )
    temperatures = [seed.temperature for seed in seeds]
    if max(temperatures) - min(temperatures) > 0.02 * min(temperatures):
        notes.append(
            f"the seeds' mean temperatures go from {min(temperatures):.6g} to "
            f"{max(temperatures):.6g}, as energies of a small system do"
        )

    def stack(arrays: list[np.ndarray | None]) -> np.ndarray | None:
        kept = [array[:samples] for array in arrays if array is not None]
        return np.stack(kept) if len(kept) == len(arrays) else None

    total = stack([seed.total for seed in seeds])
    assert total is not None
    if first.dimension == 3 and not np.any(total[..., 2]):
        notes.append(
            "the flux along z is zero in every sample: means are over x and y; the volume is the "
            f"area times a thickness, {first.volume:.6g}"
        )
    windows = [seed.windows[:, :samples] for seed in seeds if seed.windows is not None]
    counts = [int(seed.counts[0]) for seed in seeds if seed.counts is not None]
    return FluxSeries(
        sampling=first.sampling,
        volume=float(np.mean([seed.volume for seed in seeds])),
        temperature=float(np.mean(temperatures)),
        units=first.units,
        flux=None if first.is_correlation else total,
        potential=stack([seed.potential for seed in seeds]),
        convective=stack([seed.convective for seed in seeds]),
        correlation=total if first.is_correlation else None,
        correlation_samples=min(counts) if counts else None,
        windows=np.concatenate(windows) if len(windows) == len(seeds) else None,
        dimension=first.dimension,
        field=first.field,
        files=tuple(seed.name for seed in seeds),
        notes=tuple(dict.fromkeys(notes)),
        used=tuple(
            f"{seed.name}: {line}" if len(seeds) > 1 else line
            for seed in seeds
            for line in seed.used
        ),
    )
