"""The flux correlation in a `fix ave/correlate` file: its windows pooled, its pairs as a tensor."""

from pathlib import Path

import numpy as np

from ..errors import AdfluxError
from .flux_columns import TOTAL, FluxFile, pick
from .lammps_tables import Correlation, Table, read_correlation


def read_correlation_file(path: Path, text: str, columns: tuple[str, ...] | None) -> FluxFile:
    data, header = read_correlation(path, text)
    selves = tuple(a for a, _, b in (name.partition("*") for name in data.columns) if a == b)
    names = pick(Table(selves, np.zeros((0, len(selves))), 0), columns)
    names = names or (selves if len(selves) == 3 and columns is None else None)
    if names is None:
        wanted = " ".join(f"{name}*{name}" for name in (columns or TOTAL[0])[:3])
        raise AdfluxError(
            f"{path}: the pairs {wanted} were needed, found "
            f"{' '.join(data.columns)}; use type auto, auto/upper or full in fix ave/correlate, "
            "or columns=."
        )
    counts, values, ends, notes = _pool(path, data)
    lags = len(counts)
    windows = np.full((len(values), lags, 3, 3), np.nan)
    for a, first in enumerate(names):
        for b, second in enumerate(names):
            # by Onsager symmetry, if only one is there
            for pair in (f"{second}*{first}", f"{first}*{second}"):
                if pair in data.columns:
                    windows[:, :, a, b] = values[:, :lags, data.columns.index(pair)]
    if not np.isfinite(np.einsum("wtaa->wta", windows)).all():
        raise AdfluxError(
            f"{path}: the correlation function holds NaN or infinite values: the run broke."
        )
    if lags < 2:
        raise AdfluxError(f"{path}: 2 lags or more were needed, {lags} found: let the run go on.")
    if np.ptp(np.diff(data.steps[:lags])) > 0:
        raise AdfluxError(f"{path}: evenly spaced lags were needed: is the file damaged?")
    file = FluxFile(str(path), data.steps[:lags], windows.mean(axis=0), names, names, notes)
    file.header, file.counts, file.ends = header, counts, ends
    file.named = columns is not None
    file.windows = windows if len(windows) > 1 else None
    return file


def _pool(path: Path, data: Correlation) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Counts of the lags, values of the independent windows, their last steps.

    With `ave running` a window holds all before it, and the last is everything. With `ave one`
    windows are independent pieces, known by a count at lag 0 that does not grow; the full ones have
    one weight.
    """
    counts, last = data.counts, data.counts[-1]
    lags = len(last) if (last > 0).all() else int(np.argmin(last > 0))
    same = counts[:, 0] == counts[-1, 0]
    if len(counts) == 1 or same.sum() == 1:
        notes = [
            f"{path}: the last of {len(counts)} time windows, which holds all samples, was taken"
        ]
        return last[:lags], data.values[-1:], data.ends[-1:], notes if len(counts) > 1 else []
    kept = np.flatnonzero(same)
    notes = [
        f"{path}: the mean over its {len(kept)} full time windows was taken ({len(counts)} in all)"
    ]
    return counts[kept].sum(axis=0)[:lags], data.values[kept], data.ends[kept], notes
