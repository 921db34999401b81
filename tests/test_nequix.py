"""Nequix: the numbers of its authors' own code, the flux of an unfolded cell, ranks, and files."""

import ase
import ase.build
import equinox as eqx
import jax
import numpy as np
import pytest
from comparing import close
from lammps_runner import ROOT, run_adflux, run_lammps, vectors
from nequix_files import write_nqx
from reference import unfolded_flux
from systems import random_crystal, velocities

import lammps_adflux as adflux
from lammps_adflux.derivatives import energies_and_pair_gradients
from lammps_adflux.flux import edge_flux
from lammps_adflux.graph import pad

DATA = ROOT.parent / "shared" / "data" / "nequix"
WEIGHTS = DATA / "nequix-oam-1-pft.nqx"
PAIR = ("Si", "Ge")
ROUNDING = 1e-10
needs_weights = pytest.mark.skipif(not WEIGHTS.is_file(), reason="needs ../shared/data/nequix")


@pytest.fixture
def small(tmp_path):
    return adflux.Nequix.from_file(write_nqx(tmp_path / "small.nqx"), PAIR)


@pytest.mark.slow
@needs_weights
@pytest.mark.parametrize("name", ("NaCl8", "Si16_strained"))
def test_energies_forces_and_stress_are_those_of_the_library(name):
    """Computed by nequix 0.4.5 in float64, on its own graph."""
    with np.load(DATA / f"shared_{name}.npz") as file:
        theirs = dict(file)
    atoms = ase.Atoms(theirs["numbers"], theirs["positions"], cell=theirs["cell"], pbc=True)
    potential = adflux.Nequix.from_file(WEIGHTS, sorted(set(atoms.symbols))).astype("float64")
    ours = adflux.energy_forces_virial(potential, adflux.graph_from_atoms(atoms, potential))
    close(ours.energy, theirs["energy"], ROUNDING)
    # forces vanish by symmetry in a perfect crystal
    close(ours.forces, theirs["forces"], ROUNDING, floor=1e-2)
    close(-np.asarray(ours.virial) / atoms.get_volume(), theirs["stress"], ROUNDING, floor=1e-3)


@needs_weights
@pytest.mark.slow
def test_the_flux_is_that_of_the_adapter_to_the_library():
    """Of two atoms, by the hop rule through the library's own code; the edge formula is far off."""
    atoms = ase.build.bulk("NaCl", "rocksalt", 5.64)
    atoms.rattle(0.05, seed=1)
    potential = adflux.Nequix.from_file(WEIGHTS, "Na,Cl").astype("float64")
    graph = adflux.graph_from_atoms(atoms, potential)
    speeds = jax.numpy.asarray(np.random.default_rng(0).normal(size=(2, 3)))
    expected = np.array([0.01717525, -0.20919546, 0.0455368])  # printed to 8 digits
    assert np.allclose(adflux.heat_flux(potential, graph, speeds), expected, rtol=0, atol=1e-8)
    _, gradients = eqx.filter_jit(energies_and_pair_gradients)(potential, graph)
    wrong = edge_flux(graph, gradients, speeds)
    assert np.abs(wrong - expected).max() > 0.2 * np.abs(expected).max()


@pytest.mark.slow
def test_the_flux_is_that_of_the_unfolded_cell(small):
    crystal = random_crystal(4, elements=PAIR)
    flux = adflux.heat_flux(small, adflux.graph_from_atoms(crystal, small), velocities(crystal))
    close(flux, unfolded_flux(crystal, small, velocities(crystal)), ROUNDING)


@pytest.mark.parametrize("changes", ({}, {"index_weights": True}, {"layer_norm": False}))
def test_elements_that_are_left_out_change_nothing(tmp_path, changes):
    path = write_nqx(tmp_path / "small.nqx", **changes)
    crystal = random_crystal(5, elements=PAIR)
    energies = []
    for elements in (PAIR, PAIR[::-1], None):
        potential = adflux.Nequix.from_file(path, elements)
        graph = adflux.graph_from_atoms(crystal, potential)
        energies.append(np.asarray(eqx.filter_jit(lambda p, g: p(g))(potential, graph)))
    assert potential.elements == ("O", "Si", "Ge")
    for other in energies[1:]:
        close(other, energies[0], ROUNDING)


def test_lonely_atoms_and_padding_have_no_forces(small):
    lonely = ase.Atoms("SiGeGe", [[0, 0, 0], [2.2, 0, 0], [0, 0, 60]])
    graph = adflux.graph_from_atoms(lonely, small)

    @jax.jit
    def slopes(graph):
        def energy(vectors):
            return small(graph.with_vectors(vectors))[:3].sum()

        return jax.value_and_grad(energy)(graph.vectors)

    energies, gradients = slopes(graph)
    padded, more_gradients = slopes(pad(graph, 9, 7, small.cutoff))
    close(padded, energies, ROUNDING)
    close(more_gradients[:2], gradients, ROUNDING)
    assert np.all(np.asarray(more_gradients[2:]) == 0.0)


SCRIPT = """\
units metal
lattice diamond 5.6
region box block 0 2 0 1 0 1
create_box 2 box
create_atoms 1 box
set type 1 type/fraction 2 0.4 11
mass 1 28.06
mass 2 72.63
displace_atoms all random 0.2 0.2 0.2 3 units box
velocity all create 900 4711 loop geom mom no
neighbor 0.3 bin
pair_style mliap unified small.pkl 0
pair_coeff * * Si Ge
include ${adflux}/heat_flux.lmp
thermo_style custom step pe pxx pyy pzz pxy pxz pyz v_adflux_jpx v_adflux_jpy v_adflux_jpz
thermo_modify format float %.17g
run 0
write_dump all custom now.dump id type x y z vx vy vz fx fy fz modify format float %.17g
"""
COLUMNS = [f"v_adflux_jp{a}" for a in "xyz"]


@pytest.mark.lammps
def test_lammps_on_one_and_two_ranks_gives_the_library_s_numbers(tmp_path):
    write_nqx(tmp_path / "small.nqx")
    words = "export nequix small.nqx --elements Si,Ge -o small.pkl".split()
    run_adflux(tmp_path, *words, fails=False)
    potential = adflux.load(tmp_path / "small.pkl")
    found = []
    for ranks in (1, 2):
        run = run_lammps(tmp_path, SCRIPT, ranks, quick=True)
        found.append((run.tables[0], run.dump("now.dump")[0]))
    (table, frame), (two_table, two_frame) = found
    symbols = [PAIR[int(kind) - 1] for kind in frame["type"]]
    cell = [11.2, 5.6, 5.6]
    atoms = ase.Atoms(symbols, vectors(frame, "x", "y", "z"), cell=cell, pbc=True)
    graph = adflux.graph_from_atoms(atoms, potential)
    expected = adflux.energy_forces_virial(potential, graph)
    close(table["PotEng"][0], expected.energy, ROUNDING)
    close(vectors(frame, "fx", "fy", "fz"), expected.forces, ROUNDING)
    flux = adflux.heat_flux(potential, graph, vectors(frame, "vx", "vy", "vz"))
    close(vectors(table, *COLUMNS)[0], flux, ROUNDING)
    close(vectors(two_table, *COLUMNS), vectors(table, *COLUMNS), ROUNDING)
    close(vectors(two_frame, "fx", "fy", "fz"), vectors(frame, "fx", "fy", "fz"), ROUNDING)


def damaged(path, text):
    path.write_bytes(text)
    return path


MISTAKES = {
    "absent": (lambda p: p.with_name("no.nqx"), PAIR, "cannot be read.*its authors publish"),
    "another file": (
        lambda p: damaged(p, b"\x80\x04 no JSON\n"),
        PAIR,
        r"no file of nequix \(.nqx\)",
    ),
    "other JSON": (
        lambda p: damaged(p, b'{"cutoff": 3}\n'),
        PAIR,
        "must be JSON with atomic_numbers",
    ),
    "cut off": (
        lambda p: damaged(p, p.read_bytes()[:-700]),
        PAIR,
        "should be layer 2, .* the file is cut off",
    ),
    "goes on": (
        lambda p: damaged(p, p.read_bytes() + p.read_bytes().split(b"\n", 1)[1]),
        PAIR,
        "is of another version",
    ),
    "integers": (
        lambda p: damaged(p, p.read_bytes().replace(b"'<f4'", b"'<i4'", 1)),
        PAIR,
        "array 1 holds int32, .* the file is damaged",
    ),
    "setting": (
        lambda p: write_nqx(p, zbl=True),
        PAIR,
        "has the settings zbl, which lammps_adflux does not know",
    ),
    "no layers": (lambda p: write_nqx(p, n_layers=0), PAIR, "n_layers 0: 1 or more was needed"),
    "element": (
        lambda p: p,
        ("Si", "Xe"),
        "elements names Xe, which .* does not know: it knows O, Si, Ge",
    ),
    "parity": (
        lambda p: write_nqx(p, hidden_irreps="4x0e + 3x1e + 2x2e"),
        PAIR,
        "hidden_irreps 4x0e .* other parities are not implemented",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence(tmp_path, mistake):
    change, elements, sentence = MISTAKES[mistake]
    path = change(write_nqx(tmp_path / "small.nqx"))
    with pytest.raises(adflux.AdfluxError, match=sentence):
        adflux.Nequix.from_file(path, elements)
