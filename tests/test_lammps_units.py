"""A model is in the unit system that its file names: LAMMPS gets energies, forces, pressure and
flux in its own units, or refuses.
"""

import pytest
from comparing import close
from lammps_runner import run_lammps, run_python, vectors
from networks import function_network

import lammps_adflux as adflux
from lammps_adflux.potentials.conversion import KCAL_PER_MOL

pytestmark = pytest.mark.lammps
ROUNDING = 1e-10
SI = (
    "# DATE: 2007-06-11 UNITS: {units}\n"
    "Si Si Si {epsilon} 2.0951 1.80 21.0 1.20 -0.333333333333 7.049556277 "
    "0.6022245584 4.0 0.0 0.0\n"
)
FLUX = [f"v_adflux_{name}" for name in ("jpx", "jpy", "jpz", "jcx", "jcy", "jcz", "jx", "jy", "jz")]
SYSTEM = """\
clear
units {units}
lattice {lattice}
region box block 0 2 0 2 0 2
create_box {types} box
create_atoms 1 box
mass * 28.06
{more}
displace_atoms all random 0.3 0.3 0.3 3 units box
# the same speeds in every unit system: Å/ps
variable vx atom {speed}*sin(7*id)
variable vy atom {speed}*cos(3*id)
variable vz atom {speed}*sin(11*id)
velocity all set v_vx v_vy v_vz
"""
MEASURE = """
thermo_style custom step pe pxx pyy pzz pxy pxz pyz {flux}
thermo_modify format float %.17g norm no
run 0 post no
write_dump all custom {name}.dump id type x y z fx fy fz modify format float %.17g
"""
SPEED = {"metal": 1.0, "real": 1e-3}
TWO = "set type 1 type/fraction 2 0.5 11"
# name: lattice, types, what is set, pair commands of LAMMPS (None: the other units are compared),
# of ours
CASES = {
    "sw": (
        "diamond 5.431",
        1,
        "",
        "pair_style sw\npair_coeff * * Si.sw Si",
        "si.pkl 0\npair_coeff * * Si",
    ),
    "sw of real": (
        "diamond 5.431",
        1,
        "",
        "pair_style sw\npair_coeff * * SiReal.sw Si",
        "si_real.pkl 0\npair_coeff * * Si",
    ),
    "two layers": ("diamond 5.431", 2, TWO, None, "network.pkl 0\npair_coeff * * Si Ge"),
    "lj": ("fcc 5.0", 1, "", None, "lj.pkl 0\npair_coeff * * Ar"),
}


def prepare(folder):
    (folder / "Si.sw").write_text(SI.format(units="metal", epsilon=2.1683))
    (folder / "SiReal.sw").write_text(SI.format(units="real", epsilon=50.0))
    for name, file in (("si", "Si.sw"), ("si_real", "SiReal.sw")):
        adflux.export(
            adflux.StillingerWeber.from_lammps(folder / file, elements="Si"), folder / f"{name}.pkl"
        )
    adflux.export(function_network(2, units="metal"), folder / "network.pkl")
    for name, units in (("lj", "metal"), ("any", "any")):
        lj = adflux.LennardJones(epsilon=0.0103, sigma=3.4, cutoff=8.5, elements="Ar", units=units)
        adflux.export(lj, folder / f"{name}.pkl")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    done = {}

    def run(ranks):
        if ranks not in done:
            folder = tmp_path_factory.mktemp(f"units{ranks}")
            prepare(folder)
            parts = []
            for name, (lattice, types, more, native, ours) in CASES.items():
                for units in ("metal", "real"):
                    box = SYSTEM.format(
                        units=units, lattice=lattice, types=types, more=more, speed=SPEED[units]
                    )
                    style = f"{name.replace(' ', '_')}_{units}"
                    if native:
                        parts.append(box + native + MEASURE.format(flux="", name=style + "_native"))
                    jax = f"pair_style mliap unified {ours}\ninclude ${{adflux}}/heat_flux.lmp"
                    parts.append(box + jax + MEASURE.format(flux=" ".join(FLUX), name=style))
            done[ranks] = run_lammps(folder, "\n".join(parts), ranks, time_limit=300.0)
        return done[ranks]

    return run


def table_of(run, name, units, native=False):
    """The thermo table of a case: tables come in the order of the script."""
    order = [
        (n, u, kind)
        for n, case in CASES.items()
        for u in SPEED
        for kind in ((True, False) if case[3] else (False,))
    ]
    return run.tables[order.index((name, units, native))]


@pytest.mark.parametrize("ranks", (1, 2))
@pytest.mark.parametrize("units", SPEED)
@pytest.mark.parametrize("name", ("sw", "sw of real"))
def test_both_unit_systems_equal_native_sw(runs, name, units, ranks):
    run = runs(ranks)
    ours, theirs = table_of(run, name, units), table_of(run, name, units, native=True)
    for columns in (["PotEng"], ["Pxx", "Pyy", "Pzz", "Pxy", "Pxz", "Pyz"]):
        close(vectors(ours, *columns), vectors(theirs, *columns), ROUNDING)
    file = f"{name.replace(' ', '_')}_{units}"
    close(
        *(vectors(run.dump(f"{file}{end}.dump")[0], "fx", "fy", "fz") for end in ("", "_native")),
        tolerance=ROUNDING,
    )


@pytest.mark.parametrize("ranks", (1, 2))
@pytest.mark.parametrize("name", CASES)
def test_metal_and_real_are_one_physics(runs, name, ranks):
    run = runs(ranks)
    metal, real = table_of(run, name, "metal"), table_of(run, name, "real")
    close(real["PotEng"], KCAL_PER_MOL * metal["PotEng"], ROUNDING)
    forces = [
        vectors(run.dump(f"{name.replace(' ', '_')}_{u}.dump")[0], "fx", "fy", "fz")
        for u in ("real", "metal")
    ]
    close(forces[0], KCAL_PER_MOL * forces[1], ROUNDING)
    # kcal/mol Å/fs against eV Å/ps; kinetic energies have LAMMPS' own digits in either system,
    # equal to 1e-6
    for columns, tolerance in ((FLUX[:3], ROUNDING), (FLUX[3:6], 1e-5), (FLUX[6:], 1e-5)):
        close(vectors(real, *columns), 1e-3 * KCAL_PER_MOL * vectors(metal, *columns), tolerance)


@pytest.mark.parametrize("ranks", (1, 2))
def test_the_conversion_is_told_once(runs, ranks):
    output = runs(ranks).stdout
    assert (
        output.count("in metal units; they are converted to real units with the factor 23.060549")
        == 3
    )
    assert output.count("in real units; they are converted to metal units") == 1


SHORT = SYSTEM.replace("clear\n", "")


@pytest.mark.parametrize("ranks", (1, 2))
@pytest.mark.parametrize("units", ("lj", "electron", "si"))
def test_what_cannot_be_converted_is_refused(tmp_path, units, ranks):
    prepare(tmp_path)
    box = SHORT.format(units=units, lattice="diamond 0.5", types=1, more="", speed=0.0)
    # atoms in one corner: the second rank has none
    box = box.replace("block 0 2", "block 0 9").replace(
        "create_atoms 1 box", "create_atoms 1 single 0.1 0 0"
    )
    pair = "pair_style mliap unified si.pkl 0\npair_coeff * * Si\n"
    run = run_lammps(tmp_path, box + pair + "run 0", ranks, fails=True, time_limit=60.0)
    said = run.output.count(f"The model is in metal units, but LAMMPS runs with `units {units}`")
    assert said >= 1 and "Traceback" not in run.output, run.output
    assert ranks == 1 or said == 1


def test_numbers_for_any_units_are_taken_as_they_are(tmp_path):
    prepare(tmp_path)
    box = SHORT.format(units="real", lattice="fcc 5.0", types=1, more="", speed=0.0)
    pair = "pair_style mliap unified any.pkl 0\npair_coeff * * Ar\n"
    native = "pair_style lj/cut 8.5\npair_coeff * * 0.0103 3.4\n"
    measure = MEASURE.format(flux="", name="any")
    run = run_lammps(tmp_path, box + pair + measure + native + measure)
    close(*(table["PotEng"] for table in run.tables), tolerance=ROUNDING)
    assert "units" not in "".join(
        line for line in run.stdout.splitlines() if line.startswith("adflux:")
    )


def test_a_lammps_that_does_not_tell_its_units_is_told_of_the_assumption(tmp_path):
    """As in a LAMMPS without the repairs: the pointer is taken away before the first force call."""
    prepare(tmp_path)
    box = SHORT.format(units="metal", lattice="diamond 5.431", types=1, more="", speed=0.0)
    forget = (
        "from lammps_adflux.mliap import plugin; plugin.AdfluxPlugin.lammps = lambda self: None"
    )
    pair = f'pair_style mliap unified si.pkl 0\npair_coeff * * Si\npython source here "{forget}"\n'
    run = run_lammps(tmp_path, box + pair + "run 0\nrun 0")
    assert run.stdout.count("metal units, those of the model, are assumed") == 1
    assert run.stdout.count("heat_flux.lmp") == 1


@pytest.mark.parametrize("ranks", (1, 2))
def test_relaxed_structures_and_derivatives_are_one_physics(tmp_path, ranks):
    """Energies in LAMMPS' units, parameters in those of the potential: dU/dΘ converts, dX/dΘ does
    not.
    """
    import json

    prepare(tmp_path)
    run_python(tmp_path, "relaxed_in_units", ranks=ranks, time_limit=240.0)
    found = json.loads((tmp_path / "found.json").read_text())
    metal, real = found["metal"], found["real"]
    for name in ("energy", "gradient", "slope", "curvature", "first", "second", "at", "lammps"):
        # curvatures come from solves to 1e-11 of structures with forces below 1e-9
        assert real[name] == pytest.approx(KCAL_PER_MOL * metal[name], rel=1e-6), name
    for name in ("volume", "strain", "parameter", "moved"):
        assert real[name] == pytest.approx(metal[name], rel=1e-6), name
    assert real["energy"] == pytest.approx(real["lammps"], rel=1e-10)
