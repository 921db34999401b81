"""Models whose pair style is replaced, or whose LAMMPS is cleared; prints what is left of them."""

import weakref

from lammps import lammps
from lammps.mliap import activate_mliappy

from lammps_adflux import LennardJones, export
from lammps_adflux.mliap.registry import registry
from lammps_adflux.process import prepare

SETUP = """
units metal
region box block 0 2 0 2 0 2
lattice fcc 5.3
create_box 1 box
create_atoms 1 box
mass 1 39.9
pair_style mliap unified ar.pkl 0
pair_coeff * * Ar
run 0
"""


def start(lmp):
    """A weak reference to the pair list of a new model."""
    lmp.commands_string(SETUP)
    (plugin,) = registry.plugins()
    return weakref.ref(plugin.buffers)


prepare()
export(LennardJones(epsilon=0.0104, sigma=3.4, cutoff=5.0, elements=("Ar",)), "ar.pkl")
lmp = lammps(cmdargs=["-screen", "none", "-log", "none"])
activate_mliappy(lmp)
first = start(lmp)
lmp.commands_string("pair_style zero 5.0\npair_coeff * *")
registry.sweep()
print(f"another pair_style: {len(registry.plugins())} models, arrays freed: {first() is None}")
lmp.command("clear")
second = start(lmp)
lmp.command("clear")
registry.sweep()
print(f"clear: {len(registry.plugins())} models, arrays freed: {second() is None}")
