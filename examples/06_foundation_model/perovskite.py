"""Thermal conductivity of the perovskite CsPbI3 at 300 K with the foundation model Nequix.

    python perovskite.py [--weights FILE] [--ranks 2] [--seeds 1] [--steps 200] [--output FOLDER]

The default shows the way in minutes, 0.8 ps of 80 atoms, far too short for κ; --steps 15000
--seeds 2 samples 60 ps of two runs.
"""

import argparse
import re
import sys
from pathlib import Path

import ase
import ase.io
import matplotlib

import lammps_adflux as adflux
from lammps_adflux.conductivity.plots import plot_conductivity
from lammps_adflux.lmp.run import run_lammps

matplotlib.use("Agg")

HERE = Path(__file__).resolve().parent
WEIGHTS = HERE / "../../../shared/data/nequix/nequix-oam-1-pft.nqx"
START = 6.25  # Å, of the cubic cell of 5 atoms


def sample(folder: Path, seed: int, arguments) -> list[float]:
    """One run; the sides of the box that it found, in Å."""
    warm = max(20, min(arguments.steps // 4, 1000))
    settings = {
        "seed": seed,
        "prefix": f"perovskite{seed}",
        "n_sample": arguments.steps,
        "n_volume": 2 * warm,
        "n_equilibrate": warm,
        "n_lags": max(10, min(arguments.steps // 50, 600)),
    }
    options = [word for name, value in settings.items() for word in ("-var", name, str(value))]
    log = f"log.perovskite{seed}"
    if code := run_lammps(
        HERE / "in.kappa", arguments.ranks, ("-log", log, *options), folder=folder
    ):
        sys.exit(code)
    sides = re.findall(r"^adflux: sides (.+)", (folder / log).read_text(), re.MULTILINE)
    return [float(side) for side in sides[-1].split()]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--weights", type=Path, default=WEIGHTS, help="a .nqx file of Nequix, from its authors"
    )
    parser.add_argument("--ranks", type=int, default=2, help="MPI ranks")
    parser.add_argument(
        "--cells",
        type=int,
        nargs=3,
        default=(4, 2, 2),
        help="cubic cells of 5 atoms along each side; even, so that the octahedra can tilt",
    )
    parser.add_argument("--seeds", type=int, default=1, help="independent runs")
    parser.add_argument(
        "--steps", type=int, default=200, help="steps of 4 fs in which the flux is sampled"
    )
    parser.add_argument(
        "--cutoff", type=float, help="end of the integral (ps), for runs too short to find it"
    )
    parser.add_argument("--output", type=Path, default=HERE / "out", help="folder for all files")
    arguments = parser.parse_args()
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    potential = adflux.Nequix.from_file(arguments.weights, elements="Cs,Pb,I")
    adflux.export(potential, folder / "perovskite.pkl", "float32")
    places = [(0.5, 0.5, 0.5), (0, 0, 0), (0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5)]
    cell = ase.Atoms("CsPbI3", scaled_positions=places, cell=[START] * 3, pbc=True)
    atoms = cell * arguments.cells
    atoms.rattle(0.05, seed=1)
    ase.io.write(
        folder / "perovskite.data",
        atoms,
        format="lammps-data",
        specorder=["Cs", "Pb", "I"],
        masses=True,
    )

    seeds = range(1, arguments.seeds + 1)
    boxes = [sample(folder, seed, arguments) for seed in seeds]
    series = adflux.read_flux([folder / f"perovskite{seed}.flux" for seed in seeds])
    result = adflux.green_kubo(series, cutoff=arguments.cutoff)
    result.to_json(folder / "kappa.json")
    plot_conductivity(result, folder / "kappa.png")
    error = "no error bar" if result.error is None else f"± {result.error:.2f}"
    simulated = len(seeds) * series.samples * series.sampling
    sides = [sum(side) / len(boxes) for side in zip(*boxes, strict=True)]
    edges = ", ".join(f"{side / n:.3f}" for side, n in zip(sides, arguments.cells, strict=True))
    print(f"cell of 5 atoms      {edges} Å at 300 K and no pressure")
    print(
        f"κ                    {result.mean:.2f} {error} W/mK from {simulated:.1f} ps of "
        f"{len(seeds)} run(s) of {len(atoms)} atoms;"
    )
    print("                     experiment 0.45 ± 0.05 (nanowires at room temperature)")
    for note in result.notes:
        print(f"note                 {note}")
    print(f"figure               {folder / 'kappa.png'}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except adflux.AdfluxError as error:
        sys.exit(f"adflux: {error}")
