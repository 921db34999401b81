"""Thermal conductivity with its error bars and curves, as a table, JSON and CSV."""

import csv
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from .spectrum import SpectrumFit


@dataclass(frozen=True)
class Estimate:
    """κ with its standard error over independent seeds or blocks, or the reason why
    there is none.
    """

    count: int = 0
    mean: float | None = None
    error: float | None = None
    tensor: Float[np.ndarray, "3 3"] | None = None
    tensor_error: Float[np.ndarray, "3 3"] | None = None
    reason: str | None = None


def standard(over_blocks: Estimate, over_seeds: Estimate) -> Estimate:
    """The estimate whose error is quoted: over blocks, else over seeds; over three seeds or more
    where their error is more than twice that over blocks, for which 2 % is the chance at most.
    """
    if over_blocks.error is None:
        return over_seeds
    if over_seeds.error is not None and over_seeds.count >= 3:
        return over_seeds if over_seeds.error > 2 * over_blocks.error else over_blocks
    return over_blocks


@dataclass(frozen=True)
class Conductivity:
    """κ_ab = f/(V T²) ∫₀^cutoff ⟨J_a(0) J_b(t)⟩ dt, in `conductivity_unit`.

    Attributes
    ----------
    mean, tensor
        tr κ / 3, where nothing flows along z (κ_xx + κ_yy)/2; and κ_ab.
    over_seeds, over_blocks
        Standard errors of the same estimator, or the reason why there is none.
    stacie
        A fit of the low-frequency spectrum: another estimator.
    tail, tail_tensor
        How far the integral of the mean, and of each component, moves past its cutoff, up to six
        times the cutoff, beyond what noise does.
    method, cutoff, filter_window
        How the integral was ended, and when.
    parts
        Potential, convective and cross terms, whose sum is `tensor`; None where the series has no
        parts.
    times, hfacf, hfacf_filtered, running, running_error, running_tensor
        Curves over time, past the cutoff: tr⟨J(0)J(t)⟩/3; the same filtered, which decides the
        cutoff; κ(t); its standard error over blocks (over seeds where there are no blocks);
        κ_ab(t).
    units, volume, temperature, sampling, samples, seeds, dimension, files, notes, used
        Of the series; dimension is 2 where nothing flows along z.
    """

    units: str
    conductivity_unit: str
    method: str
    cutoff: float
    filter_window: float
    mean: float
    tensor: Float[np.ndarray, "3 3"]
    over_seeds: Estimate
    over_blocks: Estimate
    tail: float
    tail_tensor: Float[np.ndarray, "3 3"]
    stacie: SpectrumFit
    parts: dict[str, Float[np.ndarray, "3 3"]] | None
    times: Float[np.ndarray, " lags"]
    hfacf: Float[np.ndarray, " lags"]
    hfacf_filtered: Float[np.ndarray, " lags"]
    running: Float[np.ndarray, " lags"]
    running_error: Float[np.ndarray, " lags"]
    running_tensor: Float[np.ndarray, "lags 3 3"]
    volume: float
    temperature: float
    sampling: float
    samples: int
    seeds: int
    files: tuple[str, ...]
    notes: tuple[str, ...]
    used: tuple[str, ...] = ()
    dimension: int = 3

    @property
    def standard(self) -> Estimate:
        """Over blocks or over seeds: the one whose error `error` is (see `standard`)."""
        return standard(self.over_blocks, self.over_seeds)

    @property
    def error(self) -> float | None:
        """Standard error of `mean` over blocks, else over seeds (over three seeds or more where
        that is more than twice as large), with `tail` added in squares; None where there is
        neither.
        """
        error = self.standard.error
        return None if error is None else math.hypot(error, self.tail)

    @property
    def tensor_error(self) -> Float[np.ndarray, "3 3"] | None:
        """The same of `tensor`, with `tail_tensor`."""
        error = self.standard.tensor_error
        return None if error is None else np.hypot(error, self.tail_tensor)

    @property
    def without_error(self) -> str | None:
        """Why `mean` has no standard error, and what would be enough; None where it has one."""
        if self.error is not None:
            return None
        return (
            f"no error bar: {self.over_blocks.reason}, or {self.over_seeds.reason}; do not quote "
            "this number"
        )

    def to_dict(self) -> dict:
        """All results but the time curves (those are in `to_csv`), as JSON types; NaN
        becomes None.
        """

        def plain(value):
            if hasattr(value, "__dataclass_fields__"):
                return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
            if isinstance(value, dict):
                return {name: plain(item) for name, item in value.items()}
            if isinstance(value, list | tuple):
                return [plain(item) for item in value]
            if isinstance(value, np.ndarray):
                return plain(value.tolist())
            if isinstance(value, float):
                return value if math.isfinite(value) else None
            return value

        curves = {"times", "hfacf", "hfacf_filtered", "running", "running_error", "running_tensor"}
        names = [name for name in self.__dataclass_fields__ if name not in curves]
        return {
            "error": self.error,
            "tensor_error": plain(self.tensor_error),
            "without_error": self.without_error,
        } | {name: plain(getattr(self, name)) for name in names}

    def to_json(self, path: str | Path | None = None) -> str:
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)
        if path is not None:
            Path(path).write_text(text + "\n", encoding="utf-8")
        return text

    def to_csv(self, path: str | Path) -> None:
        """The time curves: time, hfacf, hfacf_filtered, kappa, kappa_error, kappa_xx … kappa_zz."""
        tensor_names = [f"kappa_{a}{b}" for a in "xyz" for b in "xyz"]
        table = [self.times, self.hfacf, self.hfacf_filtered, self.running, self.running_error]
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(
                ["time", "hfacf", "hfacf_filtered", "kappa", "kappa_error", *tensor_names]
            )
            for row in np.column_stack([*table, self.running_tensor.reshape(len(self.times), 9)]):
                writer.writerow([format(value, ".9g") for value in row])
