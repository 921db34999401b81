"""The driving force of non-equilibrium dynamics is the velocity derivative of the flux along the
field; conductivities of driven runs.
"""

import json

import numpy as np
import pytest
from comparing import close
from driving import TEMPLATE
from lammps_runner import run_adflux, run_lammps, vectors
from networks import message_passing
from systems import random_crystal, velocities
from tables import write_setfl, write_tersoff

import lammps_adflux as adflux
from lammps_adflux import AdfluxError, FluxSeries

FIELD = np.array([0.02, -0.03, 0.05])
PAIR = "Si", "Ge"
NAMES = "pair", "eam", "tersoff", "two layers"
# sums of 10⁴ terms that cancel, in another order
ROUNDING = 1e-10


@pytest.fixture(params=NAMES)
def potential(request, tmp_path):
    if request.param == "eam":
        return adflux.EAM.from_lammps(write_setfl(tmp_path / "x"), elements=PAIR)
    if request.param == "tersoff":
        path = write_tersoff(tmp_path / "x", "tersoff")
        return adflux.Tersoff.from_lammps(path, elements=PAIR)
    if request.param == "pair":
        return adflux.LennardJones(epsilon=0.3, sigma=2.1, cutoff=4.7, elements=PAIR)
    return message_passing(2)


def test_the_driving_force_is_the_slope_of_the_flux_by_the_velocities(potential):
    crystal = random_crystal(13, volume_per_atom=16.0)
    graph, v = adflux.graph_from_atoms(crystal, potential), velocities(crystal)
    forces = np.asarray(adflux.driving_forces(potential, graph, FIELD))
    virials = np.asarray(adflux.atomic_virials(potential, graph))
    close(forces, np.einsum("jab,a->jb", virials, FIELD), 1e-12)
    # its power is the flux along the field
    close(np.sum(forces * v), FIELD @ np.asarray(adflux.heat_flux(potential, graph, v)), 1e-11)


SETUP = """\
clear
units metal
atom_modify map array
lattice diamond 5.2
region box block 0 4 0 2 0 2
create_box 2 box
create_atoms 1 box
mass * 28.0
set type 1 type/fraction 2 0.4 11
displace_atoms all random 0.2 0.2 0.2 3 units box
velocity all create 1500 4711 loop geom mom yes
pair_style mliap unified {name}.pkl 0
pair_coeff * * Si Ge
fix nve all nve
include ${{adflux}}/heat_flux.lmp
thermo_style custom step v_adflux_jx v_adflux_jy v_adflux_jz
thermo_modify format float %.17g
run 0
write_dump all custom {name}plain.dump {columns} modify sort id format float %.17g
variable fx index 0.02
variable fy index -0.03
variable fz index 0.05
python adflux_set_field input 4 SELF v_fx v_fy v_fz format pfff here &
    "from lammps_adflux.mliap.attach import adflux_set_field"
python adflux_set_field invoke
python adflux_drive input 1 SELF format p here "from lammps_adflux.mliap.attach import adflux_drive"
fix drive all python/invoke 1 post_force adflux_drive
run 0
write_dump all custom {name}driven.dump {columns} modify sort id format float %.17g
"""
COLUMNS = "id x y z vx vy vz fx fy fz"
MODELS = "tersoff", "layers"


@pytest.fixture(scope="module")
def driven(tmp_path_factory):
    """Forces with and without the field, velocities and the flux, by ranks and model."""
    found = {}
    for ranks in (1, 2):
        folder = tmp_path_factory.mktemp(f"driven{ranks}")
        path = write_tersoff(folder / "x.tersoff", "tersoff")
        adflux.export(adflux.Tersoff.from_lammps(path, elements=PAIR), folder / "tersoff.pkl")
        adflux.export(message_passing(2), folder / "layers.pkl")
        script = "".join(SETUP.format(name=name, columns=COLUMNS) for name in MODELS)
        run = run_lammps(folder, script, ranks, time_limit=240.0)
        for number, name in enumerate(MODELS):
            plain, pushed = (run.dump(f"{name}{kind}.dump")[0] for kind in ("plain", "driven"))
            # LAMMPS numbers atoms by rank: one order for all
            places = np.round(vectors(pushed, "x", "y", "z"), 6)
            order = np.lexsort(places.T)
            added = vectors(pushed, "fx", "fy", "fz") - vectors(plain, "fx", "fy", "fz")
            table = run.tables[2 * number + 1]
            flux = vectors(table, "v_adflux_jx", "v_adflux_jy", "v_adflux_jz")[0]
            v = vectors(pushed, "vx", "vy", "vz")
            found[ranks, name] = added[order], v[order], flux
    return found


@pytest.mark.lammps
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("ranks", (1, 2))
def test_the_field_does_the_work_of_the_flux_and_pushes_nothing_as_a_whole(driven, ranks, name):
    added, v, flux = driven[ranks, name]
    assert np.abs(added.sum(axis=0)).max() < 1e-10 * np.abs(added).sum()
    # atoms of one mass whose momenta add up to zero: the mean that was taken out does no work
    close(np.sum(added * v), FIELD @ flux, 1e-9)


@pytest.mark.lammps
@pytest.mark.parametrize("name", MODELS)
def test_two_ranks_drive_as_one(driven, name):
    for one, two in zip(driven[1, name], driven[2, name], strict=True):
        close(two, one, ROUNDING)


def series(mean, noise=0.3, seeds=2, samples=4000, field=(0.0, 1e-3, 0.0), seed=0):
    """Invented driven runs with this mean flux."""
    random = np.random.default_rng(seed)
    flux = np.asarray(mean) + noise * random.normal(size=(seeds, samples, 3))
    return FluxSeries(
        sampling=0.1, volume=50.0, temperature=2.0, units="lj", flux=flux, field=field
    )


def test_the_conductivity_is_the_mean_flux_over_the_field():
    found = adflux.hnemd(series((0.1, 0.7, -0.2)))
    # T V F = 0.1, and 8000 samples of 0.3 / 0.1 have a mean of 3 / sqrt(8000)
    assert abs(found.mean - 7.0) < 4.0 * found.error
    assert found.error == pytest.approx(3.0 / np.sqrt(8000.0), rel=0.5)
    assert np.all(np.abs(found.tensor_row - [1.0, 7.0, -2.0]) < 4.0 * found.row_error)
    assert found.running.shape == (2, 4000) and found.blocks == 20
    close(found.running[:, -1].mean(), found.mean, 1e-12)
    # the direction of the field is that of the conductivity
    turned = adflux.hnemd(series((0.1, 0.7, -0.2)), field=(0.0, -1e-3, 0.0))
    close(turned.mean, -found.mean, 1e-12)


def test_units_of_metal_become_watts():
    of = dict(sampling=0.1, volume=1000.0, temperature=300.0, units="metal")
    flux = np.tile([3.0, 0.0, 0.0], (1, 100, 1))
    found = adflux.hnemd(FluxSeries(**of, flux=flux, field=(1e-4, 0.0, 0.0)))
    # eV/(Å ps K) in W/(m K); LAMMPS' digits of k_B agree with CODATA to 1e-6
    assert found.mean == pytest.approx(
        3.0 / (1000.0 * 300.0 * 1e-4) * 1.602176634e-19 / 1e-10 / 1e-12, rel=1e-5
    )
    assert found.conductivity_unit == "W/(m K)"


def test_blocks_that_resemble_each_other_are_told():
    drifting = series((0.0, 1.0, 0.0), noise=0.0)
    flux = np.array(drifting.flux) + np.linspace(-1.0, 1.0, 4000)[:, None]
    slow = FluxSeries(
        sampling=0.1, volume=50.0, temperature=2.0, units="lj", flux=flux, field=drifting.field
    )
    assert any("run longer" in note for note in adflux.hnemd(slow).notes)
    assert not adflux.hnemd(series((0.1, 0.7, -0.2))).notes


def test_what_cannot_be_analysed_is_refused():
    driven = series((0.1, 0.7, -0.2), samples=100)
    with pytest.raises(AdfluxError, match="driven by a field"):
        adflux.green_kubo(driven)
    free = series((0.1, 0.7, -0.2), samples=100, field=None)
    with pytest.raises(AdfluxError, match="give field=, three numbers"):
        adflux.hnemd(free)
    for field in ((0.0, 0.0, 0.0), (1.0, 2.0), (np.nan, 0.0, 0.0)):
        with pytest.raises(AdfluxError, match="three numbers that are not all zero"):
            adflux.hnemd(free, field=field)
    with pytest.raises(AdfluxError, match="between 2 and the 100 samples"):
        adflux.hnemd(driven, blocks=101)


@pytest.mark.lammps
def test_the_template_writes_what_kappa_reads(tmp_path):
    potential = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar")
    adflux.export(potential, tmp_path / "lj.pkl")
    run_lammps(tmp_path, TEMPLATE, 2, variables={"fy": 0.3})
    run_adflux(tmp_path, "kappa", "--hnemd", "adflux.flux", "-o", "driven", fails=False)
    found = json.loads((tmp_path / "driven.json").read_text())
    assert found["field"] == [0.0, 0.3, 0.0] and (tmp_path / "driven.png").exists()
    # so strong a field shows in 1.2 τ: the current follows it
    assert found["mean"] > 5.0 * found["error"] > 0.0
    assert abs(found["tensor_row"][0]) < 0.5 * found["mean"]
    refused = run_adflux(tmp_path, "kappa", "adflux.flux", fails=True)
    assert "driven by a field" in refused.stderr
    refused = run_adflux(tmp_path, "kappa", "--hnemd", "--cutoff", "1", "adflux.flux", fails=True)
    assert "takes no --cutoff" in refused.stderr


@pytest.mark.lammps
@pytest.mark.parametrize("ranks", (1, 2))
def test_a_run_without_a_field_says_so(tmp_path, ranks):
    potential = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar")
    adflux.export(potential, tmp_path / "lj.pkl")
    run = run_lammps(tmp_path, TEMPLATE, ranks, fails=True)
    assert "hnemd.lmp needs a field" in run.stdout + run.stderr
    bare = TEMPLATE.split("variable dt")[0] + "fix nve all nve\ninclude ${adflux}/heat_flux.lmp\n"
    bare += SETUP.split("python adflux_set_field invoke\n")[1].split("run 0")[0] + "run 1\n"
    run = run_lammps(tmp_path, bare, ranks, fails=True)
    assert "adflux_drive has no field" in run.stdout + run.stderr
