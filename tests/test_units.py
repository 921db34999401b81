"""The unit systems are those of CODATA and of LAMMPS' source, and so are the Green–Kubo
prefactors.
"""

import pytest
from scipy import constants

from lammps_adflux import AdfluxError
from lammps_adflux.units import UNIT_NAMES, conductivity_prefactor, mvv2e, unit_system

BOHR = constants.physical_constants["Bohr radius"][0]
HARTREE = constants.physical_constants["Hartree energy"][0]
DALTON = constants.physical_constants["atomic mass constant"][0]
KCAL_PER_MOL = constants.calorie * 1000 / constants.N_A

# energy, length, time, mass in SI, from scipy.constants and docs.lammps.org/units.html
SI = {
    "real": (KCAL_PER_MOL, constants.angstrom, constants.femto, DALTON),
    "metal": (constants.eV, constants.angstrom, constants.pico, DALTON),
    "si": (1, 1, 1, 1),
    "cgs": (constants.erg, constants.centi, 1, constants.gram),
    "electron": (HARTREE, BOHR, constants.femto, DALTON),
    "micro": (1e-15, constants.micron, constants.micro, 1e-15),  # pg µm²/µs², pg
    "nano": (1e-21, constants.nano, constants.nano, 1e-21),  # ag nm²/ns², ag
}


def test_every_system_is_derived():
    assert set(UNIT_NAMES) == {*SI, "lj"}


@pytest.mark.parametrize("units", SI)
def test_constants_follow_from_si(units):
    energy, length, time, mass = SI[units]
    system = unit_system(units)
    # exact or CODATA 2018 against whichever CODATA scipy has
    assert system.energy == pytest.approx(energy, rel=1e-8)
    assert system.length == pytest.approx(length, rel=1e-8)
    assert system.time == pytest.approx(time, rel=1e-15)
    # LAMMPS' constants are older than CODATA 2018, and mvv2e of `real` uses the 4.184 calorie of
    # its time
    assert system.boltzmann == pytest.approx(constants.k / energy, rel=5e-6)
    assert mvv2e(units) == pytest.approx(mass * (length / time) ** 2 / energy, rel=2e-6)


@pytest.mark.parametrize("units", SI)
def test_prefactor_turns_a_flux_in_si_into_the_same_conductivity(units):
    """κ of a given ⟨J²⟩τ, V, T is the same computed in SI and in LAMMPS' units."""
    energy, length, time, _ = SI[units]
    volume, temperature, integral = 8e-27, 300.0, 1e-40  # m³, K, (W m)² s
    in_si = integral / (constants.k * temperature**2 * volume)
    flux_unit = energy * length / time
    converted = integral / (flux_unit**2 * time)
    kappa = conductivity_prefactor(units) * converted / (volume / length**3 * temperature**2)
    assert kappa == pytest.approx(in_si, rel=5e-6)


def test_documented_prefactors():
    assert conductivity_prefactor("lj") == 1.0
    assert conductivity_prefactor("metal") == pytest.approx(1.85925e7, rel=3e-6)
    assert conductivity_prefactor("real") == pytest.approx(3.49622e7, rel=3e-6)


def test_argon_unit_of_conductivity():
    """1 reduced unit of κ for ε = 0.2381 kcal/mol, σ = 3.405 Å, m = 39.948 is 0.018805 W/mK."""
    epsilon, sigma, mass = 0.2381, 3.405, 39.948
    tau = sigma * (mass * mvv2e("real") / epsilon) ** 0.5  # fs
    boltzmann = unit_system("real").boltzmann
    # κ* = 1 means ∫⟨JJ⟩ = V T² in reduced units
    integral = (epsilon * sigma / tau) ** 2 * tau
    kappa = conductivity_prefactor("real") * integral / (sigma**3 * (epsilon / boltzmann) ** 2)
    assert kappa == pytest.approx(0.018805, rel=5e-5)


def test_unknown_units_are_named():
    with pytest.raises(AdfluxError, match=r"'metric'.*units="):
        conductivity_prefactor("metric")
