"""Conductivity from runs that a field drives (HNEMD)."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..errors import AdfluxError
from ..units import conductivity_prefactor, unit_system
from .fluxseries import FluxSeries

BLOCKS = 10  # of each run, for the error
# of neighbouring blocks: with more of it their scatter is no error
CORRELATED = 0.5


@dataclass(frozen=True)
class Driven:
    """κ_a = ⟨J_a⟩ / (T V |F_e|) in `conductivity_unit`, of a field F_e along the direction n.

    `mean` is κ along the field, n · κ, with its standard error over blocks of all runs;
    `tensor_row` are its components x, y, z. `running` is n · κ of each run up to each sample. Right
    in the limit of a small field: compare two fields.
    """

    units: str
    conductivity_unit: str
    field: tuple[float, ...]
    mean: float
    error: float
    tensor_row: Float[np.ndarray, "3"]
    row_error: Float[np.ndarray, "3"]
    blocks: int
    times: Float[np.ndarray, " samples"]
    running: Float[np.ndarray, "seeds samples"]
    volume: float
    temperature: float
    seeds: int
    files: tuple[str, ...]
    notes: tuple[str, ...]
    used: tuple[str, ...] = ()
    dimension: int = 3  # 2: the volume is an area

    def to_json(self, path: str | Path | None = None) -> str:
        """All but the curves, as JSON; written to `path` if given."""
        skipped = ("times", "running")
        values = {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(self).items()
            if name not in skipped
        }
        text = json.dumps(values, indent=1)
        if path is not None:
            Path(path).write_text(text + "\n")
        return text


def hnemd(series: FluxSeries, *, field=None, blocks: int | None = None) -> Driven:
    """κ along the field that drives the runs of a series: κ_ab = ⟨J_a⟩ / (T V F_b).

    Evans, Phys. Lett. A 91, 457 (1982); Fan et al., Phys. Rev. B 99, 064308 (2019).

    Parameters
    ----------
    series
        What `read_flux` read of files that hnemd.lmp wrote.
    field
        F_e [1/length], three numbers; default: that of the files' headers.
    blocks
        Of each run, for the error; default: 10.

    Raises
    ------
    AdfluxError
        Without a field; for correlation files; for fewer than 2 blocks, or more than samples.
    """
    field = series.field if field is None else field
    if field is None:
        raise AdfluxError(
            "The field that drove the runs is not in the files, as hnemd.lmp writes it: give "
            "field=, three numbers [1/length]."
        )
    vector, count = np.asarray(field, float), blocks or BLOCKS
    size = np.linalg.norm(vector)
    if vector.shape != (3,) or not np.isfinite(size) or size == 0.0:
        raise AdfluxError(f"field= needs three numbers that are not all zero, but is {field}.")
    if series.flux is None:
        raise AdfluxError("Driven runs need time series of the flux, but a correlation was found.")
    if not 2 <= count <= series.samples:
        raise AdfluxError(
            f"blocks= must lie between 2 and the {series.samples} samples, but is {count}."
        )
    system = unit_system(series.units)
    factor = conductivity_prefactor(series.units, series.dimension) * system.boltzmann
    values = series.flux * factor / (series.volume * series.temperature * size)
    along = values @ (vector / size)
    length = series.samples // count
    means = values[:, : count * length].reshape(-1, length, 3).mean(axis=1)
    parallel = means @ (vector / size)
    notes = list(series.notes)
    deviations = (parallel - parallel.mean()).reshape(series.seeds, count)
    shared = np.sum(deviations[:, 1:] * deviations[:, :-1]) / max(np.sum(deviations**2), 1e-300)
    if shared > CORRELATED:
        notes.append(
            "neighbouring blocks resemble each other, so the error is too small: run longer, or "
            "take fewer blocks (blocks=)"
        )
    steps = np.arange(1, series.samples + 1)
    return Driven(
        units=series.units,
        conductivity_unit=system.conductivity_name
        if series.dimension == 3
        else system.sheet_conductivity_name,
        field=tuple(vector.tolist()),
        mean=float(along.mean()),
        error=_error(parallel),
        tensor_row=values.mean(axis=(0, 1)),
        row_error=np.array([_error(column) for column in means.T]),
        blocks=len(parallel),
        times=steps * series.sampling,
        running=np.cumsum(along, axis=1) / steps,
        volume=series.volume,
        temperature=series.temperature,
        seeds=series.seeds,
        files=series.files,
        notes=tuple(notes),
        used=series.used,
        dimension=series.dimension,
    )


def _error(means: np.ndarray) -> float:
    return float(means.std(ddof=1) / np.sqrt(len(means)))
