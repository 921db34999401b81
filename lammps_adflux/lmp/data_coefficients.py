"""Coefficients of pair styles in a data file that a script reads."""

import bz2
import gzip
import lzma
import shlex
from collections.abc import Iterator
from pathlib import Path

from ..errors import AdfluxError

# how many atom types a line begins with
SECTIONS = {"Pair Coeffs": 1, "PairIJ Coeffs": 2}
OPENED = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".lzma": lzma.open}
CLOSED = ".zst", ".lz4"  # LAMMPS reads them, with programs of their own


def coefficients_of_data(command: str) -> list[str]:
    """The pair_coeff commands that a read_data command stands for; another command itself."""
    if command.split()[:1] != ["read_data"]:
        return [command]
    words = shlex.split(command)
    # a file that LAMMPS does not find is the run's own
    if len(words) < 2 or "nocoeff" in words or not Path(words[1]).is_file():
        return []
    found = list(_lines(Path(words[1])))
    if found and "offset" in words:
        raise AdfluxError(
            f"`{command}` shifts the atom types of the pair coefficients in the data file, which "
            "is not read: add nocoeff, and write pair_coeff commands."
        )
    return found


def _lines(path: Path) -> Iterator[str]:
    if path.suffix in CLOSED:
        raise AdfluxError(
            f"{path} may hold pair coefficients, but is not read here: unpack it, and name the "
            "unpacked file in the script."
        )
    types, lines = 0, 0
    with OPENED.get(path.suffix, open)(path, "rt", encoding="latin-1") as file:
        for line in file:
            words = line.split("#")[0].split()
            title = " ".join(words)
            if title in SECTIONS:
                types, lines = SECTIONS[title], 0
            elif types and words:
                lines += 1
                yield " ".join(["pair_coeff", words[0], *words[types - 1 :]])
            elif types and lines:
                types = 0
