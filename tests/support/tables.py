"""Potential files of two invented elements, Si and Ge, written for a test."""

from pathlib import Path

import numpy as np

ELEMENTS = "Si", "Ge"
# as in the files of LAMMPS, with bonds as long as those of the crystals in systems.py
TERSOFF = "3 1.0 {lambda3} 1.0 1.6 -0.45 {n} {beta} 1.75 {B} {R} 0.25 2.5 {A}"
MOD = "1 {lambda3} -0.4 {n} {beta} 1.4 {B} {R} 0.25 2.3 {A} 0.6 0.2 0.9 1.1 0.3 2.0"


def write_setfl(path: Path, finnis_sinclair: bool = False, points: int = 2000) -> Path:
    """Smooth tables that end at 4.7 Å."""
    cutoff, densest = 4.7, 12.0
    r = np.linspace(0.0, cutoff, points)
    rho = np.linspace(0.0, densest, points)
    end = (1.0 - (r / cutoff) ** 2) ** 3
    lines = ["invented", "for tests", "", "2 Si Ge"]
    spacings = [points, densest / (points - 1), points, cutoff / (points - 1), cutoff]
    lines.append(" ".join(f"{value:.17g}" for value in spacings))

    def table(values):
        return [f"{value:.17g}" for value in values]

    for i in range(2):
        lines.append(f"{14 + i} 28.0 5.4 diamond")
        lines += table(-(1.2 + 0.3 * i) * np.sqrt(rho + 0.1) + 0.02 * rho)
        for j in range(2 if finnis_sinclair else 1):
            lines += table((1.0 + 0.2 * i + 0.3 * j) * np.exp(-(0.5 + 0.1 * i) * r) * end)
    for strength in (30.0, 34.0, 39.0):
        lines += table(strength * np.exp(-1.3 * r) * end)
    path.write_text("\n".join(lines) + "\n")
    return path


def write_tersoff(path: Path, style: str) -> Path:
    """All triplets; what belongs to i j j differs from j i i where it may."""
    lines = ["# invented"]
    for i in range(2):
        for j in range(2):
            for k in range(2):
                numbers = dict(
                    lambda3=1.1 + 0.1 * k,
                    n=0.8 + 0.05 * i,
                    beta=0.3 + 0.1 * i,
                    B=300.0 + 20.0 * i,
                    A=1700.0 + 100.0 * (i + j),
                    R=3.0 + 0.1 * (i + j),
                )
                form = MOD if style == "tersoff/mod" else TERSOFF
                core = f" {14 + 18 * i} {14 + 18 * j} 1.9 8.0" if style == "tersoff/zbl" else ""
                names = " ".join(ELEMENTS[e] for e in (i, j, k))
                lines.append(f"{names} {form.format(**numbers)}{core}")
    path.write_text("\n".join(lines) + "\n")
    return path
