"""Reader of LAMMPS' .tersoff, .tersoff.mod and .tersoff.zbl files."""

from collections import Counter
from pathlib import Path

import numpy as np

from ...errors import AdfluxError
from ..text_files import read_lines, words_of

BOND = ("n", "beta", "lambda2", "B", "R", "D", "lambda1", "A")
# the numbers of an entry, by style; LAMMPS' names are m, gamma, lambda3, c, d, costheta0, n, …
COLUMNS = {
    "tersoff": ("m", "gamma", "lambda3", "c", "d", "h", *BOND),
    "tersoff/mod": ("m", "lambda3", "h", *BOND, "eta", "c1", "c2", "c3", "c4", "c5"),
    "tersoff/zbl": (
        "m", "gamma", "lambda3", "c", "d", "h", *BOND, "Z_i", "Z_j", "inner", "steepness",
    ),
}  # fmt: skip
POSITIVE = ("c", "d", "n", "beta", "lambda2", "B", "R", "D", "lambda1", "A", "gamma")
HEAVIEST = 120.0  # nuclear charge
# relative: SiC_1994.tersoff has numbers of five digits beside the same with more
PRINTED = 1e-4


def read_entries(
    path: Path, elements: tuple[str, ...], style: str | None
) -> tuple[str, dict[str, np.ndarray]]:
    """The style and the columns [elements, elements, elements] by name; an entry may span several
    lines.
    """
    if style not in (None, *COLUMNS):
        raise AdfluxError(f"style must be one of {', '.join(COLUMNS)}, but is {style!r}.")
    found = _entries(path)
    if style is None:
        # of the most entries
        counts = Counter(len(numbers) for _, _, numbers in found)
        fits = {name: counts[len(columns)] for name, columns in COLUMNS.items()}
        style = max(fits, key=lambda name: fits[name]) if any(fits.values()) else None
    wanted = ", ".join(f"{len(columns)} ({name})" for name, columns in COLUMNS.items())
    for place, names, numbers in found:
        if style is None or len(numbers) != len(COLUMNS[style]):
            wanted = wanted if style is None else f"{len(COLUMNS[style])} ({style})"
            raise AdfluxError(
                f"{place}: after three elements {wanted} numbers were needed, in all entries the "
                f"same, but {' '.join(names)} has {len(numbers)}."
            )
    if style is None:
        raise AdfluxError(f"{path} has no entry: three elements and {wanted} numbers were needed.")
    columns, size = COLUMNS[style], len(elements)
    table = np.full((size, size, size, len(columns)), np.nan)
    for place, names, numbers in found:
        if not set(names) <= set(elements):
            continue
        triplet = tuple(elements.index(name) for name in names)
        if np.isfinite(table[triplet]).all():
            raise AdfluxError(f"{place}: a second entry for {' '.join(names)}; keep one.")
        _check(place, names, dict(zip(columns, numbers, strict=True)))
        table[triplet] = numbers
    missing = np.argwhere(np.isnan(table).any(axis=-1))
    if len(missing):
        names = " ".join(elements[e] for e in missing[0])
        raise AdfluxError(
            f"{path} has no entry for {names}: every ordered triplet of elements needs one."
        )
    values = {name: table[..., number] for number, name in enumerate(columns)}
    _check_pairs(path, elements, values)
    return style, values


def _entries(path: Path) -> list[tuple[str, tuple[str, ...], list[float]]]:
    """Where each entry begins, its elements and its numbers."""
    found: list[tuple[str, tuple[str, ...], list[float]]] = []
    names: list[str] = []
    for number, words in words_of(read_lines(path, "Tersoff")):
        for word in words:
            try:
                value = float(word)
            except ValueError:
                value = None
            if value is None and len(names) < 3:
                if not names:
                    found.append((f"{path}, line {number}", (), []))
                names.append(word)
                found[-1] = (found[-1][0], tuple(names), [])
            elif value is None and found[-1][2]:
                names = [word]
                found.append((f"{path}, line {number}", (word,), []))
            elif value is not None and len(names) == 3:
                found[-1][2].append(value)
            else:
                raise AdfluxError(
                    f"{path}, line {number}: three elements and then numbers were needed, but "
                    f"{word!r} was found."
                )
    return found


def _check(place: str, names, entry: dict[str, float]) -> None:
    who = " ".join(names)
    if not all(np.isfinite(value) for value in entry.values()):
        raise AdfluxError(f"{place}: the parameters of {who} must be finite.")
    negative = [name for name in POSITIVE if entry.get(name, 0.0) < 0.0]
    if negative:
        raise AdfluxError(f"{place}: {negative[0]} of {who} must not be negative.")
    if entry["m"] not in (1.0, 3.0):
        raise AdfluxError(f"{place}: m of {who} must be 1 or 3, but is {entry['m']:g}.")
    if not entry["D"] <= entry["R"] > 0.0:
        raise AdfluxError(
            f"{place}: 0 <= D <= R and R > 0 were needed for {who}, but D is {entry['D']:g} and R "
            f"{entry['R']:g}."
        )
    charges = [entry[name] for name in ("Z_i", "Z_j") if name in entry]
    if charges and not (
        all(1.0 <= charge <= HEAVIEST for charge in charges)
        and entry["inner"] >= 0.0
        and entry["steepness"] >= 0.0
    ):
        raise AdfluxError(
            f"{place}: tersoff/zbl needs nuclear charges of 1 to {HEAVIEST:g}, then no negative "
            f"number, but {' '.join(names)} ends with {charges[0]:g} {charges[1]:g} "
            f"{entry['inner']:g} {entry['steepness']:g}; tersoff/mod/c, which has as many numbers, "
            "has no potential here."
        )
    if names[1] == names[2] and not entry["n"] > 0.0:
        raise AdfluxError(f"{place}: n of {who} must be positive, but is {entry['n']:g}.")


def _check_pairs(path, elements: tuple[str, ...], values: dict[str, np.ndarray]) -> None:
    """The repulsion belongs to the pair, and LAMMPS takes i j j or j i i by the atoms' numbers."""
    each = np.arange(len(elements))
    for name in ("A", "lambda1", "R", "D", "inner", "steepness"):
        if name not in values:
            continue
        pair = values[name][:, each, each]
        scale = np.maximum(np.abs(pair), np.abs(pair.T))
        wrong = np.argwhere(np.abs(pair - pair.T) > PRINTED * scale)
        if len(wrong):
            i, j = (elements[e] for e in wrong[0])
            raise AdfluxError(
                f"{path}: {name} of {i} {j} {j} and of {j} {i} {i} differ; the repulsion needs "
                "them equal."
            )
