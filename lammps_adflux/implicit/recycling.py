"""What products with a Hessian tell about its inverse, kept for the next solves.

Structures of a design differ little from step to step, and so do their Hessians; one structure is
solved for several right-hand sides. Each product H p = q that was made is a pair (p, q), and all of
them make the solves that follow shorter.
"""

import numpy as np

from ..parallel.system import Whole
from .operator import Operator, pairs_at_most
from .preconditioners import preconditioner as prepare

DEPENDENT = 1e-6  # of the largest: combinations of pairs that others hold already


class Update:
    """The preconditioner B = P Pᵀ + (1 - P Qᵀ) M (1 - Q Pᵀ), with Q = H P and Pᵀ Q = 1.

    It is positive where M is, and exact on the space of P: the BFGS update with a block of pairs
    (Schnabel, Univ. of Colorado CU-CS-247-83 (1983)).
    """

    def __init__(self, base, space, vectors: np.ndarray, images: np.ndarray):
        self._base, self._space = base, space
        self._vectors, self._images = vectors, images

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        inside = self._space.gram(rows, self._vectors)
        found = self._space.project(self._base(rows - inside @ self._images))
        return found + (inside - self._space.gram(found, self._images)) @ self._vectors


class Recycling:
    """Pairs of the Hessians of one structure as it changes, by atom id, and its softest motions."""

    def __init__(self):
        self._generations: list[tuple[np.ndarray, np.ndarray]] = []
        self._lowest = np.zeros((0, 0))
        self._scale: float | None = None  # of the springs of "exp"

    def preconditioner(self, name: str, operator: Operator, base=None):
        """The one of that name, made better by all pairs that are known; collective."""
        found, whole = base or self.base(name, operator), whole_of(operator)
        if name in ("none", "exact"):
            return found
        motions = operator.motions
        for vectors, images in (*self._generations, *_pairs_of(operator, whole)):
            if vectors.shape[1] == whole.size:
                pairs = motions.project(whole.local(vectors)), motions.project(whole.local(images))
                pairs = conjugate(*pairs, motions)
                if len(pairs[0]):
                    found = Update(found, motions, *pairs)
        return found

    def base(self, name: str, operator: Operator):
        """The one of that name, scaled as the last one where that is known; collective."""
        found = prepare(name, operator, self._scale)
        self._scale = getattr(found, "scale", self._scale)
        return found

    def learn(self, operator: Operator) -> None:
        """Keep an operator's pairs; the oldest ones go where they become too many; collective."""
        whole = whole_of(operator)
        most = pairs_at_most(whole.size)
        self._generations += _pairs_of(operator, whole)
        while sum(len(vectors) for vectors, _ in self._generations) > most:
            del self._generations[0]

    def remember_lowest(self, vectors: np.ndarray) -> None:
        """Keep the softest motions, by atom id as in `Whole`."""
        self._lowest = vectors

    def start(self, operator: Operator, count: int) -> np.ndarray | None:
        """Where a search for the softest motions starts: from those before, and as many random
        ones, so that a new one is found as well; None where none are known.
        """
        whole = whole_of(operator)
        if self._lowest.shape[1] != whole.size:
            return None
        old = whole.local(self._lowest[: (count + 1) // 2])
        return np.concatenate([old, operator.motions.random(count - len(old))])


def whole_of(operator: Operator) -> Whole:
    """The motions of all ranks side by side."""
    return Whole(operator.motions.system, len(operator.motions.strains))


def _pairs_of(operator: Operator, whole: Whole) -> list[tuple[np.ndarray, np.ndarray]]:
    """All pairs of an operator [pairs, numbers], a list of one or none."""
    matrix = operator.known_matrix
    if matrix is not None and len(matrix) <= pairs_at_most(whole.size):
        values, turn = np.linalg.eigh(matrix)
        good = values > DEPENDENT * values.max(initial=0.0)
        rows, roots = turn[:, good].T, np.sqrt(values[good])[:, None]
        return [(rows / roots, rows * roots)]
    if not operator.pairs:
        return []
    vectors, images = (np.concatenate(rows) for rows in zip(*operator.pairs, strict=True))
    motions = operator.motions
    found = conjugate(motions.project(vectors), motions.project(images), motions)
    return [(whole.gather(found[0]), whole.gather(found[1]))]


def conjugate(vectors, images, motions) -> tuple[np.ndarray, np.ndarray]:
    """Combinations with vectors · images = 1, without those that depend on others and without
    directions of negative curvature.
    """
    curvatures = motions.dot(vectors, images)
    good = curvatures > 0.0
    scale = 1.0 / np.sqrt(curvatures[good])[:, None]
    vectors, images = vectors[good] * scale, images[good] * scale
    gram = motions.gram(vectors, images)
    values, turn = np.linalg.eigh(0.5 * (gram + gram.T))
    kept = values > DEPENDENT * values.max(initial=0.0)
    turn = turn[:, kept] / np.sqrt(values[kept])
    return turn.T @ vectors, turn.T @ images
