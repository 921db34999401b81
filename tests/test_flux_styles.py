"""What `adflux inspect` says of a pair style is what LAMMPS does: in an open cluster an exact flux
is the velocity of the energy barycentre, Σ r_i e_i of LAMMPS' own energies.
"""

import numpy as np
import pytest
from lammps_runner import find_program, run_adflux, run_lammps, vectors

from lammps_adflux import AdfluxError
from lammps_adflux.conductivity.flux_styles import STRESSES, styles_of, verdict
from lammps_adflux.lmp.programs import potentials_folder

TIMESTEP = 2e-5  # ps
# the central difference has an error of (ω Δt)² / 6, and rounding
EXACT, WRONG = 1e-5, 1e-2
STYLES = {
    "lj/cut": ("lj/cut 5.0", "* * 0.1 2.6"),
    "morse": ("morse 5.0", "* * 0.4 1.4 2.6"),
    "buck": ("buck 5.0", "* * 900.0 0.31 20.0"),
    "zbl": ("zbl 3.0 5.0", "* * 14 14"),
    "sw": ("sw", "* * Si.sw Si"),
    "tersoff": ("tersoff", "* * Si.tersoff Si"),
    "tersoff/mod": ("tersoff/mod", "* * Si.tersoff.mod Si"),
    "eam": ("eam", "* * Cu_u3.eam"),
    "eam/alloy": ("eam/alloy", "* * AlCu.eam.alloy Al"),
    "eam/fs": ("eam/fs", "* * Al_mm.eam.fs Al"),
    "snap": (
        "snap",
        "* * Si_Zuo_JPCA2020.snapcoeff Si_Zuo_JPCA2020.snapparam Si",
    ),
}
CLUSTER = """
clear
units metal
boundary f f f
atom_modify map array
lattice sc 2.6
region box block 0 5 0 5 0 5
create_box 1 box
region some block 1 3.9 1 3.9 1 2.9
create_atoms 1 region some
mass 1 28.0
displace_atoms all random 0.2 0.2 0.2 3 units box
velocity all create 900.0 5 mom no
pair_style {style}
pair_coeff {coefficients}
compute ke all ke/atom
compute pe all pe/atom
compute s all {stress} NULL virial
compute flux all heat/flux ke pe s
fix nve all nve
timestep {timestep}
thermo_style custom step c_flux[1] c_flux[2] c_flux[3]
thermo_modify format float %.17g norm no
thermo 1
dump d all custom 1 {name}.dump id x y z c_ke c_pe
dump_modify d sort id format float %.17g
run 2 post no
undump d
"""


def name_of(style: str, stress: str) -> str:
    return f"{style}-{stress}".replace("/", "_")


def script(style: str, stress: str) -> str:
    pair, coefficients = STYLES[style]
    return CLUSTER.format(
        style=pair, coefficients=coefficients, stress=stress, timestep=TIMESTEP,
        name=name_of(style, stress),
    )  # fmt: skip


def environment() -> dict[str, str]:
    return {"LAMMPS_POTENTIALS": str(potentials_folder())}


CASES = [
    (style, stress)
    for stress in STRESSES
    for style in STYLES
    if "refuses" not in verdict(style, stress).says
]


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Flux and velocity of the barycentre of each case."""
    if find_program("lmp") is None:
        pytest.skip("needs lmp: run `adflux build-lammps`")
    folder = tmp_path_factory.mktemp("styles")
    run = run_lammps(folder, "\n".join(script(*case) for case in CASES), environment=environment())
    found = {}
    for case, table in zip(CASES, run.tables, strict=True):
        frames = run.dump(f"{name_of(*case)}.dump")
        barycentres = [
            vectors(frame, "x", "y", "z").T @ (frame["c_ke"] + frame["c_pe"]) for frame in frames
        ]
        flux = vectors(table, "c_flux[1]", "c_flux[2]", "c_flux[3]")[1]
        found[case] = flux, (barycentres[2] - barycentres[0]) / (2.0 * TIMESTEP)
    return found


@pytest.mark.lammps
@pytest.mark.parametrize(("style", "stress"), CASES)
def test_the_verdict_is_what_lammps_does(measured, style, stress):
    flux, velocity = measured[style, stress]
    error = np.linalg.norm(flux - velocity) / np.linalg.norm(velocity)
    assert error < EXACT if verdict(style, stress).exact else error > WRONG


@pytest.mark.lammps
@pytest.mark.parametrize("style", ("sw", "snap"))
def test_lammps_refuses_what_is_said_to_be_refused(tmp_path, style):
    assert "refuses" in verdict(style, STRESSES[1]).says
    run = run_lammps(tmp_path, script(style, STRESSES[1]), environment=environment(), fails=True)
    assert "centroid" in run.stdout + run.stderr


def test_styles_are_found_in_a_hybrid_and_behind_suffixes():
    words = "hybrid/overlay zbl 1.0 2.0 sw lj/cut/coul/long 9.0 8.0 my/style 3".split()
    assert styles_of(words) == ["zbl", "sw", "lj/cut/coul/long", "my/style"]
    assert styles_of(["sw/omp"]) == ["sw/omp"] and styles_of([]) == []
    assert verdict("sw/omp", "stress/atom").exact is False
    assert verdict("lj/cut/kk", "stress/atom").exact is True
    assert verdict("lj/cut/coul/cut", "stress/atom").exact is True
    assert verdict("lj/cut/coul/long", "stress/atom").exact is None
    assert verdict("my/style", "stress/atom").exact is None


@pytest.mark.lammps
def test_inspect_says_which_lines_to_replace(tmp_path):
    text = script("tersoff", "${what}").replace("clear", "variable what index stress/atom")
    (tmp_path / "in.flux").write_text(text)
    found = run_adflux(tmp_path, "inspect", "in.flux", environment=environment())
    assert found.code == 1 and not list(tmp_path.glob("*.dump"))
    assert "stress/atom  tersoff  NO" in found.stdout
    assert "adflux export --from-input in.flux" in found.stdout
    assert "in place of c_flux[1]" in found.stdout
    (tmp_path / "in.lj").write_text(script("lj/cut", "stress/atom"))
    found = run_adflux(tmp_path, "inspect", "in.lj", environment=environment())
    assert found.code == 0 and "lj/cut  yes" in found.stdout
    (tmp_path / "in.none").write_text("units lj\n")
    found = run_adflux(tmp_path, "inspect", "in.none")
    assert found.code == 1 and "has no pair_style before its first run" in found.stderr
    with pytest.raises(AdfluxError, match=r"in\.absent was not found"):
        from lammps_adflux.lmp.resolved import resolved_commands

        resolved_commands(tmp_path / "in.absent", ["units"])


RESTARTED = """
units metal
atom_modify map array
lattice diamond 5.43
region box block 0 2 0 2 0 2
create_box 1 box
create_atoms 1 box
mass 1 28.0
pair_style {style}
pair_coeff {coefficients}
write_restart a.restart
"""


@pytest.mark.parametrize(
    ("style", "coefficients", "says"),
    (("sw", "* * Si.sw Si", "NO"), ("lj/cut 2.5", "1 1 1.0 1.0", "yes"), ("hybrid sw", "", "")),
)
def test_inspect_finds_the_pair_style_of_a_restart_file(tmp_path, style, coefficients, says):
    coefficients = coefficients or "* * sw Si.sw Si"
    text = RESTARTED.format(style=style, coefficients=coefficients)
    run_lammps(tmp_path, text, environment=environment())
    (tmp_path / "in.again").write_text("read_restart a.restart\ncompute ke all ke/atom\n")
    for name in ("a.restart", "in.again"):
        done = run_adflux(tmp_path, "inspect", name)
        if not says:
            assert done.code == 1 and "does not say what hybrid is made of" in done.stderr
            continue
        assert done.code == 0, done.stderr
        (row,) = [line for line in done.stdout.splitlines() if " stress/atom" in line]
        assert f" {style.split()[0]} " in row and f" {says} " in row, done.stdout
