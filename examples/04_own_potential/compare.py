"""κ of molten silicon from LAMMPS, with the network that fit.py made beside the Stillinger-Weber that taught it.

    python compare.py [--ranks 2] [--steps 5000] [--cells 1] [--output FOLDER]

Same cell of 64 cells³ atoms, same start, same protocol. Needs what fit.py wrote into FOLDER.
"""

import argparse
import os
import sys
from pathlib import Path

import matplotlib
import numpy as np

import lammps_adflux as adflux
from lammps_adflux.lammps_tables import read_log, read_text
from lammps_adflux.run import run_lammps

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, default=2, help="MPI ranks")
    parser.add_argument("--steps", type=int, default=5000, help="steps of 1 fs in which the flux is sampled")
    parser.add_argument("--cells", type=int, default=1, help="repeat the cell of 64 atoms so often in x, y, z")
    parser.add_argument("--output", type=Path, default=HERE / "out", help="folder that fit.py wrote to")
    arguments = parser.parse_args()
    folder = arguments.output
    # the model file holds the network's numbers; its code is network.py, which the Python in LAMMPS must find
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for model in ("network", "teacher"):
        options = f"-log log.{model} -var model {model} -var cells {arguments.cells}"
        options += f" -var n_sample {arguments.steps} -var n_equilibrate {arguments.steps // 5}"
        if code := run_lammps(HERE / "in.melt", arguments.ranks, tuple(options.split()), folder=folder):
            return code
        log = folder / f"log.{model}"
        table, _ = read_log(log, read_text(log)).runs[-1]
        drift = np.ptp(table.column("TotEng")) / np.std(table.column("PotEng"))
        result = adflux.green_kubo(adflux.read_flux(folder / f"{model}.flux", log=log))
        result.to_json(folder / f"{model}.json")
        error = "no error bar: too short" if result.error is None else f"± {result.error:.2f}"
        print(
            f"{model:11s} kappa = {result.mean:.2f} {error} W/mK at {result.temperature:.0f} K; the total energy moves by "
            f"{drift:.1e} of the potential energy's fluctuation",
            flush=True,
        )
        axes.plot(result.times, result.running, label=model)
        low, high = result.running - result.running_error, result.running + result.running_error
        axes.fill_between(result.times, low, high, alpha=0.2, lw=0)
    print(f"{arguments.steps / 1000:g} ps each: the error bars are of one short run, over blocks of it")
    axes.set(xlabel="time (ps)", ylabel="κ(t) (W/mK)", title="running Green–Kubo integral")
    axes.legend()
    figure.savefig(folder / "kappa.png", dpi=150)
    print(f"figure      {folder / 'kappa.png'}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except adflux.AdfluxError as error:
        sys.exit(f"adflux: {error}")
