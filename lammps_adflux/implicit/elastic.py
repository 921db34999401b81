"""Elastic constants of a relaxed structure, whose atoms follow a strain, and their derivatives.

With Y = (u, ε) and H = ∂²U/∂Y², atoms follow a strain ε_i by u_i = -H_uu⁻¹ H_uε e_i, and with
w_i = (u_i, e_i)

    ∂²U/∂ε_i∂ε_j = w_i · H w_j        (the Schur complement of H over the atoms)

An error of u_i counts to second order only; so does a change of u_i with the parameters, and the
derivative needs third derivatives of U along w, and one adjoint solve for the structure itself.
"""

import jax
import numpy as np
from jaxtyping import Float

from .linear_response import LinearResponse
from .parameters import Choice
from .strain import VOIGT, stretch
from .vectors import Vectors

STRETCHES = np.stack([stretch(row) for row in np.eye(6)])  # E of each strain
# E_i E_k, and so where the strain i of a cell that is strained by k leads [i, k, strains]
CHAINED = (STRETCHES[:, None] @ STRETCHES[None])[..., *VOIGT]


class Elastic:
    """Elastic constants in energy per volume, in the order xx, yy, zz, yz, xz, xy; collective.

    Parameters
    ----------
    still
        Solves between displacements alone, in a cell that does not respond.
    """

    def __init__(self, still: LinearResponse):
        self._products, self._comm = still.products, still.motions.comm
        self._volume = still.motions.system.volume
        strains = Vectors(np.zeros((6, self._products.owned, 3)), np.eye(6))
        coupled = self._products.hessian(strains)
        self._ways = strains + still.solve(-coupled)
        slopes = self._products.hessian(self._ways)
        found = self._ways.products(slopes, self._comm)
        self._second = 0.5 * (found + found.T)
        self._slopes = still.slopes.strain[0]
        # constants by the stress, which is linear: [6, 6, stresses]
        self._by_stress = np.stack([_of_stress(row) for row in np.eye(6)], axis=-1)
        self.constants: Float[np.ndarray, "6 6"] = (
            self._second + self._by_stress @ self._slopes
        ) / self._volume

    def response(self, choice: Choice, change, vectors: Vectors) -> Float[np.ndarray, "6 6"]:
        """dC/dΘ · δ along relaxed structures, whose response dY/dΘ · δ is `vectors`, a block of
        one.
        """
        changes = jax.tree.map(lambda leaf: np.asarray(leaf)[None], change)
        products, strain = self._products, vectors.strain[0]
        rows = []
        for way in self._one_by_one(self._ways):
            _, slopes = products.third(choice.build, choice.values, changes, vectors, way)
            rows.append(self._ways.products(slopes, self._comm)[:, 0])
        turned = np.einsum("iks,k,sj->ij", CHAINED, strain, self._second)
        second = np.array(rows) + turned + turned.T
        _, mixed = products.mixed(choice.build, choice.values, changes)
        slopes = products.hessian(vectors).strain[0] + mixed.strain[0]
        slopes = slopes + np.einsum("iks,k,s->i", CHAINED, strain, self._slopes)
        found = (second + self._by_stress @ slopes) / self._volume
        return found - strain[:3].sum() * self.constants

    def slopes(self, choice: Choice, weights: Float[np.ndarray, "6 6"]) -> tuple[object, Vectors]:
        """Σ weights · C by the parameters as the structure stands, and by Y, a block of one."""
        products, volume = self._products, self._volume
        sizes, turn = np.linalg.eigh(0.5 * (weights + weights.T))
        along = Vectors(
            np.einsum("ik,iac->kac", turn, self._ways.displacements), turn.T @ self._ways.strain
        )
        still = jax.tree.map(lambda leaf: np.zeros((1, *np.shape(leaf))), choice.values)
        stress = np.einsum("ij,ijs->s", weights, self._by_stress)
        pulled = Vectors(np.zeros((1, products.owned, 3)), stress[None])
        by_values = products.mixed_transposed(choice.build, choice.values, pulled, [0.0])
        total = products.hessian(pulled)
        displacements, strain = total.displacements, total.strain
        for size, way in zip(sizes, self._one_by_one(along), strict=True):
            values, slopes = products.third(choice.build, choice.values, still, way, way)
            by_values = jax.tree.map(lambda a, b, size=size: a + size * b, by_values, values)
            displacements = displacements + size * slopes.displacements
            strain = strain + size * slopes.strain
        symmetric = 0.5 * (weights + weights.T)
        strain = strain + 2.0 * np.einsum("ij,iks,sj->k", symmetric, CHAINED, self._second)
        strain = strain + np.einsum("i,iks,s->k", stress, CHAINED, self._slopes)
        strain[:, :3] -= volume * np.sum(weights * self.constants)
        return (
            jax.tree.map(lambda leaf: leaf[0] / volume, by_values),
            Vectors(displacements / volume, strain / volume),
        )

    @staticmethod
    def _one_by_one(vectors: Vectors):
        for k in range(len(vectors)):
            yield Vectors(vectors.displacements[k : k + 1], vectors.strain[k : k + 1])


def _of_stress(stress: Float[np.ndarray, "6"]) -> Float[np.ndarray, "6 6"]:
    """What a stress σ adds to ∂²U/(V ∂ε∂ε) of triangular strains for dσ_ij/de_kl = C_ijkl of
    symmetric ones.

    F = 1 + E strains by η = (E + Eᵀ + EᵀE)/2, so that σ : EᵀE/2 has no part in the second
    derivative by η. From there (Wallace, Phys. Rev. 162, 776 (1967))
    C_ijkl = ∂²U/(V ∂η∂η) + (δ_ik σ_jl + δ_il σ_jk + δ_jk σ_il + δ_jl σ_ik)/2 - σ_ij δ_kl.
    """
    xx, yy, zz, yz, xz, xy = stress
    s = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    delta = np.eye(3)
    squares = np.einsum("ab,ica,jcb->ij", s, STRETCHES, STRETCHES)
    turned = 0.5 * (
        np.einsum("ik,jl->ijkl", delta, s)
        + np.einsum("il,jk->ijkl", delta, s)
        + np.einsum("jk,il->ijkl", delta, s)
        + np.einsum("jl,ik->ijkl", delta, s)
    ) - np.einsum("ij,kl->ijkl", s, delta)
    return turned[VOIGT][:, *VOIGT] - squares
