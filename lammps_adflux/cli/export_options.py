"""Options that commands of `adflux export` share, and their words."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import AdfluxError

NAMES = "Names, in the order of the parameters, as 'Ar' or 'Ga,N'."
Elements = Annotated[str, typer.Option(help=NAMES)]
ModelFile = Annotated[Path, typer.Option("--output", "-o", help="The model file to write.")]
Precision = Annotated[str, typer.Option(help="float64 or float32.")]
Units = Annotated[
    str,
    typer.Option(
        help="Of energies and lengths: any (LAMMPS' own), metal, real, or another of LAMMPS."
    ),
]
Cutoff = Annotated[float, typer.Option(help="Cutoff (length).")]
Onset = Annotated[float | None, typer.Option(help="Start of the smooth switch (length).")]
Shift = Annotated[bool, typer.Option(help="Shift the pair energy to zero at the cutoff.")]


def names_of(elements: str) -> list[str]:
    """Of elements, between commas or blanks."""
    return elements.replace(",", " ").split()


def numbers_of(option: str, text: str) -> list[float]:
    """Between commas or blanks."""
    try:
        return [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        raise AdfluxError(f"{option} needs numbers, but {text!r} was found.") from None
