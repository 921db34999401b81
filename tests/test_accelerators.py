"""Whatever a running LAMMPS calls can be translated for GPUs, though none is at hand.

A function of JAX has a rule of translation for each platform: one that has a rule for CPUs only
fails at the first step of a user's run. The potentials' own programs: tests/test_potentials.py.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lowering import GPUS, calls_on, programs_of
from networks import message_passing
from systems import random_crystal

from lammps_adflux.mliap.positions import atom_forces, select
from lammps_adflux.mliap.programs import driving_forces_by_map, flux_by_map
from lammps_adflux.parallel.exchange import RankExchange

HOST = {"xla_ffi_python_gpu_callback"}


@pytest.mark.parametrize("platform", GPUS)
def test_features_go_from_rank_to_rank_through_the_host(platform):
    exchange = RankExchange(jnp.int32(1))
    potential = message_passing(2, cutoff=3.0)
    for name, program in programs_of(potential, random_crystal(8), exchange).items():
        assert calls_on(platform, *program) == HOST, name


@pytest.mark.parametrize("platform", GPUS)
def test_pairs_from_positions(platform):
    neighbors = np.zeros(40, np.int32), np.zeros(40, np.int32), np.int32(30), np.zeros(9, np.int32)
    for triplets in (None, 2.0):
        given = neighbors, np.zeros((9, 3)), 3.0, triplets, np.int32(8), 24, np.dtype("float32")
        assert calls_on(platform, select, *given) == set()
    given = np.zeros((3, 24)), np.zeros(24, np.int32), np.zeros(24, np.int32), 20
    assert calls_on(platform, atom_forces, *given, atoms=9) == set()


@pytest.mark.parametrize("platform", GPUS)
def test_the_map_of_velocities(platform):
    potential = message_passing(2, cutoff=3.0)
    function, *arguments = programs_of(potential, random_crystal(8))["flux_map"]
    found = function(*arguments)
    rows = jax.tree.leaves(found.energies)[0].shape
    assert calls_on(platform, flux_by_map, found, np.ones((*rows, 3))) == set()
    assert calls_on(platform, driving_forces_by_map, found, np.ones(3)) == set()
