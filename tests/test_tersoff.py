"""Files of Tersoff's potential: what is read, and what is refused with its line; triplets in any
graph.
"""

import dataclasses

import ase
import jax.numpy as jnp
import numpy as np
import pytest
from comparing import close
from lammps_runner import run_lammps, vectors
from systems import random_crystal
from tables import write_tersoff

from lammps_adflux import AdfluxError, Tersoff, energy_forces_virial, graph_from_atoms
from lammps_adflux.graph import pad
from lammps_adflux.lmp.programs import potentials_folder
from lammps_adflux.potentials import TersoffMod
from lammps_adflux.potentials.conversion import KCAL_PER_MOL

PAIR = "Si", "Ge"
STYLES = "tersoff", "tersoff/mod", "tersoff/zbl"


@pytest.fixture
def path(tmp_path):
    return write_tersoff(tmp_path / "x.tersoff", "tersoff")


@pytest.mark.parametrize("style", STYLES)
def test_the_style_is_known_by_the_numbers_of_an_entry(tmp_path, style):
    path = write_tersoff(tmp_path / "x", style)
    found = Tersoff.from_lammps(path, elements=PAIR)
    assert type(found) is (TersoffMod if style == "tersoff/mod" else Tersoff)
    assert (found.core is not None) == (style == "tersoff/zbl")
    # an entry may go over several lines
    path.write_text(path.read_text().replace(" 1.75", "\n  1.75"))
    again = Tersoff.from_lammps(path, elements=PAIR, style=style)
    assert np.array_equal(again.A, found.A) and again.R == found.R


def test_a_row_of_neighbours_that_is_too_short_gives_no_energy(path):
    potential = Tersoff.from_lammps(path, elements=PAIR)
    graph = graph_from_atoms(random_crystal(17, volume_per_atom=16.0), potential)
    counts = np.bincount(graph.centers[graph.distances < potential.cutoff])
    assert len(graph.slots) > counts.max() > counts.min() > 1
    short = dataclasses.replace(graph, slots=jnp.arange(counts.max() - 1))
    enough = np.isfinite(potential(short))
    assert np.array_equal(enough, counts < counts.max())
    close(potential(short)[enough], potential(graph)[enough], 1e-14)


def test_energies_do_not_depend_on_padding_or_on_more_places(path):
    potential = Tersoff.from_lammps(path, elements=PAIR)
    graph = graph_from_atoms(random_crystal(17, volume_per_atom=16.0), potential)
    wide = dataclasses.replace(
        pad(graph, len(graph.centers) + 37, 23, potential.cutoff), slots=jnp.arange(31)
    )
    close(potential(wide)[:17], potential(graph), 1e-14)


def test_a_graph_without_places_is_refused(path):
    potential = Tersoff.from_lammps(path, elements=PAIR)
    graph = graph_from_atoms(random_crystal(8), potential)
    with pytest.raises(AdfluxError, match=r"Triplets of atoms need Graph\.slots"):
        potential(dataclasses.replace(graph, slots=None))


def test_atoms_without_neighbours_have_no_energy(path):
    potential = Tersoff.from_lammps(path, elements=PAIR)
    alone = random_crystal(3, volume_per_atom=900.0)
    assert np.array_equal(potential(graph_from_atoms(alone, potential)), np.zeros(3))


WRONG = {
    "number": ("Si Si Ge 3", "Si Si Ge x", r"line 3: three elements and then numbers .* 'x'"),
    "count": ("Si Si Ge 3 1.0", "Si Si Ge 3", r"line 3: .* 14 \(tersoff\) .* Si Si Ge has 13"),
    "twice": ("Si Si Ge", "Si Si Si", r"line 3: a second entry for Si Si Si"),
    "m": ("Si Si Ge 3", "Si Si Ge 2", r"line 3: m of Si Si Ge must be 1 or 3, but is 2"),
    "negative": ("Si Si Ge 3 1.0", "Si Si Ge 3 -1.0", r"line 3: gamma of Si Si Ge must not be neg"),
    "inf": ("Si Si Ge 3 1.0", "Si Si Ge 3 inf", r"line 3: the parameters of Si Si Ge must be fin"),
    "D": (" 0.25 2.5 1700.0", " 9.0 2.5 1700.0", r"line 2: 0 <= D <= R and R > 0 were needed"),
    "n": ("Si Si Si 3 1.0 1.1 1.0 1.6 -0.45 0.8", "Si Si Si 3 1.0 1.1 1.0 1.6 -0.45 0.0",
          r"line 2: n of Si Si Si must be positive"),
    "missing": ("Si Si Ge", "Si Si C", r"has no entry for Si Si Ge"),
    "repulsion": ("2.5 1800.0", "2.6 1800.0", r"lambda1 of Si Ge Ge and of Ge Si Si differ"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_named_with_its_line(path, case):
    old, new, message = WRONG[case]
    text = path.read_text()
    assert old in text
    # the repulsion of the first of the two only
    count = 2 if case == "repulsion" else 1
    path.write_text(text.replace(old, new, count))
    with pytest.raises(AdfluxError, match=message) as caught:
        Tersoff.from_lammps(path, elements=PAIR)
    assert "\n" not in str(caught.value) and "x.tersoff" in str(caught.value)


def test_a_style_that_is_none_is_refused(path):
    with pytest.raises(AdfluxError, match="style must be one of tersoff, tersoff/mod"):
        Tersoff.from_lammps(path, elements=PAIR, style="tersoff/modc")
    with pytest.raises(AdfluxError, match=r"after three elements 17 \(tersoff/mod\) numbers"):
        Tersoff.from_lammps(path, elements=PAIR, style="tersoff/mod")


@pytest.mark.parametrize("style", (None, "tersoff/zbl"))
@pytest.mark.parametrize(
    ("old", "new"), ((" 1.9 8.0", " -1.9 8.0"), (" 1.9 8.0", " 1.9 -8.0"), (" 14 14 ", " 0.5 14 "))
)
def test_numbers_that_are_no_core_are_refused(tmp_path, style, old, new):
    path = write_tersoff(tmp_path / "x", "tersoff/zbl")
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(AdfluxError, match="tersoff/zbl needs nuclear charges of 1 to 120"):
        Tersoff.from_lammps(path, elements=PAIR, style=style)


def test_a_file_of_tersoff_mod_c_is_not_taken_for_one_of_zbl(tmp_path):
    """Numbers of LAMMPS' Si.tersoff.modc, of which an entry has as many."""
    path = tmp_path / "Si.tersoff.modc"
    entry = (
        "Si Si Si 3 1.8 -0.38 2.16 1 1.39 117.8 2.87 0.33 3.18 3198.5 1.98 0.2 614230 996439 3.3"
    )
    for last in ("25.2 -0.0059", "25.2 0.0059"):
        path.write_text(f"{entry} {last}\n")
        with pytest.raises(AdfluxError, match="tersoff/mod/c, which has as many numbers"):
            Tersoff.from_lammps(path, elements="Si")


def test_a_core_needs_units_that_lammps_has_for_it(tmp_path):
    path = write_tersoff(tmp_path / "x", "tersoff/zbl")
    with pytest.raises(AdfluxError, match="tersoff/zbl needs metal or real units, but si was"):
        Tersoff.from_lammps(path, elements=PAIR, units="si")


@pytest.mark.lammps
@pytest.mark.parametrize("head", ("# UNITS: real\n", "\n \n# UNITS: real\n"))
def test_a_core_in_real_units_is_that_of_lammps(tmp_path, head):
    lines = []
    for line in (potentials_folder() / "SiC.tersoff.zbl").read_text().splitlines():
        words = line.split("#")[0].split()
        for column in (12, 16) if words else ():  # B, A
            words[column] = repr(KCAL_PER_MOL * float(words[column]))
        lines.append(" ".join(words))
    (tmp_path / "real.zbl").write_text(head + "\n".join(lines) + "\n")
    script = """
units real
lattice diamond 3.4
region box block 0 2 0 2 0 2
create_box 2 box
create_atoms 1 box
mass * 20.0
set type 1 type/fraction 2 0.4 11
displace_atoms all random 0.5 0.5 0.5 7 units box
pair_style tersoff/zbl
pair_coeff * * real.zbl Si C
thermo_style custom step pe
thermo_modify format float %.17g
run 0
write_dump all custom own.dump id type x y z fx fy fz modify format float %.17g
"""
    run = run_lammps(tmp_path, script)
    frame = run.dump("own.dump")[0]
    potential = Tersoff.from_lammps(tmp_path / "real.zbl", elements="Si C")
    assert potential.units == "real" and np.diff(np.unique(frame["type"])).size
    atoms = ase.Atoms(
        np.array(potential.elements)[frame["type"].astype(int) - 1],
        vectors(frame, "x", "y", "z"), cell=[6.8] * 3, pbc=True,
    )  # fmt: skip
    ours = energy_forces_virial(potential, graph_from_atoms(atoms, potential))
    close(ours.energy, run.tables[0]["PotEng"][0], 1e-10)
    close(ours.forces, vectors(frame, "fx", "fy", "fz"), 1e-10)
