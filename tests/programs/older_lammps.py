"""Dynamics of one model in this LAMMPS, and in one whose data have no arrays on demand (patch
0011); argv: lj, single (the same in float32), silicon or layers, and the last word of pair_style.
Rank 0 writes found.npz.
"""

import sys

import numpy as np
from lammps import lammps
from lammps.mliap import activate_mliappy
from networks import message_passing
from relaxed_systems import finish, found

from lammps_adflux import LennardJones, Tersoff, export
from lammps_adflux.lmp.programs import potentials_folder
from lammps_adflux.mliap.plugin import AdfluxPlugin
from lammps_adflux.mliap.registry import registry
from lammps_adflux.paths import template_path
from lammps_adflux.process import prepare

NEW = "pack_pairs", "add_pair_forces"
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
thermo 1
thermo_style custom step pe pxx pyy pzz pxy v_adflux_jx v_adflux_jy
run 10
"""


class Older:
    """LAMMPS' MLIAPData without what patch 0011 adds."""

    def __init__(self, data):
        object.__setattr__(self, "_data", data)

    def __getattr__(self, name):
        if name in NEW:
            raise AttributeError(name)
        return getattr(self._data, name)

    def __setattr__(self, name, value):
        setattr(self._data, name, value)


def run(name: str) -> None:
    """Note what LAMMPS has after ten steps."""
    lmp = lammps(cmdargs=["-screen", "none", "-log", "none", "-var", "adflux", template_path()])
    activate_mliappy(lmp)
    lmp.commands_string(SETUP.format(**crystal, ghosts=ghosts))
    registry.sweep()
    (plugin,) = registry.plugins()
    pressures = [lmp.get_thermo(word) for word in ("pe", "pxx", "pyy", "pzz", "pxy", "pxz", "pyz")]
    flux = [lmp.extract_variable(f"adflux_j{axis}") for axis in "xyz"]
    order = np.argsort(lmp.gather("id", 0, 1))
    found.update(
        {
            f"{name} energy and pressure": pressures,
            f"{name} flux": flux,
            f"{name} positions": np.reshape(lmp.gather("x", 1, 3), (-1, 3))[order],
            f"{name} forces": np.reshape(lmp.gather("f", 1, 3), (-1, 3))[order],
            f"{name} copied": plugin.buffers.keep is not None,
        }
    )
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
compute = AdfluxPlugin.compute_forces
AdfluxPlugin.pairs_on_demand = 0
AdfluxPlugin.compute_forces = lambda self, data: compute(self, Older(data))
run("older")
finish()
