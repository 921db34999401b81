"""Vectors in the variables of a structure: displacements of its atoms, strain of its cell."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Vectors:
    """A block of vectors in Y = (u, ε), or of slopes ∂/∂Y of the energy; the part of one rank.

    What acts on vectors acts on all of a block. Solvers work on flat arrays in the space of allowed
    motions instead: `Motions.expand` and `Motions.contract` lead from one to the other.

    Parameters
    ----------
    displacements
        u of this rank's atoms in LAMMPS' order, in the relaxed cell: the strain comes on top.
        LAMMPS' length; slopes are energies per length.
    strain
        ε = (xx, yy, zz, yz, xz, xy), the same on every rank. Slopes are energies.
    """

    displacements: Float[np.ndarray, "vectors owned 3"]
    strain: Float[np.ndarray, "vectors 6"]

    @classmethod
    def zeros(cls, count: int, owned: int) -> "Vectors":
        """`count` vectors that move nothing, for `owned` atoms."""
        return cls(np.zeros((count, owned, 3)), np.zeros((count, 6)))

    @classmethod
    def unflatten(cls, flat: Float[np.ndarray, "vectors numbers"]) -> "Vectors":
        """The inverse of `flat`."""
        atoms = (flat.shape[1] - 6) // 3
        return cls(flat[:, :-6].reshape(len(flat), atoms, 3), flat[:, -6:])

    @classmethod
    def concatenate(cls, blocks: Sequence["Vectors"]) -> "Vectors":
        """Blocks, one after the other."""
        return cls(
            np.concatenate([block.displacements for block in blocks]),
            np.concatenate([block.strain for block in blocks]),
        )

    @property
    def flat(self) -> Float[np.ndarray, "vectors numbers"]:
        """Rows of 3 · owned + 6 numbers."""
        return np.concatenate([self._rows, self.strain], axis=1)

    @property
    def _rows(self) -> Float[np.ndarray, "vectors numbers"]:
        return self.displacements.reshape(len(self), 3 * self.displacements.shape[1])

    def __len__(self) -> int:
        return len(self.strain)

    def __add__(self, other: "Vectors") -> "Vectors":
        return Vectors(self.displacements + other.displacements, self.strain + other.strain)

    def __neg__(self) -> "Vectors":
        return Vectors(-self.displacements, -self.strain)

    def products(self, others: "Vectors", comm) -> Float[np.ndarray, "vectors others"]:
        """Scalar products of all vectors with all others, over the atoms of all ranks; collective.

        The strain, which every rank has, counts once.
        """
        return comm.allreduce(self._rows @ others._rows.T) + self.strain @ others.strain.T
