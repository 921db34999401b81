"""What no LAMMPS holds any more is freed: models, their pair lists, and what is on the device."""

import pytest
from lammps_runner import run_python

pytestmark = pytest.mark.lammps


@pytest.mark.parametrize("event", ("another pair_style", "clear"))
def test_a_model_goes_with_its_pair_style_or_with_clear(tmp_path, event):
    done = run_python(tmp_path, "replaced_models")
    assert f"{event}: 0 models, arrays freed: True" in done.output


def test_models_of_finished_relaxations_go(tmp_path):
    # the last one goes when the next model comes
    done = run_python(tmp_path, "twenty_relaxations")
    assert "twenty relaxations: 1 models, arrays of 1" in done.output
