"""Files of the embedded-atom method: what is read, and what is refused with its line."""

import jax.numpy as jnp
import numpy as np
import pytest
from comparing import close
from systems import random_crystal
from tables import write_setfl

from lammps_adflux import EAM, AdfluxError, energy_forces_virial, graph_from_atoms
from lammps_adflux.potentials.eam.splines import evaluate

PAIR = "Si", "Ge"


def funcfl(path, spacing=0.01, points=500):
    """Smooth tables of one element."""
    r = spacing * np.arange(points)
    rho = 0.05 * np.arange(points)
    tables = -np.sqrt(rho + 0.1), 4.0 * np.exp(-0.6 * r), np.exp(-0.7 * r)
    lines = ["invented", "14 28.0 5.4 diamond", f"{points} 0.05 {points} {spacing} 4.6"]
    lines += [" ".join(f"{value:.17g}" for value in table) for table in tables]
    path.write_text("\n".join(lines) + "\n")
    return path


def values(tables, which, points, linear):
    rows = jnp.full(len(points), which)
    return np.asarray(evaluate(jnp.asarray(tables), rows, jnp.asarray(points), linear))


@pytest.mark.parametrize("linear", (False, True))
def test_splines_go_through_the_tables_and_follow_cubics(linear):
    x = np.arange(12.0)
    tables = np.stack([0.3 * x**3 - x**2 + 2.0, np.sin(0.4 * x)])
    points = np.concatenate([x, np.linspace(2.0, 9.0, 57)])
    found = np.stack([values(tables, k, points, linear) for k in (0, 1)])
    close(found[:, :12], tables, 1e-14)
    # slopes of fourth order are exact for cubics, two points from the ends
    close(found[0, 12:], 0.3 * points[12:] ** 3 - points[12:] ** 2 + 2.0, 1e-12)
    assert np.abs(found[1, 12:] - np.sin(0.4 * points[12:])).max() < 1e-3


def test_beyond_the_table_densities_go_on_along_the_tangent():
    tables = np.array([[0.0, 1.0, 4.0, 9.0, 16.0, 25.0]])
    far = np.array([5.0, 6.0, 8.0])
    close(values(tables, 0, far, True), [25.0, 34.0, 52.0], 1e-14)
    close(values(tables, 0, far, False), [25.0, 25.0, 25.0], 1e-14)


def test_files_of_one_element_make_an_alloy_with_the_mean_charge(tmp_path):
    """φ = Z_i Z_j / r: of equal files the alloy is the element."""
    path = funcfl(tmp_path / "Si.eam")
    atoms = random_crystal(9, volume_per_atom=16.0)
    both = EAM.from_lammps([path, path], elements=PAIR)
    alloy = energy_forces_virial(both, graph_from_atoms(atoms, both))
    atoms.symbols[:] = "Si"
    alone = EAM.from_lammps(path, elements="Si")
    one = energy_forces_virial(alone, graph_from_atoms(atoms, alone))
    close(alloy.energies, one.energies, 1e-13)
    close(alloy.forces, one.forces, 1e-12)


def test_elements_are_taken_in_the_order_that_is_asked_for(tmp_path):
    path = write_setfl(tmp_path / "x.eam.fs", finnis_sinclair=True)
    atoms = random_crystal(9, volume_per_atom=16.0)
    energies = []
    for elements in (PAIR, PAIR[::-1]):
        potential = EAM.from_lammps(path, elements=elements)
        energies.append(potential(graph_from_atoms(atoms, potential)))
    close(energies[0], energies[1], 1e-14)
    assert EAM.from_lammps(path, elements="Ge").density.shape[:2] == (1, 1)


def test_alloy_and_finnis_sinclair_are_told_apart_by_how_many_tables_there_are(tmp_path):
    alloy = EAM.from_lammps(write_setfl(tmp_path / "a"), elements=PAIR)
    fs = EAM.from_lammps(write_setfl(tmp_path / "b", finnis_sinclair=True), elements=PAIR)
    assert alloy.density.shape[:2] == (2, 1) and fs.density.shape[:2] == (2, 2)


def changed(path, **replace):
    """The file with other lines: by number, None for the end of the file there."""
    lines = path.read_text().split("\n")
    for key, value in replace.items():
        number = int(key[1:])
        lines = lines[: number - 1] if value is None else lines
        if value is not None:
            lines[number - 1] = value
    path.write_text("\n".join(lines))
    return path


WRONG = {
    "elements": (dict(l4="3 Si Ge"), r"line 4: the number of elements and their names"),
    "grid": (dict(l5="2000 0.006 2000 0.002"), r"line 5: nrho, drho, nr, dr and the cutoff"),
    "spacing": (dict(l5="2000 0.0 2000 0.002 4.7"), r"line 5: tables of 5 points at least"),
    "he": (dict(l5="2000 0.006 2000 0.002 4.7 12.0"), r"line 5: a sixth number .* eam/he"),
    "word": (dict(l9="x"), r"line 9: 1998 more numbers of a table were needed, but 'x' was found"),
    "nan": (dict(l9="nan"), r"line \d+: a table of 2000 finite numbers"),
    "short": (dict(l900=None), r"ends after line 899: it may be cut off"),
    "more": (dict(l14000="1.0\n1.0"), r"has more numbers than the tables of 2 elements"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_named_with_its_line(tmp_path, case):
    lines, message = WRONG[case]
    path = changed(write_setfl(tmp_path / "x.eam.alloy"), **lines)
    with pytest.raises(AdfluxError, match=message) as caught:
        EAM.from_lammps(path, elements=PAIR)
    assert "\n" not in str(caught.value) and "x.eam.alloy" in str(caught.value)


def test_wrong_arguments_are_refused(tmp_path):
    path, one = write_setfl(tmp_path / "x"), funcfl(tmp_path / "y")
    for arguments, message in (
        ((path, "C"), "has tables of Si, Ge, but not of C"),
        ((path, PAIR, "eam/cd"), "style must be one of eam, eam/alloy, eam/fs"),
        (([path, path], PAIR), "has one file, but 2 were given"),
        ((one, PAIR), "hold one element each: 2 were needed for Si, Ge, but 1 were given"),
        ((path, PAIR, "eam/fs"), "line 4007: 2000 more numbers of a table were needed"),
        (([], PAIR), "EAM needs a file"),
    ):
        with pytest.raises(AdfluxError, match=message):
            EAM.from_lammps(arguments[0], elements=arguments[1], style=(*arguments, None)[2])
