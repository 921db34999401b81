"""Predictions of a potential against a reference."""

from pathlib import Path

from .evaluation import PROPERTIES, Errors


def plot_parity(errors: Errors, path: str | Path) -> None:
    """One panel for each property that the reference holds."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    known = [name for name in PROPERTIES if errors.reference[name]]
    figure = Figure(figsize=(4.2 * len(known), 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    summary = errors.summary()
    for axes, name in zip(figure.subplots(1, len(known), squeeze=False)[0], known, strict=True):
        reference, predicted = errors.both(name)
        low = min(reference.min(), predicted.min())
        high = max(reference.max(), predicted.max())
        axes.plot([low, high], [low, high], color="0.6", lw=0.8)
        axes.plot(reference, predicted, ".", ms=3)
        unit = PROPERTIES[name]
        axes.set(
            title=f"{name}: RMSE {summary[name]['rmse']:.3g} {unit}",
            xlabel=f"reference ({unit})",
            ylabel=f"potential ({unit})",
            aspect="equal",
        )
    figure.savefig(path, dpi=150)
