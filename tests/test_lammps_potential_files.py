"""Every file of EAM, Stillinger-Weber, Tersoff and SNAP that LAMMPS comes with is the potential
that LAMMPS makes of it.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import ase
import numpy as np
import pytest
from lammps_runner import find_program, run_lammps, vectors

from lammps_adflux import (
    EAM,
    SNAP,
    AdfluxError,
    StillingerWeber,
    Tersoff,
    energy_forces_virial,
    graph_from_atoms,
    read_pair_style,
)
from lammps_adflux.lmp.programs import potentials_folder

ROUNDING = 1e-10
# LAMMPS takes i j k or i k j, i j j or j i i as its lists are ordered, and these files have seven
# digits, or five
FEW_DIGITS = {"CdTeZnSeHgS0.sw": 1e-6, "SiC_1989.tersoff": 1e-7, "SiC_1994.tersoff": 1e-4}
# between the last point of a table, such as 4.7904 Å, and the cutoff, 4.8 Å, LAMMPS' energies are
# constant, but its forces go on with the last slope; ours are the slope of the energies
TABLE_ENDS = {
    "Cu_smf7.eam": 1e-2,
    "CuZr_mm.eam.fs": 1e-8,
    "Ni_smf7.eam": 1e-2,
    "NiO.eam.fs": 1e-8,
}
# it lacks entries for triplets of all its elements, of which some are Si(D)
SOME_ELEMENTS = {"SiCGe.tersoff": ("Ge",)}
STYLES = {
    ".eam": "eam",
    ".eam.alloy": "eam/alloy",
    ".eam.fs": "eam/fs",
    ".sw": "sw",
    ".snapcoeff": "snap",
    ".tersoff": "tersoff",
    ".tersoff.mod": "tersoff/mod",
    ".tersoff.zbl": "tersoff/zbl",
}
# LAMMPS' forces use that components with permuted elements are equal, and the file's 12 digits are
# so only nearly
TWELVE_DIGITS = {"InP_JCPA2020": 5e-9}
OTHER_STYLES = {"W_2940_2017_2_He_JW2013.snap": "line 10: pair_style table"}
SIDE, SPACING = 3, 2.7
# atoms at that distance do not interact
CLOSER = {"BNC.tersoff": 1.7}


@dataclass(frozen=True)
class File:
    """A potential file and the elements of the atom types."""

    path: Path
    elements: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The end of its name, as ".eam.fs"."""
        return "." + self.path.name.split(".", 1)[1]

    @property
    def commands(self) -> str:
        names, path = " ".join(self.elements), self.path
        if path.suffix == ".snap":
            return f"include {path}"
        files = f"{path} {path.with_suffix('.snapparam')}" if path.suffix == ".snapcoeff" else path
        names = "" if self.kind == ".eam" else names
        return f"pair_style {STYLES[self.kind]}\npair_coeff * * {files} {names}"

    @property
    def potential(self):
        if self.path.suffix == ".snap":
            return read_pair_style(self.path)
        if self.path.suffix == ".snapcoeff":
            return SNAP.from_lammps(self.path, self.path.with_suffix(".snapparam"), self.elements)
        style = STYLES[self.kind].split("/")[0]
        kind = {"eam": EAM, "sw": StillingerWeber, "tersoff": Tersoff}[style]
        return kind.from_lammps(self.path, elements=self.elements)


def elements_of(path: Path) -> tuple[str, ...]:
    """As the file has them."""
    if path.name in SOME_ELEMENTS:
        return SOME_ELEMENTS[path.name]
    if path.suffix == ".eam":
        return tuple(re.findall("^[A-Z][a-z]?", path.name))
    if ".eam." in path.name:
        return tuple(path.read_text(errors="replace").splitlines()[3].split()[1:])
    lines = [line.split("#")[0].split() for line in path.read_text(errors="replace").splitlines()]
    words = [line for line in lines if line]
    if path.suffix == ".snap":
        return tuple(
            re.split(r"\.snapparam\s+", path.read_text(errors="replace"))[1].split("\n")[0].split()
        )
    if path.suffix == ".snapcoeff":
        return tuple(line[0] for line in words if len(line) == 3)
    return tuple(
        dict.fromkeys(line[0] for line in words if len(line) > 3 and "".join(line[:3]).isalpha())
    )


def all_files() -> list[File]:
    try:
        folder = potentials_folder()
    except AdfluxError:
        return []
    paths = sorted(
        path
        for path in folder.iterdir()
        if path.suffix == ".snap" or path.name[path.name.find(".") :] in STYLES
    )
    # the same once: a .snap file with a core holds its coefficients, and one without is not more
    # than them
    cores = [
        path
        for path in paths
        if path.suffix == ".snap" and "zbl" in path.read_text(errors="replace")
    ]
    within = [core.with_suffix(".snapcoeff") for core in cores]
    paths = [
        path for path in paths if path in cores or (path.suffix != ".snap" and path not in within)
    ]
    return [File(path, elements_of(path)) for path in paths if path.name not in OTHER_STYLES]


FILES = all_files()


def disordered(file: File) -> ase.Atoms:
    random = np.random.default_rng(len(file.path.name))
    spacing = CLOSER.get(file.path.name, SPACING)
    grid = np.stack(np.meshgrid(*[np.arange(SIDE)] * 3, indexing="ij"), -1).reshape(-1, 3) * spacing
    positions = (grid + 0.15 * random.normal(size=grid.shape)) % (SIDE * spacing)
    symbols = [file.elements[n] for n in random.integers(len(file.elements), size=len(grid))]
    return ase.Atoms(symbols, positions, cell=3 * [SIDE * spacing], pbc=True)


def data_file(atoms: ase.Atoms, elements: tuple[str, ...]) -> str:
    types = [elements.index(symbol) + 1 for symbol in atoms.get_chemical_symbols()]
    lines = ["box", "", f"{len(atoms)} atoms", f"{len(elements)} atom types"]
    lines += [
        f"0 {edge:.17g} {a}lo {a}hi" for a, edge in zip("xyz", atoms.cell.lengths(), strict=True)
    ]
    lines += [
        "",
        "Masses",
        "",
        *(f"{t + 1} 20.0" for t in range(len(elements))),
        "",
        "Atoms # atomic",
        "",
    ]
    rows = zip(types, atoms.positions, strict=True)
    lines += [f"{n} {t} {x:.17g} {y:.17g} {z:.17g}" for n, (t, (x, y, z)) in enumerate(rows, 1)]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def native(tmp_path_factory):
    """LAMMPS' own energies and forces, all files in one process; the folder's names lie beside the
    files.
    """
    if find_program("lmp") is None:
        pytest.skip("needs lmp: run `adflux build-lammps`")
    folder = tmp_path_factory.mktemp("files")
    script = ""
    for file in FILES:
        (folder / f"{file.path.name}.data").write_text(data_file(disordered(file), file.elements))
        script += f"""
clear
units metal
atom_modify map array
read_data {file.path.name}.data
{file.commands}
thermo_style custom step pe
thermo_modify format float %.17g
run 0 post no
write_dump all custom {file.path.name}.dump id x y z fx fy fz modify format float %.17g
"""
        defined = re.findall(
            r"^variable\s+(\w+)", file.path.read_text(errors="replace"), re.MULTILINE
        )
        script += "".join(f"variable {name} delete\n" for name in defined)
    environment = {"LAMMPS_POTENTIALS": str(FILES[0].path.parent)} if FILES else {}
    run = run_lammps(folder, script, environment=environment, time_limit=200.0)
    return run, dict(zip(FILES, run.tables, strict=True))


@pytest.mark.lammps
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.path.name)
def test_energies_and_forces_equal_lammps_own(native, file):
    run, tables = native
    potential, frame = file.potential, run.dump(f"{file.path.name}.dump")[0]
    atoms = disordered(file)
    atoms.positions = vectors(frame, "x", "y", "z")
    ours = energy_forces_virial(potential, graph_from_atoms(atoms, potential))
    forces, energy = vectors(frame, "fx", "fy", "fz"), tables[file]["PotEng"][0]
    assert np.abs(forces).max() > 0.1
    allowed = FEW_DIGITS.get(file.path.name, ROUNDING)
    assert abs(float(ours.energy) - energy) < allowed * max(
        abs(energy), np.abs(ours.energies).max()
    )
    allowed = TWELVE_DIGITS.get(file.path.stem, TABLE_ENDS.get(file.path.name, allowed))
    assert np.abs(ours.forces - forces).max() < allowed * np.abs(forces).max()


@pytest.mark.parametrize("name", OTHER_STYLES)
def test_files_of_other_styles_say_why_they_are_refused(name):
    try:
        path = potentials_folder() / name
    except AdfluxError:
        pytest.skip("needs LAMMPS' potential files")
    with pytest.raises(AdfluxError, match=f"{name}, {OTHER_STYLES[name]}"):
        read_pair_style(path)


def test_the_folder_has_files():
    try:
        potentials_folder()
    except AdfluxError:
        pytest.skip("needs LAMMPS' potential files")
    assert {file.kind for file in FILES} >= set(STYLES)
