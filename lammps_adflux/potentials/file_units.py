"""The unit system that a potential file of LAMMPS names."""

from pathlib import Path

from ..errors import AdfluxError
from .base import check_units


def units_of_file(path, wanted: str | None = None) -> str:
    """The word after `UNITS:` in the first line that is not blank, where LAMMPS looks for it;
    `wanted` or metal where there is none.

    AdfluxError where the file names other units than `wanted`.
    """
    with open(Path(path), encoding="latin-1") as file:
        words = next((line.split() for line in file if line.strip()), [])
    found = words[words.index("UNITS:") + 1] if "UNITS:" in words[:-1] else None
    if found and wanted and found != wanted:
        raise AdfluxError(
            f"{path} is in {found} units, but units={wanted!r} was given: leave units out."
        )
    return check_units(found or wanted or "metal")
