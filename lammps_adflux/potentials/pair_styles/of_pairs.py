"""Styles whose `pair_coeff` gives numbers for pairs of atom types."""

import numpy as np

from ...errors import AdfluxError
from ..base import Potential
from ..buckingham import Buckingham
from ..lennard_jones import LennardJones
from ..morse import Morse
from ..zbl import ZBL
from .bounds import pairs_of
from .commands import Commands
from .script import value_of

# the numbers of pair_coeff, before a cutoff
PARAMETERS = {
    "lj/cut": (LennardJones, ("epsilon", "sigma")),
    "morse": (Morse, ("d0", "alpha", "r0")),
    "buck": (Buckingham, ("a", "rho", "c")),
}


def from_numbers(
    found: Commands, style: str, types: list[str], names: tuple[str, ...]
) -> Potential:
    """The potential of a style in `PARAMETERS`, for these elements."""
    kind, parameters = PARAMETERS[style]
    count, width = len(types), len(parameters)
    (common,) = (item.options for item in found.styles if item.name == style)
    cutoff = value_of(str(found.path), common[0])
    table = np.full((count, count, width + 1), np.nan)
    for place, ends, words in found.coefficients[style]:
        if len(words) not in (width, width + 1):
            raise AdfluxError(
                f"{place}: {style} needs {', '.join(parameters)}, and perhaps a cutoff, but "
                f"`{' '.join(words)}` was found."
            )
        numbers = [value_of(place, word) for word in words]
        for i, j in pairs_of(place, ends, count):
            table[i, j] = table[j, i] = [*numbers, cutoff][: width + 1]
    settings = found.settings[style]
    if style == "lj/cut" and _alone(found, style):
        _mix(table, settings.get("mix", "geometric"))
    rows = _of_elements(found, style, table, types, names)
    missing = np.argwhere(np.isnan(rows).any(axis=-1))
    if len(missing):
        i, j = (names[e] for e in missing[0])
        raise AdfluxError(f"{found.path} has no pair_coeff of {style} between {i} and {j}.")
    values = {name: rows[..., number] for number, name in enumerate(parameters)}
    units = "any" if found.units is None else found.units[1]
    return kind(
        **values,
        cutoff=rows[..., width],
        elements=names,
        shift=settings.get("shift") == "yes",
        units=units,
    )


def _alone(found: Commands, style: str) -> bool:
    """LAMMPS mixes only where no other style, `zero` included, stands between the types."""
    return all(len(lines) == 0 for name, lines in found.coefficients.items() if name != style)


def _mix(table: np.ndarray, rule: str) -> None:
    """ε, σ and the cutoff of unlike types, where they are not given, as LAMMPS' pair_modify mix."""

    def distance(a, b):
        if rule == "geometric":
            return np.sqrt(a * b)
        return 0.5 * (a + b) if rule == "arithmetic" else (0.5 * (a**6 + b**6)) ** (1.0 / 6.0)

    for i, j in np.argwhere(np.isnan(table).any(axis=-1)):
        (e1, s1, c1), (e2, s2, c2) = table[i, i], table[j, j]
        energy = np.sqrt(e1 * e2)
        if rule == "sixthpower":
            energy *= 2.0 * s1**3 * s2**3 / (s1**6 + s2**6)
        table[i, j] = energy, distance(s1, s2), distance(c1, c2)


def _of_elements(found: Commands, style: str, table, types: list[str], names: tuple[str, ...]):
    """The numbers between elements, which several types may stand for."""
    rows = np.full((len(names), len(names), table.shape[-1]), np.nan)
    seen = np.zeros(rows.shape[:2], bool)
    for i, j in np.ndindex(len(types), len(types)):
        if types[i] not in names or types[j] not in names:
            continue
        place = names.index(types[i]), names.index(types[j])
        # mixing rounds
        if seen[place] and not np.allclose(
            rows[place], table[i, j], rtol=1e-12, atol=0.0, equal_nan=True
        ):
            raise AdfluxError(
                f"{found.path}: {style} differs between some types of {types[i]} and {types[j]}, "
                "which one potential cannot have."
            )
        rows[place], seen[place] = table[i, j], True
    return rows


def zbl(found: Commands, types: list[str], names: tuple[str, ...]) -> ZBL:
    """ZBL between the types that pair_coeff names; LAMMPS mixes the others only where no other
    style stands between them.
    """
    (options,) = (item.options for item in found.styles if item.name == "zbl")
    inner, outer = (value_of(str(found.path), word) for word in options)
    count = len(types)
    charges: dict[str, float] = {}
    between = np.zeros((count, count), bool)
    for place, ends, words in found.coefficients["zbl"]:
        if len(words) != 2:
            raise AdfluxError(
                f"{place}: zbl needs two nuclear charges, but `{' '.join(words)}` was found."
            )
        for pair in pairs_of(place, ends, count):
            for atom, word in zip(pair, words, strict=True):
                charge = value_of(place, word)
                if charges.setdefault(types[atom], charge) != charge:
                    raise AdfluxError(
                        f"{place}: {types[atom]} has nuclear charge {charge:g} here, but "
                        f"{charges[types[atom]]:g} before."
                    )
            between[pair] = between[pair[::-1]] = True
    if not between.any():
        raise AdfluxError(f"{found.path} has no pair_coeff for zbl.")
    if _alone(found, "zbl"):
        own = between.diagonal()
        between |= np.logical_and.outer(own, own)
    of_elements = _of_elements(found, "zbl", between[..., None].astype(float), types, names)
    # a charge that no pair names has no effect
    return ZBL(
        inner,
        outer,
        elements=names,
        numbers=[charges.get(name, 1.0) for name in names],
        between=of_elements[..., 0] > 0.0,
    )
