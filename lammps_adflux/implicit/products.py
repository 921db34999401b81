"""Second derivatives of the energy of a `System` as products, never as matrices.

Variables are displacements u of the atoms in the reference cell and the strain ε = (xx, yy, zz, yz,
xz, xy) of that cell, r → F (r + u) with F = 1 + E, E = [[xx, xy, xz], [0, yy, yz], [0, 0, zz]]:
LAMMPS' boxes stay what they are, triangular.

The energy knows pair vectors only, r_p = F (r_p + u_j - u_i), and so does automatic
differentiation; what leads from atoms and cell to pairs is done by hand (`Images`), on rows of
atoms. Each rank evaluates the energies of its own atoms; contributions to ghosts go home by
`Halo.reverse_add`.
"""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..derivatives import owned_energies
from ..graph import Graph
from ..parallel.system import System, Whole
from ..potentials.conversion import built_in_units, in_units
from .images import images_of
from .strain import strain_slopes, stretch


def energy(potential, graph: Graph, vectors: Float[Array, "pairs 3"]) -> Float[Array, ""]:
    """U of the owned atoms with other pair vectors."""
    return jnp.sum(owned_energies(potential, graph.with_vectors(vectors)))


_pair_slopes = jax.grad(energy, argnums=2)


@eqx.filter_jit
def _gradient(potential, graph, images):
    """U, and ∂U/∂r of the rows."""
    value, slopes = jax.value_and_grad(energy, argnums=2)(potential, graph, graph.vectors)
    return value, images.from_pairs(graph, slopes)


# Products are made one vector at a time: batches of them run slower on a CPU, and each size would
# be compiled anew


@eqx.filter_jit
def _hessian_product(potential, graph, images, pulls, displacements, strain):
    before, after = images.fields(displacements, strain)
    along = images.to_pairs(graph, after)
    change = images.from_pairs(
        graph, jax.jvp(partial(_pair_slopes, potential, graph), (graph.vectors,), (along,))[1]
    )
    # F and u are multiplied, so that the slope itself, `pulls`, turns with either
    return images.home(change + pulls @ stretch(strain)), images.strain_slopes(
        change
    ) + strain_slopes(pulls, before)


@eqx.filter_jit
def _mixed(build, values, graph, images, change):
    def slopes(values):
        return jax.value_and_grad(energy, argnums=2)(build(values), graph, graph.vectors)

    value, pair_slopes = jax.jvp(slopes, (values,), (change,))[1]
    pulls = images.from_pairs(graph, pair_slopes)
    return value, images.home(pulls), images.strain_slopes(pulls)


@eqx.filter_jit
def _mixed_transposed(build, values, graph, images, displacements, strain, weight):
    _, after = images.fields(displacements, strain)

    def along(values):
        at = partial(energy, build(values), graph)
        value, slope = jax.jvp(at, (graph.vectors,), (images.to_pairs(graph, after),))
        return weight * value + slope

    return jax.grad(along)(values)


@eqx.filter_jit
def _parameter_slopes(build, values, graph, images, change, displacements, strain):
    """d/dt of ∂U/∂Θ at (Θ + tδ, t·Y), t = 0."""
    _, after = images.fields(displacements, strain)

    def slopes(values, vectors):
        return jax.grad(lambda values: energy(build(values), graph, vectors))(values)

    return jax.jvp(slopes, (values, graph.vectors), (change, images.to_pairs(graph, after)))[1]


@eqx.filter_jit
def _third(build, values, graph, images, adjoint, change, direction):
    """∂/∂(Θ, u, ε) of d²U/dτdt at (Θ + tδ, t·Y + τλ): adjoint λ and direction Y are (displacements,
    strain).
    """

    def at(values, displacements, strain):
        before, after = images.fields(displacements, strain)
        field = after + before @ stretch(strain).T
        return energy(build(values), graph, graph.vectors + images.to_pairs(graph, field))

    def along_adjoint(values, *place):
        return jax.jvp(partial(at, values), place, adjoint)[1]

    def along_both(*place):
        return jax.jvp(along_adjoint, place, (change, *direction))[1]

    return jax.grad(along_both, (0, 1, 2))(values, jnp.zeros((images.count, 3)), jnp.zeros(6))


class Products:
    """Products with ∂²U/∂Y², ∂²U/∂Y∂Θ and its transpose for a System, summed over the ranks.

    A vector of Y on this rank is [3 · owned + 6]; blocks of them are [vectors, 3 · owned + 6]. The
    strain is the same on every rank. Energies are in LAMMPS' units, parameters in those of the
    potential. All methods are collective.
    """

    def __init__(self, system: System, potential):
        self.system, self.potential = system, potential
        self._converted = in_units(potential, system.units)
        self.owned = len(system.ids)
        self.images = images_of(system)
        self.made = 0  # products with the Hessian so far
        self._matrix: tuple[np.ndarray, np.ndarray] | None = None
        self._value = 0.0
        self._pulls = jnp.zeros((len(self.images.atoms), 3))  # ∂U/∂r of the rows
        if self.owned:
            self._value, self._pulls = _gradient(self._converted, system.graph, self.images)

    def gradient(self) -> tuple[float, np.ndarray]:
        """U and ∂U/∂Y [3 · owned + 6]."""
        slopes, strains = self.images.home(self._pulls), self.images.strain_slopes(self._pulls)
        value = self.system.comm.allreduce(float(self._value))
        return value, self._home(np.asarray(slopes)[None], np.asarray(strains)[None])[0]

    def hessian(self, vectors: np.ndarray) -> np.ndarray:
        """∂²U/∂Y² · vectors [vectors, 3 · owned + 6]."""
        self.made += len(vectors)
        displacements, strains = self._everywhere(vectors)
        slopes, strain_slopes = self._no_atoms(len(vectors)), np.zeros_like(strains)
        if self.owned:
            for k in range(len(vectors)):
                slopes[k], strain_slopes[k] = _hessian_product(
                    self._converted,
                    self.system.graph,
                    self.images,
                    self._pulls,
                    displacements[k],
                    strains[k],
                )
        return self._home(slopes, strain_slopes)

    def matrix(self, free: np.ndarray) -> np.ndarray:
        """∂²U/∂Y² between the free components [owned, 3] and all strains, zero elsewhere, on every
        rank [3 · all atoms + 6, same].
        """
        whole = Whole(self.system, 6)
        wanted = whole.gather(np.append(free.ravel(), np.ones(6))[None])[0] > 0.0
        if self._matrix is None or np.any(wanted & ~self._matrix[0]):
            matrix = np.zeros((whole.size, whole.size))
            matrix[wanted] = whole.gather(self.hessian(whole.mine(np.eye(whole.size)[wanted])))
            self._matrix = wanted, matrix
        matrix = self._matrix[1] * (wanted * wanted[:, None])
        return 0.5 * (matrix + matrix.T)

    def mixed(self, build, values, changes) -> tuple[np.ndarray, np.ndarray]:
        """∂U/∂Θ · changes [changes] and ∂²U/∂Y∂Θ · changes [changes, 3 · owned + 6]; changes have
        one more axis than values.
        """
        build = built_in_units(build, self.system.units)
        count = len(jax.tree.leaves(changes)[0])
        energies, slopes, strains = np.zeros(count), self._no_atoms(count), np.zeros((count, 6))
        for k in range(count if self.owned else 0):
            change = jax.tree.map(lambda leaf, k=k: leaf[k], changes)
            energies[k], slopes[k], strains[k] = _mixed(
                build, values, self.system.graph, self.images, change
            )
        return self._sum(energies), self._home(slopes, strains)

    def mixed_transposed(self, build, values, vectors, weights):
        """weights · ∂U/∂Θ + vectors · ∂²U/∂Y∂Θ: values with one more axis."""
        build = built_in_units(build, self.system.units)
        displacements, strains = self._everywhere(vectors)
        found = jax.tree.map(lambda leaf: np.zeros((len(vectors), *np.shape(leaf))), values)
        for k in range(len(vectors) if self.owned else 0):
            one = _mixed_transposed(
                build,
                values,
                self.system.graph,
                self.images,
                displacements[k],
                strains[k],
                np.float64(weights[k]),
            )
            jax.tree.map(lambda whole, part, k=k: whole.__setitem__(k, part), found, one)
        return jax.tree.map(self._sum, found)

    def parameter_slopes(self, build, values, changes, vectors):
        """∂²U/∂Θ∂Θ · change + ∂²U/∂Θ∂Y · vector for each of them: values with one more axis."""
        build = built_in_units(build, self.system.units)
        displacements, strains = self._everywhere(vectors)
        found = jax.tree.map(lambda leaf: np.zeros((len(vectors), *np.shape(leaf))), values)
        for k in range(len(vectors) if self.owned else 0):
            change = jax.tree.map(lambda leaf, k=k: leaf[k], changes)
            one = _parameter_slopes(
                build, values, self.system.graph, self.images, change, displacements[k], strains[k]
            )
            jax.tree.map(lambda whole, part, k=k: whole.__setitem__(k, part), found, one)
        return jax.tree.map(self._sum, found)

    def third(self, build, values, changes, vectors, adjoint):
        """The third derivatives of U by Y along `adjoint`, by (Θ, Y) along each (change, vector),
        by Θ (one more axis) and by Y.
        """
        build = built_in_units(build, self.system.units)
        displacements, strains = self._everywhere(np.concatenate([adjoint[None], vectors]))
        along = displacements[0], strains[0]
        by_values = jax.tree.map(lambda leaf: np.zeros((len(vectors), *np.shape(leaf))), values)
        slopes, strain_slopes = self._no_atoms(len(vectors)), np.zeros((len(vectors), 6))
        for k in range(len(vectors) if self.owned else 0):
            change = jax.tree.map(lambda leaf, k=k: leaf[k], changes)
            direction = displacements[k + 1], strains[k + 1]
            one, slopes[k], strain_slopes[k] = _third(
                build, values, self.system.graph, self.images, along, change, direction
            )
            jax.tree.map(lambda whole, part, k=k: whole.__setitem__(k, part), by_values, one)
        return jax.tree.map(self._sum, by_values), self._home(slopes, strain_slopes)

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
            own = self.system.halo.reverse_add(
                np.ascontiguousarray(np.swapaxes(slopes[:, :rows], 0, 1))
            )
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
