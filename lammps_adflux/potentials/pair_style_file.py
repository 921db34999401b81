"""The potential that `pair_style` and `pair_coeff` commands of a LAMMPS input file define: SNAP,
Stillinger-Weber, ZBL, and their sum.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import AdfluxError
from .base import Potential
from .script_words import commands, value_of
from .snap.potential import SNAP
from .stillinger_weber import StillingerWeber
from .total import Sum
from .zbl import ZBL

OVERLAY = "hybrid/overlay"
READ = ("zbl", "snap", "sw")  # and zero, which adds nothing
WITHOUT_MEANING = (
    "print", "echo", "log", "mass", "neighbor", "neigh_modify", "comm_modify", "newton",
    "boundary", "atom_style", "atom_modify",
    "thermo",
)  # fmt: skip


class Style(NamedTuple):
    """One of the styles of a pair_style command."""

    name: str
    options: list[str]


class Coefficients(NamedTuple):
    """A pair_coeff command for one style."""

    place: str
    types: tuple[str, str]
    words: list[str]


def read_pair_style(path, elements=None) -> Potential:
    """The potential of a LAMMPS file such as the .snap and .mod files that come with SNAP
    coefficients, in metal units.

    pair_style snap, sw, zbl, and hybrid/overlay of them are read, with variables of numbers; the
    files that pair_coeff names are looked for beside this file first. elements: the order in the
    potential; that of the atom types if not given. Anything else that adds to the energy (tables,
    Coulomb interactions, scaled styles) is an AdfluxError that names file and line.
    """
    path = Path(path)
    styles, coefficients = _styles_and_coefficients(path)
    types = _types(path, coefficients)
    if types is None:
        if elements is None:
            raise AdfluxError(
                f"{path} does not name the elements of its atom types: give elements=, one for "
                "each type."
            )
        types = list(elements.replace(",", " ").split() if isinstance(elements, str) else elements)
    names = elements if elements is not None else list(dict.fromkeys(types))
    names = tuple(names.replace(",", " ").split() if isinstance(names, str) else names)
    unknown = [name for name in names if name not in types]
    if unknown:
        raise AdfluxError(
            f"{path} has atom types for {', '.join(types)}, but {', '.join(unknown)} was asked for."
        )
    parts = []
    for style in styles:
        if style.name == "zbl":
            parts.append(_zbl(path, style, coefficients, types, names))
        elif style.name == "snap":
            file, parameters = _files(path, coefficients["snap"], 2)
            parts.append(SNAP.from_files(file, parameters, names))
        elif style.name == "sw":
            (file,) = _files(path, coefficients["sw"], 1)
            parts.append(StillingerWeber.from_lammps(file, elements=names))
    if not parts:
        raise AdfluxError(f"{path} has no pair_style with an energy: {', '.join(READ)} are read.")
    return parts[0] if len(parts) == 1 else Sum(*parts)


def _styles_and_coefficients(path: Path) -> tuple[list[Style], dict[str, list[Coefficients]]]:
    styles: list[Style] = []
    found: dict[str, list[Coefficients]] = {}
    hybrid = False
    for place, words in commands(path):
        if words[0] == "pair_style":
            hybrid, styles = words[1:2] == [OVERLAY], _split(place, words[1:])
            found = {style.name: [] for style in styles}
        elif words[0] == "pair_coeff" and styles and len(words) > 3:
            name = words[3] if hybrid else styles[0].name
            if name not in found:
                raise AdfluxError(
                    f"{place}: {name} is no style of the pair_style command before, "
                    f"{', '.join(found)}."
                )
            found[name].append(
                Coefficients(place, (words[1], words[2]), words[4 if hybrid else 3 :])
            )
        elif words[0] == "pair_coeff" and [style.name for style in styles] != ["zero"]:
            raise AdfluxError(
                f"{place}: `{' '.join(words)}` has no coefficients, or stands before pair_style."
            )
        elif words[0] == "units" and words[1:] != ["metal"]:
            raise AdfluxError(
                f"{place}: metal units were needed, but `{' '.join(words)}` was found."
            )
        elif words[0] not in ("pair_coeff", "units", *WITHOUT_MEANING):
            raise AdfluxError(
                f"{place}: variable, pair_style and pair_coeff are read, but the command "
                f"{words[0]} was found; put the pair style into a file of its own."
            )
    if not styles:
        raise AdfluxError(
            f"{path} has no pair_style command: name a file that LAMMPS would include for the "
            "potential."
        )
    return styles, found


def _split(place: str, words: list[str]) -> list[Style]:
    """The styles of a pair_style command with their options."""
    hybrid = words[:1] == [OVERLAY]
    styles: list[Style] = []
    for word in words[1:] if hybrid else words:
        number = (
            word.replace(".", "", 1).replace("-", "").replace("+", "").replace("e", "").isdigit()
        )
        if styles and (number or (styles[-1].name == "zero" and word in ("nocoeff", "full"))):
            styles[-1].options.append(word)
        elif word in (*READ, "zero"):
            styles.append(Style(word, []))
        else:
            raise AdfluxError(
                f"{place}: pair_style {word} has no potential here; {', '.join(READ)} and "
                f"{OVERLAY} of them are read."
            )
    names = [style.name for style in styles]
    if not names or len(set(names)) != len(names) or (not hybrid and len(names) > 1):
        raise AdfluxError(
            f"{place}: one style, or {OVERLAY} of different ones, was needed, but "
            f"`{' '.join(words)}` was found."
        )
    for style in styles:
        wanted = {"zbl": 2, "snap": 0, "sw": 0}.get(style.name, len(style.options))
        if len(style.options) != wanted:
            raise AdfluxError(
                f"{place}: {style.name} has {wanted} numbers, but `{' '.join(style.options)}` was "
                "found."
            )
    return styles


def _types(path: Path, coefficients: dict[str, list[Coefficients]]) -> list[str] | None:
    """The element of each atom type, as the styles with files name them."""
    types = None
    for name, count in (("snap", 2), ("sw", 1)):
        if name not in coefficients:
            continue
        if not coefficients[name]:
            raise AdfluxError(f"{path} has no pair_coeff for {name}.")
        *_, (place, ends, words) = coefficients[name]
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


def _files(path: Path, coefficients: list[Coefficients], count: int) -> list[Path]:
    """The files that the last pair_coeff names, beside `path` or where the program runs."""
    names = [Path(word) for word in coefficients[-1].words[:count]]
    return [path.parent / name if (path.parent / name).exists() else name for name in names]


def _zbl(path: Path, style: Style, coefficients, types: list[str], names: tuple[str, ...]) -> ZBL:
    """ZBL between the types that pair_coeff names; LAMMPS mixes the others only where no other
    style stands between them.
    """
    inner, outer = (value_of(str(path), word) for word in style.options)
    count = len(types)
    charges: dict[str, float] = {}
    between = np.zeros((count, count), bool)
    for place, ends, words in coefficients["zbl"]:
        if len(words) != 2:
            raise AdfluxError(
                f"{place}: zbl needs two nuclear charges, but `{' '.join(words)}` was found."
            )
        first, second = (_bounds(place, end, count) for end in ends)
        pairs = [(i, j) for i in first for j in second if j >= i]
        if not pairs:
            raise AdfluxError(f"{place}: the first atom type must not be larger than the second.")
        for pair in pairs:
            for atom, word in zip(pair, words, strict=True):
                charge = value_of(place, word)
                if charges.setdefault(types[atom], charge) != charge:
                    raise AdfluxError(
                        f"{place}: {types[atom]} has nuclear charge {charge:g} here, but "
                        f"{charges[types[atom]]:g} before."
                    )
            between[pair] = between[pair[::-1]] = True
    if not between.any():
        raise AdfluxError(f"{path} has no pair_coeff for zbl.")
    if all(len(found) == 0 for name, found in coefficients.items() if name not in ("zbl", "zero")):
        own = between.diagonal()
        between |= np.logical_and.outer(own, own)
    of_elements = np.zeros((len(names), len(names)), bool)
    asked = [(i, j) for i, j in np.ndindex(count, count) if types[i] in names and types[j] in names]
    places = [(names.index(types[i]), names.index(types[j])) for i, j in asked]
    for place, pair in zip(places, asked, strict=True):
        of_elements[place] |= between[pair]
    for place, (i, j) in zip(places, asked, strict=True):
        if of_elements[place] != between[i, j]:
            raise AdfluxError(
                f"{path}: zbl acts between some types of {types[i]} and {types[j]} only, which a "
                "sum cannot have."
            )
    # a charge that no pair names has no effect
    return ZBL(
        inner,
        outer,
        elements=names,
        numbers=[charges.get(name, 1.0) for name in names],
        between=of_elements,
    )


def _bounds(place: str, word: str, count: int) -> range:
    """Atom types 0 … count-1 of `2`, `*`, `2*`, `*3`, `1*3`."""
    low, star, high = word.partition("*")
    try:
        first = int(low) if low else 1
        last = (int(high) if high else count) if star else first
    except ValueError:
        raise AdfluxError(f"{place}: atom types were needed, but {word!r} was found.") from None
    if not 1 <= first <= last <= count:
        raise AdfluxError(
            f"{place}: the atom types {word} are not among the {count} that have elements."
        )
    return range(first - 1, last)
