"""Newton steps from far away; prints the sentence."""

from relaxed_systems import lennard_jones, start

import lammps_adflux as adflux

try:
    adflux.relax(
        start("hexagonal", "displace_atoms all random 0.1 0.1 0.1 5"),
        lennard_jones(),
        options=adflux.RelaxOptions(minimize=False),
    )
except adflux.AdfluxError as error:
    print(error)
