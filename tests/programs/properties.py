"""Elastic constants and phonons of relaxed structures, their derivatives, and finite differences of
structures that were strained or relaxed again; rank 0 writes found.npz.

Arguments: a JSON list of cases (name, cell, more lines of the set-up), and `differences` or
`derivatives`.
"""

import json
import sys

import equinox as eqx
import jax
import numpy as np
from relaxed_systems import along, direction, finish, found, parameters_of, potential_of, start

import lammps_adflux as adflux

CASES, DIFFERENCES = json.loads(sys.argv[1]), sys.argv[2] == "differences"
E = np.zeros((6, 3, 3))
E[np.arange(6), [0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]] = 1.0
rest = adflux.RelaxOptions(minimize=False)


def dot(a, b):
    return sum(float(np.sum(x * y)) for x, y in zip(*map(jax.tree.leaves, (a, b)), strict=True))


def stress(relaxed):
    """Cauchy's, by LAMMPS itself."""
    relaxed.lammps.command("run 0 post no")
    names = "pxx pyy pzz pyz pxz pxy".split()
    return -np.array([relaxed.lammps.get_thermo(name) for name in names])


def matrix(six):
    full = np.zeros((3, 3))
    full[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]] = six
    return full + full.T - np.diag(np.diag(full))


def strained(script, potential, change, h):
    """The stress of the structure under F = 1 + h E, turned back to the symmetric strain."""
    f = np.eye(3) + h * E[change]
    left, _, right = np.linalg.svd(f)
    turn = left @ right
    # lengths and tilts of the box under F; a file of fractional places keeps the atoms
    moved = adflux.relax([*script, *box(f)], potential, 1e-11, options=rest)
    six = turn.T @ matrix(stress(moved)) @ turn
    return six[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


def box(f):
    new = CELL @ f.T
    sides = [f"{a} final {ORIGIN[k]} {ORIGIN[k] + new[k, k]}" for k, a in enumerate("xyz")]
    tilts = f"yz final {new[2, 1]} xz final {new[2, 0]} xy final {new[1, 0]}"
    return ["change_box all triclinic", f"change_box all {' '.join(sides)} {tilts} remap"]


for name, cell, *more in CASES:
    potential, where = potential_of(name), parameters_of(name)
    values = where(potential)
    change = direction(values)
    key = f"{name} {cell} {len(more)}"
    relaxed = adflux.relax(start(name, *more), potential, 1e-11, cell=cell)
    constants = relaxed.elastic_constants()
    weights = np.random.default_rng(3).normal(size=(6, 6))
    found[f"{key} constants"] = constants
    found[f"{key} response"] = relaxed.elastic_response(change, where)
    found[f"{key} gradient"] = dot(relaxed.elastic_gradient(weights, where), change)
    found[f"{key} along"] = np.sum(weights * found[f"{key} response"])
    phonons = relaxed.phonons()
    found[f"{key} squares"] = phonons.squares
    found[f"{key} frequencies"] = phonons.frequencies
    found[f"{key} phonon gradient"] = dot(
        relaxed.phonon_gradient(np.cos(phonons.squares), where), change
    )
    if not DIFFERENCES:
        continue
    CELL, ORIGIN = relaxed.system.cell.copy(), relaxed.system.origin.copy()
    relaxed.lammps.command("change_box all triclinic")
    relaxed.lammps.command("write_data again.data nofix")
    script = start("again")
    h = 1e-5
    again = []
    for k in range(6):
        up, down = (strained(script, potential, k, s * h) for s in (1, -1))
        again.append((up - down) / (2 * h))
    found[f"{key} strained"] = np.array(again).T
    ends = []
    for s in (1, -1):
        there = eqx.tree_at(where, potential, along(values, change, s * h))
        end = adflux.relax(
            start("again"), there, 1e-11, cell=cell, options=rest,
            **({"pressure": 0.0} if cell else {}),
        )  # fmt: skip
        ends.append((end.elastic_constants(), np.sum(np.sin(end.phonons().squares))))
    (up, up_modes), (down, down_modes) = ends
    found[f"{key} response again"] = (up - down) / (2 * h)
    found[f"{key} phonon gradient again"] = (up_modes - down_modes) / (2 * h)
finish()
