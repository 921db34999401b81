"""Names of a potential's parameters, as its file has them."""

from typing import Any, NamedTuple

import jax
import numpy as np

from ..potentials import SNAP


class Place(NamedTuple):
    """Where a coefficient stands in a .snapcoeff file."""

    part: str  # which SNAP potential, where several make one
    element: int
    coefficient: int


def parameter_names(potential, paths, values) -> list[tuple[str, Place | None]]:
    """Name of each number of `values`, and its place in a file of coefficients, in the order of
    `flatten`.

    A coefficient of SNAP is ELEMENT:betaK, K = 0, 1, … counting the lines of its element in the
    .snapcoeff file: W:beta0 is the energy of a single atom, quadratic coefficients follow the
    linear ones. All other numbers are FIELD[i,j], as sigma[0,0]. paths: of the arrays of `values`
    in the potential, which is None where a function makes the potential of them.
    """
    found: list[tuple[str, Place | None]] = []
    for path, leaf in zip(paths, jax.tree.leaves(values), strict=True):
        plain = jax.tree_util.keystr(path).lstrip(".")
        snap, part, field = _snap_of(potential, path)
        for index in np.ndindex(np.shape(leaf)):
            name, place = plain + (f"[{','.join(map(str, index))}]" if index else ""), None
            if snap is not None:
                place = Place(part, index[0], _line(snap, field, index))
                name = f"{snap.elements[index[0]]}:beta{place.coefficient}"
            found.append((name, place))
    parts = {place.part for _, place in found if place is not None}
    if len(parts) > 1:  # W:beta1 would be two numbers
        return [(f"{place.part}{name}" if place else name, place) for name, place in found]
    return found


def file_order(places: list[Place | None]) -> np.ndarray:
    """Numbers in the order of their file: β₀ … β_K of one element after the other, where SNAP has
    several; all else as it was.
    """
    order = np.arange(len(places))
    mine = [number for number, place in enumerate(places) if place is not None]
    order[mine] = sorted(mine, key=lambda number: places[number])  # pyright: ignore[reportArgumentType, reportCallIssue]
    return order


def summary(names) -> str:
    """Names in a few words: W:beta1 … W:beta55, or the first and the last of each element."""
    names = list(names)
    groups: list[list[str]] = []
    for name in names:
        head = name.split(":")[0] if ":" in name else None
        if head is not None and groups and groups[-1][0].split(":")[0] == head:
            groups[-1].append(name)
        else:
            groups.append([name])
    words = [group[0] if len(group) == 1 else f"{group[0]} … {group[-1]}" for group in groups]
    return ", ".join(words if len(words) <= 8 else [*words[:4], "…", words[-1]])


def plain_name(name: str, known) -> str:
    """A name as a file may have it, as the expansion has it: β for beta, and beta3 alone where
    there is one element.
    """
    name = name.strip().replace("β", "beta")
    if name in known or ":" in name or not name.startswith("beta"):
        return name
    owners = [other for other in known if other.endswith(f":{name}")]
    return owners[0] if len(owners) == 1 else name


def _snap_of(potential, path) -> tuple[Any, str, str]:
    """The SNAP potential that holds the array at this path, where it is, and the field's name."""
    node, snap, part, field = potential, None, "", ""
    for depth, key in enumerate(path):
        if node is None:
            break
        if isinstance(node, SNAP) and key.name in ("constants", "coefficients", "quadratic"):
            snap, part, field = node, jax.tree_util.keystr(path[:depth]).lstrip("."), key.name
        node = _child(node, key)
    return snap, f"{part}." if part else "", field


def _child(node, key):
    if isinstance(key, jax.tree_util.GetAttrKey):
        return getattr(node, key.name, None)
    try:
        return node[getattr(key, "idx", getattr(key, "key", None))]
    except (TypeError, KeyError, IndexError):
        return None


def _line(snap: SNAP, field: str, index: tuple[int, ...]) -> int:
    """Which line of its element's block holds a coefficient, from zero."""
    first = {"constants": 0, "coefficients": 1, "quadratic": 1 + np.shape(snap.coefficients)[1]}[
        field
    ]
    return first + (index[1] if len(index) > 1 else 0)
