"""The templates that people include do what their first lines say."""

import numpy as np
import pytest
from lammps_runner import run_adflux

from lammps_adflux import read_flux

pytestmark = pytest.mark.lammps
SYSTEM = """
units lj
lattice fcc 0.8442
region box block 0 4 0 4 0 4
create_box 1 box
create_atoms 1 box
mass 1 1.0
pair_style mliap unified ar.pkl 0
pair_coeff * * Ar
"""
SAMPLED = """
variable temperature index 1.2
variable n_equilibrate index 100
variable n_sample index 100
variable n_lags index 4
variable every index 5
include ${adflux}/green_kubo.lmp
"""


@pytest.fixture
def folder(tmp_path):
    run_adflux(
        tmp_path, *"export lj --epsilon 1 --sigma 1 --cutoff 2.5 --elements Ar -o ar.pkl".split()
    )
    return tmp_path


def test_green_kubo_samples_the_flux_and_its_parts(folder):
    (folder / "in.run").write_text(SYSTEM + SAMPLED)
    assert (done := run_adflux(folder, "run", "in.run", "-n", "2")).code == 0, done.stderr
    series = read_flux(folder / "adflux.flux", log=folder / "log.lammps")
    assert series.flux.shape == (1, 21, 3) and series.units == "lj"
    assert series.volume == pytest.approx(256 / 0.8442) and series.sampling == pytest.approx(0.025)
    assert (
        np.abs(series.potential + series.convective - series.flux).max()
        < 1e-9 * np.abs(series.flux).max()
    )
    correlation = read_flux(
        folder / "adflux.hfacf", log=folder / "log.lammps", units="lj"
    ).diagonal_correlation
    # 6 printed digits
    assert correlation[0, 0] == pytest.approx(np.mean(series.flux[0] ** 2, axis=0), rel=1e-4)


def test_rerun_flux_recomputes_the_flux_of_a_stored_run(folder):
    moves = "velocity all create 1.2 1\nfix 1 all nve\n"
    flux = (
        "fix s all ave/time 5 1 5 v_adflux_jx v_adflux_jy v_adflux_jz file run.flux "
        "format ' %.12g'\n"
    )
    dump = (
        "dump d all custom 5 atoms.dump id type x y z vx vy vz\n"
        "dump_modify d format float %.17g sort id\n"
    )
    (folder / "in.run").write_text(
        SYSTEM + "include ${adflux}/heat_flux.lmp\n" + moves + flux + dump + "run 100\n"
    )
    assert (done := run_adflux(folder, "run", "in.run", "-n", "2")).code == 0, done.stderr
    again = (
        "variable dump index atoms.dump\nvariable every index 5\ninclude ${adflux}/rerun_flux.lmp\n"
    )
    (folder / "in.again").write_text(SYSTEM + again)
    assert (done := run_adflux(folder, "run", "in.again")).code == 0, done.stderr
    known = dict(units="lj", volume=300.0, temperature=1.2, timestep=0.005)
    run, rerun = (read_flux(folder / name, **known).flux for name in ("run.flux", "adflux.flux"))
    assert run.shape == rerun.shape == (1, 21, 3)
    assert np.abs(run - rerun).max() < 1e-9 * np.abs(run).max()  # 12 printed digits


@pytest.mark.parametrize("ranks", ("1", "2", "4"))
def test_a_disk_that_is_full_ends_the_run(folder, ranks):
    (folder / "in.run").write_text(SYSTEM + SAMPLED)
    (folder / "adflux.flux").symlink_to("/dev/full")
    short = "-var every 1 -var n_sample 120 -var n_equilibrate 10".split()
    done = run_adflux(folder, "run", "in.run", "-n", ranks, *short, fails=True)
    assert "adflux.flux lacks all samples at step 100" in " ".join(done.stderr.split())


@pytest.mark.parametrize("ranks", ("1", "2", "4"))
def test_a_cache_that_cannot_be_written_stops_nothing(folder, ranks):
    (folder / "in.run").write_text(SYSTEM + SAMPLED)
    environment = {"XDG_CACHE_HOME": "/dev/null", "JAX_COMPILATION_CACHE_DIR": "/dev/null/jax"}
    run_adflux(folder, "run", "in.run", "-n", ranks, fails=False, environment=environment)
    assert read_flux(folder / "adflux.flux").samples == 21


@pytest.mark.parametrize(
    ("template", "variable"),
    (("green_kubo", "temperature"), ("native_flux", "temperature"), ("rerun_flux", "dump")),
)
@pytest.mark.parametrize("ranks", ("1", "2"))
def test_a_missing_variable_is_named(folder, template, variable, ranks):
    (folder / "in.bad").write_text(SYSTEM + f"include ${{adflux}}/{template}.lmp\n")
    done = run_adflux(folder, "run", "in.bad", "-n", ranks)
    assert done.code == 1
    assert f"adflux: the template {template}.lmp needs the variable {variable}" in done.stderr


NATIVE = """
units lj
variable flux index native
variable temperature index 1.2
variable n_equilibrate index 100
variable n_sample index 100
variable every index 5
variable dt index 0.004
lattice fcc 0.8442
region box block 0 4 0 4 0 4
create_box 1 box
create_atoms 1 box
mass 1 1.0
if "${flux} == native" then "pair_style lj/cut 2.5" "pair_coeff * * 1 1" &
else "pair_style mliap unified ar.pkl 0" "pair_coeff * * Ar"
if "${flux} == native" then "include ${adflux}/native_flux.lmp" &
else "include ${adflux}/rerun_flux.lmp"
"""


@pytest.mark.parametrize("ranks", ("1", "2"))
def test_a_rerun_of_native_dynamics_gives_the_same_flux_of_pairs(folder, ranks):
    """LAMMPS' flux is exact for pairs; each file says all that κ needs, but for the rerun's
    volume.
    """
    (folder / "in.own").write_text(NATIVE)
    native = ("run", "in.own", "-n", ranks, "-var", "prefix", "own", "-log", "log.own")
    exact = ("run", "in.own", "-n", ranks, "-var", "flux", "exact", "-var", "dump", "own.dump")
    for words in (native, exact):
        assert (done := run_adflux(folder, *words)).code == 0, done.stderr
    own = read_flux(folder / "own.flux")
    rerun = read_flux(folder / "adflux.flux", log=folder / "log.lammps")
    assert own.flux.shape == rerun.flux.shape == (1, 21, 3)
    for series in (own, rerun):
        assert series.units == "lj" and series.sampling == pytest.approx(0.02)
        assert series.volume == pytest.approx(256 / 0.8442)
    # nine digits in the dump
    assert np.abs(own.flux - rerun.flux).max() < 1e-5 * np.abs(own.flux).max()
    assert own.temperature == pytest.approx(rerun.temperature, rel=1e-6)
