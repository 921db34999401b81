"""Twenty relaxations one after the other; prints how many of their models are left."""

import weakref

from lammps_adflux import LennardJones, RelaxOptions, relax
from lammps_adflux.mliap.registry import registry
from lammps_adflux.process import prepare

SETUP = """
units metal
region box block 0 2 0 2 0 2
lattice fcc 5.3
create_box 1 box
create_atoms 1 box
mass 1 39.9
"""

prepare()
potential = LennardJones(epsilon=0.0104, sigma=3.4, cutoff=5.0, elements=("Ar",))
arrays = []
for _ in range(20):
    relaxed = relax(SETUP, potential, options=RelaxOptions(minimize=False))
    arrays.append(weakref.ref(registry.plugins()[-1].buffers))
    relaxed.lammps.close()
left = sum(one() is not None for one in arrays)
print(f"twenty relaxations: {len(registry.plugins())} models, arrays of {left}")
