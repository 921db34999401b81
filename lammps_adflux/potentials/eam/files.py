"""Reader of LAMMPS' EAM files: DYNAMO's funcfl (`eam`), setfl (`eam/alloy`), and setfl with a
density for each pair of elements (`eam/fs`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import AdfluxError
from ..file_units import units_of_file
from ..text_files import is_number, read_lines
from .splines import SHORTEST

STYLES = ("eam", "eam/alloy", "eam/fs")
HARTREE, BOHR = 27.2, 0.529  # eV and Å, the digits of LAMMPS' `eam`


class Tables(NamedTuple):
    """What EAM files hold, on one grid."""

    embedding: np.ndarray  # F(ρ) [elements, points]
    density: np.ndarray  # f(r) [elements at j, 1 or elements at i, points]
    pair: np.ndarray  # r φ(r) [pairs of elements, points]: 0 0, 1 0, 1 1, 2 0, …
    drho: float
    dr: float
    cutoff: float
    units: str = "metal"


class _Funcfl(NamedTuple):
    embedding: np.ndarray
    charge: np.ndarray  # Z(r), φ = Z_i Z_j / r
    density: np.ndarray
    drho: float
    dr: float
    cutoff: float


class _Reader:
    """The lines of a file, one after the other."""

    def __init__(self, path: Path, skip: int):
        self.path = path
        self._lines = read_lines(path, "EAM")
        self._next = 0
        self.skip(skip)

    def skip(self, count: int) -> None:
        self._next += count

    @property
    def place(self) -> str:
        return f"{self.path}, line {self._next}"

    def words(self) -> list[str]:
        """Of the next line that has any."""
        while self._next < len(self._lines):
            words = self._lines[self._next].split("#")[0].split()
            self._next += 1
            if words:
                return words
        raise AdfluxError(f"{self.path} ends after line {self._next}: it may be cut off.")

    def numbers(self, count: int) -> np.ndarray:
        """A table that begins on a new line."""
        found: list[float] = []
        while len(found) < count:
            words = self.words()
            try:
                found += [float(word) for word in words]
            except ValueError:
                raise AdfluxError(
                    f"{self.place}: {count - len(found)} more numbers of a table were needed, but "
                    f"{' '.join(words)[:60]!r} was found."
                ) from None
        values = np.array(found[:count])
        if len(found) > count or not np.isfinite(values).all():
            raise AdfluxError(
                f"{self.place}: a table of {count} finite numbers was needed, but more numbers, or "
                "some that are not finite, were found."
            )
        return values

    def grid(self) -> tuple[int, float, int, float, float]:
        """nrho, drho, nr, dr, cutoff."""
        words = self.words()
        try:
            nrho, nr = int(words[0]), int(words[2])
            drho, dr, cutoff = (float(words[k]) for k in (1, 3, 4))
        except (ValueError, IndexError):
            raise AdfluxError(
                f"{self.place}: nrho, drho, nr, dr and the cutoff were needed, but "
                f"{' '.join(words)[:60]!r} was found."
            ) from None
        if len(words) > 5 and is_number(words[5]):
            raise AdfluxError(
                f"{self.place}: a sixth number was found, as in files of eam/he, which is not "
                f"read; {', '.join(STYLES)} are."
            )
        if min(nrho, nr) < SHORTEST or not (drho > 0.0 and dr > 0.0 and 0.0 < cutoff < np.inf):
            raise AdfluxError(
                f"{self.place}: tables of {SHORTEST} points at least, with positive spacings and "
                f"cutoff, were needed, but {' '.join(words[:5])} was found."
            )
        return nrho, drho, nr, dr, cutoff

    def rest(self) -> bool:
        """Is there anything more in the file?"""
        return any(line.split("#")[0].split() for line in self._lines[self._next :])


def read_tables(paths, elements: tuple[str, ...], style: str | None, units: str | None) -> Tables:
    """The tables of `elements`, in their order, from one file; or from one file of `eam` for each
    element.
    """
    files = [Path(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    if style not in (None, *STYLES):
        raise AdfluxError(f"style must be one of {', '.join(STYLES)}, but is {style!r}.")
    if not files:
        raise AdfluxError("EAM needs a file, but none was given.")
    if style == "eam" or (style is None and not _has_names(files[0])):
        if len(files) != len(elements):
            raise AdfluxError(
                f"Files of pair_style eam hold one element each: {len(elements)} were needed for "
                f"{', '.join(elements)}, but {len(files)} were given."
            )
        tables = _on_one_grid([_read_funcfl(path) for path in files])
    elif len(files) > 1:
        raise AdfluxError(
            f"pair_style {style or 'eam/alloy'} has one file, but {len(files)} were given."
        )
    else:
        tables = _read_setfl(files[0], elements, style)
    named = sorted({units_of_file(path, units) for path in files})
    if len(named) > 1:
        raise AdfluxError(
            f"Files in the same units were needed, but {' and '.join(named)} were found."
        )
    return tables._replace(units=named[0])


def _has_names(path: Path) -> bool:
    """Does the fourth line name elements, as setfl files do?"""
    lines = read_lines(path, "EAM")
    words = lines[3].split() if len(lines) > 3 else []
    return len(words) > 1 and words[0].isdigit() and not is_number(words[1])


def _read_setfl(path: Path, elements: tuple[str, ...], style: str | None) -> Tables:
    """Without a style: `eam/fs` has more densities than elements."""
    finnis_sinclair = _has_more_densities(path) if style is None else style == "eam/fs"
    names, tables, rest = _read_tables(path, finnis_sinclair)
    if rest:
        form = "eam/fs" if finnis_sinclair else "eam/alloy"
        raise AdfluxError(
            f"{path} has more numbers than the tables of {len(names)} elements for {form}."
        )
    unknown = [name for name in elements if name not in names]
    if unknown:
        raise AdfluxError(f"{path} has tables of {', '.join(names)}, but not of {unknown[0]}.")
    rows = np.array([names.index(name) for name in elements])
    density = tables.density[rows]
    return tables._replace(
        embedding=tables.embedding[rows],
        density=density[:, rows] if density.shape[1] > 1 else density,
        pair=np.array([tables.pair[pair_row(rows[i], rows[j])] for i, j in pairs(len(rows))]),
    )


def _read_tables(path: Path, finnis_sinclair: bool) -> tuple[list[str], Tables, bool]:
    reader = _Reader(path, 3)
    words = reader.words()
    names = words[1:]
    if not words[0].isdigit() or int(words[0]) != len(names) or not names:
        raise AdfluxError(
            f"{reader.place}: the number of elements and their names were needed, but "
            f"{' '.join(words)[:60]!r} was found."
        )
    nrho, drho, nr, dr, cutoff = reader.grid()
    embedding, density = [], []
    for _ in names:
        reader.words()  # atomic number, mass, lattice
        embedding.append(reader.numbers(nrho))
        density.append([reader.numbers(nr) for _ in (names if finnis_sinclair else names[:1])])
    pair = [reader.numbers(nr) for _ in pairs(len(names))]
    tables = Tables(np.array(embedding), np.array(density), np.array(pair), drho, dr, cutoff)
    return names, tables, reader.rest()


def _has_more_densities(path: Path) -> bool:
    """Do numbers follow the first density, and not the next element, whose lattice is a word?"""
    reader = _Reader(path, 3)
    elements = len(reader.words()) - 1
    nrho, _, nr, *_ = reader.grid()
    reader.words()
    reader.numbers(nrho)
    reader.numbers(nr)
    return elements > 1 and all(map(is_number, reader.words()))


def _read_funcfl(path: Path) -> _Funcfl:
    reader = _Reader(path, 1)
    reader.words()  # atomic number, mass, lattice
    nrho, drho, nr, dr, cutoff = reader.grid()
    embedding, charge, density = (reader.numbers(count) for count in (nrho, nr, nr))
    if reader.rest():
        raise AdfluxError(f"{path} has more numbers than the tables of pair_style eam.")
    return _Funcfl(embedding, charge, density, drho, dr, cutoff)


def _on_one_grid(files: Sequence[_Funcfl]) -> Tables:
    """As LAMMPS: the coarsest spacing, the longest range, Lagrange interpolation of third order."""
    dr, drho = max(file.dr for file in files), max(file.drho for file in files)
    nr = round(max((len(file.density) - 1) * file.dr for file in files) / dr)
    nrho = round(max((len(file.embedding) - 1) * file.drho for file in files) / drho)
    charges = [_lagrange(file.charge, file.dr, dr, nr) for file in files]
    return Tables(
        np.array([_lagrange(file.embedding, file.drho, drho, nrho) for file in files]),
        np.array([[_lagrange(file.density, file.dr, dr, nr)] for file in files]),
        np.array([HARTREE * BOHR * charges[i] * charges[j] for i, j in pairs(len(files))]),
        drho,
        dr,
        max(file.cutoff for file in files),
    )


def _lagrange(values: np.ndarray, spacing: float, wanted: float, count: int) -> np.ndarray:
    places = np.arange(count) * wanted / spacing
    k = np.clip(places.astype(int), 1, len(values) - 3)
    p = np.minimum(places - k, 2.0)
    return (
        -p * (p - 1.0) * (p - 2.0) / 6.0 * values[k - 1]
        + 0.5 * (p * p - 1.0) * (p - 2.0) * values[k]
        - 0.5 * p * (p + 1.0) * (p - 2.0) * values[k + 1]
        + p * (p * p - 1.0) / 6.0 * values[k + 2]
    )


def pairs(size: int) -> list[tuple[int, int]]:
    """Pairs of elements in the order of the files."""
    return [(i, j) for i in range(size) for j in range(i + 1)]


def pair_row(i, j):
    """Where the pair stands in that order."""
    high, low = np.maximum(i, j), np.minimum(i, j)
    return high * (high + 1) // 2 + low
