"""Checks that nothing changes with the frame, the order of atoms, the cell, padding, or the
precision.
"""

from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np
from scipy.spatial.transform import Rotation

from ..derivatives import energy_forces_virial
from ..flux import heat_flux
from ..graph import pad
from ..structures import graph_from_atoms
from .case import ROUNDING, Case, Finding, finding, relative

SINGLE = 2e-3  # float32 against float64


def symmetry(case: Case) -> Iterator[Finding]:
    """symmetry"""
    potential, atoms, v = case.potential, case.atoms, case.velocities
    rotation = Rotation.from_rotvec([0.3, -1.1, 0.7]).as_matrix()
    order = np.random.default_rng(2).permutation(len(atoms))
    flux = np.asarray(heat_flux(potential, case.graph, jnp.asarray(v)))
    result = energy_forces_virial(potential, case.graph)
    shifted = atoms.copy()
    shifted.positions += [0.4, -1.3, 2.2]
    turned = atoms.copy()
    turned.set_cell(atoms.cell.array @ rotation.T)
    turned.positions = atoms.positions @ rotation.T
    for name, other, matrix, rows in (
        ("translation", shifted, np.eye(3), np.arange(len(atoms))),
        ("rotation", turned, rotation, np.arange(len(atoms))),
        ("permutation", atoms[order], np.eye(3), order),
    ):
        graph = graph_from_atoms(other, potential, np.float64)
        forces = np.asarray(energy_forces_virial(potential, graph).forces)
        there = np.asarray(heat_flux(potential, graph, jnp.asarray(v[rows] @ matrix.T)))
        error = max(
            relative(forces, np.asarray(result.forces)[rows] @ matrix.T),
            relative(there, matrix @ flux),
        )
        yield finding(name, error, 1e-8, "forces and flux follow")


def nfold(case: Case) -> Iterator[Finding]:
    """n-fold cell"""
    if not case.atoms.pbc.any():
        return
    times = np.where(
        case.atoms.pbc,
        (2, 1, 1) if case.atoms.pbc[0] else (1, 2, 1) if case.atoms.pbc[1] else (1, 1, 2),
        1,
    )
    twice = case.atoms.repeat(times)
    graph = graph_from_atoms(twice, case.potential, np.float64)
    flux = np.asarray(heat_flux(case.potential, graph, jnp.tile(case.velocities, (2, 1))))
    expected = 2.0 * np.asarray(heat_flux(case.potential, case.graph, jnp.asarray(case.velocities)))
    yield finding("twofold cell", relative(flux, expected), ROUNDING, "J doubles")


def padding(case: Case) -> Iterator[Finding]:
    """padding"""
    graph, n = case.graph, len(case.atoms)
    # compiled for the twofold cell
    padded = pad(graph, 2 * len(graph.centers), 2 * n, case.potential.cutoff)
    v = np.concatenate([case.velocities, np.zeros((n, 3))])
    error = 0.0
    for function in (
        lambda g, v: energy_forces_virial(case.potential, g).energies[:n],
        lambda g, v: energy_forces_virial(case.potential, g).forces[:n],
        lambda g, v: heat_flux(case.potential, g, v),
    ):
        error = max(
            error, relative(np.asarray(function(padded, v)), np.asarray(function(graph, v[:n])))
        )
    yield finding("padding", error, ROUNDING, "energies, forces and flux do not notice it")


def single(case: Case) -> Iterator[Finding]:
    """float32"""
    graph = case.graph
    small = graph_from_atoms(case.atoms, case.potential, np.float32)
    single = case.potential.astype(np.float32)
    double, less = energy_forces_virial(case.potential, graph), energy_forces_virial(single, small)
    yield finding("float32 forces", relative(less.forces, double.forces), SINGLE, "against float64")
    flux = heat_flux(case.potential, graph, jnp.asarray(case.velocities))
    rough = heat_flux(single, small, jnp.asarray(case.velocities, np.float32))
    yield finding("float32 flux", relative(rough, flux), SINGLE, "against float64")
