"""The figure that justifies a thermal conductivity: HFACF, running integral, spectrum."""

import textwrap
from pathlib import Path

import numpy as np

from ..units import unit_system
from .hnemd import Driven
from .result import Conductivity
from .spectral import SpectralConductivity


def plot_conductivity(result: Conductivity, path: str | Path) -> None:
    """Write one figure (format by the name's ending) with three panels.

    Left: tr⟨J(0)J(t)⟩/3 over its value at 0, raw and filtered. Middle: κ(t) with its standard error
    and STACIE's value. Right: the flux spectrum with STACIE's fit, whose limit at zero frequency is
    κ. Draws on a figure of its own, needs no display.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13.5, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    left, middle, right = figure.subplots(1, 3)
    _hfacf(left, result)
    _running(middle, result)
    _spectrum(right, result)
    error = " (no error bar)" if result.error is None else f" ± {result.error:.3g}"
    figure.suptitle(
        f"κ = {result.mean:.4g}{error} {result.conductivity_unit}   "
        f"({result.seeds} seed{'s' if result.seeds > 1 else ''}, {result.samples} "
        f"{'samples' if result.stacie.frequencies is not None else 'points'} each)"
    )
    figure.savefig(path, dpi=150)


def _hfacf(axes, result: Conductivity) -> None:
    time = unit_system(result.units).time_name
    scale = result.hfacf[0]
    axes.plot(result.times, result.hfacf / scale, color="C0", lw=1.2, label="HFACF")
    if result.filter_window:
        label = f"filtered over {result.filter_window:.3g} {time}"
        axes.plot(result.times, result.hfacf_filtered / scale, color="C1", lw=1.5, label=label)
    axes.axhline(0, color="0.6", lw=0.8)
    axes.axvline(result.cutoff, color="k", ls=":", label=f"cutoff {result.cutoff:.3g} {time}")
    axes.set(xlabel=f"t [{time}]", ylabel="⟨J(0)·J(t)⟩ / ⟨J²⟩", title="heat flux autocorrelation")
    axes.set_xlim(0, result.times[-1])
    axes.legend(frameon=False)


def _running(axes, result: Conductivity) -> None:
    time = unit_system(result.units).time_name
    axes.plot(result.times, result.running, color="C0", lw=1.5, label="running integral")
    band = np.isfinite(result.running_error)
    if band.any():
        label = "± error over " + ("blocks" if result.over_blocks.error is not None else "seeds")
        low, high = result.running - result.running_error, result.running + result.running_error
        axes.fill_between(
            result.times[band], low[band], high[band], color="C0", alpha=0.25, lw=0, label=label
        )
    axes.axvline(result.cutoff, color="k", ls=":", label=f"cutoff: {result.mean:.4g}")
    if result.stacie.mean is not None:
        label = f"STACIE: {result.stacie.mean:.4g} ± {result.stacie.error:.2g}"
        axes.axhline(result.stacie.mean, color="C2", ls="--", lw=1.2, label=label)
    axes.set(
        xlabel=f"t [{time}]", ylabel=f"κ(t) [{result.conductivity_unit}]", title="running integral"
    )
    axes.set_xlim(0, result.times[-1])
    axes.set_ylim(bottom=min(0.0, float(result.running.min())))
    axes.legend(frameon=False, loc="lower right")


def _spectrum(axes, result: Conductivity) -> None:
    fit = result.stacie
    axes.set(
        xlabel=f"f [{unit_system(result.units).frequency_name}]",
        ylabel=f"C(f) [{result.conductivity_unit}]",
        title="flux spectrum",
    )
    if (
        fit.frequencies is None
        or fit.amplitudes is None
        or fit.fitted is None
        or fit.fitted_error is None
    ):
        text = textwrap.fill(f"no spectrum: {fit.reason}", 40)
        axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)
        axes.set_xticks([])
        axes.set_yticks([])
        return
    axes.plot(fit.frequencies, fit.amplitudes, ".", color="C0", ms=2.5, label="spectrum")
    axes.plot(fit.frequencies, fit.fitted, color="C2", lw=1.8, label=f"STACIE, {fit.model}")
    low, high = fit.fitted - 2 * fit.fitted_error, fit.fitted + 2 * fit.fitted_error
    axes.fill_between(
        fit.frequencies, low, high, color="C2", alpha=0.3, lw=0, label="± 2 standard errors"
    )
    axes.axvline(fit.frequency_cutoff, color="k", ls=":", label="mean frequency cutoff")
    # a fit that holds below its cutoff may go anywhere above
    end = min(fit.frequencies[-1], 3.0 * (fit.frequency_cutoff or np.inf))
    seen = fit.frequencies <= end
    axes.set_xlim(0, end)
    axes.set_ylim(0, 1.1 * float(fit.amplitudes[seen].max(initial=0.0)) or None)
    axes.legend(frameon=False)


def plot_driven(result: Driven, path: str | Path) -> None:
    """κ along the field, up to each time, of each run and of all."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for run in result.running:
        axes.plot(result.times, run, "C0", lw=0.8, alpha=0.5)
    axes.plot(result.times, result.running.mean(axis=0), "C0", label="mean of the runs up to here")
    low, high = result.mean - result.error, result.mean + result.error
    axes.axhspan(low, high, color="C1", alpha=0.3, label="κ along the field, standard error")
    centre, reach = result.mean, max(8.0 * result.error, 0.5 * abs(result.mean))
    axes.set(
        xlabel=f"time ({unit_system(result.units).time_name})",
        ylabel=f"κ ({result.conductivity_unit})",
        ylim=(centre - reach, centre + reach),
    )
    axes.legend()
    figure.savefig(path, dpi=150)


def plot_spectral(result: SpectralConductivity, path: str | Path) -> None:
    """κ(ν) with its standard error, and its integral from zero."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot(result.frequencies, result.kappa, "C0")
    if result.windows > 1:
        low, high = result.kappa - result.error, result.kappa + result.error
        axes.fill_between(result.frequencies, low, high, color="C0", alpha=0.3)
    unit = result.conductivity_unit
    axes.set(
        xlabel=f"frequency ({result.frequency_unit})",
        ylabel=f"κ(ν) ({unit} per {result.frequency_unit})",
    )
    axes.axhline(0.0, color="k", lw=0.8)
    right = axes.twinx()
    right.plot(result.frequencies, result.cumulative, "C1")
    right.set_ylabel(f"integral from zero ({unit})", color="C1")
    axes.set_xlim(0.0, result.frequencies[-1])
    figure.savefig(path, dpi=150)
