"""`adflux export --from-input`: the potential of a script, and the lines that it prints in place of
its own.
"""

import pytest
from comparing import close
from lammps_runner import run_adflux, run_lammps, vectors

from lammps_adflux import AdfluxError, LennardJones, Morse, load, read_pair_style
from lammps_adflux.lmp.programs import potentials_folder

BOX = """\
units {units}
atom_modify map array
lattice {lattice}
region box block 0 3 0 3 0 3
create_box 2 box
create_atoms 1 box
mass * 20.0
set type 1 type/fraction 2 0.4 11
displace_atoms all random 0.1 0.1 0.1 7 units box
"""
MEASURE = """\
dump all all custom 1 {name}.dump id x y z fx fy fz
dump_modify all format float %.17g sort id
thermo_style custom step pe pxx pyy pzz pxy pxz pyz
thermo_modify format float %.17g norm no
run 0
"""
PAIRS = {
    "mixed": """\
variable cut index 2.2
pair_style lj/cut ${cut}
pair_modify shift yes mix &
    arithmetic
pair_coeff 1 1 1.0 1.0
pair_coeff 2 2 0.7 0.9 2.0
""",
    "sixth": """\
pair_style lj/cut 2.3
pair_modify mix sixthpower shift no
pair_coeff 1 1 1.0 1.0
pair_coeff * 2 0.7 0.9 2.0
pair_coeff 2 2 0.8 0.95
pair_coeff 1 1 1.1 1.0
""",
    "included": "variable f index SiC.tersoff\nvariable n equal 2\ninclude pair.in\n",
}
INCLUDED = """\
if "$n > 1" then "pair_style hybrid/overlay zbl 1.0 2.2 tersoff" &
    else "pair_style meam"
pair_coeff 1 1 zbl 14 14
pair_coeff 1 2 zbl 14 6
pair_coeff 2 2 zbl 6 6
pair_coeff * * tersoff ${f} Si C
"""


@pytest.mark.lammps
@pytest.mark.parametrize("case", PAIRS)
def test_the_printed_lines_give_the_same_energies(tmp_path, case):
    environment = {"LAMMPS_POTENTIALS": str(potentials_folder())}
    (tmp_path / "pair.in").write_text(INCLUDED)
    metal = case == "included"
    box = BOX.format(
        units="metal" if metal else "lj", lattice="diamond 4.6" if metal else "fcc 0.8"
    )
    (tmp_path / "in.own").write_text(box + PAIRS[case] + MEASURE.format(name="own"))
    elements = () if metal else ("--elements", "Ar,Kr")
    done = run_adflux(
        tmp_path, "export", "--from-input", "in.own", *elements, "-o", "model.pkl",
        environment=environment, fails=False,
    )  # fmt: skip
    style, coefficients = done.stdout.strip().splitlines()[-2:]
    assert style == "pair_style mliap unified model.pkl 0"
    assert coefficients == f"pair_coeff * * {'Si C' if metal else 'Ar Kr'}"
    # nothing of the script's own output was written
    assert not (tmp_path / "own.dump").exists()
    ours = "\n".join((style, coefficients, ""))
    script = box + PAIRS[case] + MEASURE.format(name="own")
    script += "clear\n" + box + ours + MEASURE.format(name="ours")
    run = run_lammps(tmp_path, script, environment=environment)
    own, new = run.tables
    for name in ("PotEng", "Pxx", "Pyy", "Pzz", "Pxy", "Pxz", "Pyz"):
        close(new[name], own[name], 1e-10)
    forces = [vectors(run.dump(f"{name}.dump")[0], "fx", "fy", "fz") for name in ("own", "ours")]
    close(forces[1], forces[0], 1e-10)


def test_pairs_of_numbers_are_read_in_any_units(tmp_path):
    path = tmp_path / "pair.mod"
    path.write_text("units real\npair_style morse 8.0\npair_coeff * * 2.0 1.4 2.9\n")
    found = read_pair_style(path, "Ar Ar Kr")
    assert isinstance(found, Morse) and found.units == "real" and found.elements == ("Ar", "Kr")
    assert found.d0.tolist() == [[2.0, 2.0], [2.0, 2.0]] and found.cutoff == 8.0


def test_types_of_one_element_are_mixed_to_the_same_numbers(tmp_path):
    """But for rounding, which depends on the order."""
    path = tmp_path / "pair.mod"
    path.write_text(
        "pair_style lj/cut 8.3\npair_modify mix sixthpower\npair_coeff 1*2 1*2 0.37 3.41\n"
        "pair_coeff 3 3 0.29 2.97 7.1\n"
    )
    found = read_pair_style(path, "Ar Ar Kr")
    assert isinstance(found, LennardJones) and found.elements == ("Ar", "Kr")
    path.write_text(path.read_text().replace("1*2 1*2", "1 1") + "pair_coeff 2 2 0.37 3.41\n")
    again = read_pair_style(path, "Ar Ar Kr")
    assert isinstance(again, LennardJones)
    close(again.epsilon, found.epsilon, 1e-12)
    close(again.sigma, found.sigma, 1e-12)


WRONG = {
    "morse has no mixing": (
        "pair_style morse 5\npair_coeff 1 1 1 1 1\npair_coeff 2* 2* 1 1 1\n",
        "has no pair_coeff of morse between Ar and Kr",
    ),
    "numbers": (
        "pair_style buck 5\npair_coeff * * 1 1\n",
        "line 2: buck needs a, rho, c, and perhaps a cutoff, but `1 1`",
    ),
    "tail": (
        "pair_style lj/cut 5\npair_modify tail yes\npair_coeff * * 1 1\n",
        "line 2: shift and mix are read, but pair_modify tail yes was found",
    ),
    "modify first": ("pair_modify shift yes\n", "line 1: settings and their values were needed"),
    "types of one element": (
        "pair_style lj/cut 5\npair_coeff * * 1 1\npair_coeff 3 3 2 1\n",
        "lj/cut differs between some types of Kr and Kr",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_read_is_named(tmp_path, case):
    text, message = WRONG[case]
    (tmp_path / "pair.mod").write_text(text)
    with pytest.raises(AdfluxError, match=message):
        read_pair_style(tmp_path / "pair.mod", "Ar Kr Kr")


@pytest.mark.lammps
def test_mistakes_are_one_sentence(tmp_path):
    for text, words, message in (
        ("pair_style lj/cut ${c}\n", ("-o", "x.pkl"), "variable c; give variables with --var."),
        ("pair_style meam\n", ("-o", "x.pkl"), "pair_style meam has no potential here; zbl"),
        ("pair_style lj/cut 2\npair_coeff * * 1 1\n", (), "--from-input needs -o"),
        (
            "pair_style lj/cut 2\npair_coeff * * 1 1\n",
            ("-o", "x.pkl"),
            "as LAMMPS reads it does not name the elements of its atom types: give --elements",
        ),
    ):
        box = BOX.format(units="lj", lattice="fcc 0.8")
        (tmp_path / "in.own").write_text(box + text)
        done = run_adflux(tmp_path, "export", "--from-input", "in.own", *words, fails=True)
        assert message in done.stderr and len(done.stderr.strip().splitlines()) == 1


@pytest.mark.lammps
def test_export_sum_adds_model_files(tmp_path):
    for name, epsilon in (("a", 1.0), ("b", 0.5)):
        words = f"export lj --epsilon {epsilon} --sigma 1 --cutoff 2 --elements Ar -o {name}.pkl"
        run_adflux(tmp_path, *words.split(), fails=False)
    run_adflux(tmp_path, *"export sum a.pkl b.pkl -o both.pkl".split(), fails=False)
    first, second = load(tmp_path / "both.pkl").parts
    assert isinstance(first, LennardJones) and float(second.epsilon[0, 0]) == 0.5


@pytest.mark.lammps
@pytest.mark.parametrize("command", ("inspect", "export"))
def test_files_of_earlier_runs_are_kept(tmp_path, command):
    """Templates that a script includes, at once, by a condition or in a loop, would open theirs."""
    writes = "fix mine all ave/time 1 1 1 v_one file {name}.flux\n"
    (tmp_path / "in.included").write_text(
        writes.format(name="included") + 'if "1 == 1" then "include in.deeper"\n'
    )
    (tmp_path / "in.deeper").write_text(
        "if '1 == 1' then 'fix deeper all ave/time 1 1 1 v_one file deeper.flux' "
        '"print one file printed.flux" else "print \'two\'"\n'
    )
    script = (
        BOX.format(units="metal", lattice="diamond 5.4")
        + "variable one equal 1\nvariable temperature index 300\nvariable times loop 2\n"
        + "label again\ninclude in.included\nunfix mine\nnext times\njump in.own again\n"
        + "pair_style sw\npair_coeff * * Si.sw Si Si\n"
        + writes.format(name="own")
        + "include ${adflux}/native_flux.lmp\n"
    )
    (tmp_path / "in.own").write_text(script)
    names = ("adflux", "included", "deeper", "own", "printed")
    for name in names:
        (tmp_path / f"{name}.flux").write_text("a week on a cluster\n")
    words = ("inspect", "in.own") if command == "inspect" else ()
    words = words or ("export", "--from-input", "in.own", "-o", "model.pkl")
    done = run_adflux(tmp_path, *words)
    assert done.code == (1 if command == "inspect" else 0), done.stderr
    if command == "inspect":
        assert "adflux_native" in done.stdout and "NO" in done.stdout
    for name in names:
        assert (tmp_path / f"{name}.flux").read_text() == "a week on a cluster\n", name
    made = {"in.own", "in.included", "in.deeper", *(f"{name}.flux" for name in names)}
    assert {path.name for path in tmp_path.iterdir()} - made <= {"model.pkl"}
