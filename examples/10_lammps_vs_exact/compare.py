"""Conductivity from LAMMPS' own heat flux and from the exact one, along the same trajectories.

    python compare.py SCRIPT --cutoff 30 [--seeds 4] [--steps 500000] [--output FOLDER]

Dynamics with LAMMPS' own pair style sample LAMMPS' flux and write a dump; a rerun of the dump
samples the exact flux, and the dump is removed. Both integrals end at the cutoff (ps). Runs whose
two flux files lie in the folder already are not run again.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import lammps_adflux as adflux
from lammps_adflux.lmp.run import run_lammps

ADFLUX = Path(sys.executable).with_name("adflux")
FLUXES = {"native": "LAMMPS", "exact": "exact"}


def sample(script: Path, folder: Path, seed: int, arguments) -> None:
    """The two flux files of one run."""
    settings = {
        "native": {
            "seed": seed,
            "n_sample": arguments.steps,
            "n_equilibrate": arguments.equilibrate,
        },
        "exact": {"dump": f"native{seed}.dump"},
    }
    for flux, own in settings.items():
        values = {"flux": flux, "model": "model.pkl", "prefix": f"{flux}{seed}", **own}
        options = [word for name, value in values.items() for word in ("-var", name, str(value))]
        options += [word for one in arguments.var for word in ("-var", *one.split(maxsplit=1))]
        done, words = folder / f"{flux}{seed}.done", " ".join([script.name, *options])
        if done.exists():
            if done.read_text() != words:
                raise adflux.AdfluxError(
                    f"{folder} holds a run of `{done.read_text()}`, but `{words}` was asked for: "
                    "give another --output."
                )
            continue
        extra = ("-log", f"log.{flux}{seed}", *options)
        if code := run_lammps(script, arguments.ranks, extra, folder=folder):
            sys.exit(code)
        done.write_text(words)
    (folder / f"native{seed}.dump").unlink(missing_ok=True)


def curves(folder: Path, seeds: range, cutoff: float) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Times, and κ(t) of each seed along x, y and z [seeds · 3, lags] for each flux."""
    running, times = {}, np.zeros(0)
    known = [adflux.read_flux(folder / f"native{seed}.flux") for seed in seeds]
    for flux in FLUXES:
        rows = []
        for seed, native in zip(seeds, known, strict=True):
            # volume and temperature of the same run
            series = adflux.read_flux(
                folder / f"{flux}{seed}.flux",
                volume=native.volume,
                temperature=native.temperature,
            )
            result = adflux.green_kubo(series, cutoff=cutoff, spectrum_model="none", parts=False)
            rows.append(np.einsum("taa->at", result.running_tensor))
            times = result.times
        running[flux] = np.concatenate(rows)
    return times, running


def mean(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard error over seeds and directions of a cubic crystal."""
    return rows.mean(axis=0), rows.std(axis=0, ddof=1) / np.sqrt(len(rows))


def draw(path: Path, times: np.ndarray, running: dict[str, np.ndarray], cutoff: float) -> None:
    figure = Figure(figsize=(10.0, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    shown = times <= 2.0 * cutoff
    for flux, name in FLUXES.items():
        value, error = mean(running[flux])
        left.plot(times[shown], value[shown], label=f"{name} flux")
        left.fill_between(times[shown], (value - error)[shown], (value + error)[shown], alpha=0.2)
    value, error = mean(running["native"] - running["exact"])
    right.plot(times[shown], value[shown], "C3")
    right.fill_between(
        times[shown], (value - error)[shown], (value + error)[shown], color="C3", alpha=0.2
    )
    right.axhline(0.0, color="k", lw=0.8)
    for axis in (left, right):
        axis.axvline(cutoff, color="k", lw=0.8, ls=":")
        axis.set(xlabel="time (ps)")
    left.set(ylabel="κ (W/mK)", title="integral of the autocorrelation")
    right.set(ylabel="κ of LAMMPS − exact (W/mK)", title="difference along the same trajectories")
    left.legend()
    figure.savefig(path, dpi=150)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("script", type=Path, help="in.silicon, in.copper or one of your own")
    parser.add_argument("--cutoff", type=float, required=True, help="end of both integrals (ps)")
    parser.add_argument("--seeds", type=int, default=4, help="independent runs")
    parser.add_argument("--steps", type=int, default=500000, help="steps that are sampled")
    parser.add_argument("--equilibrate", type=int, default=20000, help="steps before")
    parser.add_argument("--ranks", type=int, default=1, help="MPI ranks")
    parser.add_argument(
        "--var", action="append", default=[], help="a variable of the script, as 'NAME VALUE'"
    )
    parser.add_argument("--output", type=Path, default=Path("out"), help="folder for all files")
    arguments = parser.parse_args()
    folder, seeds = arguments.output, range(1, arguments.seeds + 1)
    if arguments.seeds < 2:
        parser.error("the error of the difference needs --seeds 2 or more")
    folder.mkdir(parents=True, exist_ok=True)
    script = arguments.script.resolve()
    if not (folder / "model.pkl").exists():
        words = ["export", "--from-input", str(script), "-o", "model.pkl"]
        words += [word for one in arguments.var for word in ("--var", one)]
        if code := subprocess.run([str(ADFLUX), *words], cwd=folder, check=False).returncode:
            return code
    for seed in seeds:
        sample(script, folder, seed, arguments)

    times, running = curves(folder, seeds, arguments.cutoff)
    end = int(np.argmin(np.abs(times - arguments.cutoff)))
    rows = {name: running[flux] for flux, name in FLUXES.items()}
    rows["LAMMPS - exact"] = running["native"] - running["exact"]
    found = {}
    for name, row in rows.items():
        value, error = (float(curve[end]) for curve in mean(row))
        found[name] = value, error
        print(f"κ, {name:16} {value:7.3f} ± {error:.3f} W/mK")
    (difference, error), exact = found["LAMMPS - exact"], found["exact"][0]
    print(f"relative difference {difference / exact:+.1%} ± {error / abs(exact):.1%}")
    table = {"cutoff": arguments.cutoff, "seeds": arguments.seeds, "kappa": found}
    (folder / "compare.json").write_text(json.dumps(table, indent=1))
    draw(folder / "compare.png", times, running, arguments.cutoff)
    print(f"figure              {folder / 'compare.png'}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except adflux.AdfluxError as error:
        sys.exit(f"adflux: {error}")
