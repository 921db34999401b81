"""Responses at constant stress, and Newton's method with differences of high order."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from relaxed_systems import (
    along,
    direction,
    finish,
    found,
    parameters_of,
    potential_of,
    start,
)

import lammps_adflux as adflux

# Stillinger-Weber: smooth everywhere, as finite differences of high order want it
potential, where = potential_of("silicon"), parameters_of("silicon")
values = where(potential)
change = direction(values)
relaxed = adflux.relax(
    start("silicon", "change_box all x scale 1.01 y scale 0.995 remap"), potential, 1e-11
)
graph, atoms = relaxed.system.graph, len(relaxed.ids)


def energy(values, y):
    # on the pair list of the relaxed structure: nothing is shared with hessian.py
    u = jnp.zeros((len(graph.species), 3)).at[:atoms].set(y[:-6].reshape(-1, 3))
    xx, yy, zz, yz, xz, xy = y[-6:]
    f = jnp.array([[1.0 + xx, xy, xz], [0.0, 1.0 + yy, yz], [0.0, 0.0, 1.0 + zz]])
    vectors = (graph.vectors + u[graph.others] - u[graph.centers]) @ f.T
    moved = eqx.tree_at(lambda g: g.vectors, graph, vectors)
    return jnp.sum(jnp.where(graph.owned, eqx.tree_at(where, potential, values)(moved), 0.0))


slope, curvature = jax.jit(jax.grad(energy, 1)), jax.jit(jax.hessian(energy, 1))
allowed = {"iso": [[1, 1, 1, 0, 0, 0]], "aniso": np.eye(6)[:3], "tri": np.eye(6)}
rest = np.zeros(3 * atoms + 6)
stress = np.array(slope(values, rest))
found["forces"] = np.abs(stress[:-6]).max()
found["stress"] = stress[-6:]


def at(h, basis):
    there = along(values, change, h)
    y = rest
    residual = np.zeros(0)
    for _ in range(5):
        residual, matrix = basis @ (slope(there, y) - stress), basis @ curvature(there, y) @ basis.T
        y = y - np.linalg.lstsq(matrix, residual, rcond=1e-10)[0] @ basis
    assert np.abs(residual).max() < 1e-11
    return y, float(energy(there, y))


# Richardson: errors of order h⁴ in the first and second differences
h = 2e-3
for cell, strains in allowed.items():
    basis = np.zeros((3 * atoms + len(strains), 3 * atoms + 6))
    basis[: 3 * atoms, : 3 * atoms] = np.eye(3 * atoms)
    basis[3 * atoms :, -6:] = strains
    (_, zero), (p1, u1), (m1, v1), (p2, u2), (m2, v2) = (
        at(k * h, basis) for k in (0, 1, -1, 2, -2)
    )
    found["zero"] = [zero, relaxed.energy]
    y1 = (8.0 * (p1 - m1) - (p2 - m2)) / (12.0 * h)
    first = (8.0 * (u1 - v1) - (u2 - v2)) / (12.0 * h)
    second = (16.0 * (u1 + v1) - (u2 + v2) - 30.0 * zero) / (12.0 * h**2)
    response = relaxed.jvp(change, where, cell)
    found[f"strain {cell}"] = response.strain, y1[-6:]
    moved = y1[:-6].reshape(-1, 3)[relaxed.system.order]
    found[f"positions {cell}"] = response.positions, moved - moved.mean(axis=0)
    found[f"energy1 {cell}"] = response.energy1, first
    found[f"energy2 {cell}"] = 2.0 * response.energy2, second
    _, matrix = relaxed.expansion(where, cell, progress=False)
    flat = np.concatenate([np.ravel(leaf) for leaf in change])
    found[f"expansion {cell}"] = flat @ matrix @ flat, 2.0 * response.energy2

finish()
