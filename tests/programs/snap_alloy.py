"""A disordered alloy with SNAP; argv: the folder of the data."""

import sys
from pathlib import Path

import equinox as eqx
import numpy as np
from relaxed_systems import differences, finish, found, keep

import lammps_adflux as adflux

data = Path(sys.argv[1])


def where(p):
    return p.coefficients


potential = adflux.SNAP.from_lammps(data / "NiMo.snapcoeff", data / "NiMo.snapparam", ["Ni", "Mo"])
relaxed = adflux.relax(
    [
        "units metal",
        "atom_modify map array",
        "lattice bcc 3.0",
        "region box block 0 2 0 2 0 2",
        "create_box 2 box",
        "create_atoms 1 box",
        "set type 1 type/fraction 2 0.3 77",
        "group gone id 1",
        "delete_atoms group gone",
        "mass * 50",
        "displace_atoms all random 0.03 0.03 0.03 3",
        "min_style cg",
    ],
    potential,
    1e-11,
    "tri",
)
values = potential.coefficients
change = 1e-2 * np.random.default_rng(0).normal(size=values.shape) * np.abs(values)


def build(values):
    return eqx.tree_at(where, potential, values)


slopes, *_ = differences(relaxed, build, values, change, h=1e-2)
keep("alloy", relaxed, relaxed.jvp(change, where), slopes)
expansion = adflux.taylor(relaxed, progress=False)
found["names"], found["symbols"] = expansion.names, expansion.symbols
found["slopes"], found["parameters"], found["energy"] = (
    expansion.gradient,
    expansion.parameters,
    expansion.energy,
)

finish()
