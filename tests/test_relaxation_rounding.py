"""Relaxations end where rounding does, on every processor, and say what was reached."""

import re

import pytest
from lammps_runner import run_python

pytestmark = pytest.mark.lammps


@pytest.mark.parametrize("ranks", (1, 2))
def test_a_force_below_rounding_is_not_asked_for(tmp_path, starts, ranks):
    for file in starts.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    run = run_python(tmp_path, "unreachable_forces", ranks=ranks, time_limit=300)
    found = {name: float(value) for name, value in re.findall(r"(.*) \| (\S+)", run.stdout)}
    for name in ("silicon", "hexagonal"):
        # forces are of the order of one, positions of ten, and doubles have 16 digits
        assert 1e-18 < found[f"{name} force"] < 1e-11
        assert found[f"{name} moved"] < 1e-10 and found[f"{name} response"] > 1e-3


def test_newton_steps_alone_are_not_advised_to_minimise_longer(tmp_path, starts):
    (tmp_path / "hexagonal.data").write_bytes((starts / "hexagonal.data").read_bytes())
    said = run_python(tmp_path, "far_from_a_minimum").stdout
    assert (
        "The minimisation did not converge" in said and "Newton steps, without `minimize`" in said
    )
    assert "leave minimize=False out" in said and "relax longer" not in said
