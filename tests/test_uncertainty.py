"""`propagate`: formation energies and volumes over an ensemble, and the pairs of structures that
have none.
"""

from dataclasses import replace

import numpy as np
import pytest
from lammps_runner import run_python

import lammps_adflux as adflux
from lammps_adflux.implicit.defects import crystalline

pytestmark = pytest.mark.lammps
NARROW = np.ones(2), np.diag([1e-4, 1e-6])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("expansions")
    run_python(folder, "expansions", time_limit=300)
    return folder


def structure(folder, name: str):
    """As a program without float64 reads it: the potential in it is not evaluated."""
    found = adflux.Taylor.load(folder / f"{name}.npz")
    return replace(found, source=name)


@pytest.mark.parametrize(
    "pair", (("vacancy", "bulk"), ("vacancy", "unit cell"), ("interstitial", "bulk"))
)
def test_values_at_the_present_parameters_are_those_of_the_structures(folder, pair):
    one, two = (structure(folder, name) for name in pair)
    found = adflux.propagate(one, two, NARROW)
    ratio = len(one.ids) / len(two.ids)
    assert found.energy_present == pytest.approx(one.energy - ratio * two.energy, rel=1e-12)
    assert found.volume_present == pytest.approx(one.volume - ratio * two.volume, rel=1e-12)
    assert found.units == "lj" and found.doubt < 0.1 and not found.notes
    # a mean of 1000 samples is known to 3 % of the spread, plus what second order adds
    assert abs(found.mean - found.energy_present) < 0.15 * found.spread


def test_the_same_lattice_in_any_cell_is_the_same_bulk(folder):
    vacancy = structure(folder, "vacancy")
    one, two = (
        adflux.propagate(vacancy, structure(folder, bulk), NARROW) for bulk in ("bulk", "unit cell")
    )
    np.testing.assert_allclose(one.energy, two.energy, rtol=1e-8)
    np.testing.assert_allclose(one.volume, two.volume, rtol=1e-7)


REFUSED = {
    (
        "bulk",
        "vacancy",
    ): (
        "Are the files swapped? `adflux propagate` takes the defect first: adflux "
        "propagate vacancy bulk."
    ),
    ("unit cell", "vacancy"): "Are the files swapped?",
    ("bulk", "interstitial"): "Are the files swapped?",
    ("unit cell", "slab"): "slab is no bulk",
    ("bulk", "bulk"): "these are one structure",
    ("bulk", "unit cell"): "these are one structure",
    ("vacancy", "slab"): "slab is no bulk: along its cell vector 3 it has 3.8",
    ("vacancy", "pressed"): "are held at different pressures, ",
    ("vacancy", "held"): "The cells of vacancy and held respond differently (iso; none responds)",
    (
        "held vacancy",
        "other density",
    ): "are fixed, but at different lattice constants: held vacancy has room for 32.3",
    ("vacancy", "other cutoff"): "its cutoff differs between vacancy and other cutoff",
    ("vacancy", "other depth"): "but epsilon[0,0] is 1 in vacancy and 1.01 in other depth",
    ("vacancy", "metal"): "vacancy is in LAMMPS' units lj, metal in metal",
    ("vacancy", "sigma alone"): "different parameters, epsilon[0,0], sigma[0,0] and sigma[0,0]",
    ("alloy vacancy", "alloy"): "alloy vacancy has 16 Ar, 15 Kr, alloy 16 Ar, 16 Kr",
    ("vacancy", "alloy"): "expanded in different parameters",
}


@pytest.mark.parametrize("pair", REFUSED)
def test_structures_that_are_no_defect_and_bulk_are_refused(folder, pair):
    one, two = (structure(folder, name) for name in pair)
    with pytest.raises(adflux.AdfluxError) as told:
        adflux.propagate(one, two, (one.parameters, 1e-6 * np.eye(len(one.parameters))))
    assert REFUSED[pair] in str(told.value), told.value


def test_open_boundaries_are_no_bulk(folder):
    bulk = structure(folder, "bulk")
    cluster = replace(bulk, periodic=np.array([True, True, False]))
    with pytest.raises(adflux.AdfluxError, match="its boundaries along z are not periodic"):
        adflux.propagate(structure(folder, "vacancy"), cluster, NARROW)


def test_a_crystal_comes_back_to_itself_by_translations(folder):
    shares = {
        name: crystalline(structure(folder, name))
        for name in ("bulk", "unit cell", "alloy", "vacancy", "slab")
    }
    assert shares["bulk"] == shares["unit cell"] == 1.0 and shares["vacancy"] == 0.0
    assert 0.0 < shares["slab"] < 0.5  # along its surfaces
    turned = structure(folder, "bulk")
    # an origin somewhere, atoms outside of the cell
    shifted = turned.positions + np.array([0.3, -7.0, 2.0])
    assert crystalline(replace(turned, positions=shifted)) == 1.0


def test_old_files_load_and_say_what_they_do_not_know(folder):
    """A file of the first version has neither units nor potential."""
    for name in ("vacancy", "bulk"):
        with np.load(folder / f"{name}.npz") as file:
            new = ("units", "order", "strains", "loads", "cutoff", "record", "model")
            old = {key: file[key] for key in file.files if key not in new}
            assert set(new) <= set(file.files)
        np.savez(folder / f"old {name}.npz", **old)
    found = adflux.propagate(
        structure(folder, "old vacancy"), structure(folder, "old bulk"), NARROW
    )
    now = adflux.propagate(structure(folder, "vacancy"), structure(folder, "bulk"), NARROW)
    assert found.units is None and len(found.notes) == 2 and "earlier version" in found.notes[0]
    np.testing.assert_array_equal(found.energy, now.energy)
    mixed = adflux.propagate(structure(folder, "old vacancy"), structure(folder, "bulk"), NARROW)
    assert mixed.units == "lj" and len(mixed.notes) == 1


@pytest.mark.parametrize("spread", (1.0, 100.0))
def test_a_spread_that_is_too_wide_is_refused(folder, spread):
    """Lengths that change by a tenth are beyond any first order of a structure."""
    pair = structure(folder, "vacancy"), structure(folder, "bulk")
    covariance = spread**2 * np.diag([1e-8, 1e-6])
    if spread == 1.0:
        found = adflux.propagate(*pair, (np.ones(2), covariance))
        assert found.doubt < 0.02 and not found.notes
    else:
        with pytest.raises(
            adflux.AdfluxError, match=r"The ensemble is too wide for an expansion: .*; narrow it"
        ):
            adflux.propagate(*pair, (np.ones(2), covariance))


def test_the_doubt_is_the_error_of_the_expansion_beside_the_spread(folder):
    """Formation energies of a fixed cell at other σ, relaxed again; the potential is in the files.

    Third order is what second order lacks up to fourth order, which is smaller by about the size of
    the change times ten.
    """
    run = run_python(folder, "doubts", time_limit=120)
    rows = [line.split(" | ")[1:] for line in run.stdout.splitlines() if line.startswith("doubt")]
    assert len(rows) == 3
    for size, doubt, error, note in rows:
        assert float(doubt) == pytest.approx(float(error), rel=20 * float(size))
        assert ("may be trusted" in note) == (float(error) > 0.1)
    assert float(rows[-1][2]) > 0.2 and float(rows[0][2]) < 0.01


def test_named_parameters_of_another_order_are_the_same_ensemble(folder):
    pair = structure(folder, "vacancy"), structure(folder, "bulk")
    samples = 1.0 + 0.003 * np.random.default_rng(0).normal(size=(50, 2)) * [3.0, 1.0]
    straight = adflux.propagate(*pair, samples)
    named = adflux.propagate(
        *pair, {"samples": samples[:, ::-1], "names": ["sigma[0,0]", "epsilon[0,0]"]}
    )
    np.testing.assert_array_equal(straight.energy, named.energy)
    assert not np.allclose(straight.energy, adflux.propagate(*pair, samples[:, ::-1]).energy)
