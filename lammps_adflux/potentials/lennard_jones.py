"""Lennard-Jones, the field's test particle."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import AdfluxError
from ..graph import Graph
from .base import Potential, check_elements, check_units, smooth_switch

Number = float | int
# a scalar, or anything NumPy takes as a matrix over the elements
Matrix = Number | list | tuple | np.ndarray


class LennardJones(Potential):
    """U_i = ½ Σ_j S(r) · 4 ε [(σ/r)¹² - (σ/r)⁶], for pairs shorter than the cutoff.

    epsilon [energy] and sigma [length]: scalars, or symmetric matrices over the elements. onset: S
    is the smooth switch of glp between onset and cutoff (`smooth_switch`); without it S = 1, as in
    LAMMPS' `lj/cut`. shift: subtract the pair energy at the cutoff, as `pair_modify shift yes`.
    units: of epsilon and the lengths, by default "any", those of the LAMMPS that it runs in.
    """

    epsilon: Float[Array | np.ndarray, "elements elements"]
    sigma: Float[Array | np.ndarray, "elements elements"]
    cutoff: float = eqx.field(static=True)
    elements: tuple[str, ...] = eqx.field(static=True)
    onset: float | None = eqx.field(static=True)
    shift: bool = eqx.field(static=True)
    hops: int = eqx.field(static=True, default=1)
    units: str = eqx.field(static=True, default="any")

    def __init__(
        self,
        *,
        epsilon: Matrix,
        sigma: Matrix,
        cutoff: Number,
        elements,
        onset: Number | None = None,
        shift: bool = False,
        units: str = "any",
    ):
        self.units = check_units(units)
        self.elements = check_elements(elements)
        self.epsilon = _element_matrix("epsilon", epsilon, len(self.elements))
        self.sigma = _element_matrix("sigma", sigma, len(self.elements))
        self.cutoff = float(cutoff)
        self.onset = None if onset is None else float(onset)
        self.shift = bool(shift)
        self.hops = 1
        if np.any(self.sigma < 0.0):
            raise AdfluxError(f"sigma must not be negative, but is {self.sigma.tolist()}.")
        if not (np.isfinite(self.cutoff) and self.cutoff > 0.0):
            raise AdfluxError(f"The cutoff must be a positive length, but is {cutoff}.")
        if self.onset is not None and not 0.0 < self.onset < self.cutoff:
            raise AdfluxError(
                f"The onset must lie between 0 and the cutoff {self.cutoff}, but is {onset}."
            )
        if self.onset is not None and self.shift:
            raise AdfluxError(
                "onset and shift both remove the step at the cutoff: give one of them."
            )

    @property
    def truncated(self) -> bool:
        """True without an onset: the energy ends with a step, with `shift` its slope does."""
        return self.onset is None

    def __call__(self, graph: Graph) -> Float[Array, " atoms"]:
        epsilon, sigma = jnp.asarray(self.epsilon), jnp.asarray(self.sigma)
        if len(self.elements) == 1:
            epsilon, sigma = epsilon[0, 0], sigma[0, 0]
        else:
            pair = graph.at_center(graph.species), graph.hop(graph.species)
            epsilon, sigma = epsilon[pair], sigma[pair]
        squared = jnp.einsum("pa,pa->p", graph.vectors, graph.vectors)
        energies = _pair_energy(squared, epsilon, sigma)
        if self.onset is not None:
            energies = energies * smooth_switch(squared, self.onset, self.cutoff)
        if self.shift:
            energies = energies - _pair_energy(self.cutoff**2, epsilon, sigma)
        return graph.sum_pairs(0.5 * jnp.where(squared < self.cutoff**2, energies, 0.0))


def _pair_energy(squared, epsilon, sigma):
    sixth = (sigma**2 / squared) ** 3
    return 4.0 * epsilon * (sixth * sixth - sixth)


def _element_matrix(name: str, values: Matrix, size: int) -> np.ndarray:
    matrix = np.asarray(values, np.float64)
    if not np.isfinite(matrix).all():
        raise AdfluxError(f"{name} must be finite, but is {matrix.tolist()}.")
    if matrix.ndim == 0:
        matrix = np.full((size, size), matrix)
    if matrix.shape != (size, size) or not np.allclose(matrix, matrix.T, rtol=1e-12, atol=0.0):
        raise AdfluxError(
            f"{name} must be a scalar or a symmetric {size} × {size} matrix over the elements, "
            "but has shape "
            f"{matrix.shape}{'' if matrix.shape != (size, size) else ' and is not symmetric'}."
        )
    return matrix
