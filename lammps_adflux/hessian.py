"""Second derivatives of the energy of a `System` as products, never as matrices.

Variables are displacements u of the atoms in the reference cell and the strain ε = (xx, yy, zz, yz, xz, xy) of that cell,
r → F (r + u) with F = 1 + [[xx, xy, xz], [0, yy, yz], [0, 0, zz]]: LAMMPS' boxes stay what they are, triangular. Each rank
evaluates the energies of its own atoms; contributions to ghosts go home by `Halo.reverse_add`.
"""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .derivatives import owned_energies, with_vectors
from .graph import Graph
from .system import System

CELLS = {
    None: np.zeros((0, 6)),
    "iso": np.array([[1.0, 1.0, 1.0, 0.0, 0.0, 0.0]]),
    "aniso": np.eye(6)[:3],
    "tri": np.eye(6),
}


def deformation(strain: Float[Array | np.ndarray, "6"]) -> Float[Array | np.ndarray, "3 3"]:
    """F = 1 + ε, upper triangular, from LAMMPS' order xx, yy, zz, yz, xz, xy."""
    xx, yy, zz, yz, xz, xy = strain
    xp = np if isinstance(strain, np.ndarray) else jnp
    return xp.eye(3) + xp.array([[xx, xy, xz], [0.0 * xx, yy, yz], [0.0 * xx, 0.0 * xx, zz]])


def energy(potential, graph: Graph, displacements: Float[Array, "atoms 3"], strain: Float[Array, "6"]):
    """U of the owned atoms after displacement and strain."""
    moved = graph.vectors + displacements[graph.others] - displacements[graph.centers]
    return jnp.sum(owned_energies(potential, with_vectors(graph, moved @ deformation(strain).T)))


_slopes = jax.grad(energy, argnums=(2, 3))


def _here(graph: Graph):
    return jnp.zeros((len(graph.species), 3)), jnp.zeros(6)


@eqx.filter_jit
def _gradient(potential, graph):
    return energy(potential, graph, *_here(graph)), _slopes(potential, graph, *_here(graph))


# Products are made one vector at a time: batches of them run slower on a CPU, and each size would be compiled anew


@eqx.filter_jit
def _hessian_product(potential, graph, displacements, strain):
    slopes = partial(_slopes, potential, graph)
    return jax.jvp(slopes, _here(graph), (displacements, strain))[1]


@eqx.filter_jit
def _mixed(build, values, graph, change):
    def slopes(values):
        potential = build(values)
        return energy(potential, graph, *_here(graph)), _slopes(potential, graph, *_here(graph))

    return jax.jvp(slopes, (values,), (change,))[1]


@eqx.filter_jit
def _mixed_transposed(build, values, graph, displacements, strain, weight):
    def along(values):
        def at(displacements, strain):
            return energy(build(values), graph, displacements, strain)

        value, slope = jax.jvp(at, _here(graph), (displacements, strain))
        return weight * value + slope

    return jax.grad(along)(values)


@eqx.filter_jit
def _curvature(build, values, graph, change, displacements, strain):
    """d²/dt² of U(Θ + tδ, t·Y) at t = 0."""

    def along(t):
        moved = jax.tree.map(lambda value, direction: value + t * direction, values, change)
        return energy(build(moved), graph, t * displacements, t * strain)

    return jax.jvp(jax.grad(along), (0.0,), (1.0,))[1]


@eqx.filter_jit
def _parameter_slopes(build, values, graph, change, displacements, strain):
    """d/dt of ∂U/∂Θ at (Θ + tδ, t·Y), t = 0."""

    def slopes(values, displacements, strain):
        return jax.grad(lambda values: energy(build(values), graph, displacements, strain))(values)

    return jax.jvp(slopes, (values, *_here(graph)), (change, displacements, strain))[1]


class Products:
    """Products with ∂²U/∂Y², ∂²U/∂Y∂Θ and its transpose for a System, summed over the ranks.

    A vector of Y on this rank is [3 · owned + 6]; blocks of them are [vectors, 3 · owned + 6]. The strain is the same on every
    rank. All methods are collective.
    """

    def __init__(self, system: System, potential):
        self.system, self.potential = system, potential
        self.owned = len(system.ids)

    def gradient(self) -> tuple[float, np.ndarray]:
        """U and ∂U/∂Y [3 · owned + 6]."""
        if self.owned:
            value, (slopes, strains) = _gradient(self.potential, self.system.graph)
            value, slopes, strains = float(value), np.asarray(slopes)[None], np.asarray(strains)[None]
        else:
            value, slopes, strains = 0.0, self._no_atoms(1), np.zeros((1, 6))
        return self.system.comm.allreduce(value), self._home(slopes, strains)[0]

    def hessian(self, vectors: np.ndarray) -> np.ndarray:
        """∂²U/∂Y² · vectors [vectors, 3 · owned + 6]."""
        displacements, strains = self._everywhere(vectors)
        slopes, strain_slopes = self._no_atoms(len(vectors)), np.zeros_like(strains)
        if self.owned:
            for k in range(len(vectors)):
                slopes[k], strain_slopes[k] = _hessian_product(
                    self.potential, self.system.graph, displacements[k], strains[k]
                )
        return self._home(slopes, strain_slopes)

    def mixed(self, build, values, changes) -> tuple[np.ndarray, np.ndarray]:
        """∂U/∂Θ · changes [changes] and ∂²U/∂Y∂Θ · changes [changes, 3 · owned + 6]; changes have one more axis than values."""
        count = len(jax.tree.leaves(changes)[0])
        energies, slopes, strains = np.zeros(count), self._no_atoms(count), np.zeros((count, 6))
        for k in range(count if self.owned else 0):
            change = jax.tree.map(lambda leaf, k=k: leaf[k], changes)
            energies[k], (slopes[k], strains[k]) = _mixed(build, values, self.system.graph, change)
        return self._sum(energies), self._home(slopes, strains)

    def mixed_transposed(self, build, values, vectors, weights):
        """weights · ∂U/∂Θ + vectors · ∂²U/∂Y∂Θ: values with one more axis."""
        displacements, strains = self._everywhere(vectors)
        found = jax.tree.map(lambda leaf: np.zeros((len(vectors), *np.shape(leaf))), values)
        for k in range(len(vectors) if self.owned else 0):
            one = _mixed_transposed(
                build, values, self.system.graph, displacements[k], strains[k], np.float64(weights[k])
            )
            jax.tree.map(lambda whole, part, k=k: whole.__setitem__(k, part), found, one)
        return jax.tree.map(self._sum, found)

    def curvature(self, build, values, changes, vectors) -> np.ndarray:
        """d²/dt² U(Θ + t · change, t · vector) for each of them [vectors]."""
        displacements, strains = self._everywhere(vectors)
        found = np.zeros(len(vectors))
        for k in range(len(vectors) if self.owned else 0):
            change = jax.tree.map(lambda leaf, k=k: leaf[k], changes)
            found[k] = _curvature(build, values, self.system.graph, change, displacements[k], strains[k])
        return self._sum(found)

    def parameter_slopes(self, build, values, changes, vectors):
        """∂²U/∂Θ∂Θ · change + ∂²U/∂Θ∂Y · vector for each of them: values with one more axis."""
        displacements, strains = self._everywhere(vectors)
        found = jax.tree.map(lambda leaf: np.zeros((len(vectors), *np.shape(leaf))), values)
        for k in range(len(vectors) if self.owned else 0):
            change = jax.tree.map(lambda leaf, k=k: leaf[k], changes)
            one = _parameter_slopes(build, values, self.system.graph, change, displacements[k], strains[k])
            jax.tree.map(lambda whole, part, k=k: whole.__setitem__(k, part), found, one)
        return jax.tree.map(self._sum, found)

    def _everywhere(self, vectors):
        """Displacements of owned, ghost and padding atoms, and strains."""
        count, rows = len(vectors), len(self.system.graph.species)
        own = vectors[:, :-6].reshape(count, self.owned, 3)
        if self.system.halo is not None:
            own = self.system.halo.forward(np.ascontiguousarray(np.swapaxes(own, 0, 1)))
            own = np.swapaxes(own, 0, 1)
        padded = np.zeros((count, rows, 3))
        padded[:, : own.shape[1]] = own
        return padded, np.ascontiguousarray(vectors[:, -6:])

    def _home(self, slopes, strains):
        slopes, strains = np.asarray(slopes), self._sum(np.asarray(strains))
        if self.system.halo is None:
            own = slopes[:, : self.owned]
        else:
            rows = len(self.system.halo.ids)
            own = self.system.halo.reverse_add(np.ascontiguousarray(np.swapaxes(slopes[:, :rows], 0, 1)))
            own = np.swapaxes(own, 0, 1)
        return np.concatenate([own.reshape(len(strains), -1), strains], axis=1)

    def _no_atoms(self, count: int) -> np.ndarray:
        return np.zeros((count, len(self.system.graph.species), 3))

    def _sum(self, values: np.ndarray) -> np.ndarray:
        if self.system.comm.size == 1:
            return values
        total = np.empty_like(values, dtype=float)
        self.system.comm.Allreduce(np.ascontiguousarray(values, float), total)
        return total
