"""A potential with other numbers in the place of its parameters, as a file of them says."""

from pathlib import Path

import numpy as np

from ..errors import AdfluxError
from ..potentials.text_files import read_lines, words_of
from ..potentials.total import parameter_fields, parts_of
from .parameters import choose, flatten, unflatten


def with_parameters(potential, path):
    """The potential with the parameters of a file.

    The file is .npy, .npz with `parameters`, or text, of all numbers in the order of `adflux
    implicit` (its `names`), or of one field's where their number is that of the field
    (`coefficients` of SNAP without the constants). Text may also have lines of NAME VALUE, with
    these names; what it does not name stays.
    """
    path = Path(path)
    named = _named(path)
    if named is not None:
        return _with_named(potential, path, named)
    everything = choose(potential)
    numbers = _numbers(path)
    choices = [everything, *(choose(potential, field) for field in _fields(potential))]
    fitting = [choice for choice in choices if len(choice.names) == numbers.size]
    if len(fitting) != 1:
        counts = ", ".join(
            f"{len(choice.names)} ({choice.names[0]} … {choice.names[-1]})" for choice in choices
        )
        raise AdfluxError(
            f"{path}: as many numbers as parameters were needed, {counts}, but {numbers.size} "
            "were found."
        )
    (choice,) = fitting
    return choice.build(unflatten(choice.values, numbers.ravel()))


def _named(path: Path) -> dict[str, tuple[int, str]] | None:
    """Line and value by name, of a text file whose first words are no numbers."""
    if path.suffix in (".npy", ".npz"):
        return None
    lines = words_of(read_lines(path, "parameter"))
    if not lines or _is_number(lines[0][1][0]):
        return None
    named: dict[str, tuple[int, str]] = {}
    for number, words in lines:
        if len(words) != 2 or not _is_number(words[1]):
            raise AdfluxError(
                f"{path}, line {number}: NAME VALUE was needed, but {' '.join(words)!r} was found."
            )
        if words[0] in named:
            raise AdfluxError(
                f"{path}, line {number}: {words[0]} stands in line {named[words[0]][0]} already; "
                "keep one."
            )
        named[words[0]] = number, words[1]
    return named


def _numbers(path: Path) -> np.ndarray:
    if path.suffix not in (".npy", ".npz"):
        lines = words_of(read_lines(path, "parameter"))
        wrong = [
            (number, word) for number, words in lines for word in words if not _is_number(word)
        ]
        if wrong:
            raise AdfluxError(
                f"{path}, line {wrong[0][0]}: a number was needed, but {wrong[0][1]!r} was found."
            )
        return np.array([float(word) for _, words in lines for word in words])
    try:
        found = np.load(path, allow_pickle=False)
        numbers = np.asarray(found if path.suffix == ".npy" else found["parameters"], float)
    except (OSError, ValueError, KeyError) as error:
        raise AdfluxError(
            f"{path}: numbers were needed (in .npz as `parameters`), but it cannot be read: "
            f"{error}."
        ) from error
    if not np.isfinite(numbers).all():
        raise AdfluxError(f"{path} holds numbers that are not finite.")
    return numbers


def _with_named(potential, path: Path, named: dict[str, tuple[int, str]]):
    everything = choose(potential)
    places = {name: place for place, name in enumerate(everything.names)}
    # a part of a sum by its own names, where they are clear
    short = [(name.rpartition("].")[2], place) for name, place in places.items()]
    places |= {name: place for name, place in short if [n for n, _ in short].count(name) == 1}
    vector = flatten(everything.values)
    for name, (number, value) in named.items():
        if name not in places:
            raise AdfluxError(
                f"{path}, line {number}: {name} is none of the parameters, {everything.names[0]} "
                f"… {everything.names[-1]}."
            )
        vector[places[name]] = float(value)
    return everything.build(unflatten(everything.values, vector))


def _fields(potential) -> list[str]:
    """Fields that hold parameters; of a sum those that one part alone has."""
    names = [name for part in parts_of(potential) for name in parameter_fields(part)]
    return [name for name in names if names.count(name) == 1]


def _is_number(word: str) -> bool:
    try:
        return bool(np.isfinite(float(word)))
    except ValueError:
        return False
