"""From the unit system of a potential to that of LAMMPS.

A potential gives energies in the unit system that it names (`Potential.units`). LAMMPS' styles
`metal` and `real` share the Å and differ by the factor 23.060549 (kcal/mol in one eV), with which
LAMMPS' own pair styles convert their files (utils::get_conversion_factor); other pairs of styles
differ in lengths as well, and are refused.
"""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from ..errors import AdfluxError
from ..graph import Graph
from . import Potential
from .base import check_units

KCAL_PER_MOL = 23.060549  # in one eV, as LAMMPS has it
FACTORS = {("metal", "real"): KCAL_PER_MOL, ("real", "metal"): 1.0 / KCAL_PER_MOL}


class Converted(Potential):
    """U_i = factor · U_i of another potential; its parameters stay in their own unit."""

    potential: Potential
    factor: float = eqx.field(static=True)
    units: str = eqx.field(static=True)

    def __call__(self, graph: Graph) -> Float[Array, " atoms"]:
        """Energies in `units`."""
        return self.factor * self.potential(graph)

    @property
    def cutoff(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the potential."""
        return self.potential.cutoff

    @property
    def hops(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Those of the potential."""
        return self.potential.hops

    @property
    def elements(self) -> tuple[str, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Those of the potential."""
        return self.potential.elements

    @property
    def pair_cutoffs(self) -> np.ndarray:
        """Those of the potential."""
        return self.potential.pair_cutoffs

    @property
    def triplet_cutoff(self) -> float | None:
        """That of the potential."""
        return self.potential.triplet_cutoff


def energy_factor(of: str, to: str) -> float:
    """How many energy units of LAMMPS' style `to` are one of `of`; 1 where the potential is for any
    units.

    AdfluxError where lengths differ too, or the styles have nothing in common.
    """
    of = check_units(of)
    if of in ("any", to):
        return 1.0
    if (of, to) not in FACTORS:
        other = {"metal": " or `units real`", "real": " or `units metal`"}.get(of, "")
        raise AdfluxError(
            f"The model is in {of} units, but LAMMPS runs with `units {to}`, to which it cannot "
            f"be converted: use `units {of}`{other}."
        )
    return FACTORS[of, to]


def in_units(potential: Potential, to: str | None) -> Potential:
    """The potential with energies in LAMMPS' style `to`: itself where nothing changes, or where
    `to` is not known (None).
    """
    if to is None or (factor := energy_factor(potential.units, to)) == 1.0:
        return potential
    return Converted(potential=potential, factor=factor, units=to)  # pyright: ignore[reportCallIssue]


def built_in_units(build, to: str | None):
    """The same for a function build(values) → potential."""
    return build if to is None else eqx.Partial(_build, build, to)


def _build(build, to, values):
    return in_units(build(values), to)


def conversion_sentence(of: str, to: str) -> str:
    """What LAMMPS' screen says of a conversion."""
    return (
        f"adflux: energies of the model are in {of} units; they are converted to {to} units with "
        f"the factor {FACTORS[of, to]:.8g}"
    )
