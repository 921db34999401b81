"""A model gets the same pairs, and LAMMPS the same forces, with patch 0011 and without."""

import numpy as np
import pytest
from relaxing import found

pytestmark = pytest.mark.lammps
WORDS = "energy and pressure", "flux", "positions", "forces"


@pytest.mark.parametrize("ranks", (1, 2))
@pytest.mark.parametrize(
    ("kind", "ghosts"), (("lj", 0), ("lj", 1), ("single", 0), ("silicon", 0), ("layers", 0))
)
def test_pairs_on_demand_are_those_of_the_arrays(tmp_path, kind, ghosts, ranks):
    here = found(tmp_path, "older_lammps", kind, ghosts, ranks=ranks)
    # `pair_style mliap unified FILE 1` lists pairs of ghost atoms, which no model needs
    assert here["older copied"] == bool(ghosts) and not here["new copied"]
    for word in WORDS:
        new, older = here[f"new {word}"], here[f"older {word}"]
        assert np.abs(new).max() > 1e-3 and np.abs(new - older).max() < 1e-12 * np.abs(new).max()
