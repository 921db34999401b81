"""LAMMPS' .snapcoeff and .snapparam files."""

from pathlib import Path

import numpy as np

from ...errors import AdfluxError
from ..text_files import read_lines, words_of
from .bispectrum import triples

DEFAULTS = {  # as in LAMMPS' pair_style snap
    "rfac0": 0.99363,
    "rmin0": 0.0,
    "switchflag": 1,
    "bzeroflag": 1,
    "quadraticflag": 0,
    "chemflag": 0,
    "bnormflag": 0,
    "wselfallflag": 0,
}
REQUIRED = ("rcutfac", "twojmax")
FLAGS = ("twojmax", *(name for name in DEFAULTS if name.endswith("flag")))
WITHOUT_MEANING = ("chunksize", "parallelthresh")  # for LAMMPS' own speed
QUOTES = "\"'"  # LAMMPS leaves them out


def read_parameters(path: Path) -> dict:
    """Keywords of a .snapparam file, with LAMMPS' defaults."""
    found: dict = {}
    for number, words in words_of(read_lines(path, "SNAP parameter"), QUOTES):
        name, place = words[0], f"{path}, line {number}"
        if name in ("sinner", "dinner") or (name == "switchinnerflag" and words[1:2] != ["0"]):
            raise AdfluxError(
                f"{place}: the inner switching of SNAP ({name}) is not supported; leave it out."
            )
        if name in WITHOUT_MEANING or name == "switchinnerflag":
            continue
        if name not in DEFAULTS and name not in REQUIRED:
            raise AdfluxError(f"{place}: the keyword {name!r} is not known to SNAP; remove it.")
        try:
            (word,) = words[1:]
            found[name] = int(word) if name in FLAGS else float(word)
        except ValueError:
            kind = "one whole number" if name in FLAGS else "one number"
            raise AdfluxError(
                f"{place}: {name} needs {kind}, but {' '.join(words[1:]) or 'nothing'} was found."
            ) from None
        if name.endswith("flag") and found[name] not in (0, 1):
            raise AdfluxError(f"{place}: {name} is 0 or 1, but {found[name]} was found.")
    missing = [name for name in REQUIRED if name not in found]
    if missing:
        raise AdfluxError(
            f"{path}: {' and '.join(missing)} must be given, but the file has only "
            f"{', '.join(found)}."
        )
    if not 0 <= found["twojmax"] <= 14:
        raise AdfluxError(f"{path}: twojmax must be between 0 and 14, but is {found['twojmax']}.")
    if not found["rcutfac"] > 0.0:
        raise AdfluxError(f"{path}: rcutfac must be positive, but is {found['rcutfac']}.")
    return {**DEFAULTS, **found}


def read_coefficients(
    path: Path, elements: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...]]:
    """Radius and weight [elements], coefficients [elements, numbers], and all elements of the file
    in its order.
    """
    lines = words_of(read_lines(path, "SNAP coefficient"), QUOTES)
    if not lines:
        raise AdfluxError(f"{path}: a SNAP coefficient file was needed, but it is empty.")
    number, words = lines[0]
    try:
        blocks, count = (int(word) for word in words)
    except ValueError:
        raise AdfluxError(
            f"{path}, line {number}: the numbers of elements and of coefficients were needed, but "
            f"{' '.join(words)!r} was found."
        ) from None
    entries: dict[str, tuple[float, float, np.ndarray]] = {}
    rest = lines[1:]
    for _ in range(blocks):
        if not rest:
            raise AdfluxError(
                f"{path}: {blocks} elements were announced, but only {', '.join(entries)} found."
            )
        number, words = rest[0]
        try:
            name, radius, weight = words[0], float(words[1]), float(words[2])
            if len(words) != 3:
                raise ValueError
        except (ValueError, IndexError):
            raise AdfluxError(
                f"{path}, line {number}: an element with radius and weight was needed, but "
                f"{' '.join(words)!r} was found; "
                f"each element has {count} coefficients."
            ) from None
        if name in entries:
            raise AdfluxError(f"{path}, line {number}: a second block of {name}; keep one.")
        entries[name] = (
            radius,
            weight,
            np.array([_coefficient(path, *line) for line in rest[1 : count + 1]]),
        )
        if len(entries[name][2]) < count:
            raise AdfluxError(
                f"{path}, line {number}: {name} needs {count} coefficients, but the file ends "
                f"after {len(entries[name][2])}."
            )
        rest = rest[count + 1 :]
    if rest:
        raise AdfluxError(
            f"{path}, line {rest[0][0]}: {blocks} elements of {count} coefficients were "
            "announced, but the file goes on; mend its first line."
        )
    unknown = [name for name in elements if name not in entries]
    if unknown:
        raise AdfluxError(
            f"{path} has no element {', '.join(unknown)}; it knows {', '.join(entries)}."
        )
    radii, weights, values = zip(*(entries[name] for name in elements), strict=True)
    return np.array(radii), np.array(weights), np.array(values), tuple(entries)


def count_components(parameters: dict, elements: int) -> int:
    """Components of the bispectrum of one atom."""
    channels = elements if parameters["chemflag"] else 1
    return len(triples(parameters["twojmax"])) * channels**3


def read_files(coefficients: Path, parameters: Path, elements: tuple[str, ...]):
    """Parameters, and radii, weights and coefficients of the elements, of files that belong
    together.
    """
    p = read_parameters(parameters)
    radii, weights, values, known = read_coefficients(coefficients, elements)
    if p["chemflag"] and elements != known:
        raise AdfluxError(
            f"{coefficients}: with chemflag 1 the coefficients mean the elements in the order of "
            f"the file, {', '.join(known)}, but {', '.join(elements)} was asked for."
        )
    components = count_components(p, len(elements))
    products = components * (components + 1) // 2 if p["quadraticflag"] else 0
    if values.shape[1] != 1 + components + products:
        raise AdfluxError(
            f"{coefficients} has {values.shape[1]} coefficients per element, but twojmax "
            f"{p['twojmax']}, quadraticflag {p['quadraticflag']} and chemflag {p['chemflag']} of "
            f"{parameters} need {1 + components + products}."
        )
    return p, radii, weights, values


def write_files(
    coefficients: Path, parameters, elements, radii, weights, values, keywords: dict, units: str
) -> None:
    """Both files; radii are multiplied by rcutfac already, values [elements, numbers]."""
    parameters = coefficients.with_suffix(".snapparam") if parameters is None else Path(parameters)
    if coefficients.resolve() == parameters.resolve():
        raise AdfluxError(
            "The coefficients and the parameters of SNAP need two files, but both would be "
            f"{parameters}."
        )
    if not np.isfinite(values).all():
        raise AdfluxError("Coefficients that are not finite cannot be written for LAMMPS.")
    head = f"# SNAP for {', '.join(elements)}, written by lammps_adflux UNITS: {units}"
    lines = [head, "", f"{len(elements)} {values.shape[1]}"]
    for element, radius, weight, numbers in zip(elements, radii, weights, values, strict=True):
        lines.append(f"{element} {_factor(radius, keywords['rcutfac'])!r} {weight!r}")
        lines += [repr(number) for number in numbers.tolist()]
    _write(coefficients, lines, "SNAP coefficient")
    settings = [
        f"{name} {int(value) if isinstance(value, bool) else value!r}"
        for name, value in keywords.items()
    ]
    _write(parameters, [head, *settings], "SNAP parameter")


def _coefficient(path: Path, number: int, words: list[str]) -> float:
    try:
        (word,) = words
        value = float(word)
    except ValueError:
        raise AdfluxError(
            f"{path}, line {number}: one coefficient was needed, but {' '.join(words)!r} was "
            "found; are there as many as the first line says?"
        ) from None
    if not np.isfinite(value):
        raise AdfluxError(f"{path}, line {number}: the coefficient {word} is not finite.")
    return value


def _factor(product: float, factor: float) -> float:
    """x with x · factor = product, in few digits where that is possible."""
    quotient = product / factor
    near = (
        float(f"{quotient:.15g}"),
        quotient,
        np.nextafter(quotient, 0.0),
        np.nextafter(quotient, np.inf),
    )
    return float(next((x for x in near if x * factor == product), quotient))


def _write(path: Path, lines: list[str], kind: str) -> None:
    try:
        path.write_text("\n".join(lines) + "\n")
    except OSError as error:
        raise AdfluxError(f"The {kind} file {path} cannot be written: {error.strerror}.") from error
