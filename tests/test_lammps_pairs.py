"""A model gets the same pairs, and LAMMPS the same forces, whether pairs go to the device, or
positions do (as on an accelerator), or JAX reads LAMMPS' own arrays (as of Kokkos there), and with
patches 0011 and 0012 and without.
"""

import numpy as np
import pytest
from lammps_runner import run_lammps
from relaxing import found

from lammps_adflux import LennardJones, export

pytestmark = pytest.mark.lammps
WORDS = "energy and pressure", "stresses", "flux", "positions", "forces"


@pytest.mark.parametrize("ranks", (1, 2))
@pytest.mark.parametrize(
    ("kind", "ghosts"), (("lj", 0), ("lj", 1), ("single", 0), ("silicon", 0), ("layers", 0))
)
def test_pairs_are_the_same_whatever_way_they_come(tmp_path, kind, ghosts, ranks):
    here = found(tmp_path, "older_lammps", kind, ghosts, ranks=ranks)
    # `pair_style mliap unified FILE 1` lists pairs of ghost atoms, which no model needs
    assert here["older copied"] == here["shared copied"] == bool(ghosts) and not here["new copied"]
    assert here["positions selected"] and not here["new selected"]
    assert here["shared in place"] and not here["older in place"]
    for word in WORDS:
        new = here[f"new {word}"]
        for way in ("older", "positions", "shared"):
            off = np.abs(new - here[f"{way} {word}"]).max()
            assert np.abs(new).max() > 1e-3 and off < 1e-12 * np.abs(new).max(), (way, word)
    for way in ("new", "older", "positions", "shared"):
        forces, pairs = here[f"{way} energy and pressure"], here[f"{way} virial of pairs"]
        assert np.abs(pairs - forces).max() < 1e-9 * np.abs(forces).max(), way


SINGLE = """\
units lj
lattice fcc 0.8442
region box block 0 4 0 3 0 3
create_box 1 box
create_atoms 1 box
mass 1 1.0
displace_atoms all random 0.1 0.1 0.1 7 units box
pair_style mliap unified single.pkl 0
pair_coeff * * Ar
thermo_style custom step pe pxx pyy pzz pxy
run 0
"""


def test_float32_alone(tmp_path):
    """Where JAX has no float64, a model in float32 runs all the same."""
    potential = LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar")
    export(potential, tmp_path / "single.pkl", "float32")
    rows = []
    for enabled in ("1", "0"):
        run = run_lammps(tmp_path, SINGLE, environment={"JAX_ENABLE_X64": enabled})
        rows.append(np.hstack(list(run.tables[-1].values())))
    assert np.abs(rows[0][1:] - rows[1][1:]).max() < 1e-4 * np.abs(rows[0]).max()


def test_ways_that_this_lammps_does_not_have_are_refused(tmp_path):
    potential = LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar")
    export(potential, tmp_path / "single.pkl", "float32")
    for way in ("positions", "shared"):
        environment = {"JAX_ENABLE_X64": "0", "ADFLUX_TRANSFER": way}
        run = run_lammps(tmp_path, SINGLE, environment=environment, fails=True)
        assert f"ADFLUX_TRANSFER={way} needs" in run.output
