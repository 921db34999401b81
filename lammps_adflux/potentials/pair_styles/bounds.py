"""Atom types as LAMMPS' commands write them."""

from ...errors import AdfluxError


def bounds(place: str, word: str, count: int) -> range:
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


def pairs_of(place: str, ends: tuple[str, str], count: int) -> list[tuple[int, int]]:
    """The pairs i ≤ j of types that `pair_coeff` names."""
    first, second = (bounds(place, end, count) for end in ends)
    found = [(i, j) for i in first for j in second if j >= i]
    if not found:
        raise AdfluxError(f"{place}: the first atom type must not be larger than the second.")
    return found
