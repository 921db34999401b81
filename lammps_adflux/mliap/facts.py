"""What a flux file's header says of its run, so that `adflux kappa` needs no log beside it."""

import math

from lammps import lammps


def adflux_header(pointer) -> str:
    """The header of a run at constant volume: units, time step, volume (in two dimensions the
    area), dimension.
    """
    lmp = lammps(ptr=pointer)
    low, high, *_ = lmp.extract_box()
    dimension = lmp.extract_setting("dimension")
    volume = math.prod(b - a for a, b in list(zip(low, high, strict=True))[:dimension])
    return _quoted(lmp, timestep=f"{lmp.extract_global('dt'):.15g}", volume=f"{volume:.15g}")


def adflux_dimension(pointer) -> int:
    """Of the simulation: 2 or 3."""
    return lammps(ptr=pointer).extract_setting("dimension") or 3


def adflux_seed_header(pointer, temperature: float, seed: int) -> str:
    """The header of a run that began with a thermostat at `temperature`, whose numbers `seed`
    made.
    """
    return f'{adflux_header(pointer)[:-1]},thermostat={temperature:.15g},seed={seed}"'


def adflux_driven_header(pointer, x: float, y: float, z: float) -> str:
    """The header of a run that the field (x, y, z) drives."""
    field = ",".join(f"field{a}={value:.15g}" for a, value in zip("xyz", (x, y, z), strict=True))
    return f'{adflux_header(pointer)[:-1]},{field}"'


def adflux_rerun_header(pointer, timestep: float) -> str:
    """The header of a rerun: the dump does not hold the time step, which the user may know (else
    0), and the volume is not known before the dump is read.
    """
    facts = {"timestep": f"{timestep:.15g}"} if timestep else {}
    return _quoted(lammps(ptr=pointer), **facts)


def _quoted(lmp, **facts: str) -> str:
    facts |= {"dimension": lmp.extract_setting("dimension"), "atoms": f"{lmp.get_natoms():.0f}"}
    types = lmp.extract_setting("ntypes")
    if not lmp.extract_setting("rmass_flag") and types > 1:
        masses = lmp.numpy.extract_atom("mass", nelem=types + 1, dim=1)[1:]
        facts["masses"] = str(len(set(masses[masses > 0.0].tolist())))
    listed = ",".join(
        f"{name}={value}" for name, value in {"units": lmp.extract_global("units"), **facts}.items()
    )
    # LAMMPS puts this into the command, where quotes keep it one word
    return f'"# adflux {listed}"'
