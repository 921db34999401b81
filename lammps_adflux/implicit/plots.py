"""Figures of predictions for relaxed structures."""

from pathlib import Path

import numpy as np

from ..units import unit_system


def plot_predictions(
    path: str | Path,
    relaxed,
    predicted: dict,
    sizes=(),
    errors: dict | None = None,
    name: str = "formation energy (eV)",
    error_name: str = "error of the prediction (eV)",
) -> None:
    """Predicted against relaxed values; beside it errors against the size of the change, where they
    are given.

    relaxed: values of structures that were relaxed again; predicted: label → predicted values of
    the same samples. sizes: of changes of the parameters along one direction; errors: label →
    errors at these sizes. name, error_name: of the axes, with units.
    """
    figure, axes = new_figure(2 if errors else 1)
    left = axes[0]
    relaxed = np.asarray(relaxed)
    left.plot([relaxed.min(), relaxed.max()], [relaxed.min(), relaxed.max()], color="0.7", lw=1)
    for label, values in predicted.items():
        left.plot(relaxed, values, ".", label=label)
    left.set(xlabel=f"relaxed again: {name}", ylabel=f"predicted: {name}")
    left.legend()
    for label, values in (errors or {}).items():
        axes[1].loglog(sizes, np.maximum(np.abs(values), 1e-16), "o-", label=label)
    if errors:
        axes[1].set(xlabel="size of the change", ylabel=error_name)
        axes[1].minorticks_off()
        axes[1].set_xticks(sizes, [f"{size:g}" for size in sizes])
        axes[1].legend()
    figure.savefig(path, dpi=150)


def plot_distribution(path: str | Path, differences) -> None:
    """Histograms of formation energy and volume over the ensemble, with a line at the present
    parameters.
    """
    figure, (left, right) = new_figure(2)
    energy, volume = "", ""
    if differences.units is not None:
        system = unit_system(differences.units)
        energy, volume = f" ({system.energy_name})", f" ({system.length_name}³)"
    left.hist(differences.energy, bins="auto", color="C0", alpha=0.7, label="structures respond")
    left.hist(
        differences.energy_first, bins="auto", histtype="step", color="C3", label="structures fixed"
    )
    left.axvline(differences.energy_present, color="0.3", lw=1, label="present parameters")
    left.set(xlabel=f"formation energy{energy}", ylabel="samples")
    left.legend()
    right.hist(differences.volume, bins="auto", color="C2", alpha=0.7)
    right.axvline(differences.volume_present, color="0.3", lw=1)
    right.set(xlabel=f"formation volume{volume}")
    figure.savefig(path, dpi=150)


def new_figure(panels: int):
    """A figure without a window, and its axes side by side."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6 * panels, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(1, panels, squeeze=False)[0]
