"""`make demo`: κ of the Lennard-Jones liquid from LAMMPS, a JAX potential and its exact heat flux,
in a few minutes.

    python demo.py [--ranks 2] [--seed 1] [--steps 50000] [--cutoff TIME] [--output FOLDER]

The literature (STACIE's documentation, 100 runs of 300 τ with 1372 atoms): κ* = 6.934 ± 0.028.
"""

import argparse
import sys
import time
from pathlib import Path

import lammps_adflux as adflux
from lammps_adflux.conductivity.plots import plot_conductivity
from lammps_adflux.lmp.run import run_lammps

HERE = Path(__file__).resolve().parent
LITERATURE, LITERATURE_ERROR = 6.934, 0.028


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ranks", type=int, default=2, help="MPI ranks")
    parser.add_argument("--seed", type=int, default=1, help="seed of the velocities")
    parser.add_argument(
        "--steps", type=int, default=50000, help="steps in which the flux is sampled"
    )
    parser.add_argument(
        "--cutoff", type=float, help="end of the integral (tau), for runs too short to find it"
    )
    parser.add_argument("--output", type=Path, default=HERE / "out", help="folder for all files")
    arguments = parser.parse_args()
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)

    lj = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar")
    adflux.export(lj, folder / "lj.pkl")
    print(
        f"Lennard-Jones liquid on {arguments.ranks} ranks of LAMMPS; all output goes to {folder}",
        flush=True,
    )
    start = time.perf_counter()
    variables = ("-var", "seed", str(arguments.seed), "-var", "n_sample", str(arguments.steps))
    code = run_lammps(HERE / "in.lj", arguments.ranks, variables, folder=folder)
    if code:
        return code
    minutes = (time.perf_counter() - start) / 60

    series = adflux.read_flux(folder / "liquid.flux", log=folder / "log.lammps")
    result = adflux.green_kubo(series, cutoff=arguments.cutoff)
    result.to_json(folder / "kappa.json")
    result.to_csv(folder / "kappa.csv")
    plot_conductivity(result, folder / "kappa.png")
    simulated = series.samples * series.sampling
    print(f"simulated {simulated:.0f} tau in {minutes:.1f} minutes")
    if result.error is None:
        print(
            f"kappa*      no number without its error: {result.over_blocks.reason}; sample more "
            "--steps"
        )
    else:
        print(
            f"kappa*      {result.mean:.2f} ± {result.error:.2f}   (here, direct integral, error "
            "over blocks)"
        )
    if result.stacie.mean is not None:
        print(
            f"            {result.stacie.mean:.2f} ± {result.stacie.error:.2f}   (here, from the "
            "spectrum by STACIE)"
        )
    print(f"            {LITERATURE} ± {LITERATURE_ERROR}   (literature, 100 runs of 300 tau)")
    print(f"figure      {folder / 'kappa.png'}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except adflux.AdfluxError as error:
        sys.exit(f"adflux: {error}")
