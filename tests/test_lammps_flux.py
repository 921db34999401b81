"""The heat flux inside LAMMPS: right at every sampled step, evaluated only when asked,
never stale.
"""

import json

import numpy as np
import pytest
from comparing import close
from lammps_runner import TEMPLATES, run_lammps, run_python, vectors

import lammps_adflux as adflux

pytestmark = pytest.mark.lammps
RANKS = (1, 2, 4)
TOTAL = ("v_adflux_jx", "v_adflux_jy", "v_adflux_jz")
POTENTIAL, CONVECTIVE = (tuple(name.replace("_j", f"_j{part}") for name in TOTAL) for part in "pc")
NATIVE = tuple(f"c_flux[{n}]" for n in range(1, 7))  # total, convective
# sums of 10⁵ terms that cancel, and 40 steps of chaos from differences of 1e-16
ROUNDING = 1e-10
SI = "Si Si Si 2.1683 2.0951 1.80 21.0 1.20 -0.333333333333 7.049556277 0.6022245584 4.0 0.0 0.0\n"

# Argon and krypton in a sheared box, 40 steps with 8 reneighbourings and sorted atoms, seen at
# steps that do
# not coincide with them; metal units have a factor between ½mv² and energy.
MIXTURE = """\
units metal
atom_modify map yes sort 10 3.5
lattice fcc 5.4
region box block 0 4 0 3 0 3
create_box 2 box
create_atoms 1 box
set type 1 type/fraction 2 0.4 11
mass 1 39.948
mass 2 83.798
change_box all triclinic
change_box all xy final 6.0 xz final -5.0 yz final 4.0 remap units box
displace_atoms all random 0.3 0.3 0.3 7 units box
velocity all create 150 4711 loop geom mom no
neighbor 0.5 bin
neigh_modify every 5 delay 0 check no
timestep 0.002
fix move all nve
{pair}
compute ke all ke/atom
compute pe all pe/atom
compute st all stress/atom NULL virial
compute flux all heat/flux ke pe st
variable c equal c_flux[1]
fix series all ave/time 4 1 4 {values} file {name}.dat format " %.16g"
thermo 3
thermo_style custom step pe ke press {values}
thermo_modify format float %.16g norm no
{more}
run 40
"""
EPSILON, SIGMA = (
    np.array([[0.0104, 0.0120], [0.0120, 0.0140]]),
    np.array([[3.40, 3.52], [3.52, 3.65]]),
)
NATIVE_PAIR = "pair_style lj/cut 7.5\n" + "\n".join(
    f"pair_coeff {i + 1} {j + 1} {EPSILON[i, j]} {SIGMA[i, j]}" for i, j in ((0, 0), (0, 1), (1, 1))
)
JAX_PAIR = (
    "pair_style mliap unified mixture.pkl 0\npair_coeff * * Ar Kr\ninclude ${adflux}/heat_flux.lmp"
)
COUNT = '''\
python count input 1 SELF format p here """
import os
import lammps_adflux.mliap.plugin as plugin
evaluations = 0
flux = plugin.AdfluxPlugin.flux
def counted(self, velocities):
    global evaluations
    evaluations += 1
    return flux(self, velocities)
plugin.AdfluxPlugin.flux = counted
def count(lammps):
    os.write(1, b'evaluations %d%c' % (evaluations, 10))
"""
'''
CORRELATE = (
    f"fix correlation all ave/correlate 4 3 12 {' '.join(TOTAL)} type auto ave "
    "running file correlation.dat\n"
)
BETWEEN_RUNS = """\
python count invoke
print "before $(v_adflux_jpx:%.16g) $(v_adflux_jcx:%.16g) $(ke:%.16g)"
velocity all set 0 0 0
print "still $(v_adflux_jpx:%.16g) $(v_adflux_jcx:%.16g)"
thermo_modify norm yes
run 0
thermo_modify norm no
"""


def mixture_potential():
    return adflux.LennardJones(epsilon=EPSILON, sigma=SIGMA, cutoff=7.5, elements=("Ar", "Kr"))


@pytest.fixture(scope="module")
def mixture(tmp_path_factory):
    """The same trajectory with LAMMPS' own pair style and with ours, in one process per number of
    ranks.
    """
    done = {}

    def run(ranks):
        if ranks not in done:
            folder = tmp_path_factory.mktemp(f"flux{ranks}")
            adflux.export(mixture_potential(), folder / "mixture.pkl")
            native = MIXTURE.format(
                pair=NATIVE_PAIR, values=" ".join(NATIVE), name="native", more=""
            )
            ours = " ".join(TOTAL + POTENTIAL + CONVECTIVE)
            jax = MIXTURE.format(pair=JAX_PAIR, values=ours, name="jax", more=CORRELATE + COUNT)
            script = native + "clear\n" + jax + BETWEEN_RUNS
            done[ranks] = run_lammps(folder, script, ranks)
        return done[ranks]

    return run


@pytest.mark.parametrize("ranks", RANKS)
def test_equals_compute_heat_flux_at_every_sampled_step(mixture, ranks):
    native, jax = mixture(ranks).tables[:2]
    assert np.array_equal(native["Step"], jax["Step"]) and len(native["Step"]) == 15
    close(jax["PotEng"], native["PotEng"], ROUNDING)
    close(vectors(jax, *TOTAL), vectors(native, *NATIVE[:3]), ROUNDING)
    close(vectors(jax, *CONVECTIVE), vectors(native, *NATIVE[3:]), ROUNDING)
    close(vectors(jax, *POTENTIAL) + vectors(jax, *CONVECTIVE), vectors(jax, *TOTAL), 1e-14)


@pytest.mark.parametrize("ranks", RANKS)
def test_files_of_fixes_hold_what_thermo_shows(mixture, ranks):
    run = mixture(ranks)
    native, jax = run.columns("native.dat"), run.columns("jax.dat")
    close(jax[:, 1:4], native[:, 1:4], ROUNDING)
    table = run.tables[1]
    both = np.isin(jax[:, 0], table["Step"])
    assert both.sum() == 5
    shown = vectors(table, *TOTAL, *POTENTIAL, *CONVECTIVE)[np.isin(table["Step"], jax[:, 0])]
    close(jax[both, 1:], shown, 1e-14)
    lines = (run.folder / "correlation.dat").read_text().splitlines()
    # index, lag, samples, three correlations
    last = np.array([line.split() for line in lines[-3:]], float)
    for lag, _, samples, *correlation in last:
        lag = int(lag) - 1
        early, late = jax[: len(jax) - lag, 1:4], jax[lag:, 1:4]
        until = 40 // 12 * 12 // 4 + 1  # samples up to the last output of ave/correlate
        early, late = early[: until - lag], late[: until - lag]
        assert samples == len(early)
        close(np.array(correlation), np.mean(early * late, axis=0), 1e-5)  # the file has six digits


@pytest.mark.parametrize("ranks", RANKS)
def test_is_evaluated_once_at_the_steps_that_ask_for_it(mixture, ranks):
    run = mixture(ranks)
    asked = sorted({*range(0, 41, 3), 40, *range(0, 41, 4)})
    counts = [line.split()[1] for line in run.stdout.splitlines() if line.startswith("evaluations")]
    assert counts == [str(len(asked))] * ranks


@pytest.mark.parametrize("ranks", RANKS)
def test_follows_velocities_that_change_between_runs(mixture, ranks):
    lines = {
        line.split()[0]: line.split()[1:]
        for line in mixture(ranks).stdout.splitlines()
        if line[:5] in ("befor", "still")
    }
    assert float(lines["before"][0]) != 0.0 and float(lines["before"][1]) != 0.0
    assert [float(word) for word in lines["still"]] == [0.0, 0.0]


@pytest.mark.parametrize("ranks", (2, 4))
def test_is_the_same_on_any_number_of_ranks(mixture, ranks):
    one, many = (mixture(n).columns("jax.dat") for n in (1, ranks))
    close(many[:, 1:], one[:, 1:], ROUNDING)


LJ_UNITS = """\
units lj
lattice fcc 0.8442
region box block 0 3 0 3 0 3
create_box 1 box
create_atoms 1 box
mass 1 1.0
displace_atoms all random 0.1 0.1 0.1 7 units box
velocity all create 1.44 4711 loop geom
fix move all nve
"""


def test_is_extensive_also_where_thermo_output_is_normalised(tmp_path):
    """units lj divides thermo's extensive quantities by the number of atoms, but never
    variables.
    """
    adflux.export(
        adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar"), tmp_path / "lj.pkl"
    )
    columns = (
        f"thermo_style custom step atoms {TOTAL[0]} pe\nthermo_modify format float %.16g norm "
    )
    script = (
        LJ_UNITS
        + "pair_style mliap unified lj.pkl 0\npair_coeff * * Ar\ninclude ${adflux}/heat_flux.lmp\n"
    )
    script += f"{columns} yes\nrun 0\n{columns} no\nrun 0\n"
    normalised, extensive = run_lammps(tmp_path, script).tables
    assert normalised[TOTAL[0]][0] == extensive[TOTAL[0]][0] != 0.0
    close(normalised["PotEng"] * 108, extensive["PotEng"], ROUNDING)


CLUSTER = """\
units metal
boundary f f f
lattice diamond 5.431
region box block 0 4 0 4 0 4
region cluster block 0.9 2.6 0.9 2.6 0.9 2.6
create_box 1 box
create_atoms 1 region cluster
mass 1 28.06
displace_atoms all random 0.3 0.3 0.3 3 units box
velocity all create 900 4711 loop geom mom no
neighbor 1.0 bin
timestep 2.0e-6
fix move all nve
{pair}
compute ke all ke/atom
compute pe all pe/atom
compute st all stress/atom NULL virial
compute flux all heat/flux ke pe st
dump atoms all custom 1 {name}.dump id x y z c_ke c_pe
dump_modify atoms format float %.17g
thermo 1
thermo_style custom step atoms {flux}
thermo_modify format float %.16g
run 8
"""


@pytest.mark.parametrize("ranks", (1, 2))
def test_moves_the_energy_barycentre_but_lammps_own_flux_for_three_bodies_does_not(tmp_path, ranks):
    """In an open cluster J = d/dt Σ_i r_i E_i exactly: here a central difference along LAMMPS'
    trajectory.
    """
    (tmp_path / "Si.sw").write_text(SI)
    adflux.export(
        adflux.StillingerWeber.from_lammps(tmp_path / "Si.sw", elements=["Si"]), tmp_path / "Si.pkl"
    )
    ours = "pair_style mliap unified Si.pkl 0\npair_coeff * * Si\ninclude ${adflux}/heat_flux.lmp"
    script = CLUSTER.format(
        pair="pair_style sw\npair_coeff * * Si.sw Si", name="native", flux=" ".join(NATIVE[:3])
    )
    script += "clear\n" + CLUSTER.format(pair=ours, name="jax", flux=" ".join(TOTAL))
    run = run_lammps(tmp_path, script, ranks)
    native, jax = run.tables
    assert jax["Atoms"][0] > 20
    # the quotient is wrong by (ω dt)²/6: 1e-8 for the vibrations, more for energies far from the
    # origin
    close(vectors(jax, *TOTAL)[1:-1], barycentre_rate(run.dump("jax.dump")), 1e-6)
    flux, rate = vectors(native, *NATIVE[:3])[1:-1], barycentre_rate(run.dump("native.dump"))
    assert np.abs(flux - rate).max() > 0.01 * np.abs(rate).max()


def barycentre_rate(frames):
    moments = np.array([vectors(f, "x", "y", "z").T @ (f["c_ke"] + f["c_pe"]) for f in frames])
    return (moments[2:] - moments[:-2]) / (2 * 2.0e-6)


STALE = {
    "before the first force call": ("", "run 0"),
    "displaced": ("run 1\ndisplace_atoms all random 0.01 0.01 0.01 5 units box", "run 0"),
    "one atom moved": ("run 1\nset atom 5 x 0.123", "run 0"),
    "type": ("run 1\nset atom 5 type 2", "run 0"),
    "box": ("run 1\nchange_box all x scale 1.01", "run 0"),
    "box and atoms": ("run 1\nchange_box all x scale 1.01 remap", "run 0"),
    "deleted": ("run 1\ngroup gone id 5\ndelete_atoms group gone compress no", "run 0"),
    "created": ("run 1\ncreate_atoms 1 single 0.3 0.4 0.5", "run 0"),
    "another model": ("run 1\npair_style mliap unified half.pkl 0\npair_coeff * * Ar Ar", "run 0"),
    "another style": (
        "run 0\nvariable before equal $(v_adflux_jx)\npair_style lj/cut 2.5\npair_coeff * * 1.0 "
        "1.0\nrun 0",
        "",
    ),
    "another style, not yet run": (
        "run 0\nvariable before equal $(v_adflux_jx)\npair_style lj/cut 2.5\npair_coeff * * 1.0 "
        "1.0",
        "",
    ),
}
TWO_TYPES = LJ_UNITS.replace("create_box 1", "create_box 2").replace("mass 1", "mass *")
PAIR = "pair_style mliap unified lj.pkl 0\npair_coeff * * Ar Ar\ninclude ${adflux}/heat_flux.lmp\n"


def stale_requests(folder, cases: dict, setup: str):
    given = {"cases": cases, "setup": setup, "templates": str(TEMPLATES)}
    (folder / "given.json").write_text(json.dumps(given))
    return run_python(folder, "stale_requests", "given.json")


def lj_models(folder):
    adflux.export(
        adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar"), folder / "lj.pkl"
    )
    adflux.export(
        adflux.LennardJones(epsilon=0.5, sigma=1.0, cutoff=2.5, elements="Ar"), folder / "half.pkl"
    )


def test_a_stale_request_is_refused_and_run_0_mends_it(tmp_path):
    lj_models(tmp_path)
    run = stale_requests(tmp_path, STALE, TWO_TYPES + PAIR)
    answers = [line.split(" | ") for line in run.stdout.splitlines() if " | " in line]
    assert [name for name, word in answers if word == "refused"] == list(STALE)
    assert [name for name, word in answers if word.startswith("mended")] == [
        n for n in STALE if STALE[n][1]
    ]
    for text in (
        "before the first force call",
        "were changed since the last force call",
        "pair_style was changed",
    ):
        assert text in run.output


@pytest.mark.parametrize("ranks", (2,))
def test_a_stale_request_on_one_rank_ends_all(tmp_path, ranks):
    lj_models(tmp_path)
    script = TWO_TYPES + PAIR + "run 1\nset atom 5 x 0.123\n" + 'print "$(v_adflux_jx)"\n'
    run = run_lammps(tmp_path, script, ranks, fails=True, time_limit=60.0)
    assert run.output.count("were changed since the last force call") == 1


HYBRID = """\
pair_style hybrid/overlay mliap unified lj.pkl 0 lj/cut 2.5
pair_coeff * * mliap Ar NULL
pair_coeff 1 2 lj/cut 0.8 0.9
pair_coeff 2 2 lj/cut 0.5 0.9
include ${adflux}/heat_flux.lmp
set type 1 type/fraction 2 0.3 5
"""


def test_other_styles_are_refused_by_name_unless_a_part_is_wanted(tmp_path):
    lj_models(tmp_path)
    cases = {
        "hybrid": ("run 0", ""),
        "part": ("variable adflux_partial index yes\nrun 0", ""),
    }
    setup = TWO_TYPES + HYBRID
    run = stale_requests(tmp_path, cases, setup)
    assert "hybrid | refused" in run.stdout and "part | answered" in run.stdout
    assert "pair_style lj/cut adds to the energy" in run.output
