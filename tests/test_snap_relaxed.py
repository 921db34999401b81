"""Relaxed metals with SNAP: the potentials and numbers of ../shared/data/implicit."""

import numpy as np
import pytest
from comparing import close
from lammps_runner import ROOT, run_python
from relaxing import found

DATA = ROOT.parent / "shared" / "data" / "implicit"
pytestmark = [
    pytest.mark.lammps,
    pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data/implicit"),
]


def test_a_disordered_alloy(starts):
    """Atoms and all six strains of nickel and molybdenum, one atom missing, respond as relaxation
    again finds them.
    """
    all_found = found(starts, "snap_alloy", DATA, time_limit=200)
    for what, tolerance in (
        ("positions", 1e-6),
        ("strain", 1e-6),
        ("volume", 1e-6),
        ("energy1", 1e-6),
        ("energy2", 1e-5),
    ):
        close(all_found[f"alloy {what}"], all_found[f"alloy {what} again"], tolerance)
    assert np.abs(all_found["alloy strain"]).min() > 0.0
    # by all coefficients, in the order of the file: an energy per atom counts the atoms, and U is
    # linear in all of them
    names, slopes = all_found["names"].tolist(), all_found["slopes"]
    assert names == [f"{element}:beta{k}" for element in ("Ni", "Mo") for k in range(31)]
    for element in ("Ni", "Mo"):
        count = np.count_nonzero(all_found["symbols"] == element)
        assert abs(slopes[names.index(f"{element}:beta0")] - count) < 1e-9
    close(slopes @ all_found["parameters"], all_found["energy"], 1e-9)


def test_tungsten(starts):
    """Vacancies are as finite differences of LAMMPS' own SNAP found them; an interstitial does not
    relax to a minimum.
    """
    run = run_python(starts, "snap_vacancies", DATA, time_limit=400)
    with np.load(starts / "found.npz") as file:
        assert len(file) == 10
        for name, (ours, theirs) in file.items():
            assert np.linalg.norm(ours - theirs) <= 1e-6 * np.linalg.norm(theirs), name
    (refused,) = (line for line in run.stdout.splitlines() if line.startswith("refused:"))
    assert "saddle point of index 3" in refused, refused
