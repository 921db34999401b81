"""`read_pair_style`, SNAP's files written back, and the `adflux export` commands of both."""

import json
import logging
import re
from pathlib import Path
from typing import Any

import equinox as eqx
import numpy as np
import pytest
from lammps_runner import run_adflux, run_lammps
from test_snap import PAIR, SYNTHETIC, write_snap
from typer.testing import CliRunner

from lammps_adflux import SNAP, ZBL, AdfluxError, StillingerWeber, load, read_pair_style
from lammps_adflux.cli.main import app
from lammps_adflux.implicit.new_parameters import with_parameters
from lammps_adflux.implicit.parameters import choose
from lammps_adflux.potentials import Sum

SNAP_LINE = "pair_coeff * * snap small.snapcoeff small.snapparam Si Ge\n"
BOTH = "pair_style hybrid/overlay zbl 2.0 4.8 snap\n"
CHARGES = "pair_coeff 1 1 zbl 14 14\npair_coeff 1 2 zbl 14 32\npair_coeff 2 2 zbl 32 32\n"
ALL, DIAGONAL = ((True, True), (True, True)), ((True, False), (False, True))
SAME = {  # of SNAP + ZBL(2.0, 4.8)
    "plain": (BOTH + CHARGES + SNAP_LINE, ALL),
    "variables": (
        "variable inner equal 1+2/2\nvariable outer index 4.8\nvariable outer index 9\nvariable z "
        "string 14\nvariable y equal v_z+18\n"
        "pair_style hybrid/overlay &   # both\n zbl ${inner} ${outer} &\n\tsnap\n"
        "pair_coeff 1 1 zbl $z $z\npair_coeff 1 2 zbl ${z} ${y}\npair_coeff 2 2 zbl $(v_y) "
        "$(2*16)\n" + SNAP_LINE,
        ALL,
    ),
    "formulas are evaluated where they are used": (
        "variable b equal 1\nvariable a equal v_b*2^-1\nvariable b equal 4\n"
        + BOTH.replace("2.0", "${a}").replace("4.8", "${b}.8")
        + CHARGES
        + SNAP_LINE,
        ALL,
    ),
    "ranges": (
        BOTH
        + "pair_coeff 1 * zbl 14 14\n".replace("1 *", "1 1")
        + "pair_coeff 1*1 2* zbl 14 32\npair_coeff 2* 2 zbl 32 32\n"
        + SNAP_LINE,
        ALL,
    ),
    "the last settings count": ("pair_style snap\n" + BOTH + SNAP_LINE + CHARGES, ALL),
    "SNAP stands between unlike types, so LAMMPS does not mix": (
        BOTH + "pair_coeff 1 1 zbl 14 14\npair_coeff 2 2 zbl 32 32\n" + SNAP_LINE,
        DIAGONAL,
    ),
    "zero adds nothing": (
        "units metal\npair_style hybrid/overlay zero 6.0 nocoeff zbl 2.0 4.8 snap\npair_coeff * * "
        "zero\n" + CHARGES + SNAP_LINE,
        ALL,
    ),
    "Latin-1, quotes and \\r\\n": (
        "# \xc5\r\n"
        + (BOTH + CHARGES + SNAP_LINE).replace("Si Ge", '"Si" Ge').replace("\n", "\r\n"),
        ALL,
    ),
}
WRONG = {
    "table": (
        BOTH.replace("zbl", "table linear 100 zbl"),
        "line 1: pair_style table has no potential here; zbl, snap, sw",
    ),
    "coulomb": (
        BOTH.replace("snap", "snap coul/long 10"),
        "line 1: pair_style coul/long has no potential",
    ),
    "scaled": (
        BOTH.replace("overlay", "scaled"),
        "line 1: pair_style hybrid/scaled has no potential",
    ),
    "hybrid": (BOTH.replace("/overlay", ""), "line 1: pair_style hybrid has no potential"),
    "twice": (
        BOTH.replace("snap", "snap snap"),
        "line 1: one style, or hybrid/overlay of different ones",
    ),
    "one number": (
        BOTH.replace("2.0 4.8", "2.0"),
        "line 1: zbl has 2 numbers, but `2.0` was found",
    ),
    "option": (BOTH.replace("snap", "snap 3"), "line 1: snap has 0 numbers, but `3` was found"),
    "NULL": (
        BOTH + CHARGES + SNAP_LINE.replace("Ge", "NULL"),
        "line 5: an atom type is NULL for snap",
    ),
    "no coefficients": (BOTH + SNAP_LINE, "has no pair_coeff for zbl"),
    "no snap coefficients": (BOTH + CHARGES, "has no pair_coeff for snap"),
    "unknown style": (
        BOTH + "pair_coeff * * sw Si.sw Si\n",
        "line 2: sw is no style of the pair_style command",
    ),
    "charge": (
        BOTH + CHARGES.replace("1 2 zbl 14 32", "1 2 zbl 15 32") + SNAP_LINE,
        "line 3: Si has nuclear charge 15 here, but 14",
    ),
    "one charge": (
        BOTH + "pair_coeff 1 1 zbl 14\n" + SNAP_LINE,
        "line 2: zbl needs two nuclear charges, but `14`",
    ),
    "types": (
        BOTH + CHARGES.replace("2 2", "3 3") + SNAP_LINE,
        "line 4: the atom types 3 are not among the 2",
    ),
    "order": (
        BOTH + CHARGES.replace("1 2", "2 1") + SNAP_LINE,
        "line 3: the first atom type must not be larger",
    ),
    "variable": (BOTH.replace("2.0", "${inner}"), "line 1: the variable inner is not defined"),
    "formula": (
        "variable inner equal sqrt(2)\n" + BOTH.replace("2.0", "${inner}"),
        r"line 1: .* but 'sqrt\(2\)' was found",
    ),
    "format": (
        "variable a index 3.14\n" + BOTH.replace("2.0", "$(v_a/2:%.1f)"),
        r"line 2: .* but 'v_a/2:%.1f' was found",
    ),
    "LAMMPS' -2^2 is 4": (BOTH.replace("2.0", "$(-2^2)"), r"line 1: .* but '-2\^2' was found"),
    "LAMMPS' 2^3^2 is 64": (BOTH.replace("2.0", "$(2^3^2)"), r"line 1: .* but '2\^3\^2' was"),
    "a formula of itself": (
        "variable a equal v_a+1\n" + BOTH.replace("2.0", "${a}"),
        r"line 1: .* but 'v_a\+1' was found",
    ),
    "loop": (
        "variable inner loop 3\n" + BOTH,
        "line 1: `variable inner loop 3` was found, but only index",
    ),
    "command": ("read_data x\n" + BOTH, "line 1: .*the command read_data was found"),
    "units": ("units real\n" + BOTH, "line 1: metal units were needed"),
    "empty": ("# nothing\n", "has no pair_style command"),
    "before": (CHARGES + BOTH, "line 1: .* stands before pair_style"),
    "files": (
        BOTH + CHARGES + SNAP_LINE.replace("small.snapparam", "other.snapparam"),
        r"other\.snapparam cannot be read",
    ),
}


@pytest.fixture
def folder(tmp_path):
    write_snap(tmp_path)
    return tmp_path


def written(folder: Path, text: str) -> Path:
    (folder / "pair.snap").write_bytes(text.encode("latin-1"))
    return folder / "pair.snap"


@pytest.mark.parametrize("case", SAME)
def test_a_file_gives_the_sum_of_its_styles(folder, case):
    text, between = SAME[case]
    found = read_pair_style(written(folder, text))
    assert isinstance(found, Sum)
    (zbl,) = (part for part in found.parts if isinstance(part, ZBL))
    (snap,) = (part for part in found.parts if isinstance(part, SNAP))
    assert eqx.tree_equal(zbl, ZBL(2.0, 4.8, elements=PAIR, between=between))
    assert eqx.tree_equal(
        snap, SNAP.from_lammps(folder / "small.snapcoeff", folder / "small.snapparam", PAIR)
    )


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_read_is_named_with_its_line(folder, case):
    text, message = WRONG[case]
    with pytest.raises(AdfluxError, match=message) as caught:
        read_pair_style(written(folder, text))
    assert "\n" not in str(caught.value)


def test_one_style_alone_and_elements_in_another_order(folder):
    path = written(
        folder, "pair_style zbl 2.0 4.8\npair_coeff 1 1 zbl 14 14\n".replace(" zbl 14", " 14")
    )
    assert eqx.tree_equal(read_pair_style(path, "Si"), ZBL(2.0, 4.8, elements="Si"))
    with pytest.raises(AdfluxError, match="does not name the elements of its atom types"):
        read_pair_style(path)
    # LAMMPS mixes types between which no other style stands
    path = written(folder, "pair_style zbl 2.0 4.8\npair_coeff 1 1 14 14\npair_coeff 2 2 32 32\n")
    assert eqx.tree_equal(read_pair_style(path, PAIR), ZBL(2.0, 4.8, elements=PAIR))
    (folder / "Si.sw").write_text(
        "Si Si Si 2.1683 2.0951 1.80 21.0 1.20 -0.333333333333 7.049556277 0.6022245584 4.0 0.0 "
        "0.0\n"
    )
    path = written(folder, "pair_style sw\npair_coeff * * Si.sw Si Si\n")
    assert eqx.tree_equal(
        read_pair_style(path), StillingerWeber.from_lammps(folder / "Si.sw", elements="Si")
    )
    reordered: Any = read_pair_style(written(folder, BOTH + CHARGES + SNAP_LINE), "Ge Si")
    assert reordered.elements == ("Ge", "Si") and reordered.parts[0].numbers == (32.0, 14.0)
    alone: Any = read_pair_style(written(folder, BOTH + CHARGES + SNAP_LINE), "Ge")
    assert alone.parts[0].numbers == (32.0,)
    with pytest.raises(AdfluxError, match="has atom types for Si, Ge, but C was asked for"):
        read_pair_style(folder / "pair.snap", "C")


@pytest.mark.parametrize(
    ("name", "text", "told"),
    (
        ("core.snap", BOTH + CHARGES + SNAP_LINE, "zbl"),
        ("core.mod", "pair_style hybrid/overlay &\n  zbl ${a} ${b} &\n snap\n" + SNAP_LINE, "zbl"),
        (
            "core.snap",
            "pair_style hybrid/overlay snap table spline 100 coul/long 9\n" + SNAP_LINE,
            "table and spline and coul/long",
        ),
        ("alone.snap", "pair_style snap\n" + SNAP_LINE, None),
        ("other.snap", BOTH + SNAP_LINE.replace("small", "large"), None),
        ("comment.snap", f"# {BOTH}" + SNAP_LINE, None),
        ("core.txt", BOTH + SNAP_LINE, None),
    ),
)
def test_a_core_beside_the_coefficients_is_told(folder, caplog, name, text, told):
    (folder / name).write_text(text)
    with caplog.at_level(logging.WARNING):
        SNAP.from_lammps(folder / "small.snapcoeff", folder / "small.snapparam", PAIR)
    said = [record.message for record in caplog.records if record.name == "lammps_adflux"]
    assert len(said) == (told is not None)
    assert told is None or (
        f"SNAP with {told}, as " in said[0] and name in said[0] and "SNAP alone" in said[0]
    )


@pytest.mark.parametrize("name", SYNTHETIC)
def test_snap_written_for_lammps_reads_back_to_the_last_digit(tmp_path, name):
    snap = SNAP.from_lammps(
        *write_snap(tmp_path, name, **({"rcutfac": 4.615858} | SYNTHETIC[name])), PAIR
    )
    random = np.random.default_rng(1)
    varied = eqx.tree_at(
        lambda p: p.coefficients,
        snap,
        snap.coefficients * random.normal(size=snap.coefficients.shape),
    )
    varied.to_lammps(tmp_path / "new.snapcoeff")
    again = SNAP.from_lammps(tmp_path / "new.snapcoeff", tmp_path / "new.snapparam", PAIR)
    assert eqx.tree_equal(again, varied)
    # the numbers of the old parameter file still fit the new coefficients
    old = SNAP.from_lammps(tmp_path / "new.snapcoeff", tmp_path / f"{name}.snapparam", PAIR)
    assert eqx.tree_equal(old, varied)
    varied.to_lammps(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == (tmp_path / "new.snapparam").read_text()
    with pytest.raises(AdfluxError, match="need two files"):
        varied.to_lammps(tmp_path / "new.snapparam")
    with pytest.raises(AdfluxError, match="cannot be written"):
        varied.to_lammps(tmp_path / "absent" / "new.snapcoeff")


@pytest.mark.lammps
def test_lammps_itself_reads_what_is_written(folder):
    snap = SNAP.from_lammps(folder / "small.snapcoeff", folder / "small.snapparam", PAIR)
    snap.to_lammps(folder / "new.snapcoeff")
    doubled = eqx.tree_at(
        lambda p: (p.constants, p.coefficients), snap, (2 * snap.constants, 2 * snap.coefficients)
    )
    doubled.to_lammps(folder / "double.snapcoeff")
    script = (
        "units metal\nlattice bcc 3.1\nregion box block 0 2 0 2 0 2\ncreate_box 2 box\n"
        "create_atoms 1 box\nmass * 20.0\n"
    )
    script += (
        "set type 1 type/fraction 2 0.4 11\nthermo_style custom step pe\n"
        "thermo_modify format float %.17g\n"
    )
    for name in ("small", "new", "double"):
        script += (
            f"pair_style snap\npair_coeff * * {name}.snapcoeff {name}.snapparam Si Ge\n"
            "run 0 post no\n"
        )
    energies = [table["PotEng"][0] for table in run_lammps(folder, script).tables]
    assert energies[1] == energies[0] and energies[2] == pytest.approx(2 * energies[0], rel=1e-13)


@pytest.mark.slow
def test_export_snap_gives_the_sum_and_new_coefficients(folder):
    """One process for each way to the same file."""
    written(folder, BOTH + CHARGES + SNAP_LINE)
    alone = run_adflux(
        folder, *"export snap small.snapcoeff small.snapparam --elements Si,Ge -o alone.pkl".split()
    )
    assert alone.code == 0 and "SNAP with zbl" in alone.stderr and "pair.snap" in alone.stderr
    done = run_adflux(folder, *"export snap pair.snap -o sum.pkl".split())
    assert done.code == 0 and not done.stderr
    done = run_adflux(
        folder,
        "export",
        "snap",
        "small.snapcoeff",
        "small.snapparam",
        "--elements",
        "Si,Ge",
        "--zbl",
        "2.0 4.8",
        "-o",
        "zbl.pkl",
    )
    assert done.code == 0 and not done.stderr
    zbl, snap = load(folder / "sum.pkl").parts
    assert eqx.tree_equal(load(folder / "zbl.pkl").parts, (snap, zbl)) and eqx.tree_equal(
        load(folder / "alone.pkl"), snap
    )
    names = choose(load(folder / "sum.pkl")).names
    np.savetxt(folder / "new.txt", np.arange(len(names)) + 0.5)
    done = run_adflux(
        folder, *"export snap pair.snap --coefficients new.txt -o new.snapcoeff".split()
    )
    assert done.code == 0 and "ZBL" in done.stdout
    again = SNAP.from_lammps(folder / "new.snapcoeff", folder / "new.snapparam", PAIR)
    assert again.constants.tolist() == [0.5, 1.5] and again.coefficients[1, -1] == len(names) - 0.5
    for words, message in (
        ("export snap small.snapcoeff -o a.pkl", "stands alone: name the .snapparam file as well"),
        ("export snap small.snapcoeff small.snapparam -o a.pkl", "elements were not given"),
        ("export snap pair.snap --zbl 3,4 -o a.pkl", "has a pair_style zbl already"),
        ("export zbl --inner 2 --outer 1 --elements Si -o a.pkl", "0 < inner <= outer"),
        (
            "export zbl --inner 1 --outer 2 --elements Si --numbers x -o a.pkl",
            "--numbers needs numbers, but 'x'",
        ),
    ):
        refused = CliRunner().invoke(
            app,
            words.replace("small.", f"{folder}/small.").replace("pair.", f"{folder}/pair.").split(),
        )
        assert isinstance(refused.exception, AdfluxError) and message in str(refused.exception), (
            words
        )
    assert not (folder / "a.pkl").exists()


def test_new_parameters_by_order_or_by_name(folder):
    snap = SNAP.from_lammps(folder / "small.snapcoeff", folder / "small.snapparam", PAIR)
    names, field = choose(snap).names, choose(snap, "coefficients").names
    path = folder / "new.txt"

    def write(text):
        path.write_text(text)
        return with_parameters(snap, path)

    numbers = np.random.default_rng(0).normal(size=len(names))
    found = write("\n".join(f"{x!r}" for x in numbers.tolist()))
    assert np.array_equal(
        np.concatenate([np.ravel(found.constants), np.ravel(found.coefficients)]), numbers
    )
    found = write(" ".join(f"{x!r}" for x in numbers[: len(field)].tolist()))
    assert (
        np.array_equal(np.ravel(found.coefficients), numbers[: len(field)])
        and found.constants is snap.constants
    )
    shuffled = np.random.default_rng(1).permutation(len(names))
    found = write(
        "# NAME VALUE\n" + "\n".join(f"{names[k]} {float(numbers[k])!r}" for k in shuffled)
    )
    assert np.array_equal(np.ravel(found.coefficients), numbers[2:])
    found = write(f"{field[3]} 7.5\n")
    assert found.coefficients.ravel()[3] == 7.5
    assert np.array_equal(
        np.delete(found.coefficients.ravel(), 3), np.delete(snap.coefficients.ravel(), 3)
    )
    # by the same names in a sum
    whole = ZBL(1.0, 2.0, elements=PAIR) + snap
    assert with_parameters(whole, path).parts[1].coefficients.ravel()[3] == 7.5
    for text, message in (
        ("1.0 2.0 3.0", f"new.txt: as many numbers as parameters were needed, {len(names)} "),
        (f"{field[0]} 1\nbeta 2\n", "line 2: beta is none of the parameters"),
        (f"{field[0]} 1\n{field[0]} 2\n", "line 2: .* stands in line 1 already"),
        (f"{field[0]} one\n", "line 1: NAME VALUE was needed"),
    ):
        with pytest.raises(AdfluxError, match=message):
            write(text)


def test_a_model_file_from_before_a_field_was_there_is_read(folder):
    """SNAP's rcutfac is younger than the first model files."""
    from lammps_adflux.potentials.encoding import decode, encode

    snap = SNAP.from_lammps(folder / "small.snapcoeff", folder / "small.snapparam", PAIR)
    arrays: dict[str, np.ndarray] = {}
    node = json.loads(json.dumps(encode(snap, "", arrays, np.dtype(float))))
    del node["fields"]["rcutfac"]
    old: Any = decode(node, arrays)
    assert old.rcutfac == 1.0 and old.radii == snap.radii
    old.to_lammps(folder / "old.snapcoeff")
    again = SNAP.from_lammps(folder / "old.snapcoeff", folder / "old.snapparam", PAIR)
    assert again.radii == snap.radii and again.cutoff == snap.cutoff
    del node["fields"]["cutoff"]
    with pytest.raises(KeyError):
        decode(node, arrays)


def test_the_sentence_of_a_note_is_one_line(folder, caplog):
    (folder / "core.snap").write_text(BOTH + SNAP_LINE)
    SNAP.from_lammps(folder / "small.snapcoeff", folder / "small.snapparam", PAIR)
    assert re.fullmatch(r"note: .*\.", caplog.records[-1].getMessage())
