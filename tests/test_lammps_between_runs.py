"""What an input script does between runs leaves no old or wrong number: atoms that were displaced,
ghost atoms that were made anew, bonds, templates that are included once more, run_style respa.
"""

import numpy as np
import pytest
from lammps_runner import run_adflux, run_lammps, vectors
from networks import message_passing

import lammps_adflux as adflux

pytestmark = pytest.mark.lammps
SYSTEM = """\
units lj
{style}
lattice fcc 0.8442 origin 0.1 0.1 0.1
region box block 0 4 0 4 0 4
create_box 1 box {bonds}
create_atoms 1 box
mass 1 1.0
pair_style {pair}
pair_coeff * * {element}
"""
JAX = dict(pair="mliap unified {}.pkl 0", element="Ar")
NINE = tuple(f"f_w[{n}]" for n in range(1, 10))
W = tuple(f"v_adflux_w{a}{b}" for a in "xyz" for b in "xyz")


def system(model="lj", style="", bonds=""):
    return SYSTEM.format(
        style=style, bonds=bonds, pair=JAX["pair"].format(model), element=JAX["element"]
    )


@pytest.fixture
def models(tmp_path):
    lj = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar")
    adflux.export(lj, tmp_path / "lj.pkl")
    adflux.export(message_passing(1, cutoff=1.9, elements=("Ar",), scale=0.1), tmp_path / "net.pkl")
    return tmp_path


GHOSTS = """\
velocity all create 0.1 4711 loop geom
velocity all set 1.5 NULL NULL sum yes
neigh_modify every 1000 delay 1000 check no
fix move all nve
include ${adflux}/heat_flux.lmp
include ${adflux}/atomic_virials.lmp
thermo_style custom step pe v_adflux_jx v_adflux_jy v_adflux_jz
run 20
"""
FLUX = 'print "flux $(v_adflux_jx:%.15g) $(v_adflux_jy:%.15g) $(v_adflux_jz:%.15g)"\n'
VIRIALS = "write_dump all custom {name}.dump id {columns} modify sort id format float %.15g\n"


@pytest.mark.parametrize("ranks", (1, 2))
@pytest.mark.parametrize("model", ("lj", "net"))
def test_new_ghost_atoms_change_neither_flux_nor_virials(models, model, ranks):
    """write_data makes them; here they have moved towards the box, and no atom has left it."""
    columns = " ".join(W)
    script = system(model) + GHOSTS + VIRIALS.format(name="before", columns=columns) + FLUX
    # as heat_flux.lmp has it, a velocity that changes makes the flux anew
    script += "write_data end.data\nvelocity all scale 0.2\n" + FLUX
    script += VIRIALS.format(name="after", columns=columns)
    script += "run 0\n" + FLUX + VIRIALS.format(name="anew", columns=columns)
    run = run_lammps(models, script, ranks)
    lines = [line.split()[1:] for line in run.stdout.splitlines() if line.startswith("flux ")]
    _, after, anew = np.array(lines, float)
    assert np.abs(after - anew).max() < 1e-9 * np.abs(anew).max()
    virials = [vectors(run.dump(f"{name}.dump")[0], *W) for name in ("before", "after", "anew")]
    for other in virials[1:]:
        assert np.abs(other - virials[0]).max() < 1e-9 * np.abs(virials[0]).max()


@pytest.mark.parametrize(
    "happens",
    ("displace_atoms all random 0.1 0.1 0.1 8 units box\nrun 0", "min_style cg\nminimize 0 0 3 6"),
    ids=("moved", "minimize"),
)
def test_fix_pair_has_the_newest_virials(models, happens):
    script = system() + "displace_atoms all random 0.1 0.1 0.1 7 units box\n"
    script += "include ${adflux}/atomic_virials.lmp\nfix w all pair 1 mliap virial 0\nrun 0\n"
    script += happens + "\n" + VIRIALS.format(name="w", columns=" ".join((*NINE, *W)))
    frame = run_lammps(models, script).dump("w.dump")[0]
    exact = vectors(frame, *W)
    assert np.abs(vectors(frame, *NINE) - exact).max() < 1e-12 * np.abs(exact).max()


def test_virials_stay_where_their_template_is_included_once_more(models):
    again = "include ${adflux}/atomic_virials.lmp\n"
    script = system() + "displace_atoms all random 0.1 0.1 0.1 7 units box\n" + again + "run 0\n"
    script += VIRIALS.format(name="one", columns=" ".join(W)) + again
    script += VIRIALS.format(name="two", columns=" ".join(W))
    run = run_lammps(models, script)
    one, two = (vectors(run.dump(f"{name}.dump")[0], *W) for name in ("one", "two"))
    assert np.abs(one).max() > 1.0 and np.array_equal(one, two)


@pytest.mark.parametrize("ranks", (1, 2))
def test_a_driven_run_is_refused_under_respa(models, ranks):
    script = system() + "velocity all create 1.0 4711 loop geom\nrun_style respa 2 2 pair 2\n"
    script += "variable fx index 0.1\nvariable temperature index 1.0\n"
    run = run_lammps(models, script + "include ${adflux}/hnemd.lmp\n", ranks, fails=True)
    assert "run_style respa does not allow: use verlet" in run.output


BONDS = """\
special_bonds lj/coul 0 1 1
bond_style zero
bond_coeff *
create_bonds many all all 1 1.0 1.3
special_bonds lj/coul {factors}
displace_atoms all random 0.05 0.05 0.05 7 units box
thermo_style custom step pe pxx pxy
thermo_modify format float %.15g
run 0
"""
NATIVE = dict(pair="lj/cut 2.5", element="1.0 1.0")
BONDED = dict(
    style="atom_style bond", bonds="bond/types 1 extra/bond/per/atom 12 extra/special/per/atom 60"
)


@pytest.mark.parametrize("factors", ("0 1 1", "1 0 1", "1 1 1"))
def test_bonded_neighbours_of_a_pair_potential_count_as_with_lammps_own(models, factors):
    rows = []
    for pair in (NATIVE, dict(pair=JAX["pair"].format("lj"), element="Ar")):
        script = SYSTEM.format(**BONDED, **pair) + BONDS.format(factors=factors)
        rows.append(np.hstack(list(run_lammps(models, script).tables[-1].values())))
    assert np.abs(rows[1] - rows[0]).max() < 1e-10 * np.abs(rows[0]).max()


@pytest.mark.parametrize(
    ("model", "factors", "says"),
    (
        ("lj", "0 0 0.5", "has factors of 0, 0, 0.5: use 0 or 1 for each"),
        ("net", "0 0 0", "put `special_bonds lj/coul 1 1 1`"),
    ),
)
@pytest.mark.parametrize("ranks", (1, 2))
def test_bonded_neighbours_that_would_be_wrong_are_refused(models, model, factors, says, ranks):
    script = system(model, **BONDED) + BONDS.format(factors=factors)
    assert says in run_lammps(models, script, ranks, fails=True).output


def test_bonds_that_come_later_are_seen(models):
    script = system("net", **BONDED) + "run 0\n" + BONDS.format(factors="0 0 0")
    assert "put `special_bonds lj/coul 1 1 1`" in run_lammps(models, script, fails=True).output


def test_bonds_do_not_change_a_many_body_potential_that_sees_all_neighbours(models):
    rows = []
    for bonds in ("create_bonds many all all 1 1.0 1.3\n", ""):
        script = system("net", **BONDED) + BONDS.format(factors="1 1 1")
        script = script.replace("create_bonds many all all 1 1.0 1.3\n", bonds)
        rows.append(np.hstack(list(run_lammps(models, script).tables[-1].values())))
    assert np.abs(rows[1] - rows[0]).max() < 1e-10 * np.abs(rows[0]).max()


@pytest.mark.parametrize("partial", (False, True))
def test_the_flux_beside_bonds_is_refused_unless_a_part_is_wanted(models, partial):
    script = "variable adflux_partial index yes\n" if partial else ""
    script += system("lj", **BONDED) + "include ${adflux}/heat_flux.lmp\n"
    script += "velocity all create 1.0 4711 loop geom\n"
    script += BONDS.format(factors="1 1 1").replace("zero", "harmonic").replace("f *", "f * 9 1.2")
    script = script.replace("pe pxx", "pe v_adflux_jx pxx")
    run = run_lammps(models, script, fails=not partial)
    if partial:
        assert np.isfinite(run.tables[-1]["v_adflux_jx"]).all()
    else:
        assert "bond_style harmonic adds to the energy" in " ".join(run.output.split())


def test_a_sheet_stays_flat_beside_the_thermostat(models):
    """In two dimensions fix langevin pushes along z, after an enforce2d that was there before."""
    sheet = """\
units lj
dimension 2
lattice sq2 0.7
region box block 0 8 0 8 -0.25 0.25
create_box 1 box
create_atoms 1 box
mass 1 1.0
pair_style mliap unified lj.pkl 0
pair_coeff * * Ar
fix flat all enforce2d
variable temperature index 0.5
variable n_equilibrate index 100
variable n_sample index 20
include ${adflux}/green_kubo.lmp
write_dump all custom z.dump id z vz modify format float %.15g
"""
    (models / "in.sheet").write_text(sheet)
    done = run_adflux(models, "run", "in.sheet", fails=False)
    assert done.code == 0
    rows = np.loadtxt(models / "z.dump", skiprows=9)
    assert len(rows) == 128 and not rows[:, 1:].any()
