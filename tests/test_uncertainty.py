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
PROGRAM = """
import equinox as eqx
import jax

jax.config.update("jax_enable_x64", True)
import numpy as np

import lammps_adflux as adflux


def lj(cutoff=2.4, elements="Ar", epsilon=1.0):
    # shells of the crystal lie apart from onset and cutoff
    return adflux.LennardJones(epsilon=epsilon, sigma=1.0, cutoff=cutoff, onset=1.7, elements=elements)


def fcc(cells=(2, 2, 2), filled=None, more=(), units="lj", types=1):
    density = "1.05" if units == "lj" else f"{(4 / 1.05) ** (1 / 3):.12f}"
    box, some = (" ".join(f"0 {c}" for c in c3) for c3 in (cells, filled or cells))
    return [f"units {units}", "atom_modify map array", f"lattice fcc {density} origin 0.01 0.01 0.01", f"region box block {box}",
            f"create_box {types} box", f"region some block {some}", "create_atoms 1 region some", "mass * 1", *more]


GONE = ["group gone id 1", "delete_atoms group gone compress no"]
EVERY_OTHER = ["group odd id 1:32:2", "set group odd type 2"]
MORE = "create_atoms 1 single 0.52 0.02 0.02"


def keep(name, script, potential=None, cell="iso", where=None, **options):
    relaxed = adflux.relax(script, potential or lj(), 1e-10, cell, **options)
    adflux.taylor(relaxed, where, progress=False).save(f"{name}.npz")
    return relaxed


def energy(script, sigma, cell):
    potential = eqx.tree_at(lambda p: p.sigma, lj(), sigma * lj().sigma)
    return adflux.relax(script, potential, 1e-10, cell).energy


keep("bulk", fcc())
keep("vacancy", fcc(more=GONE))
keep("unit cell", fcc((1, 1, 1)))
keep("interstitial", fcc(more=[MORE]))
keep("slab", fcc((2, 2, 5), (2, 2, 3)))
keep("pressed", fcc(), pressure=0.5)
keep("held", fcc(), cell=None)
keep("held vacancy", fcc(more=GONE), cell=None)
keep("other density", [line.replace("1.05", "1.06") for line in fcc()], cell=None)
keep("other cutoff", fcc(), lj(2.41))
keep("other depth", fcc(), lj(epsilon=1.01))
keep("metal", fcc(units="metal"))
keep("sigma alone", fcc(), where="sigma")
two = lj(elements=("Ar", "Kr"), epsilon=[[1.0, 0.8], [0.8, 0.9]])
keep("alloy", fcc(types=2, more=EVERY_OTHER), two)
keep("alloy vacancy", fcc(types=2, more=[*EVERY_OTHER, *GONE]), two)
sizes = np.array([0.003, 0.01, 0.03])
truth = np.array([[energy(fcc(more=GONE), s, None) - energy(fcc(), s, None) * 31 / 32 for s in (1 + d, 1 - d)] for d in sizes])
np.savez("truth.npz", sizes=sizes, held=truth)
"""
NARROW = np.ones(2), np.diag([1e-4, 1e-6])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("expansions")
    run_python(folder, PROGRAM, time_limit=300)
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
    ): "Are the files swapped? `adflux propagate` takes the defect first: adflux propagate vacancy bulk.",
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


ERRORS = """
import jax

jax.config.update("jax_enable_x64", True)
import numpy as np

import lammps_adflux as adflux

pair = [adflux.Taylor.load(f"held {name}".removesuffix(" bulk") + ".npz") for name in ("vacancy", "bulk")]
assert all(part.build is not None for part in pair)
truth, found = np.load("truth.npz"), {}
for size, energies in zip(truth["sizes"], truth["held"]):
    samples = np.array([[1.0, 1.0 + size], [1.0, 1.0 - size]])
    spread = adflux.propagate(*pair, samples)
    error = np.sqrt(np.mean((spread.energy - energies) ** 2)) / energies.std()
    told = spread.notes[0] if spread.notes else ""
    print("doubt", size, spread.doubt, error, told, sep=" | ")
"""


def test_the_doubt_is_the_error_of_the_expansion_beside_the_spread(folder):
    """Formation energies of a fixed cell at other σ, relaxed again; the potential is in the files.

    Third order is what second order lacks up to fourth order, which is smaller by about the size of
    the change times ten.
    """
    run = run_python(folder, ERRORS, time_limit=120)
    rows = [line.split(" | ")[1:] for line in run.stdout.splitlines() if line.startswith("doubt")]
    assert len(rows) == 3
    for size, doubt, error, told in rows:
        assert float(doubt) == pytest.approx(float(error), rel=20 * float(size))
        assert ("may be trusted" in told) == (float(error) > 0.1)
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
