"""Responses to other parameters, and differences of relaxations with them; argv: cases as JSON."""

import json
import sys
from functools import partial

import equinox as eqx
from relaxed_systems import differences, direction, finish, keep, parameters_of, potential_of, start

import lammps_adflux as adflux

for name, cells in json.loads(sys.argv[1]).items():
    potential = potential_of(name)
    where = parameters_of(name)
    values = where(potential)
    change = direction(values)
    for cell, fixed, *more in cells:
        relaxed = adflux.relax(start(name, *more), potential, 1e-11, cell, fixed)
        response = relaxed.jvp(change, where)
        build = partial(eqx.tree_at, where, potential)

        slopes, *_ = differences(relaxed, build, values, change, fixed)
        keep(f"{name} {cell} {fixed} {len(more)}", relaxed, response, slopes)

finish()
