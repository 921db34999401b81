"""A JAX potential in LAMMPS equals LAMMPS' own pair style, in every box, on every
number of ranks.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from comparing import close
from lammps_runner import run_lammps, vectors

import lammps_adflux as adflux
from lammps_adflux.lmp.programs import potentials_folder

pytestmark = pytest.mark.lammps
RANKS = (1, 2, 4)
# relative to the largest component: sums of up to 10⁵ terms that cancel, in another order
ROUNDING = 1e-10
SINGLE = 2e-5  # float32 has 6e-8, pair terms cancel by two orders of magnitude

SI = (
    "Si Si Si 2.1683 2.0951 1.80 21.0 1.20 -0.333333333333 7.049556277 0.6022245584 4.0 0.0 {tol}\n"
)
GAN = """\
Ga Ga Ga 1.2 2.1 1.6 32.5 1.2 -0.333333333333 7.917 0.72 4.0 0.0 {tol}
N N N 1.2 1.3 1.8 32.5 1.2 -0.333333333333 7.917 0.72 4.0 0.0 {tol}
Ga Ga N 1.6136914 0.0 0.0 32.5 0.0 -0.333333333333 0.0 0.0 0.0 0.0 {tol}
Ga N N 2.17 1.695 1.8 32.5 1.2 -0.333333333333 7.917 0.72 4.0 0.0 {tol}
N Ga Ga 2.17 1.695 1.8 32.5 1.2 -0.333333333333 7.917 0.72 4.0 0.0 {tol}
N Ga N 1.6136914 0.0 0.0 32.5 0.0 -0.333333333333 0.0 0.0 0.0 0.0 {tol}
N N Ga 1.6136914 0.0 0.0 32.5 0.0 -0.333333333333 0.0 0.0 0.0 0.0 {tol}
Ga N Ga 1.6136914 0.0 0.0 32.5 0.0 -0.333333333333 0.0 0.0 0.0 0.0 {tol}
"""
EPSILON = np.array([[1.0, 0.7, 0.4], [0.7, 1.3, 0.9], [0.4, 0.9, 0.6]])
SIGMA = np.array([[1.0, 0.95, 1.05], [0.95, 0.9, 1.02], [1.05, 1.02, 1.1]])
NAMES = ("Ar", "Kr", "Xe")


CUTOFFS = [[2.5, 2.2], [2.2, 2.4]]
MORSE = [[1.0, 0.7], [0.7, 0.8]], [[5.0, 5.5], [5.5, 6.0]], [[1.1, 1.0], [1.0, 0.95]]
BUCKINGHAM = [[900.0, 700.0], [700.0, 500.0]], [[0.1, 0.11], [0.11, 0.12]], [[1.0, 0.8], [0.8, 0.5]]
# model, file of LAMMPS, class, elements in another order than the atom types
SHIPPED = (
    ("alloy", "AlCu.eam.alloy", adflux.EAM, "Cu Al"),
    ("fs", "AlFe_mm.eam.fs", adflux.EAM, "Fe Al"),
    ("carbide", "SiC.tersoff", adflux.Tersoff, "C Si"),
    ("zbl", "SiC.tersoff.zbl", adflux.Tersoff, "C Si"),
    ("mod", "Si.tersoff.mod", adflux.Tersoff, "Si"),
)


def prepare(folder):
    """Model files and .sw files of all cases."""
    (folder / "Si.sw").write_text(SI.format(tol=0.0))
    (folder / "Si_tol.sw").write_text(SI.format(tol=0.004))
    (folder / "GaN.sw").write_text(GAN.format(tol=0.0))
    lj = dict(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar")
    adflux.export(adflux.LennardJones(**lj), folder / "lj.pkl")
    adflux.export(adflux.LennardJones(**lj), folder / "lj32.pkl", dtype="float32")
    real = adflux.LennardJones(epsilon=0.238, sigma=3.405, cutoff=8.5, elements="Ar")
    adflux.export(real, folder / "argon.pkl")
    mixture = adflux.LennardJones(
        epsilon=EPSILON, sigma=SIGMA, cutoff=2.5, elements=NAMES, shift=True
    )
    adflux.export(mixture, folder / "mixture.pkl")
    for name, elements in (("Si", ["Si"]), ("Si_tol", ["Si"]), ("GaN", ["Ga", "N"])):
        potential = adflux.StillingerWeber.from_lammps(folder / f"{name}.sw", elements=elements)
        adflux.export(potential, folder / f"{name}.pkl")
    for name, file, kind, elements in SHIPPED:
        path = potentials_folder() / file
        potential = kind.from_lammps(path, elements=elements)
        (folder / file).write_bytes(path.read_bytes())
        adflux.export(potential, folder / f"{name}.pkl")
    pair = dict(cutoff=CUTOFFS, elements=NAMES[:2], shift=True)
    depth, shape, length = (np.array(values) for values in MORSE)
    adflux.export(adflux.Morse(d0=depth, alpha=shape, r0=length, **pair), folder / "morse.pkl")
    a, rho, c = (np.array(values) for values in BUCKINGHAM)
    adflux.export(adflux.Buckingham(a=a, rho=rho, c=c, **pair), folder / "buck.pkl")


@dataclass(frozen=True)
class Case:
    """One system with LAMMPS' own pair commands and ours."""

    name: str
    box: str
    native: str
    jax: str
    tolerance: float = ROUNDING
    energies: bool = True  # is the per-atom energy of LAMMPS' style defined as ours is?


FCC = """\
lattice fcc {density}
region box {region}
create_box {types} box
create_atoms 1 {where}
{more}
mass * 1.0
displace_atoms all random 0.15 0.15 0.15 7 units box
"""


TILT = (
    "change_box all triclinic\nchange_box all xy final {} xz final {} yz final {} remap units box"
)


def fcc(region="block 0 3 0 3 0 3", density=0.8442, types=1, where="box", more=""):
    return FCC.format(region=region, density=density, types=types, where=where, more=more)


def silicon(region, more=""):
    return f"""\
units metal
lattice diamond 5.431
region box {region}
create_box 1 box
create_atoms 1 box
mass 1 28.06
{more}
displace_atoms all random 0.3 0.3 0.3 3 units box
"""


TWO = "set type 1 type/fraction 2 0.4 11"


def metal():
    return f"""\
units metal
lattice fcc 3.9
region box block 0 3 0 3 0 3
create_box 2 box
create_atoms 1 box
mass * 40.0
{TILT.format(1.2, -0.9, 1.4)}
displace_atoms all random 0.2 0.2 0.2 7 units box
{TWO}
"""


def carbide():
    return (
        silicon("block 0 2 0 2 0 2", more=TILT.format(1.0, -0.5, 0.8) + "\n" + TWO)
        .replace("create_box 1", "create_box 2")
        .replace("5.431", "4.6")
        .replace("mass 1", "mass *")
    )


def numbers(style, parameters):
    lines = [f"pair_style {style} 2.5", "pair_modify shift yes"]
    for i, j in ((0, 0), (0, 1), (1, 1)):
        values = [matrix[i][j] for matrix in (*parameters, CUTOFFS)]
        lines.append(f"pair_coeff {i + 1} {j + 1} {' '.join(map(str, values))}")
    return "\n".join(lines)


def jax(model):
    return f"pair_style mliap unified {model}.pkl 0\npair_coeff * * Ar Kr"


LJ, JAX_LJ = (
    "pair_style lj/cut 2.5\npair_coeff 1 1 1.0 1.0",
    "pair_style mliap unified lj.pkl 0\npair_coeff * * Ar",
)
THREE = "set type 1 type/fraction 2 0.4 11\nset type 1 type/fraction 3 0.3 12"
# types 1 2 3 are Xe Ar Kr, so that types and elements cannot be mixed up unseen
ORDER = (2, 0, 1)
MIXTURE = "pair_style lj/cut 2.5\npair_modify shift yes\n" + "\n".join(
    f"pair_coeff {i + 1} {j + 1} {EPSILON[ORDER[i], ORDER[j]]} {SIGMA[ORDER[i], ORDER[j]]}"
    for i in range(3)
    for j in range(i, 3)
)
JAX_MIXTURE = "pair_style mliap unified mixture.pkl 0\npair_coeff * * Xe Ar Kr"
ISLAND = "region half block 1 4 1 3 1 3"
SW = (
    "pair_style sw\npair_coeff * * Si.sw Si",
    "pair_style mliap unified Si.pkl 0\npair_coeff * * Si",
)
CASES = (
    Case("orthogonal", "units lj\n" + fcc(), LJ, JAX_LJ),
    Case(
        "triclinic",
        "units lj\n" + fcc("block 0 4 0 3 0 3", more=TILT.format(1.2, -0.9, 1.4)),
        LJ,
        JAX_LJ,
    ),
    Case(
        "open",
        "units lj\nboundary f f f\n"
        + ISLAND
        + "\n"
        + fcc("block 0 6 0 5 0 5", where="region half"),
        LJ,
        JAX_LJ,
    ),
    Case("mixed", "units lj\nboundary p s f\n" + fcc("block 0 3 0 3 0 5"), LJ, JAX_LJ),
    # 2.8 long with a cutoff of 2.5 and a skin of 0.3: each atom neighbours several images of the
    # same atom
    Case(
        "barely",
        "units lj\nneighbor 0.29 bin\n" + fcc("block 0 2 0 2 0 2", density=1.45),
        LJ,
        JAX_LJ,
    ),
    Case("elements", "units lj\n" + fcc(types=3, more=THREE), MIXTURE, JAX_MIXTURE),
    Case(
        "hybrid",
        "units lj\n" + fcc(types=2, more="set type 1 type/fraction 2 0.4 11"),
        "pair_style lj/cut 2.5\npair_coeff 1 1 1.0 1.0\npair_coeff 1 2 0.8 0.9 2.2\npair_coeff 2 "
        "2 0.5 0.9 2.3",
        "pair_style hybrid/overlay mliap unified lj.pkl 0 lj/cut 2.5\npair_coeff * * mliap Ar "
        "NULL\n"
        "pair_coeff 1 2 lj/cut 0.8 0.9 2.2\npair_coeff 2 2 lj/cut 0.5 0.9 2.3",
    ),
    Case(
        "real",
        "units real\n"
        + fcc("block 0 4 0 4 0 4", density=5.26).replace("0.15 0.15 0.15", "0.4 0.4 0.4"),
        "pair_style lj/cut 8.5\npair_coeff 1 1 0.238 3.405",
        "pair_style mliap unified argon.pkl 0\npair_coeff * * Ar",
    ),
    Case(
        "single", "units lj\n" + fcc(), LJ, JAX_LJ.replace("lj.pkl", "lj32.pkl"), tolerance=SINGLE
    ),
    Case("silicon", silicon("block 0 2 0 2 0 2"), *SW, energies=False),
    Case(
        "sheared",
        silicon("block 0 2 0 2 0 2", more=TILT.format(2.0, -1.5, 3.0)),
        *SW,
        energies=False,
    ),
    Case("wire", "boundary f s p\n" + silicon("block 0 2 0 2 0 2"), *SW, energies=False),
    Case(
        "tol",
        silicon("block 0 2 0 2 0 2"),
        *(line.replace("Si.", "Si_tol.") for line in SW),
        energies=False,
    ),
    Case(
        "nitride",
        """\
units metal
lattice custom 4.5 a1 0 0.5 0.5 a2 0.5 0 0.5 a3 0.5 0.5 0 basis 0 0 0 basis 0.25 0.25 0.25
region box block 0 2 0 2 0 2
create_box 2 box
create_atoms 1 box basis 2 2
mass 1 14.0
mass 2 69.7
change_box all triclinic
change_box all xy final 1.0 xz final 0.5 remap units box
displace_atoms all random 0.15 0.15 0.15 3 units box
set type 1 type/fraction 2 0.1 5
""",
        "pair_style sw\npair_coeff * * GaN.sw N Ga",
        "pair_style mliap unified GaN.pkl 0\npair_coeff * * N Ga",
        energies=False,
    ),
    Case(
        "alloy",
        metal(),
        "pair_style eam/alloy\npair_coeff * * AlCu.eam.alloy Al Cu",
        "pair_style mliap unified alloy.pkl 0\npair_coeff * * Al Cu",
    ),
    Case(
        "fs",
        metal(),
        "pair_style eam/fs\npair_coeff * * AlFe_mm.eam.fs Al Fe",
        "pair_style mliap unified fs.pkl 0\npair_coeff * * Al Fe",
    ),
    Case(
        "carbide",
        carbide(),
        "pair_style tersoff\npair_coeff * * SiC.tersoff Si C",
        "pair_style mliap unified carbide.pkl 0\npair_coeff * * Si C",
        energies=False,
    ),
    Case(
        "core",
        carbide(),
        "pair_style tersoff/zbl\npair_coeff * * SiC.tersoff.zbl Si C",
        "pair_style mliap unified zbl.pkl 0\npair_coeff * * Si C",
        energies=False,
    ),
    Case(
        "modified",
        "boundary f s p\n" + silicon("block 0 2 0 2 0 2"),
        "pair_style tersoff/mod\npair_coeff * * Si.tersoff.mod Si",
        "pair_style mliap unified mod.pkl 0\npair_coeff * * Si",
        energies=False,
    ),
    Case("morse", "units lj\n" + fcc(types=2, more=TWO), numbers("morse", MORSE), jax("morse")),
    Case(
        "buckingham",
        "units lj\n" + fcc(types=2, more=TWO),
        numbers("buck", BUCKINGHAM),
        jax("buck"),
    ),
)
COMPONENTS = ("pxx", "pyy", "pzz", "pxy", "pxz", "pyz")
MEASURE = """
compute pea all pe/atom
thermo_style custom step pe pxx pyy pzz pxy pxz pyz lx ly lz xy xz yz
thermo_modify format float %.17g norm no lost ignore
run 0 post no
write_dump all custom {name}.dump id type x y z fx fy fz c_pea modify format float %.17g
"""


# Every rank compiles for itself, so on four ranks only the boxes where more domains mean something
# new.
ON_FOUR = ("triclinic", "open", "mixed", "barely", "hybrid", "nitride", "carbide")


def cases(ranks: int) -> list[Case]:
    return [case for case in CASES if ranks < 4 or case.name in ON_FOUR]


def script(ranks: int) -> str:
    parts = []
    for case in cases(ranks):
        for style, pair in (("native", case.native), ("jax", case.jax)):
            parts.append(
                "clear\n" + case.box + "\n" + pair + MEASURE.format(name=f"{case.name}_{style}")
            )
    return "\n".join(parts)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """All cases in one LAMMPS process for each number of ranks: most of its time is JAX' start."""
    done = {}

    def run(ranks):
        if ranks not in done:
            folder = tmp_path_factory.mktemp(f"native{ranks}")
            prepare(folder)
            # one rank is what users get; a third of the time to compile for the others
            done[ranks] = run_lammps(
                folder, script(ranks), ranks, quick=ranks > 1, time_limit=240.0
            )
        return done[ranks]

    return run


def frames(run, case):
    return run.dump(f"{case.name}_native.dump")[0], run.dump(f"{case.name}_jax.dump")[0]


@pytest.mark.parametrize(
    ("case", "ranks"),
    [
        pytest.param(case, ranks, id=f"{case.name}-{ranks}")
        for ranks in RANKS
        for case in cases(ranks)
    ],
)
def test_energy_forces_and_pressure_equal_lammps_own(runs, case, ranks):
    run = runs(ranks)
    theirs, ours = (run.tables[2 * cases(ranks).index(case) + style] for style in (0, 1))
    close(ours["PotEng"], theirs["PotEng"], case.tolerance)
    pressure = [name.capitalize() for name in COMPONENTS]
    close(vectors(ours, *pressure), vectors(theirs, *pressure), case.tolerance)
    native, jax = frames(run, case)
    assert np.array_equal(
        vectors(native, "id", "type", "x", "y", "z"), vectors(jax, "id", "type", "x", "y", "z")
    )
    close(vectors(jax, "fx", "fy", "fz"), vectors(native, "fx", "fy", "fz"), case.tolerance)
    if case.energies:
        close(jax["c_pea"], native["c_pea"], case.tolerance)
    close(jax["c_pea"].sum(), ours["PotEng"], ROUNDING)
    if case.tolerance == SINGLE:  # it did compute in float32
        assert not np.array_equal(jax["fx"], native["fx"])
        assert np.abs(jax["fx"] - native["fx"]).max() > 1e-9


@pytest.mark.parametrize("name", ("silicon", "sheared", "wire"))
def test_three_body_energy_is_shared_by_three_in_lammps_and_the_centres_own_here(runs, name):
    case = next(case for case in CASES if case.name == name)
    run = runs(1)
    native, jax = frames(run, case)
    table = {key: float(values[0]) for key, values in run.tables[2 * CASES.index(case)].items()}
    cell = np.array(
        [
            [table["Lx"], 0, 0],
            [table["Xy"], table["Ly"], 0],
            [table["Xz"], table["Yz"], table["Lz"]],
        ]
    )
    periodic = (0, 0, 1) if name == "wire" else (1, 1, 1)
    pair, center, shared = energies_by_loop(vectors(native, "x", "y", "z"), cell, periodic)
    close(jax["c_pea"], pair + center, ROUNDING)
    close(native["c_pea"], pair + shared, ROUNDING)
    assert np.abs(center - shared).max() > 0.05  # the two do differ


def energies_by_loop(positions, cell, periodic):
    """Silicon by loops over triplets: pair part, three-body part at its centre, and in thirds."""
    _, _, _, epsilon, sigma, a, strength, gamma, cosine, A, B, p, q, _ = SI.split()
    epsilon, sigma, a, strength, gamma = map(float, (epsilon, sigma, a, strength, gamma))
    cosine, A, B, p, q = map(float, (cosine, A, B, p, q))
    counts = [np.subtract(image, 1) * periodic for image in np.ndindex(3, 3, 3)]
    images = np.unique(counts, axis=0) @ cell
    atoms = len(positions)
    pair, center, shared = np.zeros(atoms), np.zeros(atoms), np.zeros(atoms)
    for i in range(atoms):
        near = []
        for image in images:
            relative = positions + image - positions[i]
            lengths = np.linalg.norm(relative, axis=1)
            near += [
                (j, lengths[j], relative[j])
                for j in np.flatnonzero((lengths < a * sigma) & (lengths > 0.0))
            ]
        for _, r, _ in near:
            pair[i] += (
                0.5
                * A
                * epsilon
                * (B * (sigma / r) ** p - (sigma / r) ** q)
                * np.exp(sigma / (r - a * sigma))
            )
        for number, (j, r, to_j) in enumerate(near):
            for k, s, to_k in near[:number]:
                decay = np.exp(gamma * sigma / (r - a * sigma) + gamma * sigma / (s - a * sigma))
                energy = strength * epsilon * (to_j @ to_k / (r * s) - cosine) ** 2 * decay
                center[i] += energy
                for atom in (i, j, k):
                    shared[atom] += energy / 3.0
    return pair, center, shared
