"""Which precision loaded models have."""

import jax

import lammps_adflux as adflux

try:
    adflux.load("double.pkl")
except adflux.AdfluxError as error:
    print(error)
print([leaf.dtype.name for leaf in jax.tree.leaves(adflux.load("single.pkl"))])

jax.config.update("jax_enable_x64", True)
print([leaf.dtype.name for leaf in jax.tree.leaves(adflux.load("double.pkl"))])
