"""Preconditioners for the Hessian of a structure: cheap, positive approximations of its inverse."""

import numpy as np

from ..errors import AdfluxError
from ..parallel.reductions import largest
from ..parallel.system import Whole
from .motions import Motions
from .operator import Operator

PROBES = 8
EXACT = 6000


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

    P_ij = -μ exp(-3 (r_ij / r_nn - 1)) for r_ij < 2 r_nn, rows sum to 0.1 μ; μ from one product
    with the Hessian. Solved by one V-cycle of algebraic multigrid (PyAMG) over each rank's own
    atoms (additive Schwarz), at a cost linear in the atoms.
    """

    def __init__(self, operator: Operator):
        import pyamg
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
        inside = j < owned
        matrix = sparse.csr_matrix((-springs[inside], (i[inside], j[inside])), shape=(owned, owned))
        matrix = sparse.csr_matrix(matrix + sparse.diags(diagonal))
        self._cycle = (
            pyamg.smoothed_aggregation_solver(matrix).aspreconditioner() if owned else None
        )
        self._motions, self._mu = motions, 1.0
        test = _displacements_only(motions, motions.random(2))
        there = operator(test)
        # the model's own stiffness along the same directions
        displacements, strains = motions.split(test)
        model = [(matrix @ row.reshape(-1, 3)).ravel() for row in displacements]
        stiffness = motions.dot(test, motions.join(np.array(model), strains))
        if np.all(stiffness > 0.0):  # zero where no atom may move
            self._mu = abs(float((motions.dot(test, there) / stiffness).mean()))
        self._strains = strain_inverse(operator)

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        count, motions = len(vectors), self._motions
        solved, _ = motions.split(vectors * motions.free)
        if self._cycle is not None:
            # x, y, z of each vector are problems of their own
            parts = np.swapaxes(solved.reshape(count, -1, 3), 1, 2).reshape(3 * count, -1)
            parts = np.stack([self._cycle.matvec(part) for part in parts])
            solved = np.swapaxes(parts.reshape(count, 3, -1), 1, 2).reshape(count, -1) / self._mu
        return motions.join(solved, motions.split(vectors)[1] @ self._strains)


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


def preconditioner(name: str, operator: Operator):
    """By name: none, jacobi, exp, or exact."""
    if name not in PRECONDITIONERS:
        raise AdfluxError(
            f"preconditioner must be one of {', '.join(PRECONDITIONERS)}, but is {name!r}."
        )
    return PRECONDITIONERS[name](operator)


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
