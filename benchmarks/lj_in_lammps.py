"""Speed and memory of the plugin in LAMMPS, as ratios within one run.

    python benchmarks/lj_in_lammps.py [--repeat 5] [--output benchmarks/out]

Every time is the median over `--repeat` interleaved runs. Prints a Markdown table (that of
docs/benchmarks.md) and writes JSON.
"""

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
from pathlib import Path

import lammps_adflux as adflux
from lammps_adflux.lmp.programs import find_lmp, find_mpiexec

HERE = Path(__file__).resolve().parent


def loop_times(folder: Path, ranks: int = 1, **variables) -> dict[str, float]:
    """Milliseconds per step: total, and LAMMPS' Pair, Neigh, Comm, Modify parts, of the second run
    of in.lj.
    """
    options = [word for name, value in variables.items() for word in ("-var", name, str(value))]
    launcher = [str(find_mpiexec()), "-n", str(ranks)] if ranks > 1 else []
    command = [*launcher, str(find_lmp()), "-in", str(HERE / "in.lj"), "-log", "none"]
    command += ["-var", "adflux", adflux.template_path(), *options]
    output = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900)
    if output.returncode:
        sys.exit(output.stdout[-2000:] + output.stderr[-2000:])
    steps = int(re.findall(r"for (\d+) steps", output.stdout)[-1])
    report = output.stdout[output.stdout.rindex("Loop time") :]
    parts = {
        name: float(value)
        for name, value in re.findall(r"^(\w+) +\| *[\d.e+-]* *\| ([\d.e+-]+)", report, re.M)
    }
    parts["total"] = float(re.search(r"Loop time of ([\d.e+-]+)", report)[1])
    return {name: 1e3 * value / steps for name, value in parts.items()}


def median(runs: list[dict], name: str = "total") -> float:
    return statistics.median(run[name] for run in runs)


def interleaved(folder: Path, repeat: int, cases: dict[str, dict]) -> dict[str, list[dict]]:
    runs: dict[str, list[dict]] = {name: [] for name in cases}
    for _ in range(repeat):
        for name, variables in cases.items():
            runs[name].append(loop_times(folder, **variables))
    return runs


def shares(folder: Path, cells: int) -> dict[str, float]:
    """Milliseconds per step of the plugin's stages, measured in this process through the Python
    interface.
    """
    code = f"""
import collections, json, time
from lammps_adflux import process; process.prepare()
import jax
from lammps import mliap
from lammps import lammps
from lammps_adflux.mliap import buffers, plugin
spent = collections.Counter()
def timed(owner, name):
    function = getattr(owner, name)
    def wrapper(*arguments, **options):
        start = time.perf_counter()
        result = jax.block_until_ready(function(*arguments, **options))
        spent[name] += time.perf_counter() - start
        return result
    setattr(owner, name, wrapper)
timed(buffers.PairBuffers, "fill"); timed(plugin.AdfluxPlugin, "_call")
timed(plugin.AdfluxPlugin, "compute_forces")
words = "-screen none -log none -var style jax -var cells {cells} -var steps 0"
lmp = lammps(cmdargs=words.split())
mliap.activate_mliappy(lmp)
lmp.file("{HERE / "in.lj"}")
spent.clear(); start = time.perf_counter()
lmp.command("run 200 post no")
total = time.perf_counter() - start
stages = dict(
    lists_and_motion=total - spent["compute_forces"], pairs=spent["fill"], xla=spent["_call"]
)
stages["forces"] = spent["compute_forces"] - spent["fill"] - spent["_call"]
print(json.dumps({{name: 1e3 * value / 200 for name, value in stages.items()}}))
"""
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=900
    )
    if output.returncode:
        sys.exit(output.stderr[-2000:])
    return json.loads(output.stdout.splitlines()[-1])


def peak_memory(folder: Path, cells: int) -> float:
    """GB of the largest child so far; call it after the largest run."""
    loop_times(folder, style="jax", cells=cells, steps=10)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=5, help="runs of each case")
    parser.add_argument(
        "--output", type=Path, default=HERE / "out", help="folder for model files and the JSON"
    )
    arguments = parser.parse_args()
    folder, repeat = arguments.output, arguments.repeat
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    adflux.export(
        adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar"), folder / "jax.pkl"
    )
    code = (
        "from lammps.mliap.mliap_unified_lj import MLIAPUnifiedLJ as L; L(['Ar'], epsilon=1.0, "
        "sigma=1.0, rcutfac=1.25).pickle('numpy.pkl')"
    )
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)

    small = interleaved(
        folder,
        repeat,
        {
            "native": dict(style="native"),
            "jax": dict(style="jax"),
            "numpy": dict(style="numpy", steps=50),
            "flux": dict(style="jax", flux="yes"),
        },
    )
    native, jax_, numpy_, flux = (
        median(small[name]) for name in ("native", "jax", "numpy", "flux")
    )
    force_call = median(small["jax"], "Pair")
    stages = shares(folder, 10)
    large = interleaved(
        folder,
        repeat,
        {
            "1": dict(style="jax", cells=20, steps=50),
            "2": dict(style="jax", cells=20, steps=50, ranks=2),
        },
    )
    speedup = median(large["1"]) / median(large["2"])
    memory = peak_memory(folder, 29)
    atoms = 4 * 29**3

    rows = [
        ("step, 4000 atoms, 1 rank: native `lj/cut`", f"{native:.2f} ms", ""),
        ("… this plugin", f"{jax_:.2f} ms", f"{jax_ / native:.1f}× native (goal ≤ 3)"),
        (
            "… LAMMPS' NumPy example `MLIAPUnifiedLJ`",
            f"{numpy_:.2f} ms",
            f"plugin / NumPy = {jax_ / numpy_:.2f} (goal ≤ 0.3)",
        ),
        (
            "flux sample beside a force call",
            f"{flux - jax_:.2f} ms",
            f"{(flux - jax_) / force_call:.2f} force calls (goal ≤ 1.2)",
        ),
        (
            "32 000 atoms: 1 rank → 2 ranks",
            f"{median(large['1']):.1f} → {median(large['2']):.1f} ms",
            f"{speedup:.2f}× (goal ≥ 1.8)",
        ),
        (f"peak memory, {atoms} atoms, 1 rank", f"{memory:.2f} GB", "(goal < 4)"),
    ]
    print("| what | measured | ratio |\n|---|---|---|")
    print("\n".join(f"| {' | '.join(row)} |" for row in rows))
    print(
        "\nWhere a step of 4000 atoms goes (ms):",
        ", ".join(f"{name} {value:.2f}" for name, value in stages.items()),
    )
    result = dict(
        native=native,
        jax=jax_,
        numpy=numpy_,
        flux=flux,
        force_call=force_call,
        stages=stages,
        speedup=speedup,
        memory_gb=memory,
    )
    (folder / "lj_in_lammps.json").write_text(
        json.dumps(result | {"runs": small | large}, indent=1)
    )


if __name__ == "__main__":
    main()
