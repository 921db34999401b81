"""SNAP equals LAMMPS' `pair_style snap`, and its bispectrum the sums over Clebsch-Gordan
coefficients.
"""

import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import ase
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from comparing import relative_error
from lammps_runner import run_lammps, vectors
from reference import bispectrum_by_sums, wigner
from scipy.spatial.transform import Rotation
from systems import random_crystal

from lammps_adflux import SNAP, AdfluxError, energy_forces_virial, export, graph_from_atoms, load
from lammps_adflux.derivatives import energy
from lammps_adflux.graph import pad
from lammps_adflux.potentials.snap.bispectrum import bispectrum, coefficients, triples
from lammps_adflux.potentials.snap.potential import at_a_time

LAMMPS_FILES = Path(sys.prefix) / "share/lammps/potentials"
OTHER_FILES = Path(__file__).parents[2] / "shared/data/implicit"
PAIR = ("Si", "Ge")
ROUNDING = 1e-10  # relative to the largest component: sums of some 10⁵ terms in another order
# LAMMPS' forces use that components with permuted elements are equal, and the file's 12 digits are
# so only nearly;
# ours are the gradient of the energies, as finite differences of LAMMPS' energies are
TWELVE_DIGITS = 5e-9


@dataclass(frozen=True)
class Case:
    """Files of a potential and a crystal of its elements; LAMMPS' types in their own order."""

    name: str
    elements: str
    types: str
    lattice: str = "bcc 3.18"
    folder: Path = Path()  # of LAMMPS' run, where the synthetic files are
    forces: float = ROUNDING

    @property
    def files(self) -> tuple[Path, Path]:
        return self.folder / f"{self.name}.snapcoeff", self.folder / f"{self.name}.snapparam"

    @property
    def id(self) -> str:
        return f"{self.name}-{self.elements.replace(' ', '')}"


SYNTHETIC = {
    "even": dict(twojmax=2, switchflag=0, bzeroflag=0),
    "odd": dict(twojmax=5, rfac0=0.7, bnormflag=1),
    # some pairs are closer than rmin0
    "core": dict(twojmax=3, rmin0=2.6, rfac0=1.1, quadraticflag=1),
    "channels": dict(twojmax=3, chemflag=1),
    "all": dict(twojmax=2, chemflag=1, wselfallflag=1),
    "normalised": dict(twojmax=2, chemflag=1, bnormflag=1, bzeroflag=0),
    "everything": dict(twojmax=2, chemflag=1, bnormflag=1, wselfallflag=1, quadraticflag=1),
}
CASES = (
    Case("W_2940_2017_2", "W", "W", folder=LAMMPS_FILES),
    Case("WBe_Wood_PRB2019", "W Be", "Be W", folder=LAMMPS_FILES),
    Case("WBe_Wood_PRB2019", "Be W", "W Be", folder=LAMMPS_FILES),
    Case("Cu_Zuo_JPCA2020.quadratic", "Cu", "Cu", "fcc 3.62", LAMMPS_FILES),
    Case("C_SNAP_2021.10.15.quadratic", "C", "C", "bcc 2.4", LAMMPS_FILES),
    Case("InP_JCPA2020", "In P", "In P", "bcc 3.7", LAMMPS_FILES, TWELVE_DIGITS),
    Case("W", "W", "W", folder=OTHER_FILES),
    Case("NiMo", "Ni Mo", "Mo Ni", "fcc 3.6", OTHER_FILES),
    Case("WX", "W X", "X W", folder=OTHER_FILES),
    # with chemflag LAMMPS numbers the channels by the order of its types
    *(
        Case(name, "Si Ge", "Si Ge" if "chemflag" in SYNTHETIC[name] else "Ge Si")
        for name in SYNTHETIC
    ),
)
ON_TWO = ("odd-SiGe", "all-SiGe")
SCRIPT = """
clear
units metal
neighbor 0.3 bin
lattice {lattice}
region box block 0 2 0 2 0 3
create_box {types} box
create_atoms 1 box
mass * 1.0
change_box all triclinic
change_box all xy final 0.8 xz final -0.5 yz final 0.4 remap units box
displace_atoms all random 0.2 0.2 0.2 7 units box
{mix}
{pair}
compute pea all pe/atom
thermo_style custom step pe pxx pyy pzz pxy pxz pyz
thermo_modify format float %.17g norm no
run 0 post no
write_dump all custom {dump} id type x y z fx fy fz c_pea modify format float %.17g
"""


def write_snap(folder, name="small", twojmax=3, seed=0, **keywords):
    """Files for two elements with random coefficients; those of components that are equal are
    equal.
    """
    random = np.random.default_rng(seed)
    channels = range(2 if keywords.get("chemflag") else 1)
    parts = [
        sorted(zip(degrees, c, strict=True))
        for c in product(channels, repeat=3)
        for degrees in triples(twojmax)
    ]
    equal = np.array([[a == b for b in parts] for a in parts])
    average = equal / equal.sum(axis=1)
    blocks = []
    for element, radius, weight in ((PAIR[0], 0.52, 1.0), (PAIR[1], 0.47, 0.7)):
        numbers = [random.normal(), *average @ random.normal(size=len(parts))]
        if keywords.get("quadraticflag"):
            matrix = average @ random.normal(size=equal.shape) @ average
            numbers += [*(matrix + matrix.T)[np.triu_indices(len(parts))]]
        blocks += [f"{element} {radius} {weight}", *(f"{number:.17g}" for number in numbers)]
    head = f"# random\n\n2 {len(blocks) // 2 - 1}"
    (folder / f"{name}.snapcoeff").write_text("\n".join([head, *blocks, ""]))
    keywords = {"rcutfac": 4.6, "twojmax": twojmax} | keywords
    (folder / f"{name}.snapparam").write_text(
        "".join(f"{key} {value}\n" for key, value in keywords.items())
    )
    return folder / f"{name}.snapcoeff", folder / f"{name}.snapparam"


def script(case: Case, style: str) -> str:
    coefficients, parameters = case.files
    pair = f"pair_style snap\npair_coeff * * {coefficients} {parameters} {case.types}"
    if style == "jax":
        pair = f"pair_style mliap unified {case.id}.pkl 0\npair_coeff * * {case.types}"
    types = len(case.types.split())
    mix = "set type 1 type/fraction 2 0.4 11" if types == 2 else ""
    return SCRIPT.format(
        lattice=case.lattice, types=types, mix=mix, pair=pair, dump=f"{case.id}_{style}.dump"
    )


def cases(ranks: int) -> list[Case]:
    return [case for case in CASES if ranks == 1 or case.id in ON_TWO]


def present(case: Case) -> bool:
    return case.folder == Path() or all(file.exists() for file in case.files)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """All cases in one LAMMPS process for each number of ranks: thermo tables by case,
    and the run.
    """
    done = {}

    def run(ranks):
        if ranks not in done:
            folder = tmp_path_factory.mktemp(f"snap{ranks}")
            for name, options in SYNTHETIC.items():
                write_snap(folder, name, **options)
            there = [case for case in cases(ranks) if present(case)]
            for case in there:
                files = (folder / file for file in case.files)
                export(SNAP.from_lammps(*files, case.elements.split()), folder / f"{case.id}.pkl")
            text = "".join(script(case, style) for case in there for style in ("native", "jax"))
            finished = run_lammps(folder, text, ranks, quick=True, time_limit=400.0)
            tables = zip(finished.tables[::2], finished.tables[1::2], strict=True)
            done[ranks] = dict(zip(there, tables, strict=True)), finished
        return done[ranks]

    return run


@pytest.mark.lammps
@pytest.mark.parametrize(
    ("case", "ranks"),
    [
        pytest.param(case, ranks, id=f"{case.id}-{ranks}")
        for ranks in (1, 2)
        for case in cases(ranks)
    ],
)
def test_energies_forces_and_pressure_equal_lammps_own(runs, case, ranks):
    if not present(case):
        pytest.skip(f"{case.files[0]} is absent")
    tables, run = runs(ranks)
    theirs, ours = tables[case]
    pressure = [f"P{a}" for a in ("xx", "yy", "zz", "xy", "xz", "yz")]
    assert relative_error(vectors(ours, *pressure), vectors(theirs, *pressure)) < case.forces
    native, jax_ = (run.dump(f"{case.id}_{style}.dump")[0] for style in ("native", "jax"))
    assert np.array_equal(
        vectors(native, "id", "type", "x", "y", "z"), vectors(jax_, "id", "type", "x", "y", "z")
    )
    assert relative_error(jax_["c_pea"], native["c_pea"]) < ROUNDING
    assert (
        relative_error(vectors(jax_, "fx", "fy", "fz"), vectors(native, "fx", "fy", "fz"))
        < case.forces
    )


@pytest.mark.parametrize("twojmax", range(9))
def test_quadrature_equals_sums_over_clebsch_gordan_coefficients(twojmax):
    random = np.random.default_rng(twojmax)
    quaternions, weights = random.normal(size=(4, 12)), random.normal(size=(2, 12))
    quaternions /= np.linalg.norm(quaternions, axis=0)
    numbers = jnp.einsum("np,cp->nc", coefficients(jnp.asarray(quaternions), twojmax), weights)
    matrices = [
        np.stack([wigner(q, degree) for q in quaternions.T]) for degree in range(twojmax + 1)
    ]
    slow = bispectrum_by_sums(
        [np.einsum("pab,cp->cab", matrix, weights) for matrix in matrices], twojmax
    )
    # a thousand points
    assert relative_error(bispectrum(numbers.T[None], twojmax, False)[0], slow) < 1e-13


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return SNAP.from_lammps(*write_snap(tmp_path_factory.mktemp("snap"), quadraticflag=1), PAIR)


@pytest.fixture
def crystal():
    return random_crystal(7, volume_per_atom=14.0, elements=PAIR, seed=3)


@pytest.mark.slow
def test_gradient_and_its_tangent_are_slopes(small, crystal):
    graph = graph_from_atoms(crystal, small)
    direction, step = np.random.default_rng(0).normal(size=graph.vectors.shape), 1e-5
    function = jax.value_and_grad(lambda vectors: jnp.sum(small(graph.with_vectors(vectors))))
    (_, gradient), (slope, tangent) = jax.jit(lambda x, dx: jax.jvp(function, (x,), (dx,)))(
        graph.vectors, direction
    )
    here = jax.jit(function)
    (up, gradient_up), (down, gradient_down) = (
        here(graph.vectors + s * step * direction) for s in (1, -1)
    )
    # errors of the central difference
    assert float(slope) == pytest.approx(float((up - down) / (2 * step)), rel=1e-7)
    assert float(jnp.sum(gradient * direction)) == pytest.approx(float(slope), rel=1e-12)
    assert relative_error(tangent, (gradient_up - gradient_down) / (2 * step)) < 1e-6


@pytest.mark.slow
def test_padding_and_float32_do_no_harm(small, crystal):
    graph = graph_from_atoms(crystal, small)
    double = energy_forces_virial(small, graph)
    padded = energy_forces_virial(
        small, pad(graph, len(graph.centers) + 1500, len(crystal) + 40, small.cutoff)
    )
    assert not np.any(padded.forces[len(crystal) :])
    single = energy_forces_virial(
        small.astype(np.float32), graph_from_atoms(crystal, small, dtype=np.float32)
    )
    assert single.forces.dtype == np.float32
    for name in ("energies", "forces", "virial"):
        reference = getattr(double, name)
        assert relative_error(getattr(padded, name)[: len(reference)], reference) < 1e-14
        assert (
            relative_error(getattr(single, name), reference) < 1e-5
        )  # a hundred roundings of 6e-8


def test_blocks_of_a_gpu_give_the_same(small, crystal, monkeypatch):
    graph = pad(graph_from_atoms(crystal, small), 300, 20, small.cutoff)
    sizes, found = [], []
    for backend in ("cpu", "gpu"):
        monkeypatch.setattr(jax, "default_backend", lambda name=backend: name)
        sizes.append(at_a_time())
        # a function of its own each time: JAX must not take what it knows of the other
        value_and_slope = jax.value_and_grad(lambda x: energy(small, graph, x))
        found.append(jax.jit(value_and_slope)(graph.vectors))
    for size, pairs_or_atoms in enumerate((300, 20)):
        assert sizes[0][size] < pairs_or_atoms < sizes[1][size]
    for one, other in zip(*found, strict=True):
        assert relative_error(other, one) < 1e-13


def test_bispectrum_is_invariant_under_rotation(small, crystal):
    graph, rotation = (
        graph_from_atoms(crystal, small),
        Rotation.from_rotvec([1.0, 0.2, -0.4]).as_matrix(),
    )
    components = jax.jit(lambda g: small.bispectrum(g))
    assert (
        relative_error(
            components(graph.with_vectors(graph.vectors @ rotation.T)), components(graph)
        )
        < 1e-13
    )


@pytest.mark.parametrize("pair", (("Si", "Si"), ("Si", "Ge"), ("Ge", "Ge")))
def test_a_pair_leaves_through_its_own_cutoff_with_the_square_of_the_distance(small, pair):
    cutoff = sum(small.radii[PAIR.index(element)] for element in pair)
    alone = np.asarray(small.constants)[[PAIR.index(element) for element in pair]]
    dimer = graph_from_atoms(ase.Atoms(pair, positions=[[0, 0, 0], [2, -1, 2]]), small)
    energies = jax.jit(lambda vectors: small(dimer.with_vectors(vectors)))

    def change(distance):
        return np.asarray(energies(dimer.vectors / 3.0 * distance)) - alone

    assert np.abs(change(cutoff + 1e-6)).max() < 1e-12
    assert np.abs(change(cutoff - 0.5)).min() > 1e-4
    # next order
    assert change(cutoff - 1e-3) / change(cutoff - 2e-3) == pytest.approx([0.25, 0.25], rel=1e-3)


def test_a_model_file_gives_it_back(tmp_path, small, crystal):
    export(small, tmp_path / "model.pkl")
    again, graph = load(tmp_path / "model.pkl"), graph_from_atoms(crystal, small)
    assert jax.tree.structure(again) == jax.tree.structure(small)
    assert np.array_equal(
        *(energy_forces_virial(potential, graph).forces for potential in (small, again))
    )


COEFFICIENTS, PARAMETERS = ".snapcoeff", ".snapparam"
LINES = 1 + len(triples(3))  # of each element
WRONG = {
    "one too few": (
        COEFFICIENTS,
        lambda text: text.rsplit("\n", 2)[0],
        rf"line {4 + LINES + 1}: Ge needs .* ends",
    ),
    "cut off": (
        COEFFICIENTS,
        lambda text: text[: text.index("Ge")],
        "2 elements were announced, but only Si found",
    ),
    "one too many": (
        COEFFICIENTS,
        lambda text: text + "0.1\n",
        rf"line {2 * LINES + 6}: 2 elements .* the file goes on",
    ),
    "count too small": (
        COEFFICIENTS,
        lambda text: text.replace(f"2 {LINES}", f"2 {LINES - 1}"),
        rf"line {3 + LINES + 1}: an element with radius and weight was needed",
    ),
    "count too large": (
        COEFFICIENTS,
        lambda text: text.replace(f"2 {LINES}", f"2 {LINES + 1}"),
        rf"line {3 + LINES + 2}: one coefficient was needed, but 'Ge 0.47 0.7' was found",
    ),
    "first line": (
        COEFFICIENTS,
        lambda text: text.replace(f"2 {LINES}", "two"),
        "line 3: the numbers of elements",
    ),
    "empty": (COEFFICIENTS, lambda text: "# nothing\n", "it is empty"),
    "weight": (
        COEFFICIENTS,
        lambda text: text.replace("0.47 0.7", "0.47"),
        "an element with radius and weight was needed",
    ),
    "word": (
        COEFFICIENTS,
        lambda text: text.replace("\n0.", "\nx0.", 1),
        "one coefficient was needed, but 'x0",
    ),
    "not finite": (
        COEFFICIENTS,
        lambda text: text.rsplit("\n", 2)[0] + "\nnan\n",
        "coefficient nan is not finite",
    ),
    "element": (
        COEFFICIENTS,
        lambda text: text.replace("Ge", "Sn"),
        "has no element Ge; it knows Si, Sn",
    ),
    "element twice": (
        COEFFICIENTS,
        lambda text: text.replace("Ge", "Si"),
        f"line {4 + LINES + 1}: a second block of Si",
    ),
    "twojmax": (
        PARAMETERS,
        lambda text: text.replace("twojmax 3", "twojmax 5"),
        "coefficients per element, but twojmax 5",
    ),
    "quadraticflag": (
        PARAMETERS,
        lambda text: text + "quadraticflag 1\n",
        r"small\.snapcoeff has .* quadraticflag 1",
    ),
    "no rcutfac": (
        PARAMETERS,
        lambda text: text.replace("rcutfac 4.6", ""),
        "rcutfac must be given",
    ),
    "no twojmax": (PARAMETERS, lambda text: text.replace("twojmax 3", ""), "twojmax must be given"),
    "unknown": (
        PARAMETERS,
        lambda text: text + "rcut 3\n",
        "line 3: the keyword 'rcut' is not known",
    ),
    "switchinnerflag": (
        PARAMETERS,
        lambda text: text + "switchinnerflag 1\n",
        r"line 3: .*\(switchinnerflag\) is not sup",
    ),
    "sinner": (
        PARAMETERS,
        lambda text: text + "sinner 1 1\n",
        r"line 3: .*\(sinner\) is not supported",
    ),
    "dinner": (
        PARAMETERS,
        lambda text: text + "\ndinner 1 1\n",
        r"line 4: .*\(dinner\) is not supported",
    ),
    "number": (
        PARAMETERS,
        lambda text: text + "rmin0 x\n",
        "line 3: rmin0 needs one number, but x was found",
    ),
    "whole number": (
        PARAMETERS,
        lambda text: text.replace("twojmax 3", "twojmax 3.5"),
        "line 2: twojmax needs one whole",
    ),
    "no number": (
        PARAMETERS,
        lambda text: text + "rfac0\n",
        "line 3: rfac0 needs one number, but nothing was found",
    ),
    "flag": (
        PARAMETERS,
        lambda text: text + "bzeroflag 2\n",
        "line 3: bzeroflag is 0 or 1, but 2 was found",
    ),
    "negative": (PARAMETERS, lambda text: text.replace("4.6", "-4.6"), "rcutfac must be positive"),
    "huge": (
        PARAMETERS,
        lambda text: text.replace("twojmax 3", "twojmax 30"),
        "twojmax must be between 0 and 14",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_one_sentence_with_file_and_line(tmp_path, case):
    suffix, change, message = WRONG[case]
    files = write_snap(tmp_path)
    SNAP.from_lammps(*files, PAIR)
    path = tmp_path / f"small{suffix}"
    path.write_text(change(path.read_text()))
    with pytest.raises(AdfluxError, match=message) as caught:
        SNAP.from_lammps(*files, PAIR)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_channels_need_the_elements_in_the_order_of_the_file(tmp_path):
    files = write_snap(tmp_path, chemflag=1)
    with pytest.raises(
        AdfluxError, match=r"in the order of the file, Si, Ge, but Si was asked for"
    ):
        SNAP.from_lammps(*files, PAIR[:1])


@pytest.mark.parametrize("suffix", (COEFFICIENTS, PARAMETERS))
def test_a_file_that_is_not_there_is_named(tmp_path, suffix):
    files = write_snap(tmp_path)
    (tmp_path / f"small{suffix}").unlink()
    with pytest.raises(AdfluxError, match=rf"small{suffix} cannot be read"):
        SNAP.from_lammps(*files, PAIR)
