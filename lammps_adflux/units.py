"""LAMMPS unit systems, and the Green–Kubo prefactor of each.

A unit system is its energy, length, time and mass in SI, and Boltzmann's constant in its own energy
per kelvin. Boltzmann's constant and mvv2e are the digits in LAMMPS' `src/update.cpp`, because they
turn velocities into the temperature that LAMMPS prints; some are older than CODATA 2018 and agree
with it to 1e-5. The conversions to SI are exact or CODATA 2018. What each quantity is measured in:
docs.lammps.org/units.html (for `electron` that page gives velocities in Bohr/1.03275 fs, while
mvv2e in the source is that of Bohr/fs).
"""

from dataclasses import dataclass

from .errors import AdfluxError

_EV = 1.602176634e-19  # J, exact
_AVOGADRO = 6.02214076e23  # 1/mol, exact
_CALORIE = 4.184  # J, thermochemical, exact
_HARTREE = 4.3597447222071e-18  # J, CODATA 2018
_BOHR = 5.29177210903e-11  # m, CODATA 2018


@dataclass(frozen=True)
class UnitSystem:
    """One LAMMPS unit system; SI fields are 1 in `lj`, where every quantity is reduced."""

    name: str
    energy: float  # J
    length: float  # m
    time: float  # s
    mass: float  # kg
    boltzmann: float  # energy unit per K, update.cpp: force->boltz
    mvv2e: float  # energy unit per (mass·length²/time²), update.cpp: force->mvv2e
    default_timestep: float  # time units, update.cpp: dt
    time_name: str
    length_name: str
    energy_name: str

    @property
    def is_reduced(self) -> bool:
        return self.name == "lj"

    @property
    def conductivity_name(self) -> str:
        return "kB/(σ τ)" if self.is_reduced else "W/(m K)"

    @property
    def sheet_conductivity_name(self) -> str:
        """Of a two-dimensional system, whose volume is an area."""
        return "kB/τ" if self.is_reduced else "W/K"

    @property
    def frequency_name(self) -> str:
        return f"1/{self.time_name}"

    @property
    def flux_name(self) -> str:
        return (
            "ε σ/τ"
            if self.is_reduced
            else f"{self.energy_name} {self.length_name}/{self.time_name}"
        )


_KCAL_PER_MOL = 1000 * _CALORIE / _AVOGADRO
_DALTON = 1.66053906660e-27  # kg, CODATA 2018

# fmt: off
_SYSTEMS = {
    row[0]: UnitSystem(*row)
    for row in (
        # name, energy, length, time, mass, boltzmann, mvv2e, default_timestep, names of time,
        # length, energy
        ("lj", 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.005, "τ", "σ", "ε"),
        ("real", _KCAL_PER_MOL, 1e-10, 1e-15, _DALTON, 0.0019872067, 48.88821291**2, 1.0,
         "fs", "Å", "kcal/mol"),
        ("metal", _EV, 1e-10, 1e-12, _DALTON, 8.617343e-5, 1.0364269e-4, 0.001, "ps", "Å", "eV"),
        ("si", 1.0, 1.0, 1.0, 1.0, 1.3806504e-23, 1.0, 1e-8, "s", "m", "J"),
        ("cgs", 1e-7, 1e-2, 1.0, 1e-3, 1.3806504e-16, 1.0, 1e-8, "s", "cm", "erg"),
        ("electron", _HARTREE, _BOHR, 1e-15, _DALTON, 3.16681534e-6, 1.06657236, 0.001,
         "fs", "Bohr", "Hartree"),
        ("micro", 1e-15, 1e-6, 1e-6, 1e-15, 1.3806504e-8, 1.0, 2.0, "µs", "µm", "pg µm²/µs²"),
        ("nano", 1e-21, 1e-9, 1e-9, 1e-21, 0.013806504, 1.0, 0.00045, "ns", "nm", "ag nm²/ns²"),
    )
}
# fmt: on
UNIT_NAMES = tuple(_SYSTEMS)


def unit_system(name: str) -> UnitSystem:
    """The system that the LAMMPS command `units NAME` selects; AdfluxError for any other name."""
    try:
        return _SYSTEMS[name]
    except KeyError:
        raise AdfluxError(
            f"LAMMPS has no unit system '{name}': pass units= with one of {', '.join(UNIT_NAMES)}."
        ) from None


def mvv2e(units: str) -> float:
    """Energy units per mass·velocity²: kinetic energy is ½·mvv2e·m·v² (LAMMPS' `force->mvv2e`)."""
    return unit_system(units).mvv2e


def conductivity_prefactor(units: str, dimension: int = 3) -> float:
    """The factor f in κ = f/(V T²) ∫₀^∞ ⟨J(0) J(t)⟩ dt for LAMMPS' extensive heat flux J.

    J is energy·length/time (not divided by the volume), V length³, T in K, t in the unit system's
    time; κ comes out in W/(m K), in `lj` in k_B/(σ τ). f = (energy/(length·time) in SI)/(k_B in
    energy per K), so `metal` has 1.85925e7, `real` 3.49622e7, `lj` 1. Green–Kubo: Hansen and
    McDonald, Theory of Simple Liquids, section 8.5. In two dimensions V is an area, and κ comes out
    in W/K.
    """
    system = unit_system(units)
    return system.energy / (system.length ** (dimension - 2) * system.time) / system.boltzmann
