"""Has something become slower? Ratios of the last benchmark runs beside stored ones.

    python benchmarks/guard.py [--output benchmarks/out] [--store]

Reads what lj_in_lammps.py and pair_styles_in_lammps.py wrote (`make bench` runs them first). Every
number is a ratio within one run, mostly to LAMMPS' own pair style, so that machines of one kind may
be compared; smaller is better. Ends with code 1 where one is more than a quarter above the stored
one. `--store` makes the present ones the stored ones.
"""

import argparse
import json
import os
import platform
import statistics
import sys
from datetime import date
from pathlib import Path

HERE = Path(__file__).resolve().parent
STORED = HERE / "ratios.json"
WORSE = 1.25  # medians of three runs scatter by a tenth


def ratios(folder: Path) -> dict[str, float]:
    """Name → ratio, smaller is better."""
    found = {}
    path = folder / "lj_in_lammps.json"
    if path.exists():
        lj = json.loads(path.read_text())
        found["lj/cut: step / native step"] = lj["jax"] / lj["native"]
        found["lj/cut: flux sample / force call"] = (lj["flux"] - lj["jax"]) / lj["force_call"]
        found["lj/cut: step on 2 ranks / on 1"] = 1.0 / lj["speedup"]
    path = folder / "pair_styles_in_lammps.json"
    if path.exists():
        for style, runs in json.loads(path.read_text()).items():
            native = statistics.median(runs["native"])
            for kind in ("float64", "float32"):
                name = f"{style}, {kind}: step / native step"
                found[name] = statistics.median(runs[kind]) / native
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=HERE / "out", help="folder of the runs")
    parser.add_argument("--store", action="store_true", help="make these the stored ratios")
    arguments = parser.parse_args()
    found = ratios(arguments.output)
    if not found:
        sys.exit(f"{arguments.output} holds no run of lj_in_lammps.py or pair_styles_in_lammps.py.")
    known = json.loads(STORED.read_text()) if STORED.exists() else {"ratios": {}}
    slower = []
    print("| what | stored | now | |\n|---|---|---|---|")
    for name, ratio in found.items():
        before = known["ratios"].get(name)
        mark = ""
        if before is not None and ratio > WORSE * before:
            mark = "slower"
            slower.append(name)
        elif before is not None and WORSE * ratio < before:
            mark = "faster"
        print(f"| {name} | {'' if before is None else f'{before:.2f}'} | {ratio:.2f} | {mark} |")
    if arguments.store:
        machine = f"{platform.machine()}, {os.cpu_count()} cores"
        record = {"date": date.today().isoformat(), "machine": machine}
        record["ratios"] = {name: round(ratio, 3) for name, ratio in found.items()}
        STORED.write_text(json.dumps(record, indent=1) + "\n")
        print(f"stored in {STORED}")
        return 0
    if slower:
        print(f"{len(slower)} slower than on {known['date']} ({known['machine']})")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
