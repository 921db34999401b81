"""What LAMMPS keeps between the pair commands of a script: `adflux export --from-input` gives the
same energies, or says what it does not read.
"""

from pathlib import Path

import ase
import equinox as eqx
import numpy as np
import pytest
from comparing import close
from lammps_runner import run_lammps, vectors
from test_from_input import BOX
from typer.testing import CliRunner

from lammps_adflux import (
    AdfluxError,
    energy_forces_virial,
    graph_from_atoms,
    load,
    potentials,
    read_pair_style,
)
from lammps_adflux.cli.main import app
from lammps_adflux.lmp.programs import potentials_folder

LJ = BOX.format(units="lj", lattice="fcc 0.8")
METAL = BOX.format(units="metal", lattice="fcc 3.6")
OWN = "pair_coeff 1 1 1.0 1.0\npair_coeff 2 2 0.7 0.9\n"
UNLIKE = "pair_coeff 1 2 0.5 1.1\n"
ALL = "pair_style lj/cut 2.5\n" + OWN + UNLIKE
CHARGES = "pair_coeff 1 1 zbl 29 29\npair_coeff 2 2 zbl 28 28\n"
MEASURE = """
thermo_style custom step pe
thermo_modify format float %.17g norm no
run 0
write_dump all custom own.dump id type x y z fx fy fz modify format float %.17g
"""
READ = "units lj\natom_modify map array\n{style}read_data all.data{more}\n"
SAME = {
    "settings stay where a style is named again, its cutoffs do not": (
        LJ
        + "pair_style lj/cut 2.0\npair_modify shift yes\npair_coeff 1 2 0.6 0.9 1.5\n"
        + "pair_style lj/cut 2.5\n"
        + OWN
    ),
    "clear forgets": (
        LJ + "pair_style lj/cut 2.0\npair_modify shift yes\n" + OWN + "clear\n" + LJ + ALL
    ),
    "hybrid forgets": (
        METAL
        + "pair_style hybrid/overlay lj/cut 2.5 zbl 1 2\npair_modify shift yes\n"
        + "pair_style hybrid/overlay lj/cut 4.5 zbl 1 2\npair_coeff * * zbl 29 29\n"
        + "pair_coeff * * lj/cut 0.4 2.2\n"
    ),
    "data file": READ.format(style="pair_style lj/cut 2.5\n", more="") + OWN,
    "data file, coefficients left out": (
        READ.format(style="pair_style lj/cut 2.5\n", more=" nocoeff") + OWN
    ),
    "what is printed is no command": (
        LJ
        + "pair_style lj/cut 2.5\necho none\n"
        + ALL
        + 'print "pair_coeff 1 1 9.0 1.0"\nprint """pair_style lj/cut 1.5\n'
        + 'pair_coeff * * 1 1\n"""\nif "1 == 1" then "print \'pair_coeff 2 2 9.0 1.0\'"\n'
    ),
    "zbl is not mixed where zero stands": (
        METAL + "pair_style hybrid/overlay zero 5.0 zbl 2.0 4.8\npair_coeff * * zero\n" + CHARGES
    ),
    "exponents": LJ + ALL.replace("2.5", "2.5E0"),
}


def exported(script: str, *words: str):
    with open("in.own", "w") as file:
        file.write(script)
    words = words or ("--elements", "Ar,Kr")
    Path("x.pkl").unlink(missing_ok=True)
    done = CliRunner().invoke(app, ["export", "--from-input", "in.own", *words, "-o", "x.pkl"])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return load("x.pkl"), done.output


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_data(folder) -> None:
    """With coefficients of all pairs, as LAMMPS writes them."""
    style = "pair_style lj/cut 2.5\n" + OWN + "pair_coeff 1 2 0.3 1.05 2.0\n"
    run_lammps(folder, LJ + style + "write_data all.data pair ij\n")
    assert "PairIJ Coeffs" in (folder / "all.data").read_text()


@pytest.mark.lammps
@pytest.mark.parametrize("case", SAME)
def test_a_model_has_the_energies_of_its_script(folder, case):
    if "data" in case:
        write_data(folder)
    potential, output = exported(SAME[case] + "run 100\n")
    assert "not compared" not in output
    run = run_lammps(folder, SAME[case] + MEASURE)
    frame = run.dump("own.dump")[0]
    atoms = ase.Atoms(
        np.array(potential.elements)[frame["type"].astype(int) - 1],
        vectors(frame, "x", "y", "z"),
        cell=np.diff(frame["box"], axis=1)[:, 0],
        pbc=True,
    )
    ours = energy_forces_virial(potential, graph_from_atoms(atoms, potential))
    close(ours.energy, run.tables[-1]["PotEng"][-1], 1e-10)
    close(ours.forces, vectors(frame, "fx", "fy", "fz"), 1e-10)


RESTART = "read_restart all.restart\npair_style lj/cut 2.5\n" + OWN + UNLIKE
REFUSED = {
    "settings after the run": (
        LJ + ALL + "run 0\npair_modify shift yes\nrun 100\n",
        "has `pair_modify shift yes` after its first run",
    ),
    "coefficients after the run": (
        LJ + ALL + "minimize 0 0 1 1\npair_coeff 1 2 0.6 1.0\nrun 100\n",
        "has `pair_coeff 1 2 0.6 1.0` after its first run",
    ),
    "another potential in a loop": (
        "variable e index 1.0 2.0\nlabel again\nclear\n"
        + LJ
        + "pair_style lj/cut 2.5\npair_coeff * * ${e} 1.0\nrun 0\nnext e\njump SELF again\n",
        r"has `pair_coeff \* \* 2.0 1.0` after its first run",
    ),
    "lj is not mixed where zero stands": (
        LJ
        + "pair_style hybrid/overlay zero 2.5 lj/cut 2.5\npair_coeff * * zero\n"
        + OWN.replace("1 1 ", "1 1 lj/cut ").replace("2 2", "2 2 lj/cut"),
        "has no pair_coeff of lj/cut between Ar and Kr",
    ),
    "a restart file": (RESTART, "goes on with what a restart file holds of pair_style lj/cut"),
    "types of a data file": (
        LJ + "pair_style lj/cut 2.5\nread_data all.data add append offset 0 0 0 0 0\n" + OWN,
        "shifts the atom types of the pair coefficients",
    ),
}


@pytest.mark.lammps
@pytest.mark.parametrize("case", REFUSED)
def test_what_one_model_cannot_follow_is_refused(folder, case):
    if "data" in case:
        write_data(folder)
    if case == "a restart file":
        run_lammps(folder, LJ + ALL + "pair_modify shift yes\nwrite_restart all.restart\n")
    script, message = REFUSED[case]
    with pytest.raises(AdfluxError, match=message) as caught:
        exported(script)
    assert "\n" not in str(caught.value)


@pytest.mark.lammps
def test_a_loop_over_the_same_potential_is_exported(folder):
    again = "pair_style lj/cut 2.5\npair_modify shift yes\n" + OWN + UNLIKE + "run 0\n"
    potential, _ = exported(
        "variable n loop 3\nlabel again\nclear\n" + LJ + again + again + "next n\njump SELF again\n"
    )
    assert potential.shift and potential.epsilon[0, 1] == 0.5


@pytest.mark.lammps
def test_eam_between_unlike_types_beside_another_style_is_refused(folder, monkeypatch):
    """LAMMPS computes none there: the energy is that without the other style's pairs."""
    monkeypatch.setenv("LAMMPS_POTENTIALS", str(potentials_folder()))
    style = "pair_style hybrid/overlay eam zero 6.0\npair_coeff * * zero\n"
    style += "pair_coeff 1 1 eam Cu_u3.eam\npair_coeff 2 2 eam Ni_u3.eam\n"
    with pytest.raises(AdfluxError, match="beside zero LAMMPS has no eam between unlike"):
        exported(METAL + style, "--elements", "Cu,Ni")
    alone = style.replace("zero 6.0", "").replace("pair_coeff * * zero\n", "")
    both = run_lammps(folder, METAL + style + MEASURE + "clear\n" + METAL + alone + MEASURE)
    beside, without = (table["PotEng"][0] for table in both.tables)
    assert abs(beside - without) > 0.1 * abs(without)


@pytest.mark.lammps
def test_a_model_with_another_energy_than_its_script_is_not_written(folder, monkeypatch):
    """Something that the reader of pair styles does not know."""

    def wrong(path, elements):
        return eqx.tree_at(lambda p: p.epsilon, read_pair_style(path, elements), np.ones((2, 2)))

    monkeypatch.setattr(potentials, "read_pair_style", wrong)
    with pytest.raises(AdfluxError, match=r"but the model has .* and was not written"):
        exported(LJ + ALL + "run 100\n")
    assert not (folder / "x.pkl").exists()


@pytest.mark.lammps
@pytest.mark.parametrize(
    ("script", "reason"),
    (
        (LJ + ALL, "it has no run"),
        (LJ + ALL + "replicate 4 4 4\nrun 0\n", "it has more than 5000 atoms"),
        (LJ.replace("mass", "#") + ALL + "run 0\n", "masses are set"),
    ),
)
def test_what_cannot_be_compared_is_told_why(folder, script, reason):
    _, output = exported(script)
    assert "not compared" in output and reason in output
