"""A run with a barostat and moving domains: memory stays, compilations end, energy drifts as with
LAMMPS' own pair style. `python benchmarks/soak.py` takes fifty times as many steps.
"""

import json
import subprocess
import sys

import pytest
from lammps_runner import PATIENCE, ROOT

pytestmark = pytest.mark.lammps


def test_memory_stays_compilations_end_and_energy_is_kept(tmp_path):
    command = [sys.executable, str(ROOT / "benchmarks" / "soak.py"), "--output", str(tmp_path)]
    command += ["--steps", "20000", "--layers", "2000", "--ranks", "2"]
    subprocess.run(command, check=True, timeout=120 * PATIENCE, stdout=subprocess.DEVNULL)
    found = json.loads((tmp_path / "soak.json").read_text())
    for name in ("lj", "layers"):
        run, steps = found[name], found[name]["steps"]
        # capacities grow by a tenth, and each growth is one compilation of two programs
        assert run["compilations"] <= 12
        assert abs(run["memory slope"]) * steps < 1e6 * 0.1 * run["memory"]
    native, ours = found["native"], found["lj"]
    # per atom, kT = 0.9: forces that were not the slope of the energy would heat the liquid
    assert abs(ours["energy slope"] - native["energy slope"]) * ours["steps"] < 1e6 * 0.02
