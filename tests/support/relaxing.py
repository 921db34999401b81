"""Starting structures for relaxations, and programs that relax them and say what they found."""

from pathlib import Path

import ase
import ase.io
import numpy as np
from ase.build import bulk
from lammps_runner import Run, run_python
from systems import silicon

SW = "Si Si Si 2.1683 2.0951 1.80 21.0 1.20 -0.333333333333 7.049556277 0.6022245584 4.0 0.0 0.0\n"


def write_data(folder: Path, name: str, atoms: ase.Atoms, *symbols: str) -> None:
    ase.io.write(
        folder / f"{name}.data", atoms, format="lammps-data", specorder=list(symbols), masses=True
    )


def read_start(folder: Path, name: str) -> ase.Atoms:
    """The structure that `write_structures` wrote, by ascending id."""
    atoms = ase.io.read(folder / f"{name}.data", format="lammps-data", atom_style="atomic")
    assert isinstance(atoms, ase.Atoms)
    return atoms


def write_structures(folder: Path) -> None:
    """Starting structures, disordered: the same for any number of ranks.

    The seed is one of those with which no pair crosses the cutoff during a finite difference:
    curvature jumps there.
    """
    random = np.random.default_rng(7)
    (folder / "Si.sw").write_text(SW)
    cell = bulk("Ar", "fcc", a=(4 / 0.95) ** (1 / 3), cubic=True)
    for name, crystal in (
        ("cubic", cell * (3, 2, 2)),
        ("network", cell * (3, 2, 2)),
        ("hexagonal", bulk("Ti", "hcp", a=1.09, c=1.77) * (3, 3, 2)),
    ):
        crystal.positions += random.normal(size=crystal.positions.shape) * 0.04
        crystal.symbols = np.where(random.uniform(size=len(crystal)) < 0.4, "Kr", "Ar")
        write_data(folder, name, crystal, "Ar", "Kr")
    solid = bulk("Ar", "fcc", a=1.58, cubic=True) * (5, 5, 5)
    solid.positions += random.normal(size=solid.positions.shape) * 0.04
    solid.symbols = np.where(random.uniform(size=len(solid)) < 0.5, "Kr", "Ar")
    del solid[::97]
    write_data(folder, "solid", solid, "Ar", "Kr")
    vacancy = silicon(2, rattle=0.02)
    del vacancy[20]
    write_data(folder, "silicon", vacancy, "Si")


def found(folder: Path, program: str, *arguments: object, **options) -> dict[str, np.ndarray]:
    """What a program of tests/programs found, which ends with `relaxed_systems.finish()`."""
    run_python(folder, program, *arguments, **options)
    with np.load(folder / "found.npz") as file:
        return dict(file)


def reported(run: Run) -> dict[str, dict[str, str]]:
    """The sentences of `relaxed_systems.report` by name and rank."""
    sentences: dict[str, dict[str, str]] = {}
    for line in run.stdout.splitlines():
        if line.count(" | ") == 2:
            rank, name, sentence = line.split(" | ")
            sentences.setdefault(name, {})[rank] = sentence
    return sentences
