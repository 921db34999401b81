"""Tin selenide with the So3krates network of the flux's own paper: equation of state, NVE drift,
conductivity.

    python snse.py [--model FOLDER] [--ranks 2] [--seeds 1] [--steps 1000] [--output FOLDER]

The default shows the way in minutes, 4 ps, far too short for κ; --steps 62500 --seeds 3 samples
0.75 ns.
"""

import argparse
import sys
from pathlib import Path

import ase
import ase.io
import matplotlib
import numpy as np
from ase.eos import EquationOfState
from ase.units import GPa

import lammps_adflux as adflux
from lammps_adflux.conductivity.lammps_log import read_log
from lammps_adflux.conductivity.plots import plot_conductivity
from lammps_adflux.lmp.run import run_lammps

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
PAPER = HERE / "../../../shared/data/snse_so3krates/model_m1"
CELL = (11.56600298, 4.18211754, 4.37927898)  # Å, of the paper's archive
# Se, Se, Sn, Sn; as many by inversion
PLACES = [
    (0.85830825, 0.75, 0.03287504),
    (0.64169175, 0.25, 0.53287504),
    (0.11994190, 0.75, 0.39797645),
    (0.38005810, 0.25, 0.89797645),
]


def write_crystal(path: Path) -> None:
    """The primitive cell of SnSe, Pnma, as LAMMPS reads it."""
    places = np.array([*PLACES, *(1.0 - np.array(PLACES))])
    atoms = ase.Atoms("SeSeSnSn" * 2, scaled_positions=places, cell=CELL, pbc=True)
    ase.io.write(path, atoms, format="lammps-data", specorder=["Sn", "Se"], masses=True)


def equation_of_state(folder: Path) -> None:
    """Birch-Murnaghan fit, beside the paper's numbers."""
    volume, energy = np.loadtxt(folder / "eos.dat").T
    fit = EquationOfState(volume, energy, eos="birchmurnaghan")
    v0, _, b0 = fit.fit()
    print(f"volume per atom      {v0:.3f} Å³     (paper 26.489)")
    print(f"bulk modulus         {b0 / GPa:.1f} GPa      (paper 37.7)")
    print(
        "a, b, c, no pressure {:.3f}, {:.3f}, {:.3f} Å".format(*np.loadtxt(folder / "lattice.dat"))
    )
    figure, panel = plt.subplots(figsize=(5, 4), layout="constrained")
    smooth = fit.getplotdata()
    panel.plot(smooth[4], 1e3 * (smooth[5] - energy.min()), label="Birch–Murnaghan")
    panel.plot(volume, 1e3 * (energy - energy.min()), "o", label="LAMMPS")
    panel.axvline(26.489, color="grey", linestyle=":", label="paper's minimum")
    panel.set(xlabel="volume per atom (Å³)", ylabel="energy per atom (meV)")
    panel.legend()
    figure.savefig(folder / "eos.png", dpi=150)


def drift(path: Path) -> float:
    """Slope of the total energy in the sampled NVE run of a log, in eV per atom and ns."""
    log = read_log(path, path.read_text())
    table = log.runs[-1].table
    time, energy = (table.column(name) for name in ("Time", "TotEng"))
    return 1e3 * np.polyfit(time, energy, 1)[0] / 256


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", type=Path, default=PAPER, help="folder that mlff wrote; default: ../shared/data"
    )
    parser.add_argument("--ranks", type=int, default=2, help="MPI ranks")
    parser.add_argument("--seeds", type=int, default=1, help="independent runs")
    parser.add_argument(
        "--steps", type=int, default=1000, help="steps of 4 fs in which the flux is sampled"
    )
    parser.add_argument(
        "--cutoff", type=float, help="end of the integral (ps), for runs too short to find it"
    )
    parser.add_argument("--output", type=Path, default=HERE / "out", help="folder for all files")
    arguments = parser.parse_args()
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    adflux.export(adflux.So3krates.from_mlff(arguments.model), folder / "snse.pkl")
    write_crystal(folder / "snse.data")

    if code := run_lammps(HERE / "in.eos", 1, ("-log", "log.eos"), folder=folder):
        return code
    equation_of_state(folder)

    settings = {"n_sample": arguments.steps, "n_equilibrate": min(arguments.steps // 2, 5000)}
    settings["n_lags"] = max(arguments.steps // 50, 2)
    seeds = range(1, arguments.seeds + 1)
    logs = [folder / f"log.kappa{seed}" for seed in seeds]
    for seed, log in zip(seeds, logs, strict=True):
        own = {**settings, "seed": seed, "prefix": f"snse{seed}"}
        options = [word for name, value in own.items() for word in ("-var", name, str(value))]
        if code := run_lammps(
            HERE / "in.kappa", arguments.ranks, ("-log", log.name, *options), folder=folder
        ):
            return code
    drifts = ", ".join(f"{drift(log):+.1e}" for log in logs)
    print(f"drift in NVE         {drifts} eV per atom and ns")
    series = adflux.read_flux([folder / f"snse{seed}.flux" for seed in seeds])
    result = adflux.green_kubo(series, cutoff=arguments.cutoff)
    result.to_json(folder / "kappa.json")
    plot_conductivity(result, folder / "kappa.png")
    error = "no error bar" if result.error is None else f"± {result.error:.2f}"
    simulated = series.samples * series.sampling
    print(
        f"κ                    {result.mean:.2f} {error} W/mK from {simulated:.1f} ps of each of "
        f"{len(seeds)} run(s);"
    )
    print("                     literature 0.45 to 1.9 (experiment)")
    print(f"figures              {folder / 'eos.png'}, {folder / 'kappa.png'}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except adflux.AdfluxError as error:
        sys.exit(f"adflux: {error}")
