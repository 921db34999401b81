"""Morse's pair potential."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .pair_potential import Matrix, Number, PairPotential


class Morse(PairPotential):
    """φ = d0 [exp(-2 α (r - r0)) - 2 exp(-α (r - r0))], as LAMMPS' `morse`.

    Phys. Rev. 34, 57 (1929). `PairPotential` says the rest.

    Attributes
    ----------
    d0, alpha, r0
        [energy], [1/length], [length]: scalars, or symmetric matrices over the elements.
    """

    d0: Float[Array | np.ndarray, "elements elements"]
    alpha: Float[Array | np.ndarray, "elements elements"]
    r0: Float[Array | np.ndarray, "elements elements"]

    def __init__(
        self,
        *,
        d0: Matrix,
        alpha: Matrix,
        r0: Matrix,
        cutoff: Matrix,
        elements,
        onset: Number | None = None,
        shift: bool = False,
        units: str = "any",
    ):
        parameters = {"d0": d0, "alpha": alpha, "r0": r0}
        super().__init__(parameters, cutoff, elements, onset, shift, units)

    def _energy(self, squared, of_pair):
        decay = jnp.exp(-of_pair(self.alpha) * (jnp.sqrt(squared) - of_pair(self.r0)))
        return of_pair(self.d0) * (decay * decay - 2.0 * decay)
