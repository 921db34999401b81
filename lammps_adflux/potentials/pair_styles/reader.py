"""The potential that `pair_style` and `pair_coeff` commands of a LAMMPS input file define."""

from pathlib import Path

from ...errors import AdfluxError
from ..base import Potential
from ..total import Sum
from .commands import READ, Commands, read_commands
from .of_pairs import PARAMETERS, from_numbers, zbl
from .with_files import from_files, types_of


def read_pair_style(path, elements=None) -> Potential:
    """The potential of a LAMMPS file with pair_style and pair_coeff, in metal units.

    Such files, .snap and .mod, come with SNAP coefficients. Styles: snap, sw, eam, eam/alloy,
    eam/fs, tersoff, tersoff/mod, tersoff/zbl, lj/cut, morse, buck, zbl, and hybrid/overlay of them,
    with variables of numbers; lj/cut, morse and buck in any units.

    Parameters
    ----------
    path
        The file. Files that pair_coeff names are looked for beside it first.
    elements
        The order in the potential; default: that of the atom types.

    Raises
    ------
    AdfluxError
        With file and line, for anything else that adds to the energy: tables, Coulomb interactions,
        scaled styles.
    """
    path = Path(path)
    found = read_commands(path)
    _check_units(found)
    types = _types(found, elements)
    names = elements if elements is not None else list(dict.fromkeys(types))
    names = names.replace(",", " ").split() if isinstance(names, str) else names
    names = tuple(dict.fromkeys(names))
    unknown = [name for name in names if name not in types]
    if unknown:
        raise AdfluxError(
            f"{path} has atom types for {', '.join(types)}, but {', '.join(unknown)} was asked for."
        )
    styles = [style.name for style in found.styles if style.name != "zero"]
    parts = [_part(found, style, types, names) for style in styles]
    if not parts:
        raise AdfluxError(f"{path} has no pair_style with an energy: {', '.join(READ)} are read.")
    return parts[0] if len(parts) == 1 else Sum(*parts)


def elements_of_types(path, elements=None) -> list[str]:
    """The element of each atom type of such a file; `elements` where it does not name them."""
    return _types(read_commands(Path(path)), elements)


def _types(found: Commands, elements) -> list[str]:
    types = types_of(found)
    if types is not None:
        return types
    if elements is None:
        raise AdfluxError(
            f"{found.path} does not name the elements of its atom types: give elements=, one for "
            "each type."
        )
    return list(elements.replace(",", " ").split() if isinstance(elements, str) else elements)


def _part(found: Commands, style: str, types: list[str], names: tuple[str, ...]) -> Potential:
    if style == "zbl":
        return zbl(found, types, names)
    if style in PARAMETERS:
        return from_numbers(found, style, types, names)
    return from_files(found, style, types, names)


def _check_units(found: Commands) -> None:
    """Numbers of pairs are in the units of the script, those of files in metal units."""
    plain = all(style.name in (*PARAMETERS, "zero") for style in found.styles)
    if found.units is not None and not plain and found.units[1] != "metal":
        place, units = found.units
        raise AdfluxError(f"{place}: metal units were needed, but `units {units}` was found.")
