"""Styles whose `pair_coeff` names files."""

from pathlib import Path

from ...errors import AdfluxError
from ..base import Potential
from ..eam.potential import EAM
from ..snap.potential import SNAP
from ..stillinger_weber import StillingerWeber
from ..tersoff.potential import Tersoff
from .bounds import bounds
from .commands import Coefficients, Commands

# how many files `pair_coeff * *` names before the elements of the types
FILES = {
    "snap": 2,
    "sw": 1,
    "eam/alloy": 1,
    "eam/fs": 1,
    "tersoff": 1,
    "tersoff/mod": 1,
    "tersoff/zbl": 1,
}


def types_of(found: Commands) -> list[str] | None:
    """The element of each atom type, as the styles with files name them."""
    types = None
    for name, count in FILES.items():
        if name not in found.coefficients:
            continue
        if not found.coefficients[name]:
            raise AdfluxError(f"{found.path} has no pair_coeff for {name}.")
        *_, (place, ends, words) = found.coefficients[name]
        if ends != ("*", "*") or len(words) <= count:
            raise AdfluxError(
                f"{place}: `pair_coeff * *` with {count} file{'s' * (count > 1)} and the elements "
                "of the types was needed."
            )
        if "NULL" in words[count:]:
            raise AdfluxError(
                f"{place}: an atom type is NULL for {name}, but all parts of a sum need all "
                "elements; export the parts alone."
            )
        if types is not None and types != words[count:]:
            raise AdfluxError(
                f"{place}: the atom types are {' '.join(words[count:])} here, but "
                f"{' '.join(types)} before."
            )
        types = words[count:]
    return types


def from_files(found: Commands, style: str, types: list[str], names: tuple[str, ...]) -> Potential:
    """The potential of a style in `FILES`, or of `eam`, for these elements."""
    if style == "eam":
        _check_alone(found, types)
        return EAM.from_lammps(
            [_file_of(found, types, name) for name in names], elements=names, style=style
        )
    files = [
        _beside(found.path, word) for word in found.coefficients[style][-1].words[: FILES[style]]
    ]
    if style == "snap":
        coefficients, parameters = files
        return SNAP.from_files(coefficients, parameters, names)
    (file,) = files
    if style == "sw":
        return StillingerWeber.from_lammps(file, elements=names)
    kind = EAM if style.startswith("eam") else Tersoff
    return kind.from_lammps(file, elements=names, style=style)


def _check_alone(found: Commands, types: list[str]) -> None:
    """Between unlike types LAMMPS has `eam` only where no other style stands."""
    others = [name for name, lines in found.coefficients.items() if lines and name != "eam"]
    if len(types) > 1 and others:
        raise AdfluxError(
            f"{found.path}: beside {others[0]} LAMMPS has no eam between unlike atom types, which "
            f"one potential cannot have, but {len(types)} types were found: use eam/alloy."
        )


def _file_of(found: Commands, types: list[str], element: str) -> Path:
    """The file of `eam` that the types of this element have."""
    files = {}
    for line in found.coefficients["eam"]:
        _check_one_file(line)
        first, second = (bounds(line.place, end, len(types)) for end in line.types)
        for k in first:
            if k in second:
                files[k] = line.words[0]
    chosen = {files.get(k) for k, name in enumerate(types) if name == element}
    if len(chosen) != 1 or None in chosen:
        raise AdfluxError(
            f"{found.path}: one file of eam was needed for all types of {element}, but "
            f"{', '.join(sorted(map(str, chosen)))} was found."
        )
    return _beside(found.path, str(chosen.pop()))


def _check_one_file(line: Coefficients) -> None:
    if len(line.words) != 1:
        raise AdfluxError(
            f"{line.place}: eam needs one file, but `{' '.join(line.words)}` was found."
        )


def _beside(path: Path, word: str) -> Path:
    """A file beside the script, or where the program runs."""
    beside = path.parent / word
    return beside if beside.exists() else Path(word)
