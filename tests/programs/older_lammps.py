"""Dynamics of one model that gets pairs from this LAMMPS, or takes them from positions and LAMMPS'
list as on an accelerator (patch 0012), or gets pairs from a LAMMPS whose data have no arrays on
demand (patches 0011 and 0012).

argv: lj, single (the same in float32), silicon or layers, and the last word of pair_style.
Rank 0 writes found.npz.
"""

import os
import sys

import numpy as np
from lammps import lammps
from lammps.mliap import activate_mliappy
from networks import message_passing
from relaxed_systems import finish, found

from lammps_adflux import LennardJones, Tersoff, export
from lammps_adflux.lmp.programs import potentials_folder
from lammps_adflux.mliap.plugin import AdfluxPlugin
from lammps_adflux.mliap.positions import DevicePairs
from lammps_adflux.mliap.registry import registry
from lammps_adflux.mliap.shared import SharedPairs
from lammps_adflux.paths import template_path
from lammps_adflux.process import prepare

NEW = "pack_pairs", "add_pair_forces", "pack_neighbors"
SETUP = """
units metal
atom_modify map array
lattice {lattice}
region box block 0 4 0 3 0 3
create_box 1 box
create_atoms 1 box
mass 1 {mass}
displace_atoms all random 0.2 0.2 0.2 87 units box
velocity all create 900 4711 loop geom
pair_style mliap unified model.pkl {ghosts}
pair_coeff * * {element}
include ${{adflux}}/heat_flux.lmp
neighbor 0.5 bin
neigh_modify every 4 delay 0 check no
fix move all nve
compute atoms all stress/atom NULL virial
compute most all reduce max c_atoms[1] c_atoms[4]
thermo 2
thermo_style custom step pe pxx pyy pzz pxy c_most[1] c_most[2] v_adflux_jx v_adflux_jy
run 10
"""


class Older:
    """LAMMPS' MLIAPData without what patches 0011 and 0012 add."""

    def __init__(self, data):
        object.__setattr__(self, "_data", data)

    def __getattr__(self, name):
        if name in NEW:
            raise AttributeError(name)
        return getattr(self._data, name)

    def __setattr__(self, name, value):
        setattr(self._data, name, value)


def pressures_of(lmp) -> list[float]:
    """Energy and pressure."""
    return [lmp.get_thermo(word) for word in ("pe", "pxx", "pyy", "pzz", "pxy", "pxz", "pyz")]


def run(name: str) -> None:
    """Note what LAMMPS has after ten steps."""
    lmp = lammps(cmdargs=["-screen", "none", "-log", "none", "-var", "adflux", template_path()])
    activate_mliappy(lmp)
    lmp.commands_string(SETUP.format(**crystal, ghosts=ghosts))
    registry.sweep()
    (plugin,) = registry.plugins()
    pressures = pressures_of(lmp)
    flux = [lmp.extract_variable(f"adflux_j{axis}") for axis in "xyz"]
    order = np.argsort(lmp.gather("id", 0, 1))
    found.update(
        {
            f"{name} energy and pressure": pressures,
            f"{name} flux": flux,
            f"{name} positions": np.reshape(lmp.gather("x", 1, 3), (-1, 3))[order],
            f"{name} forces": np.reshape(lmp.gather("f", 1, 3), (-1, 3))[order],
            f"{name} stresses": np.array(lmp.numpy.extract_compute("most", 0, 1)),
            f"{name} copied": plugin.buffers.keep is not None,
            f"{name} selected": isinstance(plugin.buffers, DevicePairs),
            f"{name} in place": isinstance(plugin.buffers, SharedPairs),
        }
    )
    # LAMMPS makes no virial of forces then, but sums that of pairs
    lmp.commands_string("thermo_style custom step pe press\npair_modify nofdotr\nrun 0")
    found[f"{name} virial of pairs"] = pressures_of(lmp)
    lmp.close()


prepare()
kind, ghosts = sys.argv[1:]
argon = {"lattice": "fcc 5.3", "mass": 39.9, "element": "Ar"}
silicon = {"lattice": "diamond 5.431", "mass": 28.0855, "element": "Si"}
crystal = silicon if kind == "silicon" else argon
if kind == "silicon":
    potential = Tersoff.from_lammps(potentials_folder() / "Si.tersoff", elements=("Si",))
elif kind == "layers":
    potential = message_passing(2, cutoff=5.0, elements=("Ar",), scale=0.1)
else:
    potential = LennardJones(epsilon=0.0104, sigma=3.4, cutoff=6.0, elements=("Ar",))
export(potential, "model.pkl", "float32" if kind == "single" else "float64")
run("new")
os.environ["ADFLUX_TRANSFER"] = "positions"
run("positions")
del os.environ["ADFLUX_TRANSFER"]
compute = AdfluxPlugin.compute_forces
AdfluxPlugin.pairs_on_demand = 0
AdfluxPlugin.compute_forces = lambda self, data: compute(self, Older(data))
run("older")
os.environ["ADFLUX_TRANSFER"] = "shared"
run("shared")
finish()
