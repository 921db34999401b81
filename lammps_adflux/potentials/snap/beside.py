"""Does an input file beside SNAP's coefficients say that another pair style belongs to them?"""

import re
from pathlib import Path

from ...errors import AdfluxError
from ..text_files import read_lines

SUFFIXES = (".snap", ".mod")
ADDS_NOTHING = ("snap", "hybrid/overlay", "hybrid", "zero", "none", "nocoeff", "full")
LARGEST = 100_000  # bytes: an input file is short


def core_beside(coefficients: Path) -> tuple[Path, list[str]] | None:
    """The file in the folder of `coefficients` that uses them with other pair styles, and their
    names; None where there is none.
    """
    found = []
    try:
        files = sorted(
            file for file in coefficients.resolve().parent.iterdir() if file.suffix in SUFFIXES
        )
        files = [file for file in files if file.stat().st_size <= LARGEST]
    except OSError:
        return None
    for file in files:
        try:
            text = "\n".join(line.split("#")[0] for line in read_lines(file, "LAMMPS input"))
        except AdfluxError:
            continue
        if coefficients.name not in re.split(r"[\s/\"']+", text):
            continue
        text = re.sub(r"&[ \t]*\n", " ", text)
        words = " ".join(re.findall(r"^\s*pair_style\s+(.*)$", text, re.MULTILINE)).split()
        named = list(
            dict.fromkeys(w for w in words if re.match(r"[A-Za-z]", w) and w not in ADDS_NOTHING)
        )
        if not named:
            return None  # it says that SNAP stands alone
        found.append((file, named))
    return min(found, key=lambda pair: len(pair[1]), default=None)
