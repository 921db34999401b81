"""Relaxations end where rounding does, on every processor, and say what was reached."""

import re

import pytest
from lammps_runner import run_python
from relaxing import COMMON

pytestmark = pytest.mark.lammps

UNREACHABLE = """
for name, cell in (("silicon", "iso"), ("hexagonal", None)):
    relaxed = adflux.relax(start(name), potential_of(name), 1e-18, cell)
    ordinary = adflux.relax(relaxed.lammps, potential_of(name), 1e-9, cell, options=adflux.RelaxOptions(minimize=False))
    found[f"{name} force"], found[f"{name} ordinary"] = relaxed.checks.force, ordinary.checks.force
    moved = in_cell_of(ordinary, relaxed) - ordinary.gather(ordinary.positions)
    found[f"{name} moved"] = np.abs(moved).max()
    values = jax.tree.map(jnp.asarray, parameters_of(name)(potential_of(name)))
    response = relaxed.jvp(direction(values), parameters_of(name))
    found[f"{name} response"] = np.abs(relaxed.gather(response.positions)).max()
finish()
for name, force in found.items():
    if MPI.COMM_WORLD.rank == 0:
        print(name, "|", force)
"""


@pytest.mark.parametrize("ranks", (1, 2))
def test_a_force_below_rounding_is_not_asked_for(tmp_path, starts, ranks):
    for file in starts.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    run = run_python(tmp_path, COMMON + UNREACHABLE, ranks, time_limit=300)
    found = {name: float(value) for name, value in re.findall(r"(.*) \| (\S+)", run.stdout)}
    for name in ("silicon", "hexagonal"):
        # forces are of the order of one, positions of ten, and doubles have 16 digits
        assert 1e-18 < found[f"{name} force"] < 1e-11
        assert found[f"{name} moved"] < 1e-10 and found[f"{name} response"] > 1e-3


FAR = """
try:
    adflux.relax(start("hexagonal", "displace_atoms all random 0.1 0.1 0.1 5"), lennard_jones(), options=adflux.RelaxOptions(minimize=False))
except adflux.AdfluxError as error:
    print(error)
"""


def test_newton_steps_alone_are_not_advised_to_minimise_longer(tmp_path, starts):
    (tmp_path / "hexagonal.data").write_bytes((starts / "hexagonal.data").read_bytes())
    said = run_python(tmp_path, COMMON + FAR).stdout
    assert (
        "The minimisation did not converge" in said and "Newton steps, without `minimize`" in said
    )
    assert "leave minimize=False out" in said and "relax longer" not in said
