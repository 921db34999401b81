"""A model gets the same pairs, and LAMMPS the same forces, whether pairs go to the device or
positions do (as on an accelerator), and with patches 0011 and 0012 and without.
"""

import numpy as np
import pytest
from relaxing import found

pytestmark = pytest.mark.lammps
WORDS = "energy and pressure", "stresses", "flux", "positions", "forces"


@pytest.mark.parametrize("ranks", (1, 2))
@pytest.mark.parametrize(
    ("kind", "ghosts"), (("lj", 0), ("lj", 1), ("single", 0), ("silicon", 0), ("layers", 0))
)
def test_pairs_are_the_same_whatever_way_they_come(tmp_path, kind, ghosts, ranks):
    here = found(tmp_path, "older_lammps", kind, ghosts, ranks=ranks)
    # `pair_style mliap unified FILE 1` lists pairs of ghost atoms, which no model needs
    assert here["older copied"] == bool(ghosts) and not here["new copied"]
    assert here["positions selected"] and not here["new selected"]
    for word in WORDS:
        new = here[f"new {word}"]
        for way in ("older", "positions"):
            off = np.abs(new - here[f"{way} {word}"]).max()
            assert np.abs(new).max() > 1e-3 and off < 1e-12 * np.abs(new).max(), (way, word)
