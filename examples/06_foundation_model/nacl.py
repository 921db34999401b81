"""Thermal conductivity of rock salt at 600 K with the foundation model Nequix.

    python nacl.py [--weights FILE] [--ranks 2] [--seeds 1] [--steps 200] [--output FOLDER]

The default shows the way in minutes, 0.4 ps of 64 atoms, far too short for κ; --steps 25000
--seeds 4 samples 50 ps of four runs.
"""

import argparse
import re
import sys
from pathlib import Path

import ase.build
import ase.io
import matplotlib

import lammps_adflux as adflux
from lammps_adflux.conductivity.plots import plot_conductivity
from lammps_adflux.lmp.run import run_lammps

matplotlib.use("Agg")

HERE = Path(__file__).resolve().parent
WEIGHTS = HERE.parents[2] / "shared" / "data" / "nequix" / "nequix-oam-1-pft.nqx"
START = 5.75  # Å, near the model's lattice constant at 600 K


def sample(folder: Path, seed: int, arguments) -> float:
    """One run; the lattice constant that it found, in Å."""
    warm = max(20, min(arguments.steps // 4, 2000))
    settings = {
        "seed": seed,
        "prefix": f"nacl{seed}",
        "n_sample": arguments.steps,
        "n_volume": 2 * warm,
        "n_equilibrate": warm,
        "n_lags": max(10, min(arguments.steps // 50, 600)),
    }
    options = [word for name, value in settings.items() for word in ("-var", name, str(value))]
    log = f"log.nacl{seed}"
    if code := run_lammps(
        HERE / "in.kappa", arguments.ranks, ("-log", log, *options), folder=folder
    ):
        sys.exit(code)
    sides = re.findall(r"^adflux: side (\S+)", (folder / log).read_text(), re.MULTILINE)
    return float(sides[-1]) / arguments.cells


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--weights", type=Path, default=WEIGHTS, help="a .nqx file of Nequix, from its authors"
    )
    parser.add_argument("--ranks", type=int, default=2, help="MPI ranks")
    parser.add_argument("--cells", type=int, default=2, help="cubic cells of 8 atoms along a side")
    parser.add_argument("--seeds", type=int, default=1, help="independent runs")
    parser.add_argument(
        "--steps", type=int, default=200, help="steps of 2 fs in which the flux is sampled"
    )
    parser.add_argument(
        "--cutoff", type=float, help="end of the integral (ps), for runs too short to find it"
    )
    parser.add_argument("--output", type=Path, default=HERE / "out", help="folder for all files")
    arguments = parser.parse_args()
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    potential = adflux.Nequix.from_file(arguments.weights, elements="Na,Cl")
    adflux.export(potential, folder / "nacl.pkl", "float32")
    atoms = ase.build.bulk("NaCl", "rocksalt", a=START, cubic=True) * ([arguments.cells] * 3)
    ase.io.write(
        folder / "nacl.data", atoms, format="lammps-data", specorder=["Na", "Cl"], masses=True
    )

    seeds = range(1, arguments.seeds + 1)
    lattice = [sample(folder, seed, arguments) for seed in seeds]
    series = adflux.read_flux([folder / f"nacl{seed}.flux" for seed in seeds])
    result = adflux.green_kubo(series, cutoff=arguments.cutoff)
    result.to_json(folder / "kappa.json")
    plot_conductivity(result, folder / "kappa.png")
    error = "no error bar" if result.error is None else f"± {result.error:.2f}"
    simulated = len(seeds) * series.samples * series.sampling
    print(f"lattice constant     {sum(lattice) / len(lattice):.3f} Å at 600 K and no pressure")
    print(
        f"κ                    {result.mean:.2f} {error} W/mK from {simulated:.1f} ps of "
        f"{len(seeds)} run(s) of {len(atoms)} atoms;"
    )
    print("                     experiment 6.9 at 314 K, that is 3.6 at 600 K if it falls as 1/T")
    print(f"figure               {folder / 'kappa.png'}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except adflux.AdfluxError as error:
        sys.exit(f"adflux: {error}")
