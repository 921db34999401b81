"""The slow, explicit route: the cell with copies of all atoms that its energies can feel, and no
periodicity.
"""

from itertools import product
from typing import NamedTuple

import ase
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..graph import Graph
from ..potentials import Potential
from ..structures import graph_from_atoms
from ..structures.graphs import cell_of


class Cluster(NamedTuple):
    """Atoms of the cell first, then their copies."""

    graph: Graph
    positions: np.ndarray  # [copies, 3]
    origin: np.ndarray  # which atom of the cell each is a copy of
    owned: int

    def flux(self, potential: Potential, velocities) -> Float[np.ndarray, "3"]:
        """J_pot = Σ_j v_j·∂/∂r_j Σ_i (r_i U_i) - Σ_j r_j (v_j·∂U/∂r_j), the r_i in front held
        fixed.

        Langer, Frank, Knoop, J. Chem. Phys. 159, 174105 (2023): exact for any potential of finite
        reach, without the hop rule, at the cost of all copies.
        """
        owned = self.positions[: self.owned]
        # of U_i in U, and in Σ r_i U_i
        weights = np.concatenate([np.ones((1, self.owned)), owned.T])
        powers = np.asarray(
            _powers(potential, self.graph, self.positions, weights, velocities[self.origin])
        )
        return powers[1:].sum(axis=1) - powers[0] @ self.positions

    def influence_beyond(self, potential: Potential, pairs: int) -> float:
        """max |∂U_i/∂r_j| over atoms j that are more than `pairs` pairs away from i, relative to
        the largest of all.
        """
        steps = _steps(self.graph, self.owned, len(self.positions))
        largest, beyond = 0.0, 0.0
        for i in range(min(self.owned, 4)):
            gradient = np.abs(
                np.asarray(_gradient(potential, self.graph, self.positions, jnp.asarray(i)))
            ).max(axis=1)
            far = (steps[i] < 0) | (steps[i] > pairs)
            largest, beyond = (
                max(largest, gradient.max()),
                max(beyond, gradient[far].max(initial=0.0)),
            )
        return beyond / largest if largest else 0.0


def unfold(
    atoms: ase.Atoms, potential: Potential, largest: int, layers: int | None = None
) -> Cluster | None:
    """The cell and all copies within `layers` · cutoff of it; None where these are more than
    `largest` atoms.
    """
    reach = (layers or potential.hops) * potential.cutoff + 1e-6
    cell = cell_of(atoms) if atoms.pbc.any() else atoms.cell.complete().array
    heights = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    scaled = atoms.positions @ np.linalg.inv(cell)
    spread = np.ptp(scaled, axis=0)
    counts = [
        int(np.ceil(reach / h + s)) if p else 0
        for h, s, p in zip(heights, spread, atoms.pbc, strict=True)
    ]
    if len(atoms) * np.prod([2 * n + 1 for n in counts]) > 50 * largest:
        return None
    positions, origin = [atoms.positions], [np.arange(len(atoms))]
    low, high = atoms.positions.min(axis=0) - reach, atoms.positions.max(axis=0) + reach
    for image in product(*(range(-n, n + 1) for n in counts)):
        if not any(image):
            continue
        copies = atoms.positions + np.array(image) @ cell
        keep = np.all((copies > low) & (copies < high), axis=1)
        positions.append(copies[keep])
        origin.append(np.flatnonzero(keep))
    places, names = np.concatenate(positions), np.concatenate(origin)
    if len(places) > largest:
        return None
    open_atoms = ase.Atoms(atoms.numbers[names], positions=places, pbc=False)
    return Cluster(graph_from_atoms(open_atoms, potential), places, names, len(atoms))


def _at(graph: Graph, positions) -> Graph:
    vectors = positions[graph.others] - positions[graph.centers]
    return eqx.tree_at(lambda g: g.vectors, graph, vectors)


@eqx.filter_jit
def _powers(potential, graph, positions, weights, velocities) -> Array:
    """v_j · ∂/∂r_j Σ_i w_i U_i for each row of weights [rows, copies]; in reverse, which every
    model can.
    """
    _, pull_back = jax.vjp(
        lambda moved: potential(_at(graph, moved))[: weights.shape[1]].astype(moved.dtype),
        positions,
    )
    return jnp.stack(
        [jnp.sum(pull_back(row)[0] * velocities, axis=1) for row in jnp.asarray(weights)]
    )


@eqx.filter_jit
def _gradient(potential, graph, positions, i) -> Array:
    return jax.grad(lambda moved: potential(_at(graph, moved))[i])(positions)


def _steps(graph: Graph, owned: int, atoms: int) -> np.ndarray:
    """How many pairs away each atom is from each owned one, up to a few [owned, atoms]; -1 if
    farther.
    """
    centers, others = np.asarray(graph.centers), np.asarray(graph.others)
    steps = np.full((owned, atoms), -1)
    for i in range(min(owned, 4)):
        front = np.arange(atoms) == i
        for step in range(12):
            new = front & (steps[i] < 0)
            if not new.any():
                break
            steps[i][new] = step
            front = np.zeros(atoms, bool)
            front[others[np.isin(centers, np.flatnonzero(new))]] = True
    return steps
