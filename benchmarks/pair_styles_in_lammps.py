"""Speed of potentials from LAMMPS' files beside LAMMPS' own pair styles, as ratios within one run,
on one rank.

    python benchmarks/pair_styles_in_lammps.py [--styles snap eam/alloy …] [--steps 100]
        [--repeat 3] [--output benchmarks/out]

Crystals of about a thousand atoms or four thousand. Medians of interleaved runs; prints a Markdown
table and writes JSON.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import lammps_adflux as adflux
from lammps_adflux.lmp.programs import find_lmp, potentials_folder

HERE = Path(__file__).resolve().parent
KINDS = ("native", "float64", "float32")


class Crystal(NamedTuple):
    """A crystal of one element, and the files of its potential."""

    element: str
    mass: float
    lattice: str
    constant: float
    cells: int
    files: str


CRYSTALS = {
    "snap": Crystal(
        "W", 183.84, "bcc", 3.1803, 8, "W_2940_2017_2.snapcoeff W_2940_2017_2.snapparam"
    ),
    "eam/alloy": Crystal("Cu", 63.55, "fcc", 3.615, 10, "Cu_mishin1.eam.alloy"),
    "eam/fs": Crystal("Fe", 55.845, "bcc", 2.8553, 12, "Fe_mm.eam.fs"),
    "sw": Crystal("Si", 28.0855, "diamond", 5.431, 8, "Si.sw"),
    "tersoff": Crystal("Si", 28.0855, "diamond", 5.431, 8, "Si.tersoff"),
    "tersoff/mod": Crystal("Si", 28.0855, "diamond", 5.431, 8, "Si.tersoff.mod"),
}


def step(folder: Path, style: str, kind: str, steps: int) -> tuple[float, int]:
    """Microseconds per step and atom of the last run of in.pair_styles, and its atoms."""
    crystal = CRYSTALS[style]
    command = [str(find_lmp()), "-in", str(HERE / "in.pair_styles"), "-log", "none"]
    for name, value in {
        "pair": pair_file(style, kind),
        "lattice": crystal.lattice,
        "constant": crystal.constant,
        "mass": crystal.mass,
        "cells": crystal.cells,
        "steps": steps,
        "warm": steps if style == "snap" else 100,
    }.items():
        command += ["-var", name, str(value)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=3600)
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    *_, (seconds, atoms) = re.findall(
        rf"Loop time of ([\d.e+-]+) on \d+ procs for {steps} steps with (\d+) atoms", done.stdout
    )
    return 1e6 * float(seconds) / steps / int(atoms), int(atoms)


def pair_file(style: str, kind: str) -> str:
    return f"{style.replace('/', '_')}_{kind}.pair"


def write_models(folder: Path, style: str) -> None:
    """Model files, and for each kind its pair commands."""
    crystal = CRYSTALS[style]
    files = " ".join(str(potentials_folder() / name) for name in crystal.files.split())
    native = folder / pair_file(style, "native")
    native.write_text(f"pair_style {style}\npair_coeff * * {files} {crystal.element}\n")
    potential = adflux.read_pair_style(native)
    for kind in KINDS[1:]:
        pair = folder / pair_file(style, kind)
        adflux.export(potential, pair.with_suffix(".pkl"), kind)
        pair.write_text(
            f"pair_style mliap unified {pair.stem}.pkl 0\npair_coeff * * {crystal.element}\n"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--styles", nargs="+", default=list(CRYSTALS), choices=CRYSTALS)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each case")
    parser.add_argument(
        "--output", type=Path, default=HERE / "out", help="folder for model files and the JSON"
    )
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    results = {}
    print(
        "| style | atoms | LAMMPS' own (µs per step and atom) | this plugin | ratio | float32 | "
        "ratio |\n" + "|---" * 7 + "|"
    )
    for style in arguments.styles:
        write_models(folder, style)
        runs: dict[str, list[float]] = {kind: [] for kind in KINDS}
        atoms = 0
        for _ in range(arguments.repeat):
            for kind in KINDS:
                spent, atoms = step(folder, style, kind, arguments.steps)
                runs[kind].append(spent)
        native, double, single = (statistics.median(runs[kind]) for kind in KINDS)
        print(
            f"| {style} | {atoms} | {native:.2f} | {double:.2f} | {double / native:.2f} × | "
            f"{single:.2f} | {single / native:.2f} × |",
            flush=True,
        )
        results[style] = runs
    (folder / "pair_styles_in_lammps.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
