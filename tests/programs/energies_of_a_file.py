"""Energies by a model file; argv: model, structure, result."""

import sys

import equinox as eqx
import jax
import numpy as np
from ase.io import read

import lammps_adflux as adflux

jax.config.update("jax_enable_x64", True)

potential = adflux.load(sys.argv[1])
graph = adflux.graph_from_atoms(read(sys.argv[2]), potential)
np.save(sys.argv[3], eqx.filter_jit(lambda potential, graph: potential(graph))(potential, graph))
