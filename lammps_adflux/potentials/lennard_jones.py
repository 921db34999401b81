"""Lennard-Jones, the field's test particle."""

import numpy as np
from jaxtyping import Array, Float

from ..errors import AdfluxError
from .pair_potential import Matrix, Number, PairPotential


class LennardJones(PairPotential):
    """φ = 4 ε [(σ/r)¹² - (σ/r)⁶], as LAMMPS' `lj/cut`.

    `PairPotential` says the rest.

    Attributes
    ----------
    epsilon, sigma
        [energy], [length]: scalars, or symmetric matrices over the elements.
    """

    epsilon: Float[Array | np.ndarray, "elements elements"]
    sigma: Float[Array | np.ndarray, "elements elements"]

    def __init__(
        self,
        *,
        epsilon: Matrix,
        sigma: Matrix,
        cutoff: Matrix,
        elements,
        onset: Number | None = None,
        shift: bool = False,
        units: str = "any",
    ):
        parameters = {"epsilon": epsilon, "sigma": sigma}
        super().__init__(parameters, cutoff, elements, onset, shift, units)
        if np.any(self.sigma < 0.0):
            raise AdfluxError(f"sigma must not be negative, but is {self.sigma.tolist()}.")

    def _energy(self, squared, of_pair):
        sixth = (of_pair(self.sigma) ** 2 / squared) ** 3
        return 4.0 * of_pair(self.epsilon) * (sixth * sixth - sixth)
