"""Correlation functions of the heat flux: FFT, running integral, noise filter, cutoff of the
integral.
"""

import math

import numpy as np
from jaxtyping import Float

from ..errors import AdfluxError

_ZERO = 0.5  # standard errors under which the filtered HFACF counts as zero
_REVIVAL = (
    5.0  # standard errors that a filtered HFACF must rise to after its zero to count as still alive
)
_SWING = 4.0  # standard errors that the first negative lobe of an oscillating HFACF reaches
_PERIODS = 3  # of an oscillating HFACF that the integral covers


def correlate(
    first: Float[np.ndarray, "seeds samples 3"],
    second: Float[np.ndarray, "seeds samples 3"],
    lags: int,
) -> Float[np.ndarray, "seeds lags 3 3"]:
    """C_ab(t) = Σ_s first_a(s) second_b(s+t) / (samples − t), by FFT with zero padding
    (unbiased).
    """
    samples = first.shape[1]
    size = 1 << (2 * samples - 1).bit_length()
    counts = samples - np.arange(lags)
    result = np.empty((len(first), lags, 3, 3))
    for seed, (one, other) in enumerate(zip(first, second, strict=True)):
        left = np.fft.rfft(one, size, axis=0).conj()
        right = left.conj() if other is one else np.fft.rfft(other, size, axis=0)
        for a in range(3):
            for b in range(3):
                result[seed, :, a, b] = np.fft.irfft(left[:, a] * right[:, b], size)[:lags] / counts
    return result


def running_integral(curve: np.ndarray, sampling: float, axis: int = 1) -> np.ndarray:
    """∫₀^t curve dt' by the trapezoidal rule, same shape, zero at the first lag."""
    curve = np.moveaxis(curve, axis, 0)
    integral = np.zeros_like(curve)
    integral[1:] = np.cumsum(0.5 * sampling * (curve[1:] + curve[:-1]), axis=0)
    return np.moveaxis(integral, 0, axis)


def noise_filter(curve: np.ndarray, width: int, axis: int = 1) -> np.ndarray:
    """Two moving averages of 2·(width // 2) + 1 samples over the even continuation of curve(t) to t
    < 0.

    An oscillation whose period is the width goes, the integral over all times stays. At the far end
    the window is cut to what is there.
    """
    half = width // 2
    if half == 0:
        return curve
    values = np.moveaxis(curve, axis, 0)
    lags = len(values)
    half = min(half, lags - 1)
    for _ in range(2):
        even = np.concatenate([values[half:0:-1], values])
        sums = np.concatenate([np.zeros_like(even[:1]), np.cumsum(even, axis=0)])
        last = np.minimum(np.arange(lags) + 2 * half + 1, len(even))
        counts = (last - np.arange(lags)).reshape(-1, *[1] * (values.ndim - 1))
        values = (sums[last] - sums[:lags]) / counts
    return np.moveaxis(values, 0, axis)


def oscillation_period(hfacf: Float[np.ndarray, " lags"], samples: int) -> int:
    """Period in samples of an HFACF whose first negative lobe stands out of the noise; 0 without.

    The lobe is half a period long. Its depth is compared with the standard error of a Gaussian
    process (Bartlett), σ² = Σ_t C(t)²/samples. Optical vibrations of an ionic crystal make such a
    lobe; the slow decay of its acoustic ones, which carries much of κ, is hidden below it.
    """
    half = hfacf[: max(len(hfacf) // 2, 2)]
    error = math.sqrt((2 * np.sum(half**2) - half[0] ** 2) / samples)
    negative = np.flatnonzero(half <= 0)
    if not len(negative):
        return 0
    start = int(negative[0])
    again = np.flatnonzero(half[start:] > 0)
    if not len(again) or half[start : start + again[0]].min() > -_SWING * error:
        return 0
    return 2 * int(again[0])


def first_zero(
    hfacf: Float[np.ndarray, " lags"],
    samples: int,
    window: int | None = None,
    all_lags: bool = False,
) -> tuple[int, int, str | None]:
    """Lag of the first zero of the noise-filtered HFACF, the filter's width in samples, a warning
    or None.

    After Knoop, Scheffler, Carbogno, Phys. Rev. B 107, 224304 (2023): the noise filter must be as
    wide as the slowest oscillation of the HFACF; what is left then decays, and is cut at its first
    zero. They take the period of the lowest vibrational mode from the velocities. From the flux
    alone, the width starts at the integral correlation time and grows until the filtered HFACF does
    not come back above 5 standard errors after its first zero: tried on sums of oscillating and
    slowly decaying processes, it ends within 10 % of the period. The standard error is that of a
    Gaussian process (Bartlett), σ² = Σ_t C_f(t)²/samples, with `samples` those of all seeds and
    components together.

    all_lags: look for the zero in the whole curve, as a correlation file has it; otherwise in its
    first half, since the last lags of a series have few samples.

    Zero means below half a standard error. At the zero itself the running integral has a maximum,
    which the noise chooses: for Ornstein–Uhlenbeck fluxes of 1000 correlation times κ came out 3 %
    too high (a third of its error bar), with half a standard error 1 %, with a whole one slow tails
    were cut off (−8 %).
    """
    lags = len(hfacf)
    below = np.flatnonzero(hfacf <= 0)
    if not len(below):
        raise AdfluxError(
            f"The heat flux autocorrelation does not reach zero within {lags} lags: run longer, "
            "correlate "
            "over a longer time, or give cutoff=."
        )
    if window is None:
        integral_time = np.sum(hfacf[: below[0]]) / hfacf[0] - 0.5
        period = oscillation_period(hfacf, samples)
        width, growing = max(2, math.ceil(integral_time), period), True
    else:
        period, width, growing = 0, window, False
    while True:
        filtered = noise_filter(hfacf, width, axis=0)
        alive = filtered if all_lags else filtered[: max(lags // 2, 2)]
        error = math.sqrt((2 * np.sum(alive**2) - alive[0] ** 2) / samples)
        below = np.flatnonzero(alive <= _ZERO * error)
        below = below[below >= _PERIODS * period]
        if not len(below):
            if _PERIODS * period >= len(alive):
                raise AdfluxError(
                    f"The heat flux autocorrelation oscillates with a period of about {period} "
                    f"samples: {_PERIODS} periods are needed within {len(alive)} lags; run longer, "
                    "or give cutoff=."
                )
            raise AdfluxError(
                f"The heat flux autocorrelation, filtered over {width} samples, does not reach "
                "zero within "
                f"{len(alive)} lags: run longer, or give cutoff=."
            )
        zero = max(1, int(below[0]))
        revival = float(np.max(alive[zero:])) > _REVIVAL * error
        if not revival or not growing:
            break
        if width > lags // 8:
            return (
                zero,
                width,
                "the filtered HFACF comes back after its first zero; check the figure, or give "
                "cutoff=",
            )
        width = math.ceil(1.4 * width)
    return zero, width, None


def integral_error(value: float, lags: int, samples: int) -> float:
    """Standard error 2κ √(t/L) of what the integral κ gains within a time t, L being the length of
    all seeds and components (Jones, Mandadapu, J. Chem. Phys. 136, 154102 (2012)).
    """
    return 2 * abs(value) * math.sqrt(lags / samples)


def past_the_cutoff(
    running: np.ndarray, zero: int, samples: int, step: float, time: str
) -> tuple[float, str | None]:
    """How far the integral moves after its cutoff, and a warning where that is not noise.

    The largest of its rises to 3 and 6 cutoffs, and of its falls beyond their standard error σ,
    √(Δ² − σ²). The cutoff lies where the integral of a decayed HFACF has a maximum: noise makes it
    fall there. With one decay time the error bar grows by about a half.
    """
    tail, warning = 0.0, None
    for late in (3 * zero, 6 * zero):
        if late >= len(running):
            break
        change = float(running[late] - running[zero])
        error = integral_error(max(running[late], running[zero]), late - zero, samples)
        size = change if change > 0 else math.sqrt(max(0.0, change**2 - error**2))
        if size > tail and not -3 * error < change < 2 * error:
            warning = (
                f"the integral goes on past its cutoff: {running[zero]:.3g} at {zero * step:.3g} "
                f"{time}, {running[late]:.3g} at {late * step:.3g} {time}, a change of "
                f"{abs(change) / error:.1f} standard errors; the error bar holds it; look at the "
                "figure, run longer, or give cutoff="
            )
        tail = max(tail, size)
    return tail, warning


def tails_of_tensor(
    running: np.ndarray, zero: int, samples: int, axes: int, step: float, time: str
) -> np.ndarray:
    """How far each component of the running integral [lags, 3, 3] moves after the cutoff [3, 3]:
    on the diagonal as `past_the_cutoff`, elsewhere beyond the standard error 2 √(κ_aa κ_bb t/L).
    """
    tails = np.zeros((3, 3))
    for a, b in np.ndindex(axes, axes):
        if a == b:
            tails[a, b], _ = past_the_cutoff(running[:, a, b], zero, samples, step, time)
            continue
        for late in (3 * zero, 6 * zero):
            if late < len(running):
                change = float(running[late, a, b] - running[zero, a, b])
                size = math.sqrt(abs(running[late, a, a] * running[late, b, b]))
                error = integral_error(size, late - zero, samples)
                tails[a, b] = max(tails[a, b], math.sqrt(max(0.0, change**2 - error**2)))
    return tails
