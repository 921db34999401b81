"""Exact flux and LAMMPS' stress/atom flux of silicon beside d/dt Σ r_i E_i, the flux by definition.

    python compare.py [--ranks 2] [--output FOLDER]

Prints the largest deviation of each flux, relative to its size, and draws both.
"""

import argparse
import sys
from pathlib import Path

import matplotlib
import numpy as np

import lammps_adflux as adflux
from lammps_adflux.lmp.programs import potentials_folder
from lammps_adflux.lmp.run import run_lammps

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
DT = 0.00005  # ps, as in in.silicon


def thermo(log: Path) -> np.ndarray:
    """The rows of the last thermo table of a log."""
    lines = log.read_text().splitlines()
    start = max(n for n, line in enumerate(lines) if line.split()[:1] == ["Step"])
    rows = []
    for line in lines[start + 1 :]:
        if line.startswith("Loop time"):
            break
        rows.append([float(word) for word in line.split()])
    return np.array(rows)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ranks", type=int, default=2, help="MPI ranks")
    parser.add_argument("--output", type=Path, default=HERE / "out", help="folder for all files")
    arguments = parser.parse_args()
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    file = potentials_folder() / "Si.sw"
    adflux.export(adflux.StillingerWeber.from_lammps(file, elements="Si"), folder / "si.pkl")

    figure, panels = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
    for panel, style, name in zip(
        panels, ("jax", "native"), ("lammps_adflux, exact", "LAMMPS, stress/atom"), strict=True
    ):
        options = ("-var", "style", style, "-var", "potential", str(file), "-log", f"log.{style}")
        if code := run_lammps(HERE / "in.silicon", arguments.ranks, options, folder=folder):
            return code
        table = thermo(folder / f"log.{style}")
        barycentre, flux = table[:, 3:6], table[1:-1, 6:9]
        rate = (barycentre[2:] - barycentre[:-2]) / (2 * DT)
        deviation = np.abs(flux - rate).max() / np.abs(rate).max()
        print(f"{name:22s} largest |J - d/dt sum r_i E_i| / max |J| = {deviation:.1e}")
        time = 1000.0 * table[1:-1, 0] * DT  # fs
        for a, colour in enumerate(("C0", "C1", "C2")):
            panel.plot(time, rate[:, a], colour, lw=3, alpha=0.35, label=f"d/dt Σ r E, {'xyz'[a]}")
            panel.plot(time, flux[:, a], colour, lw=1, ls="--", label=f"J, {'xyz'[a]}")
        panel.set(title=f"{name}: off by {deviation:.1e}", xlabel="time (fs)")
    panels[0].set_ylabel("heat flux (eV Å/ps)")
    panels[0].legend(ncols=3, fontsize=8, loc="center", bbox_to_anchor=(0.4, 0.56))
    figure.savefig(folder / "silicon_flux.png", dpi=150)
    print(f"figure                 {folder / 'silicon_flux.png'}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except adflux.AdfluxError as error:
        sys.exit(f"adflux: {error}")
