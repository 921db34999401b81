"""Buckingham's pair potential."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import AdfluxError
from .pair_potential import Matrix, Number, PairPotential


class Buckingham(PairPotential):
    """φ = a exp(-r/ρ) - c / r⁶, as LAMMPS' `buck`, without charges.

    Proc. R. Soc. A 168, 264 (1938). `PairPotential` says the rest. At short distances φ falls to
    -∞: add `ZBL` where atoms may come close.

    Attributes
    ----------
    a, rho, c
        [energy], [length], [energy · length⁶]: scalars, or symmetric matrices over the elements.
    """

    a: Float[Array | np.ndarray, "elements elements"]
    rho: Float[Array | np.ndarray, "elements elements"]
    c: Float[Array | np.ndarray, "elements elements"]

    def __init__(
        self,
        *,
        a: Matrix,
        rho: Matrix,
        c: Matrix,
        cutoff: Matrix,
        elements,
        onset: Number | None = None,
        shift: bool = False,
        units: str = "any",
    ):
        super().__init__({"a": a, "rho": rho, "c": c}, cutoff, elements, onset, shift, units)
        if np.any(self.rho <= 0.0):
            raise AdfluxError(f"rho must be positive, but is {self.rho.tolist()}.")

    def _energy(self, squared, of_pair):
        repulsion = of_pair(self.a) * jnp.exp(-jnp.sqrt(squared) / of_pair(self.rho))
        return repulsion - of_pair(self.c) / squared**3
