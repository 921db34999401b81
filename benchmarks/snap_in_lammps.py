"""Speed of SNAP for tungsten (twojmax 8) in LAMMPS beside `pair_style snap`, as ratios within one
run, on one rank.

    python benchmarks/snap_in_lammps.py [--atoms 128 1024] [--steps 20] [--repeat 3] [--output
    benchmarks/out]

Medians of interleaved runs; prints a Markdown table and writes JSON.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import lammps_adflux as adflux
from lammps_adflux.lmp.programs import find_lmp

HERE = Path(__file__).resolve().parent
FILES = [
    Path(sys.prefix) / f"share/lammps/potentials/W_2940_2017_2.{kind}"
    for kind in ("snapcoeff", "snapparam")
]
CELLS = {128: 4, 432: 6, 1024: 8, 2000: 10}
STYLES = ("native", "float64", "float32")


def step(folder: Path, style: str, atoms: int, steps: int) -> float:
    """Milliseconds per step and atom of the last run of in.snap."""
    command = [str(find_lmp()), "-in", str(HERE / "in.snap"), "-log", "none"]
    for name, value in {"pair": f"{style}.pair", "cells": CELLS[atoms], "steps": steps}.items():
        command += ["-var", name, str(value)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=3600)
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    return 1e3 * float(re.findall(r"Loop time of ([\d.e+-]+)", done.stdout)[-1]) / steps / atoms


def write_models(folder: Path) -> None:
    """Model files, and for each style its pair commands."""
    (folder / "native.pair").write_text(
        f"pair_style snap\npair_coeff * * {FILES[0]} {FILES[1]} W\n"
    )
    for dtype in STYLES[1:]:
        adflux.export(adflux.SNAP.from_lammps(*FILES, "W"), folder / f"W_{dtype}.pkl", dtype)
        (folder / f"{dtype}.pair").write_text(
            f"pair_style mliap unified W_{dtype}.pkl 0\npair_coeff * * W\n"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--atoms", type=int, nargs="+", default=[1024], choices=CELLS)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each case")
    parser.add_argument(
        "--output", type=Path, default=HERE / "out", help="folder for model files and the JSON"
    )
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    write_models(folder)
    results = {}
    print(
        "| atoms | `pair_style snap` (ms per step and atom) | this plugin | ratio | float32 | "
        "ratio |\n" + "|---" * 6 + "|"
    )
    for atoms in arguments.atoms:
        runs: dict[str, list[float]] = {style: [] for style in STYLES}
        for _ in range(arguments.repeat):
            for style in STYLES:
                runs[style].append(step(folder, style, atoms, arguments.steps))
        native, double, single = (statistics.median(runs[style]) for style in STYLES)
        print(
            f"| {atoms} | {native:.3f} | {double:.3f} | {double / native:.2f} × | {single:.3f} | "
            f"{single / native:.2f} × |",
            flush=True,
        )
        results[atoms] = runs
    (folder / "snap_in_lammps.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
