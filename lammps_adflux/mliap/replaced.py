"""What becomes of the pair style that a set-up has of its own, when a relaxation puts its potential
in the place.
"""

from ..errors import AdfluxError
from ..process import note
from .styles import substyles

WITHOUT_ENERGY = ("none", "zero")


def take_leave(lammps, comm, live: bool) -> None:
    """Refuse a set-up that adds native pair styles to mliap; say which others are replaced.
    Collective.

    live: the set-up is a running LAMMPS, in which an earlier relaxation may have left its
    potential.
    """
    styles = pair_styles(lammps, comm)
    others = [style for style in styles if style.split("/")[0] != "mliap"]
    if others and len(others) < len(styles):
        raise AdfluxError(
            f"The set-up's pair_style adds {', '.join(others)} to mliap, which the relaxation "
            "would leave out: give the sum of the potentials, "
            "as SNAP + ZBL or `adflux export snap --zbl`, and take pair_style out of the set-up."
        )
    if others or (styles and not live):
        note(
            f"the set-up's pair_style {', '.join(styles)} is replaced: the relaxation ends in, "
            "and derivatives are those of, the potential that was given, alone"
        )


def pair_styles(lammps, comm) -> list[str]:
    """Names of the pair styles that add to the energy, those of a hybrid one by one."""
    style = lammps.extract_global("pair_style")
    if not style:
        return []
    names = [str(style)]
    if names[0].startswith("hybrid"):
        names = comm.bcast(substyles(lammps, comm.rank == 0)) or names
    return [name for name in names if name not in WITHOUT_ENERGY]
