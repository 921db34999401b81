"""The figure of a design."""

from pathlib import Path

import numpy as np

from ..plots import new_figure

NAMED = 12  # parameters that are named in the figure: those that moved most


def plot_design(path: str | Path, design) -> None:
    """Left the loss against the step; right the parameters' changes, in units of the largest."""
    figure, (left, right) = new_figure(2)
    numbers = np.arange(len(design.losses))
    left.plot(numbers, design.losses, "o-", color="C0", ms=3)
    if np.all(design.losses > 0.0):
        left.set_yscale("log")
    left.set(xlabel="accepted step", ylabel="loss of relaxed structures")
    changes = design.vectors - design.vectors[0]
    largest = np.abs(changes).max(axis=0)
    scale = max(float(largest.max(initial=0.0)), 1e-300)
    order = np.argsort(-largest)
    for place, k in enumerate(order[:200]):
        named = place < NAMED and largest[k] > 0.0
        right.plot(
            numbers,
            changes[:, k] / scale,
            color=f"C{place % 10}" if named else "0.8",
            lw=1.2 if named else 0.6,
            zorder=2 if named else 1,
            label=design.names[k] if named else None,
        )
    right.set(xlabel="accepted step", ylabel=f"change of parameters / {scale:.3g}")
    if largest.any():
        right.legend(fontsize=6)
    figure.savefig(path, dpi=150)
