"""Thermal conductivity from the heat flux by Green–Kubo."""

import math
from typing import Any

import numpy as np

from ..errors import AdfluxError
from ..units import conductivity_prefactor, unit_system
from .correlation import (
    correlate,
    first_zero,
    noise_filter,
    past_the_cutoff,
    running_integral,
    tails_of_tensor,
)
from .fluxseries import FluxSeries
from .result import Conductivity, Estimate, standard
from .spectrum import SpectrumFit, fit_spectrum

# Below this ratio from one sample to the next the trapezoidal rule is off: in the LJ liquid near
# its triple point by nothing where it is 0.6 (samples every 0.06 τ), by 5 % where it is 0.3 (0.12
# τ).
_COARSE = 0.45


def green_kubo(
    series: FluxSeries,
    *,
    cutoff: float | None = None,
    method: str = "first-zero",
    filter_window: float | None = None,
    blocks: int | None = None,
    subtract_mean: bool = False,
    spectrum_model: str = "lorentz",
    parts: bool = True,
) -> Conductivity:
    """κ of one system from the flux series, or the correlation functions, of one or more seeds.

    κ_ab = f/(V T²) ∫₀^cutoff ⟨J_a(0) J_b(t)⟩ dt. The error bar holds the scatter over blocks (or
    seeds) and how far the integral moves past its cutoff, `Conductivity.tail`. Seeds must be
    independent.

    Parameters
    ----------
    series
        What `read_flux` read. Correlation files give an error over seeds only, and no STACIE.
    cutoff
        End of the plain running integral [time].
    method
        Without a cutoff: "first-zero" ends the integral at the first zero of the noise-filtered
        HFACF, and takes the running integral of the filtered HFACF there (see `first_zero`). All
        components and seeds have one cutoff, from tr⟨J(0)J(t)⟩ over all seeds.
    filter_window
        Width of the filter [time], such as the period of the lowest mode; default: automatic.
    blocks
        Pieces of each seed for the error over blocks; default: as many as are 5 cutoffs long, at
        most 10.
    subtract_mean
        Only where ⟨J⟩ is known not to vanish, such as in a drifting system. It biases κ by −2
        cutoff/length.
    spectrum_model
        STACIE's "lorentz" or "exppoly", or "none"; `Conductivity.stacie` says which was used.
    parts
        Split κ into potential, convective and cross terms where the series has them.
    """
    if method != "first-zero":
        raise AdfluxError(
            f"There is no cutoff method '{method}': use 'first-zero', or pass cutoff."
        )
    if series.field is not None:
        raise AdfluxError(
            "These runs were driven by a field: their conductivity is that of `hnemd`, not of "
            "fluctuations."
        )
    if series.flux is None and (subtract_mean or blocks is not None):
        raise AdfluxError(
            f"{'subtract_mean=' if subtract_mean else 'blocks='} needs the time series, but "
            f"{', '.join(series.files) or 'the series'} holds its correlations: leave it out, or "
            "analyse a fix ave/time file."
        )
    system, axes = unit_system(series.units), series.directions
    factor = conductivity_prefactor(series.units, series.dimension) / (
        series.volume * series.temperature**2
    )
    step, notes = series.sampling, list(series.notes)
    flux = series.flux
    if flux is None:
        assert series.correlation is not None
        correlation = series.correlation
    else:
        if subtract_mean:
            flux = flux - flux.mean(axis=1, keepdims=True)
        correlation = correlate(flux, flux, max(2, series.samples // 2))
    trace = _mean_diagonal(correlation, axes).mean(axis=0)
    per_seed = series.samples if flux is not None else series.correlation_samples or series.samples
    if cutoff is None:
        window = None if filter_window is None else max(1, round(filter_window / step))
        zero, width, warning = first_zero(
            trace, axes * series.seeds * per_seed, window, all_lags=flux is None
        )
        notes += [warning] if warning else []
    else:
        zero, width = round(cutoff / step), 1
        if not 1 <= zero < len(trace):
            raise AdfluxError(
                f"cutoff= must lie between {step:g} and {(len(trace) - 1) * step:g} "
                f"{system.time_name} "
                f"(one sample, and half the series or the last lag), got {cutoff:g}."
            )
    if trace[1] < _COARSE * trace[0]:
        notes.append(
            f"the samples are far apart: the HFACF falls to {trace[1] / trace[0]:.2f} of its "
            "value from "
            "one to the next, so that κ may be too high by several per cent; sample more often"
        )
    if 20 * zero > per_seed:
        notes.append(
            f"{per_seed} samples are only {per_seed / zero:.0f} times the cutoff of the integral, "
            "which may itself be noise: run longer"
        )
    lags = min(len(trace), max(6 * zero, zero + 2 * width) + 2)

    def conductivities(curves):  # [pieces, lags, 3, 3] -> κ(t) of each piece
        return factor * running_integral(noise_filter(curves[:, :lags], width), step)

    by_seed = conductivities(correlation)
    tensor = by_seed[:, zero].mean(axis=0)
    over_seeds = _estimate(by_seed[:, zero], "a second seed is needed", series.seeds, axes)
    band_source = by_seed
    if flux is None:
        over_blocks = Estimate(
            reason=(
                "correlation files hold no series to cut into blocks; 4 independent time windows "
                "(ave one) would do"
            )
        )
        if series.windows is not None and len(series.windows) >= 4:
            band_source = conductivities(series.windows)
            over_blocks = _estimate(band_source[:, zero], "", len(band_source), axes)
        stacie = SpectrumFit(reason="STACIE needs the time series, not a correlation file")
        part_tensors = None
    else:
        over_blocks, by_block = _over_blocks(flux, blocks, zero, lags, conductivities, axes)
        band_source = by_block if by_block is not None else by_seed
        stacie = fit_spectrum(flux[..., :axes], factor, step, spectrum_model)
        notes += _check_mean(flux, trace, zero, step)
        part_tensors = (
            _parts(series, zero, lags, conductivities) if parts and not subtract_mean else None
        )
    running_error = np.full(lags, np.nan)
    if len(band_source) > 1:
        curves = _mean_diagonal(band_source, axes)
        running_error[: curves.shape[1]] = curves.std(axis=0, ddof=1) / math.sqrt(len(curves))
    running_tensor = by_seed.mean(axis=0)
    running = _mean_diagonal(running_tensor, axes)
    tail, warning = past_the_cutoff(
        running, zero, axes * series.seeds * per_seed, step, system.time_name
    )
    notes += [warning] if warning else []
    if standard(over_blocks, over_seeds) is over_seeds and over_blocks.error and over_seeds.error:
        notes.append(
            f"the {over_seeds.count} seeds differ by {over_seeds.error / over_blocks.error:.1f} "
            "times what their blocks tell, so that the error over seeds was taken: are they of one "
            "system, each long beside its slowest motion?"
        )
    return Conductivity(
        units=series.units,
        conductivity_unit=(
            system.conductivity_name if series.dimension == 3 else system.sheet_conductivity_name
        ),
        method=method if cutoff is None else "cutoff",
        cutoff=zero * step,
        filter_window=width * step if width > 1 else 0.0,
        mean=float(_mean_diagonal(tensor, axes)),
        tensor=tensor,
        over_seeds=over_seeds,
        over_blocks=over_blocks,
        tail=tail,
        tail_tensor=tails_of_tensor(
            running_tensor, zero, series.seeds * per_seed, axes, step, system.time_name
        ),
        stacie=stacie,
        parts=part_tensors,
        times=np.arange(lags) * step,
        hfacf=trace[:lags],
        hfacf_filtered=noise_filter(trace, width, axis=0)[:lags],
        running=running,
        running_error=running_error,
        running_tensor=running_tensor,
        volume=series.volume,
        temperature=series.temperature,
        sampling=step,
        samples=series.samples,
        seeds=series.seeds,
        files=series.files,
        notes=tuple(notes),
        used=series.used,
        dimension=axes,
    )


def _mean_diagonal(tensors: np.ndarray, axes: int) -> Any:
    """Mean over x, y, z (in two dimensions x, y) of the diagonal of the last two axes."""
    return np.einsum("...aa->...", tensors[..., :axes, :axes]) / axes


def _estimate(tensors: np.ndarray, reason: str, count: int, axes: int) -> Estimate:
    if count < 2:
        return Estimate(count=count, reason=reason)
    means = _mean_diagonal(tensors, axes)
    root = math.sqrt(count)
    return Estimate(
        count=count,
        mean=float(means.mean()),
        error=float(means.std(ddof=1) / root),
        tensor=tensors.mean(axis=0),
        tensor_error=tensors.std(axis=0, ddof=1) / root,
    )


def _over_blocks(
    flux, blocks, zero, lags, conductivities, axes
) -> tuple[Estimate, np.ndarray | None]:
    samples = flux.shape[1]
    if blocks is None:
        blocks = min(10, samples // (5 * zero))
        if blocks < 2 or blocks * len(flux) < 4:
            needed = max(2, math.ceil(4 / len(flux))) * 5 * zero
            reason = (
                f"4 blocks of 5 cutoffs are needed ({needed} samples in each file, {samples} are "
                "there)"
            )
            return Estimate(reason=reason), None
    elif blocks < 2 or samples // blocks < 2 * zero:
        most = samples // (2 * zero)
        raise AdfluxError(
            f"blocks= must be from 2 to {most} (a block holds 2 cutoffs or more), got {blocks}."
        )
    length = samples // blocks
    pieces = flux[:, : blocks * length].reshape(-1, length, 3)
    by_block = conductivities(correlate(pieces, pieces, min(lags, length)))
    return _estimate(by_block[:, zero], "", len(pieces), axes), by_block


def _parts(series: FluxSeries, zero, lags, conductivities) -> dict[str, np.ndarray] | None:
    if series.potential is None or series.convective is None:
        return None

    def kappa(first, second):
        return conductivities(correlate(first, second, lags))[:, zero].mean(axis=0)

    potential, convective = series.potential, series.convective
    return {
        "potential": kappa(potential, potential),
        "convective": kappa(convective, convective),
        "cross": kappa(potential, convective) + kappa(convective, potential),
    }


def _check_mean(flux, trace, zero, step) -> list[str]:
    """⟨J⟩ = 0 in equilibrium; its standard error is √(2 ∫C dt / length)."""
    length = flux.shape[1] * step
    integral = float(running_integral(trace[: zero + 1], step, axis=0)[-1])
    if integral <= 0:
        return []
    worst = float(np.max(np.abs(flux.mean(axis=1)))) / math.sqrt(2 * integral / length)
    if worst < 6:
        return []
    return [
        f"the mean flux is {worst:.0f} standard errors away from zero: remove the drift "
        "(velocity all zero linear), or use subtract_mean="
    ]
