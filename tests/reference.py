"""Slow independent routes to what the package computes."""

import ase
import jax
import jax.numpy as jnp
import numpy as np

from lammps_adflux import Graph, Potential


def pairs_by_force(positions, cell, periodic, cutoff):
    """Directed pairs from a loop over images: centers, others, image shifts; nothing shared with vesin."""
    positions, cell = np.asarray(positions), np.asarray(cell)
    ranges = [0, 0, 0]
    for axis in range(3):
        if periodic[axis]:
            height = abs(np.linalg.det(cell)) / np.linalg.norm(np.cross(cell[axis - 2], cell[axis - 1]))
            scaled = positions @ np.linalg.inv(cell)
            ranges[axis] = int(np.ceil(cutoff / height + np.ptp(scaled[:, axis])))
    images = [
        np.array([a, b, c])
        for a in range(-ranges[0], ranges[0] + 1)
        for b in range(-ranges[1], ranges[1] + 1)
        for c in range(-ranges[2], ranges[2] + 1)
    ]
    rows = [np.zeros((0, 5), int)]
    for image in images:
        vectors = (positions + image @ cell)[None] - positions[:, None]
        found = np.argwhere(np.linalg.norm(vectors, axis=-1) < cutoff)
        if not image.any():
            found = found[found[:, 0] != found[:, 1]]
        rows.append(np.hstack([found, np.tile(image, (len(found), 1))]))
    rows = np.concatenate(rows)
    rows = rows[np.lexsort(rows.T[::-1])]
    return rows[:, 0], rows[:, 1], rows[:, 2:]


def unfolded_graph(atoms: ase.Atoms, potential: Potential):
    """The cell with explicit copies of all atoms within hops · cutoff, and no periodicity.

    Returns a function positions of all copies → Graph, the positions, and for each copy its atom.
    """
    cell = atoms.cell.array
    reach = potential.reach + 1e-6
    positions = [np.array(atoms.positions)]
    origin = [np.arange(len(atoms))]
    heights = [
        abs(np.linalg.det(cell)) / np.linalg.norm(np.cross(cell[a - 2], cell[a - 1])) if atoms.pbc[a] else np.inf
        for a in range(3)
    ]
    counts = [int(np.ceil(reach / h)) + 1 if np.isfinite(h) else 0 for h in heights]
    for image in np.ndindex(*(2 * n + 1 for n in counts)):
        shift = (np.array(image) - counts) @ cell
        if not np.any(np.array(image) - counts):
            continue
        copies = atoms.positions + shift
        distance = np.linalg.norm(copies[:, None] - atoms.positions[None], axis=-1).min(axis=1)
        keep = distance < reach
        positions.append(copies[keep])
        origin.append(np.arange(len(atoms))[keep])
    positions, origin = np.concatenate(positions), np.concatenate(origin)
    centers, others, _ = pairs_by_force(positions, np.eye(3), (False, False, False), potential.cutoff)
    index = {element: number for number, element in enumerate(potential.elements)}
    species = np.array([index[s] for s in atoms.get_chemical_symbols()])[origin]

    def graph(moved):
        return Graph(
            vectors=moved[others] - moved[centers],
            centers=jnp.asarray(centers, jnp.int32),
            others=jnp.asarray(others, jnp.int32),
            species=jnp.asarray(species, jnp.int32),
            mask=jnp.ones(len(centers), bool),
            owned=jnp.asarray(np.arange(len(positions)) < len(atoms)),
        )

    return graph, positions, origin


def unfolded_flux(atoms: ase.Atoms, potential: Potential, velocities) -> np.ndarray:
    """J_pot = Σ_i r_i U̇_i - Σ_j r_j (∂U/∂r_j · v_j) in the explicitly unfolded cell (Langer et al. 2023, eq. 21)."""
    graph, positions, origin = unfolded_graph(atoms, potential)
    v = np.asarray(velocities)[origin]

    def energies(moved):
        return jnp.where(graph(moved).owned, potential(graph(moved)), 0.0)

    _, rates = jax.jit(lambda x, rate: jax.jvp(energies, (x,), (rate,)))(jnp.asarray(positions), jnp.asarray(v))
    gradient = jax.jit(jax.grad(lambda moved: jnp.sum(energies(moved))))(jnp.asarray(positions))
    return np.asarray(positions.T @ rates - positions.T @ jnp.sum(gradient * v, axis=1))


def hardy_flux(atoms: ase.Atoms, potential: Potential, velocities) -> np.ndarray:
    """Hardy's N² form: Σ_i Σ_j (r_i - r_j)(∂U_i/∂r_j · v_j), each ∂U_i/∂r_j by itself, in the unfolded cell."""
    graph, positions, origin = unfolded_graph(atoms, potential)
    v = np.asarray(velocities)[origin]
    own_energies = jax.jit(jax.jacrev(lambda moved: potential(graph(moved))[: len(atoms)]))
    jacobian = np.asarray(own_energies(jnp.asarray(positions)))
    power = np.einsum("ijb,jb->ij", jacobian, v)
    separation = positions[: len(atoms), None] - positions[None]
    return np.einsum("ija,ij->a", separation, power)
