"""Derivatives of structures by a network of layers: ranks, with empty ones, change nothing."""

import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from comparing import close
from lammps_runner import run_program
from relaxing import write_data

pytestmark = pytest.mark.lammps
PROGRAM = Path(__file__).parent / "programs" / "derivatives_of_layers.py"
# of sums of some hundred terms in another order
ROUNDING = 1e-12
# forces of relaxed structures are 1e-11, and the softest motions of a slab a hundred times softer
# than its bonds
RELAXED = 1e-9


def slab(seed: int) -> Atoms:
    """48 disordered atoms in the middle of a long cell: of four domains the outer two are empty."""
    random = np.random.default_rng(seed)
    atoms = bulk("Ar", "fcc", a=(4 / 0.95) ** (1 / 3), cubic=True) * (3, 2, 2)
    atoms.positions += random.normal(size=atoms.positions.shape) * 0.04
    atoms.symbols = np.where(random.uniform(size=len(atoms)) < 0.4, "Kr", "Ar")
    cell = np.array(atoms.cell)
    cell[0, 0] = 12.0
    atoms.set_cell(cell)
    atoms.positions += (3.6, 0.1, 0.1)
    return atoms


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    done = {}

    def run(what: str, ranks: int) -> dict[str, np.ndarray]:
        if (what, ranks) not in done:
            folder = tmp_path_factory.mktemp(f"{what}{ranks}")
            atoms = slab(seed=7)
            if what == "products":
                atoms += Atoms("Ar", [[1.0, 1.0, 1.0]])
            write_data(folder, what, atoms, "Ar", "Kr")
            command = [sys.executable, str(PROGRAM), what]
            run_program(folder, command, ranks, quick=True, time_limit=200.0)
            with np.load(folder / "found.npz") as file:
                done[what, ranks] = dict(file)
        return done[what, ranks]

    return run


PRODUCTS = (
    "energy",
    "gradient",
    "Hessian",
    "energies of changes",
    "mixed",
    "third",
    *(
        f"{what} {n}"
        for what in ("mixed transposed", "parameter slopes", "third by parameters")
        for n in range(3)
    ),
)


@pytest.mark.parametrize("ranks", (2, 4))
@pytest.mark.parametrize("name", PRODUCTS)
def test_products_equal_those_of_one_rank(runs, name, ranks):
    close(runs("products", ranks)[name], runs("products", 1)[name], ROUNDING, name)


def test_a_rank_without_atoms_and_one_without_pairs_were_among_them(runs):
    found = runs("products", 4)
    assert 0 in found["atoms of ranks"] and 0 in found["pairs of ranks"]
    assert ((found["pairs of ranks"] == 0) & (found["atoms of ranks"] > 0)).any()


RESPONSES = (
    "energy",
    "positions",
    "response",
    "energy1",
    "energy2",
    *(f"gradient {n}" for n in range(3)),
)


@pytest.mark.parametrize("name", RESPONSES)
def test_responses_equal_those_of_one_rank(runs, name):
    found = runs("relaxed", 4)
    assert sorted(found["atoms of ranks"] > 0) == [False, False, True, True]
    close(found[name], runs("relaxed", 1)[name], RELAXED, name)
