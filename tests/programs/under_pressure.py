"""The response of a cell under pressure, and relaxations again."""

import equinox as eqx
import numpy as np
from relaxed_systems import (
    along,
    direction,
    finish,
    found,
    in_cell_of,
    lennard_jones,
    parameters_of,
    relax_again,
    start,
    strain_of,
)

import lammps_adflux as adflux

potential, where, target = lennard_jones(), parameters_of("hexagonal"), 5e6
values = where(potential)
change = direction(values)
relaxed = adflux.relax(start("hexagonal"), potential, 1e-11, "tri", pressure=target)
response = relaxed.jvp(change, where)
found["pressure"] = [
    relaxed.lammps.get_thermo(p) / target for p in ("pxx", "pyy", "pzz", "pyz", "pxz", "pxy")
]
h = 1e-4
plus, minus = (
    relax_again(
        relaxed,
        eqx.tree_at(where, potential, along(values, change, s * h)),
        pressure=target,
    )
    for s in (1, -1)
)


def slope(of):
    return (of(plus) - of(minus)) / (2 * h)


found["positions"] = relaxed.gather(response.positions), slope(lambda r: in_cell_of(relaxed, r))
found["strain"] = response.strain, slope(lambda r: strain_of(r.system.cell, relaxed.system.cell))
found["energy"] = response.energy1, slope(lambda r: r.energy)
wanted = 1e6 * np.array([3.0, 5.0, 4.0, 0.3, -0.2, 0.4])
other = adflux.relax(start("hexagonal"), potential, 1e-11, "tri", pressure=wanted)
found["six"] = (
    [other.lammps.get_thermo(p) for p in ("pxx", "pyy", "pzz", "pyz", "pxz", "pxy")],
    wanted,
)
found["energy2"] = (
    2.0 * response.energy2,
    (plus.energy - 2.0 * relaxed.energy + minus.energy) / h**2,
)

finish()
