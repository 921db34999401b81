"""Arrays that users wrote: .npz, HDF5, .npy, or rows of numbers as text, whatever the file is
called.
"""

import re
from pathlib import Path

import numpy as np

from ..errors import AdfluxError
from .expansion_files import UNREADABLE, read_named

ONLY = ""  # the name of the one array of a .npy or text file


def read_arrays_of(path: Path) -> dict[str, np.ndarray]:
    """Arrays by name; that of a .npy or text file is called `ONLY`, and `names` is the first line
    of a text file if it holds words.

    A text file has a row a line, numbers apart by blanks or commas, or a name and a number a line.
    What follows # is a comment, except for names of as many columns as there are in the last line
    before the first row.
    """
    try:
        with open(path, "rb") as file:
            start = file.read(6)
        if start[:2] == b"PK" or start[:4] == b"\x89HDF":
            return read_named(path)
        if start == b"\x93NUMPY":
            return {ONLY: np.load(path)}
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise AdfluxError(f"{path} was not found.") from None
    except IsADirectoryError:
        raise AdfluxError(f"{path} is a folder: name a file.") from None
    except UNREADABLE as error:
        raise AdfluxError(
            f"{path} cannot be read: .npz, .h5, .npy, or rows of numbers as text were needed."
        ) from error
    if not text.isprintable() and re.search(r"[\x00-\x08\x0e-\x1f]", text):
        raise AdfluxError(
            f"{path} cannot be read: .npz, .h5, .npy, or rows of numbers as text were needed."
        )
    return _table(path, text)


def real_numbers(values, name: str) -> np.ndarray:
    """As finite float64, or an error that says what is wrong where."""
    try:
        numbers = np.asarray(values)
        if np.iscomplexobj(numbers) or numbers.dtype.kind not in "fiub":
            raise ValueError(numbers.dtype)
        numbers = numbers.astype(float)
    except ValueError as error:
        raise AdfluxError(
            f"{name}: an array of real numbers was needed, but it holds something else."
        ) from error
    if not np.isfinite(numbers).all():
        place = ", ".join(str(k + 1) for k in np.argwhere(~np.isfinite(numbers))[0])
        raise AdfluxError(
            f"{name} holds numbers that are not finite, the first at place {place or 1}: mend or "
            "remove it."
        )
    return numbers


def _table(path: Path, text: str) -> dict[str, np.ndarray]:
    rows: list[list[float]] = []
    heads: list[list[str]] = []  # words that may name columns
    pairs: list[list[str]] = []  # a name and its number
    for number, line in enumerate(text.splitlines(), 1):
        body, _, comment = line.partition("#")
        words = _words(body)
        if not words:
            if not rows and comment:
                heads.append(_words(comment))
            continue
        try:
            row = [float(word) for word in words]
        except ValueError:
            if not rows and len(words) == 2 and not _is_number(words[0]) and _is_number(words[1]):
                pairs.append(words)
                continue
            if rows or any(_is_number(word) for word in words):
                bad = next(word for word in words if not _is_number(word))
                raise AdfluxError(
                    f"{path}, line {number}: rows of numbers were needed, but {bad!r} was found."
                ) from None
            heads.append(words)
            continue
        if rows and len(row) != len(rows[0]):
            raise AdfluxError(
                f"{path}, line {number}: {len(row)} numbers were found, but {len(rows[0])} in the "
                "rows before it."
            )
        rows.append(row)
        if pairs:
            raise AdfluxError(
                f"{path}, line {number}: a name and a number were needed, as in the lines before "
                "it."
            )
    if pairs:
        return {
            ONLY: np.array([[float(word) for _, word in pairs]]),
            "names": np.array([name for name, _ in pairs]),
        }
    found = {ONLY: np.array(rows).reshape(len(rows), len(rows[0]) if rows else 0)}
    # the last line of words before the rows names the columns, if it has as many
    if rows and heads and len(heads[-1]) == len(rows[0]) and _are_names(heads[-1]):
        found["names"] = np.array(heads[-1])
    return found


def _words(text: str) -> list[str]:
    # commas inside of brackets belong to a name, as in sigma[0,0]
    return [
        word.strip("\"'")
        for word in re.split(r"[,;]\s*(?![^\[]*\])|\s+", text.strip())
        if word.strip("\"'")
    ]


def _are_names(words: list[str]) -> bool:
    return len(words) > 1 or bool(re.search(r"[:\[\]_]", words[0]))


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
