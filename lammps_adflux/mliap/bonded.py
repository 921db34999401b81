"""Bonds take neighbours out of LAMMPS' lists, or mark them, by `special_bonds`."""

from ..errors import AdfluxError
from ..potentials.pair_potential import PairPotential


def check_special_bonds(lammps, potential) -> None:
    """An error where the list lacks neighbours that the potential needs, or where a factor would
    have no effect.

    With a factor of 0 LAMMPS leaves bonded neighbours out, as pair potentials may want it. Factors
    between 0 and 1 are for LAMMPS' own pair styles: here such neighbours count in full.
    lammps: None where it cannot be asked.
    """
    if lammps is None or not lammps.extract_global("nbonds"):
        return
    factors = list(lammps.extract_global("special_lj"))[1:4]
    of_pairs = isinstance(potential, PairPotential)
    if 0.0 in factors and not of_pairs:
        raise AdfluxError(
            "Bonded neighbours are needed by this potential, but `special_bonds` with a factor of "
            "0 (LAMMPS' default) leaves them out: put `special_bonds lj/coul 1 1 1` before the "
            "run (1.0e-50 in place of 0 where another sub-style of hybrid must not see them)."
        )
    if of_pairs and any(0.0 < factor < 1.0 for factor in factors):
        if str(lammps.extract_global("pair_style")).startswith("hybrid"):
            return  # `pair_modify special` may say otherwise for this sub-style
        raise AdfluxError(
            f"JAX potentials take bonded neighbours in full or not at all, but `special_bonds` "
            f"has factors of {', '.join(f'{f:g}' for f in factors)}: use 0 or 1 for each."
        )
