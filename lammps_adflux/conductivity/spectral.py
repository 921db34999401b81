"""Which frequencies carry the heat of a driven run: κ(ν) from velocities and per-atom virials."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ..errors import AdfluxError
from ..units import conductivity_prefactor, unit_system
from .hnemd import Driven
from .text_files import opened

VELOCITIES = "vx", "vy", "vz"
# n · W of each atom, n the direction of the field; as hnemd.lmp names them
VIRIALS = "v_adflux_nwx", "v_adflux_nwy", "v_adflux_nwz"
WINDOW = 4  # correlation lengths in one window, over which the error is taken
EVEN = 1e-4  # times between frames, relative


class Frame(NamedTuple):
    """One frame of a dump, atoms by id."""

    time: float
    velocities: Float[np.ndarray, "atoms 3"]
    virials: Float[np.ndarray, "atoms 3"]


@dataclass(frozen=True)
class SpectralConductivity:
    """κ(ν) in `conductivity_unit` per `frequency_unit`, whose integral over ν > 0 is `mean`.

    `error` is the standard error of κ(ν) over windows of four correlation lengths, NaN where there
    is one window. `correlation` is K(t) / (V T |F_e|) over `lags`, times −L … L in steps of the
    frames.
    """

    units: str
    conductivity_unit: str
    frequency_unit: str
    frequencies: Float[np.ndarray, " frequencies"]
    kappa: Float[np.ndarray, " frequencies"]
    error: Float[np.ndarray, " frequencies"]
    mean: float
    lags: Float[np.ndarray, " lags"]
    correlation: Float[np.ndarray, " lags"]
    frames: int
    windows: int

    @property
    def cumulative(self) -> Float[np.ndarray, " frequencies"]:
        """∫₀^ν κ(ν') dν', whose last value is `mean`."""
        parts = self.kappa * self.frequencies[1]
        parts[0] /= 2.0
        return np.cumsum(parts)

    def to_csv(self, path: str | Path) -> None:
        """frequency, kappa, error, cumulative."""
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["frequency", "kappa", "error", "cumulative"])
            rows = np.column_stack([self.frequencies, self.kappa, self.error, self.cumulative])
            for row in rows:
                writer.writerow([format(value, ".9g") for value in row])


def spectral_conductivity(
    dumps: str | Path | Sequence[str | Path], driven: Driven, *, lags: int = 500
) -> SpectralConductivity:
    """κ(ν) = 2/(V T |F_e|) ∫ w(t) K(t) cos 2πνt dt with K(t) = Σ_j ⟨(n·W_j)(0) · v_j(t)⟩.

    n is the direction of the field F_e, W_j the per-atom virial, J_pot = Σ_j W_j v_j, and w Hann's
    window, 1 at t = 0. ∫₀^∞ κ(ν) dν = K(0)/(V T |F_e|) is the κ of the potential part of the flux,
    by which frequencies. Fan et al., Phys. Rev. B 99, 064308 (2019), with the virials of any JAX
    potential.

    Parameters
    ----------
    dumps
        Dump files of the runs, as hnemd.lmp writes them (`-var spectrum yes`).
    driven
        κ of the same runs, from `hnemd`: field, volume, temperature and units are taken from it.
    lags
        Frames in L, the longest time of the correlation: κ(ν) is resolved to 1/(2L).

    Raises
    ------
    AdfluxError
        For dumps without the columns, with frames at uneven times, or shorter than 2 L.
    """
    files = [dumps] if isinstance(dumps, str | Path) else list(dumps)
    if lags < 2:
        raise AdfluxError(f"lags= must be 2 or more, but is {lags}.")
    sums, counts, step, frames = [], [], 0.0, 0
    for file in files:
        found = _windows(Path(file), lags)
        for window, spacing in found:
            if step and abs(spacing - step) > EVEN * step:
                raise AdfluxError(
                    f"{file}: frames every {step:g} were needed, as in the others, but every "
                    f"{spacing:g} was found."
                )
            step = step or spacing
            sums.append(_correlation(window, lags))
            counts.append(len(window) - np.abs(np.arange(-lags, lags + 1)))
            frames += len(window)
    system = unit_system(driven.units)
    size = float(np.linalg.norm(driven.field))
    factor = conductivity_prefactor(driven.units, driven.dimension) * system.boltzmann
    factor /= driven.volume * driven.temperature * size
    correlation = factor * np.sum(sums, axis=0) / np.sum(counts, axis=0)
    each = factor * np.array(sums) / np.array(counts)
    kappa = _spectrum(correlation, step)
    error = np.full(len(kappa), np.nan)
    if len(each) > 1:
        error = np.std([_spectrum(one, step) for one in each], axis=0, ddof=1) / np.sqrt(len(each))
    return SpectralConductivity(
        units=driven.units,
        conductivity_unit=driven.conductivity_unit,
        frequency_unit=system.frequency_name,
        frequencies=np.arange(lags + 1) / ((2 * lags + 1) * step),
        kappa=kappa,
        error=error,
        mean=float(correlation[lags]),
        lags=np.arange(-lags, lags + 1) * step,
        correlation=correlation,
        frames=frames,
        windows=len(each),
    )


def _spectrum(correlation: Float[np.ndarray, " lags"], step: float) -> Float[np.ndarray, " f"]:
    """2 ∫ w K cos 2πνt dt, at the frequencies at which its sum over all ν is K(0)."""
    lags = len(correlation) // 2
    places = np.arange(-lags, lags + 1)
    seen = correlation * 0.5 * (1.0 + np.cos(np.pi * places / (lags + 1)))
    return 2.0 * step * np.fft.rfft(np.roll(seen, -lags)).real


def _correlation(window: list[Frame], lags: int) -> Float[np.ndarray, " lags"]:
    """Σ over origins and atoms of (n·W)(t) · v(t + m), m from −lags to lags."""
    virials = np.stack([frame.virials for frame in window]).reshape(len(window), -1)
    velocities = np.stack([frame.velocities for frame in window]).reshape(len(window), -1)
    length = len(window) + lags
    found = np.zeros(2 * lags + 1)
    # some hundred series at a time
    for start in range(0, virials.shape[1], 300):
        part = slice(start, start + 300)
        there = np.conj(np.fft.rfft(virials[:, part], length, axis=0))
        product = there * np.fft.rfft(velocities[:, part], length, axis=0)
        whole = np.fft.irfft(product.sum(axis=1), length)
        found += np.concatenate([whole[length - lags :], whole[: lags + 1]])
    return found


def _windows(path: Path, lags: int) -> Iterator[tuple[list[Frame], float]]:
    """Windows of `WINDOW` · lags frames, the last of 2 · lags or more; the time between frames."""
    window: list[Frame] = []
    step, last, given = 0.0, None, False
    for frame in read_frames(path):
        if last is not None:
            spacing = frame.time - last
            step = step or spacing
            if spacing <= 0.0 or abs(spacing - step) > EVEN * step:
                raise AdfluxError(
                    f"{path}: frames every {step:g} were needed, but one at {last:g} is followed "
                    f"by one at {frame.time:g}."
                )
        last = frame.time
        window.append(frame)
        # the next window must not be too short
        if len(window) == (WINDOW + 2) * lags:
            yield window[: WINDOW * lags], step
            window, given = window[WINDOW * lags :], True
    if len(window) >= 2 * lags:
        yield window, step
    elif not given:
        raise AdfluxError(
            f"{path} holds {len(window)} frames, but lags={lags} needs {2 * lags} or more: give "
            "fewer lags, or run longer."
        )


def read_frames(path: Path) -> Iterator[Frame]:
    """The frames of a custom dump with `dump_modify time yes`."""
    wanted = ("id", *VELOCITIES, *VIRIALS)
    with opened(path) as file:
        time, atoms, count, number = None, None, 0, 0
        for line in file:
            number += 1
            if line.startswith("ITEM: TIME") and "TIMESTEP" not in line:
                time, number = float(next(file)), number + 1
            elif line.startswith("ITEM: NUMBER OF ATOMS"):
                count, number = int(next(file)), number + 1
            elif line.startswith("ITEM: ATOMS"):
                columns = line.split()[2:]
                missing = [name for name in wanted if name not in columns]
                if missing or time is None:
                    what = ", ".join(missing) or "the time (dump_modify time yes)"
                    raise AdfluxError(
                        f"{path}, line {number}: the frame lacks {what}; hnemd.lmp writes such "
                        "dumps with -var spectrum yes."
                    )
                text = "".join(next(file, "") for _ in range(count))
                values = np.fromstring(text, sep=" ")
                if values.size != count * len(columns):
                    return  # a run that was stopped
                number += count
                if atoms is not None and count != atoms:
                    raise AdfluxError(
                        f"{path}, line {number}: {atoms} atoms were needed, as in the frames "
                        f"before, but {count} were found: atoms were lost, or left out."
                    )
                atoms = count
                rows = values.reshape(count, -1)
                rows = rows[np.argsort(rows[:, columns.index("id")])]
                yield Frame(
                    time,
                    rows[:, [columns.index(name) for name in VELOCITIES]],
                    rows[:, [columns.index(name) for name in VIRIALS]],
                )
                time = None
