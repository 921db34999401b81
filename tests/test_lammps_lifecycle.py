"""A JAX potential through a LAMMPS user's day: npt, minimize, restart, rerun, Python, empty ranks,
liquid.
"""

import json

import numpy as np
import pytest
from comparing import close
from lammps_runner import TEMPLATES, run_lammps, run_python, vectors

import lammps_adflux as adflux

pytestmark = pytest.mark.lammps
FLUX = ("v_adflux_jx", "v_adflux_jy", "v_adflux_jz")
CHAOS = 1e-8  # differences of 1e-16 grow along 50 steps of a hot liquid
START = """\
units lj
lattice fcc 0.8442
region box block 0 4 0 3 0 3
create_box 1 box
create_atoms 1 box
mass 1 1.0
displace_atoms all random 0.1 0.1 0.1 7 units box
velocity all create 1.44 4711 loop geom
neigh_modify every 5 delay 0 check no
"""
NATIVE = "pair_style lj/cut 2.5\npair_coeff 1 1 1.0 1.0\n"
JAX = "pair_style mliap unified lj.pkl 0\npair_coeff * * Ar\n"
INCLUDE = "include ${adflux}/heat_flux.lmp\n"


@pytest.fixture
def models(tmp_path):
    adflux.export(
        adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar"), tmp_path / "lj.pkl"
    )
    adflux.export(
        adflux.LennardJones(epsilon=2.0, sigma=1.0, cutoff=2.2, elements="Ar"),
        tmp_path / "deep.pkl",
    )
    return tmp_path


DAY = """\
thermo 10
thermo_style custom step temp pe pxx pyy pzz pxy vol econserve
thermo_modify format float %.17g norm no
timestep 0.003
fix move all npt temp 1.0 1.0 0.5 iso 3.0 3.0 1.0
run 50
unfix move
minimize 0.0 1.0e-10 8 16
run 0
fix move all nve
run 20
"""


@pytest.mark.parametrize("ranks", (1, 2))
def test_npt_and_minimize_follow_lammps_own_trajectory(models, ranks):
    run = run_lammps(models, START + NATIVE + DAY + "clear\n" + START + JAX + DAY, ranks)
    tables = run.tables
    assert len(tables) == 8
    for native, jax in zip(tables[:4], tables[4:], strict=True):
        assert np.array_equal(native["Step"], jax["Step"])
        for name in ("Temp", "PotEng", "Volume", "Econserve"):
            close(jax[name], native[name], CHAOS)
        close(
            vectors(jax, "Pxx", "Pyy", "Pzz", "Pxy"),
            vectors(native, "Pxx", "Pyy", "Pzz", "Pxy"),
            CHAOS,
        )
    assert np.ptp(tables[4]["Volume"]) > 1.0
    assert tables[5]["PotEng"][-1] < tables[5]["PotEng"][0]


AGAIN = f"""\
thermo 4
thermo_style custom step pe {" ".join(FLUX)} v_adflux_compilations
thermo_modify format float %.17g norm no
"""
STORED = f"""\
{START}{JAX}{INCLUDE}{AGAIN}
fix move all nve
dump atoms all custom 4 atoms.dump id type x y z vx vy vz
dump_modify atoms format float %.17g
run 20
undump atoms
write_restart stored.restart
run 12
rerun atoms.dump dump x y z vx vy vz
clear
read_restart stored.restart
{JAX}{INCLUDE}{AGAIN}
fix move all nve
neigh_modify every 5 delay 0 check no
run 12
"""


@pytest.mark.parametrize("ranks", (1, 2))
def test_rerun_of_a_dump_and_a_restart_give_the_flux_of_the_run(models, ranks):
    first, on, rerun, restarted = run_lammps(models, STORED, ranks).tables
    assert list(first["Step"]) == list(rerun["Step"]) == [0, 4, 8, 12, 16, 20]
    close(rerun["PotEng"], first["PotEng"], 1e-12)
    close(vectors(rerun, *FLUX), vectors(first, *FLUX), 1e-10)
    assert list(on["Step"]) == list(restarted["Step"]) == [20, 24, 28, 32]
    close(vectors(restarted, *FLUX), vectors(on, *FLUX), CHAOS)
    # more runs do not compile again; the padding may grow
    assert on["v_adflux_compilations"][-1] <= 4


SPARSE = {
    "corner": "region some block 0.1 2.9 0.1 2.9 0.1 2.9\ncreate_atoms 1 region some",
    "two without pairs": "create_atoms 1 single 1 1 1\ncreate_atoms 1 single 11 11 1",
    "a pair and one alone": "create_atoms 1 single 1 1 1\ncreate_atoms 1 single 1.2 1.2 1.6\n"
    "create_atoms 1 single 11 11 1",
    "one": "create_atoms 1 single 1 1 1",
    "none": "",
}
MOVING = "\nmass 1 1.0\nvelocity all set 0.3 -0.2 0.1"
BOX = """\
clear
units lj
boundary {boundary}
lattice fcc 0.8442
region box block 0 12 0 12 0 3
create_box 1 box
{atoms}
mass 1 1.0
{pair}
compute pea all pe/atom
compute ke all ke/atom
compute st all stress/atom NULL virial
compute flux all heat/flux ke pea st
variable adflux_every index 1
fix move all nve
thermo 1
thermo_style custom step atoms pe pxx {flux}
thermo_modify format float %.17g norm no
run 3
"""


@pytest.mark.parametrize("ranks", (1, 2, 4))
def test_ranks_without_atoms_or_pairs(models, ranks):
    """Atoms on one rank or two, with pairs or without, or nowhere."""
    script = ""
    for number, atoms in enumerate(SPARSE.values()):
        boundary = "p p p" if number % 2 else "f f f"
        atoms += MOVING if atoms else ""
        ours = JAX + INCLUDE + "variable adflux_every index 1\ninclude ${adflux}/atomic_virials.lmp"
        native = " ".join(f"c_flux[{n}]" for n in (1, 2, 3))
        script += BOX.format(boundary=boundary, atoms=atoms, pair=NATIVE, flux=native)
        script += BOX.format(boundary=boundary, atoms=atoms, pair=ours, flux=" ".join(FLUX))
    tables = run_lammps(models, script, ranks).tables
    for number, name in enumerate(SPARSE):
        native, jax = tables[2 * number : 2 * number + 2]
        assert list(native["Step"]) == list(jax["Step"]) == [0, 1, 2, 3], name
        for ours, theirs in (
            ("PotEng",) * 2,
            ("Pxx",) * 2,
            *((FLUX[a], f"c_flux[{a + 1}]") for a in range(3)),
        ):
            scale = max(np.abs(native[theirs]).max(), 1e-30)
            assert np.abs(jax[ours] - native[theirs]).max() <= 1e-10 * scale, (name, ours)
    assert [table["Atoms"][0] > 0 for table in tables[::2]] == [True, True, True, True, False]


def test_several_lammps_live_and_die_in_one_process(models):
    """Each has its own flux; one that was closed, cleared, or given another model
    leaves no trace.
    """
    given = {"start": START, "include": INCLUDE, "templates": str(TEMPLATES)}
    (models / "given.json").write_text(json.dumps(given))
    run = run_python(models, "two_lammps", "given.json")
    answers: dict[str, list] = {}
    for line in run.stdout.splitlines():
        if " | " in line:
            name, words = line.split(" | ")
            answers.setdefault(name, []).append(np.array(words.split(), float))
    counts = {name: len(values) for name, values in answers.items()}
    assert counts == {"one": 3, "two": 3, "one later": 2, "two later": 3, "replaced": 2}
    for values in answers.values():
        for value in values[1:]:
            assert np.abs(value / values[0] - 1.0).max() < 1e-10
    assert len({tuple(np.round(values[0], 6)) for values in answers.values()}) == 5


LIQUID = f"""\
units lj
lattice fcc 0.8442
region box block 0 4 0 4 0 4
create_box 1 box
create_atoms 1 box
mass 1 1.0
velocity all create 3.0 87287 loop geom
{JAX.replace("lj.pkl", "smooth.pkl")}{INCLUDE}
neigh_modify every 10 delay 0 check yes
fix move all nve
fix flux all ave/time 10 1 10 {" ".join(FLUX)} file flux.dat
thermo 1000
thermo_style custom step temp pe etotal v_adflux_compilations
thermo_modify norm no
run 10000
"""


@pytest.mark.parametrize("ranks", (2,))
def test_a_melting_crystal_of_ten_thousand_steps_compiles_at_most_four_times(models, ranks):
    # where the energy is smooth at the cutoff, it drifts alike on every chaotic trajectory
    smooth = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar", onset=2.0)
    adflux.export(smooth, models / "smooth.pkl")
    run = run_lammps(models, LIQUID, ranks, time_limit=300.0)
    (table,) = run.tables
    compilations = table["v_adflux_compilations"]
    assert 1 <= run.compilations <= compilations[-1] <= 4
    assert np.all(np.diff(compilations) >= 0)
    assert len(run.columns("flux.dat")) == 1001
    # it melted (liquids have -1160 ± 20), and energy is conserved: it fluctuates by 0.1 with this
    # time step
    assert table["PotEng"][-1] > -1400.0 and np.ptp(table["TotEng"]) < 1.0
