"""The examples run, small, and show what their READMEs say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from lammps_runner import find_program

LMP, MPIEXEC = find_program("lmp"), find_program("mpiexec")

EXAMPLES = Path(__file__).parents[1] / "examples"
pytestmark = pytest.mark.skipif(not (LMP and MPIEXEC), reason="no lmp or mpiexec in this environment")


def run(script: Path, *options: str) -> str:
    done = subprocess.run([sys.executable, script, *options], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_the_demo_gives_a_conductivity_with_an_error(tmp_path):
    output = run(EXAMPLES / "01_lj_conductivity/demo.py", "--steps", "4000", "--output", str(tmp_path))
    value, error = map(float, re.search(r"kappa\*\s+(\S+) ± (\S+)", output).groups())
    assert error > 0 and abs(value - 6.934) < 5 * max(error, 1.0)  # 16 τ only: the right order of magnitude
    for name in ("kappa.png", "kappa.json", "kappa.csv", "liquid.flux", "liquid.hfacf"):
        assert (tmp_path / name).stat().st_size > 0
    assert re.search(r"adflux: compiled [1-4] times", (tmp_path / "log.lammps").read_text())


def test_only_the_exact_flux_of_silicon_moves_the_energy_barycentre(tmp_path):
    output = run(EXAMPLES / "02_silicon_flux/compare.py", "--output", str(tmp_path))
    exact, lammps = (float(x) for x in re.findall(r"max \|J\| = (\S+)", output))
    assert exact < 2e-4 and lammps > 1e-2  # 2e-4: Δt² of the integrator
    assert (tmp_path / "silicon_flux.png").stat().st_size > 0
