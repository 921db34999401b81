"""Reader of LAMMPS' .sw files."""

from pathlib import Path

import numpy as np

from ..errors import AdfluxError
from .text_files import read_lines, words_of

PARAMETERS = ("epsilon", "sigma", "a", "lambda", "gamma", "costheta", "A", "B", "p", "q", "tol")
WIDTH = 3 + len(PARAMETERS)
# relative: files have seven digits, and products of two or three of their numbers have to be equal
PRINTED = 1e-5


def read_entries(path: Path, elements: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The columns of a .sw file [elements, elements, elements] by name; an entry may span several
    lines.
    """
    lines = read_lines(path, "Stillinger-Weber")
    size = len(elements)
    table = np.full((size, size, size, len(PARAMETERS)), np.nan)
    words: list[str] = []
    start = 0
    for number, new in words_of(lines):
        start = start if words else number
        words += new
        if len(words) < WIDTH:
            continue
        names, place = tuple(words[:3]), f"{path}, line {number}"
        values = _values(place, words)
        words = []
        if not set(names) <= set(elements):
            continue
        if (
            not np.isfinite(values).all()
            or (np.delete(values, PARAMETERS.index("costheta")) < 0.0).any()
        ):
            raise AdfluxError(
                f"{place}: the parameters of {' '.join(names)} must be finite and not negative "
                "(but for costheta)."
            )
        triplet = tuple(elements.index(name) for name in names)
        if np.isfinite(table[triplet]).all():
            raise AdfluxError(f"{place}: a second entry for {' '.join(names)}; keep one.")
        table[triplet] = values
    if words:
        raise AdfluxError(
            f"{path}, line {start}: an entry has {WIDTH} words, but the file ends after "
            f"{len(words)}; it may be cut off."
        )
    missing = np.argwhere(np.isnan(table).any(axis=-1))
    if len(missing):
        names = " ".join(elements[e] for e in missing[0])
        raise AdfluxError(
            f"{path} has no entry for {names}: every ordered triplet of elements needs one."
        )
    return {name: table[..., number] for number, name in enumerate(PARAMETERS)}


def _values(place: str, words: list[str]) -> np.ndarray:
    if len(words) > WIDTH:
        raise AdfluxError(
            f"{place}: an entry has {WIDTH} words, but {len(words)} were found; mend the line."
        )
    try:
        return np.array([float(word) for word in words[3:]])
    except ValueError:
        raise AdfluxError(
            f"{place}: three elements and {len(PARAMETERS)} numbers are needed, but "
            f"{' '.join(words)!r} was found."
        ) from None


def symmetric(
    path, elements: tuple[str, ...], columns: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The columns with `range` and `lambda epsilon`, and with means of what has to be equal; an
    error where it is not.

    φ2 belongs to the pair and φ3 to the unordered neighbours. LAMMPS takes i j j or j i i, and i j
    k or i k j, as its neighbour list happens to be ordered, so entries that disagree have no
    meaning, unless nothing depends on them.
    """
    pair = np.arange(len(elements))
    columns = columns | {
        "range": _ranges(columns),
        "lambda epsilon": columns["lambda"] * columns["epsilon"],
    }
    two = {name: values[:, pair, pair] for name, values in columns.items()}

    def refuse(what: str, names, others, term: str):
        names, others = (" ".join(elements[e] for e in triplet) for triplet in (names, others))
        raise AdfluxError(
            f"{path}: {what} of {names} and of {others} differ; the {term} term needs them equal."
        )

    within = two["range"] > 0.0
    if not within.any():
        raise AdfluxError(
            f"{path}: no two atoms of {', '.join(elements)} interact, a·sigma is zero in all "
            "their entries."
        )
    strength = np.where(within, two["A"] * two["epsilon"], 0.0)
    bound = (strength > 0.0) | (strength.T > 0.0)  # pairs with φ2
    repelled = bound & ((two["B"] > 0.0) | (two["B"].T > 0.0))
    needed = {name: bound for name in ("epsilon", "A", "sigma", "a", "q", "tol", "range")} | {
        "B": repelled,
        "p": repelled,
    }
    for name, matters in needed.items():
        if name in ("epsilon", "A") and _equal(strength, strength.T).all():
            continue  # only the product counts
        wrong = np.argwhere(matters & ~_equal(two[name], two[name].T))
        if len(wrong):
            i, j = wrong[0]
            what = "range (by gamma and tol)" if name == "range" else name
            refuse(what, (i, j, j), (j, i, i), "pair")
        columns[name][:, pair, pair] = _mean(two[name], two[name].T)

    def swapped(values):
        return np.swapaxes(values, 1, 2)

    met = within[:, :, None] & within[:, None, :]  # triplets that can have φ3
    bent = met & (columns["lambda epsilon"] > 0.0)
    for name, matters, size in (("lambda epsilon", met, 0.0), ("costheta", bent, 1.0)):
        values = columns[name]
        wrong = np.argwhere(matters & ~_equal(values, swapped(values), size))
        if len(wrong):
            i, j, k = wrong[0]
            refuse(name.replace(" ", "·"), (i, j, k), (i, k, j), "angle")
        columns[name] = _mean(values, swapped(values), size)
    return columns


def _ranges(columns: dict[str, np.ndarray]) -> np.ndarray:
    """Where LAMMPS ends a pair: aσ, or less by tol."""
    tol = np.minimum(columns["tol"], 0.01)
    with np.errstate(divide="ignore"):
        shortened = np.where(
            tol > 0.0, np.minimum(columns["gamma"], 1.0) * columns["sigma"] / np.log(tol), 0.0
        )
    return np.maximum(columns["a"] * columns["sigma"] + shortened, 0.0)


def _equal(a: np.ndarray, b: np.ndarray, size: float = 0.0) -> np.ndarray:
    return np.abs(a - b) <= PRINTED * np.maximum(size, np.maximum(np.abs(a), np.abs(b)))


def _mean(a: np.ndarray, b: np.ndarray, size: float = 0.0) -> np.ndarray:
    return np.where(_equal(a, b, size), 0.5 * (a + b), a)
