"""Preconditioners for the Hessian of a structure: cheap, positive approximations of its inverse."""

from typing import Any

import numpy as np

from ..errors import AdfluxError
from ..parallel.reductions import largest
from ..parallel.system import Whole
from .motions import Motions
from .operator import Operator

PROBES = 8
EXACT = 6000
GATHERED = 400_000  # atoms times ranks, up to which every rank has the springs of all atoms


def identity(vectors: np.ndarray) -> np.ndarray:
    """No preconditioner."""
    return vectors


class BlockJacobi:
    """The inverse of the 3 × 3 block of each atom, and of the block of the strains.

    Blocks come from products with random signs (Bekas, Kokiopoulou, Saad, Appl. Numer. Math. 57,
    1214 (2007)); atoms of one element share their estimate, which makes it sharp, and isotropic.
    """

    def __init__(self, operator: Operator):
        motions = operator.motions
        signs = np.sign(_displacements_only(motions, motions.random(PROBES))) * motions.free
        (vectors, _), (images, _) = motions.split(signs), motions.split(operator(signs))
        diagonal = np.mean(vectors * images, axis=0).reshape(-1, 3)
        species = np.asarray(motions.system.graph.species)[: len(diagonal)]
        free = ~motions.system.held
        count = int(largest(motions.comm, int(species.max(initial=-1)) + 1))
        sums = np.array([diagonal[(species == e)][free[species == e]].sum() for e in range(count)])
        sizes = np.array([free[species == e].sum() for e in range(count)], float)
        sums, sizes = motions.comm.allreduce(sums), motions.comm.allreduce(sizes)
        stiffness = np.abs(sums / np.maximum(sizes, 1.0))
        stiffness = np.where(stiffness > 1e-12 * stiffness.max(), stiffness, 1.0)
        self._inverse = np.repeat(1.0 / stiffness[species], 3)
        self._motions, self._strains = motions, strain_inverse(operator)

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        displacements, strains = self._motions.split(vectors)
        return self._motions.join(displacements * self._inverse, strains @ self._strains)


class NearNeighbors:
    """Exp of Packwood et al., J. Chem. Phys. 144, 164109 (2016), as in ASE: springs between near
    neighbours.

    P_ij = -μ exp(-3 (r_ij / r_nn - 1)) for r_ij < 2 r_nn, rows sum to 0.1 μ; μ from two products
    with the Hessian where no scale is given. Solved by one V-cycle of algebraic multigrid (PyAMG),
    at a cost linear in the atoms: of all atoms by id on every rank, the components shared out, as
    long as that is cheap beside a product; of each rank's own atoms otherwise (additive Schwarz),
    which takes more products.
    """

    def __init__(self, operator: Operator, scale: float | None = None):
        import scipy.sparse as sparse

        motions, graph = operator.motions, operator.motions.system.graph
        owned = len(motions.system.ids)
        mask = np.asarray(graph.mask)
        centers, others = np.asarray(graph.centers)[mask], np.asarray(graph.others)[mask]
        distances = np.linalg.norm(np.asarray(graph.vectors)[mask], axis=1)
        nearest = np.full(owned, np.inf)
        own = centers < owned
        np.minimum.at(nearest, centers[own], distances[own])
        # the largest of the atoms' nearest distances, as ASE has it; every atom has a neighbour
        # then
        r_nn = largest(
            motions.comm, float(np.max(nearest, initial=0.0, where=np.isfinite(nearest)))
        )
        near = own & (distances < 2.0 * r_nn) & (centers != others)
        springs = np.exp(-3.0 * (distances[near] / r_nn - 1.0))
        i, j = centers[near], others[near]
        diagonal = np.bincount(i, springs, minlength=owned) + 0.1
        self._motions, self._whole = motions, None
        if motions.atoms * motions.comm.size <= GATHERED:
            self._whole = Whole(motions.system, 0)
            matrix: Any = self._gathered(i, j, springs, diagonal)
        else:
            inside = j < owned
            matrix = sparse.csr_matrix(
                (-springs[inside], (i[inside], j[inside])), shape=(owned, owned)
            )
            matrix = sparse.csr_matrix(matrix + sparse.diags(diagonal))
        self._cycle: Any = _cycle(matrix) if matrix.shape[0] else None
        self.scale = self._spring_constant(operator, matrix) if scale is None else scale
        self._strains = strain_inverse(operator)

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        motions = self._motions
        solved, strains = motions.split(vectors * motions.free)
        solved = self._by_columns(self._cycle.matvec, solved) if self._cycle else solved
        return motions.join(solved / self.scale, strains @ self._strains)

    def _by_columns(self, apply, vectors: np.ndarray) -> np.ndarray:
        """x, y, z of each vector [vectors, 3 · owned] are problems of their own; those of all atoms
        are shared out over the ranks.
        """
        count, whole, comm = len(vectors), self._whole, self._motions.comm
        rows = vectors if whole is None else whole.gather(vectors)
        parts = np.swapaxes(rows.reshape(count, -1, 3), 1, 2).reshape(3 * count, -1)
        solved = np.zeros_like(parts)
        ranks, rank = (1, 0) if whole is None else (comm.size, comm.rank)
        for k in range(rank, len(parts), ranks):
            solved[k] = apply(parts[k])
        if ranks > 1:
            shares, solved = solved, np.empty_like(solved)
            comm.Allreduce(shares, solved)
        rows = np.swapaxes(solved.reshape(count, 3, -1), 1, 2).reshape(count, -1)
        return rows if whole is None else whole.local(rows)

    def _spring_constant(self, operator: Operator, matrix) -> float:
        """What the springs of `matrix` have to be multiplied with to be as stiff as the
        structure.
        """
        motions = self._motions
        test = _displacements_only(motions, motions.random(2))
        displacements, strains = motions.split(test)
        model = self._by_columns(lambda part: matrix @ part, displacements)
        stiffness = motions.dot(test, motions.join(model, strains))
        if not np.all(stiffness > 0.0):  # zero where no atom may move
            return 1.0
        return abs(float((motions.dot(test, operator(test)) / stiffness).mean()))

    def _gathered(self, i, j, springs, diagonal):
        """The matrix of all atoms by ascending id, on every rank; collective."""
        import scipy.sparse as sparse

        system = self._motions.system
        ids = np.sort(np.concatenate(system.comm.allgather(system.ids)))
        # on one rank pairs lead to owned atoms
        here = np.searchsorted(ids, system.ids if system.halo is None else system.halo.ids)
        rows, columns, values, own, diagonals = (
            np.concatenate(system.comm.allgather(part))
            for part in (here[i], here[j], springs, here[: len(diagonal)], diagonal)
        )
        size = len(ids)
        off = sparse.csr_matrix((-values, (rows, columns)), shape=(size, size))
        turned = np.empty(size)
        turned[own] = diagonals
        return sparse.csr_matrix(off + sparse.diags(turned))


class Exact:
    """The inverse of |H| by all its eigenvectors, of a small system that many solves pay for."""

    def __init__(self, operator: Operator):
        self._whole = Whole(operator.motions.system, len(operator.motions.strains))
        if self._whole.size > EXACT:
            raise AdfluxError(
                f"The preconditioner exact is for up to {EXACT} motions, but there are "
                f"{self._whole.size}: use exp."
            )
        values, turn = np.linalg.eigh(operator.matrix())
        # held components and free motions give as many exact zeros
        good = np.argsort(np.abs(values))[len(values) - operator.motions.dimensions :]
        self._inverse = (turn[:, good] / np.abs(values[good])) @ turn[:, good].T

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        return self._whole.local(self._whole.gather(vectors) @ self._inverse)


PRECONDITIONERS = {
    "none": lambda operator: identity,
    "jacobi": BlockJacobi,
    "exp": NearNeighbors,
    "exact": Exact,
}


def preconditioner(name: str, operator: Operator, scale: float | None = None):
    """By name: none, jacobi, exp, or exact; scale: of the springs of exp, where it is known."""
    if name not in PRECONDITIONERS:
        raise AdfluxError(
            f"preconditioner must be one of {', '.join(PRECONDITIONERS)}, but is {name!r}."
        )
    if name == "exp":
        return NearNeighbors(operator, scale)
    return PRECONDITIONERS[name](operator)


def _cycle(matrix):
    """One V-cycle of PyAMG, whose estimates of spectral radii take NumPy's random numbers: the same
    on every rank and in every run.
    """
    import pyamg

    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    try:
        return pyamg.smoothed_aggregation_solver(matrix).aspreconditioner()
    finally:
        np.random.set_state(state)  # noqa: NPY002


def strain_inverse(operator: Operator) -> np.ndarray:
    """The inverse of |H| within the strains [strains, strains]."""
    motions = operator.motions
    strains = len(motions.strains)
    if strains == 0:
        return np.zeros((0, 0))
    units = motions.join(np.zeros((strains, motions.system.held.size)), np.eye(strains))
    _, block = motions.split(operator(units))
    values, turn = np.linalg.eigh(0.5 * (block + block.T))
    return (turn / np.maximum(np.abs(values), 1e-6 * np.abs(values).max())) @ turn.T


def _displacements_only(motions: Motions, vectors: np.ndarray) -> np.ndarray:
    """The same with zero strains."""
    displacements, strains = motions.split(vectors)
    return motions.join(displacements, np.zeros_like(strains))
