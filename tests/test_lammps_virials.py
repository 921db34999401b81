"""Per-atom virials in LAMMPS: J_potential = Σ_j W_j v_j, gathered at the owners, at every dumped
step.
"""

import numpy as np
import pytest
from comparing import close
from lammps_runner import run_lammps, vectors
from networks import message_passing

import lammps_adflux as adflux

pytestmark = pytest.mark.lammps
RANKS = (1, 2, 4)
ROUNDING = 1e-10  # sums of 10⁴ terms that cancel, in another order
PRESSURE_UNIT = 1.6021765e6  # bar Å³ / eV, LAMMPS' own nktv2p of units metal
NITRIDE = """\
Ga Ga Ga 1.2 2.1 1.6 32.5 1.2 -0.333333333333 7.917 0.72 4.0 0.0 0.0
N N N 1.2 1.3 1.8 32.5 1.2 -0.333333333333 7.917 0.72 4.0 0.0 0.0
Ga Ga N 1.6136914 0.0 0.0 32.5 0.0 -0.333333333333 0.0 0.0 0.0 0.0 0.0
Ga N N 2.17 1.695 1.8 32.5 1.2 -0.333333333333 7.917 0.72 4.0 0.0 0.0
N Ga Ga 2.17 1.695 1.8 32.5 1.2 -0.333333333333 7.917 0.72 4.0 0.0 0.0
N Ga N 1.6136914 0.0 0.0 32.5 0.0 -0.333333333333 0.0 0.0 0.0 0.0 0.0
N N Ga 1.6136914 0.0 0.0 32.5 0.0 -0.333333333333 0.0 0.0 0.0 0.0 0.0
Ga N Ga 1.6136914 0.0 0.0 32.5 0.0 -0.333333333333 0.0 0.0 0.0 0.0 0.0
"""
SCRIPT = """\
units metal
lattice custom 4.5 a1 0 0.5 0.5 a2 0.5 0 0.5 a3 0.5 0.5 0 basis 0 0 0 basis 0.25 0.25 0.25
region box block 0 3 0 2 0 2
create_box 2 box
create_atoms 1 box basis 2 2
mass 1 69.7
mass 2 14.0
change_box all triclinic
change_box all xy final 1.0 xz final 0.5 yz final -0.7 remap units box
displace_atoms all random 0.1 0.1 0.1 3 units box
velocity all create 1500 4711 loop geom mom no
neighbor 0.4 bin
neigh_modify every 3 delay 0 check no
timestep 0.0005
fix move all nve
pair_style mliap unified nitride.pkl 0
pair_coeff * * Ga N
include ${adflux}/heat_flux.lmp
variable adflux_every index 4
include ${adflux}/atomic_virials.lmp
compute virial all pressure NULL virial
dump atoms all custom 4 virials.dump id type x y z vx vy vz d2_adflux_virial[*]
dump_modify atoms format float %.17g sort id
compute diagonal all property/atom d2_adflux_virial[1] d2_adflux_virial[5] d2_adflux_virial[9]
compute trace all reduce sum c_diagonal[*]
thermo 4
thermo_style custom step vol c_virial[*] v_adflux_jpx v_adflux_jpy v_adflux_jpz c_trace[*]
thermo_modify format float %.17g
run 12
run 4
"""
NINE = tuple(f"d2_adflux_virial[{n}]" for n in range(1, 10))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    done = {}

    def run(ranks):
        if ranks not in done:
            folder = tmp_path_factory.mktemp(f"virials{ranks}")
            (folder / "nitride.sw").write_text(NITRIDE)
            potential = adflux.StillingerWeber.from_lammps(
                folder / "nitride.sw", elements=["Ga", "N"]
            )
            adflux.export(potential, folder / "nitride.pkl")
            done[ranks] = run_lammps(folder, SCRIPT, ranks)
        return done[ranks]

    return run


def virials(frame):
    return vectors(frame, *NINE).reshape(-1, 3, 3)


def frames_and_rows(run):
    """Each dumped frame beside the line of thermo output of its step."""
    rows = [
        {name: column[n] for name, column in table.items()}
        for table in run.tables
        for n in range(len(table["Step"]))
    ]
    frames = run.dump("virials.dump")
    steps = [frame["step"] for frame in frames]
    assert steps == [0, 4, 8, 12, 16]
    return [(frame, next(row for row in rows if row["Step"] == frame["step"])) for frame in frames]


@pytest.mark.parametrize("ranks", RANKS)
def test_their_sum_is_the_pressure_tensor_times_the_volume(runs, ranks):
    for frame, row in frames_and_rows(runs(ranks)):
        xx, yy, zz, xy, xz, yz = (row[f"c_virial[{n}]"] for n in range(1, 7))
        pressure = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        total = virials(frame).sum(axis=0)
        close(total, pressure * row["Volume"] / PRESSURE_UNIT, ROUNDING)
        close(np.diag(total), np.array([row[f"c_trace[{n}]"] for n in (1, 2, 3)]), ROUNDING)


@pytest.mark.parametrize("ranks", RANKS)
def test_with_the_velocities_they_give_the_potential_flux(runs, ranks):
    for frame, row in frames_and_rows(runs(ranks)):
        flux = np.einsum("jab,jb->a", virials(frame), vectors(frame, "vx", "vy", "vz"))
        close(flux, np.array([row[f"v_adflux_jp{axis}"] for axis in "xyz"]), ROUNDING)


@pytest.mark.parametrize("ranks", (2, 4))
def test_every_atom_has_the_same_on_any_number_of_ranks(runs, ranks):
    one, many = (runs(n).dump("virials.dump") for n in (1, ranks))
    # create_atoms numbers atoms rank by rank: match them by what they have at the start
    same = [np.argsort(frames[0]["vx"]) for frames in (one, many)]
    for frame, other in zip(one, many, strict=True):
        close(virials(other)[same[1]], virials(frame)[same[0]], ROUNDING)


def test_they_are_those_of_the_library(runs):
    """The same atoms through graph_from_atoms, without LAMMPS: atom by atom, in the order of
    components.
    """
    import ase

    run = runs(1)
    potential = adflux.load(run.folder / "nitride.pkl")
    frame = run.dump("virials.dump")[-1]
    box = frame["box"]  # xlo_bound xhi_bound xy, …
    xy, xz, yz = box[:, 2]
    low, high = box[:, 0].copy(), box[:, 1].copy()
    low[0] -= min(0.0, xy, xz, xy + xz)
    high[0] -= max(0.0, xy, xz, xy + xz)
    low[1] -= min(0.0, yz)
    high[1] -= max(0.0, yz)
    x, y, z = high - low
    symbols = [("Ga", "N")[int(kind) - 1] for kind in frame["type"]]
    atoms = ase.Atoms(
        symbols, vectors(frame, "x", "y", "z"), cell=[[x, 0, 0], [xy, y, 0], [xz, yz, z]], pbc=True
    )
    expected = np.asarray(
        adflux.atomic_virials(potential, adflux.graph_from_atoms(atoms, potential))
    )
    # the box in the dump has 16 digits, but from cell edges that cancel
    close(virials(frame), expected, 1e-8)
    # so that xy and yx cannot be mixed up unseen
    assert np.abs(expected - np.swapaxes(expected, 1, 2)).max() > 1e-3


# nothing else asks at the steps of adflux_every
FRESH = (
    SCRIPT.partition("compute virial")[0].replace("adflux_every index 4", "adflux_every index 6")
    + """\
reset_timestep 3
dump atoms all custom 2 fresh.dump id vx vy vz v_adflux_wxx v_adflux_wxy v_adflux_wxz &
     v_adflux_wyx v_adflux_wyy v_adflux_wyz &
    v_adflux_wzx v_adflux_wzy v_adflux_wzz
dump_modify atoms first yes format float %.17g sort id
dump array all custom 1 array.dump id d2_adflux_virial[*]
dump_modify array first yes format float %.17g sort id
compute total all reduce sum v_adflux_wxx
thermo 1
thermo_style custom step v_adflux_jpx v_adflux_jpy v_adflux_jpz
thermo_modify format float %.17g
run 10
minimize 0 0 2 2
variable after equal $(c_total)
"""
)
W = tuple(f"v_adflux_w{a}{b}" for a in "xyz" for b in "xyz")


@pytest.mark.parametrize("ranks", (1, 2))
def test_variables_are_never_stale_and_the_array_is_up_to_date_or_nan(runs, tmp_path, ranks):
    (tmp_path / "nitride.pkl").symlink_to(runs(1).folder / "nitride.pkl")
    run = run_lammps(tmp_path, FRESH, ranks)
    table = run.tables[0]
    fluxes = {
        int(step): vectors(table, *(f"v_adflux_jp{a}" for a in "xyz"))[n]
        for n, step in enumerate(table["Step"])
    }
    fresh = {frame["step"]: frame for frame in run.dump("fresh.dump")}
    for step in (3, 4, 6, 8, 10, 12):
        values = vectors(fresh[step], *W).reshape(-1, 3, 3)
        flux = np.einsum("jab,jb->a", values, vectors(fresh[step], "vx", "vy", "vz"))
        close(flux, fluxes[step], ROUNDING)
    array = {frame["step"]: virials(frame) for frame in run.dump("array.dump")}
    filled = [step for step in range(3, 14) if np.isfinite(array[step]).all()]
    assert {6, 12} <= set(filled) <= {3, 4, 6, 8, 10, 12}
    for step in filled:
        close(array[step], vectors(fresh[step], *W).reshape(-1, 3, 3), 1e-14)
    assert all(np.isnan(array[step]).all() for step in (5, 7, 9, 11, 13))


# of the pair style itself, without a template for the virials
PAIR = SCRIPT
for old, new in (
    (
        "variable adflux_every index 4\ninclude ${adflux}/atomic_virials.lmp\n",
        "fix virial all pair 4 mliap virial 0\n",
    ),
    ("d2_adflux_virial[*]\n", "f_virial[*]\n"),
    (
        "compute diagonal all property/atom d2_adflux_virial[1] d2_adflux_virial[5] "
        "d2_adflux_virial[9]\n",
        "",
    ),
    ("c_diagonal[*]", "f_virial[1] f_virial[5] f_virial[9]"),
):
    assert old in PAIR
    PAIR = PAIR.replace(old, new)


@pytest.mark.parametrize("ranks", RANKS)
def test_fix_pair_has_the_same(runs, tmp_path, ranks):
    (tmp_path / "nitride.pkl").symlink_to(runs(1).folder / "nitride.pkl")
    run = run_lammps(tmp_path, PAIR, ranks)
    names = [f"f_virial[{n}]" for n in range(1, 10)]
    theirs = runs(ranks).dump("virials.dump")
    for frame, other in zip(run.dump("virials.dump"), theirs, strict=True):
        close(vectors(frame, *names), vectors(other, *NINE), 1e-14)


EMPTY = """
units metal
processors 2 1 1
region box block 0 40 0 9 0 9
create_box 2 box
region left block 0 12 0 9 0 9
lattice custom 3.4 a1 1 0 0 a2 0 1 0 a3 0 0 1 basis 0 0 0
create_atoms 1 region left
set type 1 type/fraction 2 0.5 11
mass * 28.0
displace_atoms all random 0.2 0.2 0.2 3 units box
velocity all create 900 5 loop geom
pair_style mliap unified layers.pkl 0
pair_coeff * * Si Ge
include ${adflux}/heat_flux.lmp
fix virial all pair 2 mliap virial 0
fix move all nve
timestep 0.0001
dump atoms all custom 2 virials.dump id vx vy vz f_virial[*]
dump_modify atoms format float %.17g sort id
thermo 2
thermo_style custom step v_adflux_jpx v_adflux_jpy v_adflux_jpz
thermo_modify format float %.17g
run 4
"""


def test_fix_pair_with_layers_and_a_rank_without_atoms(tmp_path):
    adflux.export(message_passing(2, scale=0.1), tmp_path / "layers.pkl")
    run = run_lammps(tmp_path, EMPTY, 2)
    names = [f"f_virial[{n}]" for n in range(1, 10)]
    frames = run.dump("virials.dump")
    assert len(frames) == 3
    for number, frame in enumerate(frames):
        found = vectors(frame, *names).reshape(-1, 3, 3)
        flux = np.einsum("jab,jb->a", found, vectors(frame, "vx", "vy", "vz"))
        row = [run.tables[0][f"v_adflux_jp{axis}"][number] for axis in "xyz"]
        close(flux, np.array(row), ROUNDING)


def test_fix_pair_may_begin_after_atoms_were_deleted(tmp_path):
    """LAMMPS asks at the fix's beginning, when the forces are those of atoms that are gone."""
    adflux.export(message_passing(1, scale=0.1), tmp_path / "layers.pkl")
    begin, fix, rest = EMPTY.partition("fix virial all pair 2 mliap virial 0\n")
    gone = "run 0\ngroup gone id 1:5\ndelete_atoms group gone\n"
    run = run_lammps(tmp_path, begin + gone + fix + rest, 2)
    last = run.dump("virials.dump")[-1]
    names = [f"f_virial[{n}]" for n in range(1, 10)]
    flux = np.einsum(
        "jab,jb->a", vectors(last, *names).reshape(-1, 3, 3), vectors(last, "vx", "vy", "vz")
    )
    close(flux, np.array([run.tables[-1][f"v_adflux_jp{axis}"][-1] for axis in "xyz"]), ROUNDING)
