"""Second derivatives of the energy of a `System` as products, never as matrices.

Variables Y are displacements u of the atoms in the reference cell and the strain ε = (xx, yy, zz,
yz, xz, xy) of that cell, r → F (r + u) with F = 1 + E, E = [[xx, xy, xz], [0, yy, yz], [0, 0, zz]]:
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
from jaxtyping import Bool, Float

from ..derivatives import energy
from ..parallel.system import System, Whole
from ..potentials.conversion import built_in_units, in_units
from .images import images_of
from .strain import strain_slopes, stretch
from .vectors import Vectors

_pair_slopes = jax.grad(energy, argnums=2)


@eqx.filter_jit
def _gradient(potential, graph, images):
    """U, and ∂U/∂r of the rows."""
    value, slopes = jax.value_and_grad(energy, argnums=2)(potential, graph, graph.vectors)
    return value, images.from_pairs(graph, slopes)


# One vector at a time: batches of them run slower on a CPU, and each size would be compiled anew


@eqx.filter_jit
def _hessian_product(potential, graph, images, row_gradients, displacements, strain):
    before, after = images.fields(displacements, strain)
    along = images.to_pairs(graph, after)
    change = images.from_pairs(
        graph, jax.jvp(partial(_pair_slopes, potential, graph), (graph.vectors,), (along,))[1]
    )
    # F and u are multiplied, so that the slope itself, `row_gradients`, turns with either
    by_atoms = images.sum_images(change + row_gradients @ stretch(strain))
    return by_atoms, images.strain_slopes(change) + strain_slopes(row_gradients, before)


@eqx.filter_jit
def _mixed(build, values, graph, images, change):
    def slopes(values):
        return jax.value_and_grad(energy, argnums=2)(build(values), graph, graph.vectors)

    value, pair_slopes = jax.jvp(slopes, (values,), (change,))[1]
    row_gradients = images.from_pairs(graph, pair_slopes)
    return value, images.sum_images(row_gradients), images.strain_slopes(row_gradients)


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

    Energies are in LAMMPS' units, parameters in those of the potential. All methods are collective,
    and every rank calls the potential, also one without atoms: its shares are zeros.
    """

    def __init__(self, system: System, potential):
        self.system, self.potential = system, potential
        self._converted = in_units(potential, system.units)
        self.owned = len(system.ids)
        self.images = images_of(system)
        self.product_count = 0  # with the Hessian so far
        self._matrix: tuple[np.ndarray, np.ndarray] | None = None
        # U of this rank's atoms, and ∂U/∂r of the rows
        self._value, self._row_gradients = jax.block_until_ready(
            _gradient(self._converted, system.graph, self.images)
        )

    def gradient(self) -> tuple[float, Vectors]:
        """U, and ∂U/∂Y as a block of one."""
        slopes = self.images.sum_images(self._row_gradients)
        strains = self.images.strain_slopes(self._row_gradients)
        value = self.system.comm.allreduce(float(self._value))
        return value, self._to_owners(np.asarray(slopes)[None], np.asarray(strains)[None])

    def hessian(self, vectors: Vectors) -> Vectors:
        """∂²U/∂Y² · vectors."""
        self.product_count += len(vectors)
        displacements = self._to_ghosts(vectors)
        slopes, strain_slopes = self._zeros(len(vectors))
        for k in range(len(vectors)):
            slopes[k], strain_slopes[k] = _hessian_product(
                self._converted,
                self.system.graph,
                self.images,
                self._row_gradients,
                displacements[k],
                vectors.strain[k],
            )
        return self._to_owners(slopes, strain_slopes)

    def matrix(self, free: Bool[np.ndarray, "owned 3"]) -> Float[np.ndarray, "numbers numbers"]:
        """∂²U/∂Y² between the free components and all strains, zero elsewhere; on every rank.

        Rows and columns are all atoms by id, and six strains: `Whole` with six.
        """
        whole = Whole(self.system, 6)
        wanted = whole.gather(np.append(free.ravel(), np.ones(6))[None])[0] > 0.0
        if self._matrix is None or np.any(wanted & ~self._matrix[0]):
            matrix = np.zeros((whole.size, whole.size))
            units = Vectors.unflatten(whole.local(np.eye(whole.size)[wanted]))
            matrix[wanted] = whole.gather(self.hessian(units).flat)
            self._matrix = wanted, matrix
        matrix = self._matrix[1] * (wanted * wanted[:, None])
        return 0.5 * (matrix + matrix.T)

    def mixed(self, build, values, changes) -> tuple[Float[np.ndarray, " changes"], Vectors]:
        """∂U/∂Θ · changes, and ∂²U/∂Y∂Θ · changes; changes have one more axis than values."""
        build = built_in_units(build, self.system.units)
        count = len(jax.tree.leaves(changes)[0])
        energies, (slopes, strains) = np.zeros(count), self._zeros(count)
        for k in range(count):
            energies[k], slopes[k], strains[k] = _mixed(
                build, values, self.system.graph, self.images, _row(changes, k)
            )
        return self._sum(energies), self._to_owners(slopes, strains)

    def mixed_transposed(self, build, values, vectors: Vectors, weights):
        """weights · ∂U/∂Θ + vectors · ∂²U/∂Y∂Θ: values with one more axis."""
        build = built_in_units(build, self.system.units)
        displacements = self._to_ghosts(vectors)
        by_values = _empty_rows(values, len(vectors))
        for k in range(len(vectors)):
            one = _mixed_transposed(
                build,
                values,
                self.system.graph,
                self.images,
                displacements[k],
                vectors.strain[k],
                np.float64(weights[k]),
            )
            _set_row(by_values, k, one)
        return jax.tree.map(self._sum, by_values)

    def parameter_slopes(self, build, values, changes, vectors: Vectors):
        """∂²U/∂Θ∂Θ · change + ∂²U/∂Θ∂Y · vector for each of them: values with one more axis."""
        build = built_in_units(build, self.system.units)
        displacements = self._to_ghosts(vectors)
        by_values = _empty_rows(values, len(vectors))
        for k in range(len(vectors)):
            one = _parameter_slopes(
                build,
                values,
                self.system.graph,
                self.images,
                _row(changes, k),
                displacements[k],
                vectors.strain[k],
            )
            _set_row(by_values, k, one)
        return jax.tree.map(self._sum, by_values)

    def third(self, build, values, changes, vectors: Vectors, adjoint: Vectors):
        """The third derivatives of U by Y along `adjoint`, a block of one, and by (Θ, Y) along each
        (change, vector): by Θ (values with one more axis), and by Y.
        """
        build = built_in_units(build, self.system.units)
        displacements = self._to_ghosts(Vectors.concatenate([adjoint, vectors]))
        along = displacements[0], adjoint.strain[0]
        by_values = _empty_rows(values, len(vectors))
        slopes, strain_slopes = self._zeros(len(vectors))
        for k in range(len(vectors)):
            direction = displacements[k + 1], vectors.strain[k]
            one, slopes[k], strain_slopes[k] = _third(
                build, values, self.system.graph, self.images, along, _row(changes, k), direction
            )
            _set_row(by_values, k, one)
        return jax.tree.map(self._sum, by_values), self._to_owners(slopes, strain_slopes)

    def _to_ghosts(self, vectors: Vectors) -> Float[np.ndarray, "vectors atoms 3"]:
        """Displacements of owned, ghost and padding atoms."""
        own = vectors.displacements
        if self.system.halo is not None:
            own = self.system.halo.forward(np.ascontiguousarray(np.swapaxes(own, 0, 1)))
            own = np.swapaxes(own, 0, 1)
        padded, _ = self._zeros(len(vectors))
        padded[:, : own.shape[1]] = own
        return padded

    def _to_owners(self, slopes, strains) -> Vectors:
        """Slopes by owned, ghost and padding atoms, and this rank's share of those by the strain →
        their sums over the ranks.
        """
        slopes, strains = np.asarray(slopes), self._sum(np.asarray(strains))
        if self.system.halo is None:
            return Vectors(slopes[:, : self.owned], strains)
        rows = len(self.system.halo.ids)
        own = self.system.halo.reverse_add(
            np.ascontiguousarray(np.swapaxes(slopes[:, :rows], 0, 1))
        )
        return Vectors(np.swapaxes(own, 0, 1), strains)

    def _zeros(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Of owned, ghost and padding atoms [count, atoms, 3], and of strains [count, 6]."""
        return np.zeros((count, len(self.system.graph.species), 3)), np.zeros((count, 6))

    def _sum(self, values: np.ndarray) -> np.ndarray:
        if self.system.comm.size == 1:
            return values
        total = np.empty_like(values, dtype=float)
        self.system.comm.Allreduce(np.ascontiguousarray(values, float), total)
        return total


def _empty_rows(values, count: int):
    """Values with one more axis in front, zero."""
    return jax.tree.map(lambda leaf: np.zeros((count, *np.shape(leaf))), values)


def _row(rows, k: int):
    return jax.tree.map(lambda leaf: leaf[k], rows)


def _set_row(rows, k: int, row) -> None:
    jax.tree.map(lambda whole, part: whole.__setitem__(k, part), rows, row)
