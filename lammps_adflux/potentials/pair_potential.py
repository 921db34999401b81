"""What pair potentials share: matrices over the elements, the switch, the shift."""

from abc import abstractmethod

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


class PairPotential(Potential):
    """U_i = ½ Σ_j S(r_ij) φ(r_ij), for pairs shorter than the cutoff of their elements.

    A subclass says what φ is (`_energy`) and which fields are its parameters, matrices over the
    elements. cutoff: a scalar, or a symmetric matrix over the elements. onset: S is the smooth
    switch of glp between onset and cutoff (`smooth_switch`); without it S = 1, as in LAMMPS' pair
    styles. shift: subtract φ at the cutoff, as `pair_modify shift yes`. units: of the parameters,
    by default "any", those of the LAMMPS that it runs in.
    """

    cutoff: float = eqx.field(static=True)
    elements: tuple[str, ...] = eqx.field(static=True)
    onset: float | None = eqx.field(static=True)
    shift: bool = eqx.field(static=True)
    hops: int = eqx.field(static=True, default=1, kw_only=True)
    units: str = eqx.field(static=True, default="any", kw_only=True)
    # cutoffs over the elements, where they differ
    cutoffs: tuple[tuple[float, ...], ...] | None = eqx.field(
        static=True, default=None, kw_only=True
    )

    def __init__(
        self, parameters: dict[str, Matrix], cutoff: Matrix, elements, onset, shift, units
    ):
        self.units = check_units(units)
        self.elements = check_elements(elements)
        size = len(self.elements)
        for name, values in parameters.items():
            setattr(self, name, element_matrix(name, values, size))
        lengths = element_matrix("cutoff", cutoff, size)
        self.cutoff = float(lengths.max())
        self.cutoffs = None
        if np.any(lengths != self.cutoff):
            self.cutoffs = tuple(map(tuple, lengths.tolist()))
        self.onset = None if onset is None else float(onset)
        self.shift = bool(shift)
        self.hops = 1
        if np.any(lengths < 0.0) or not self.cutoff > 0.0:
            raise AdfluxError(f"The cutoff must be a positive length, but is {cutoff}.")
        if self.onset is not None and self.cutoffs is not None:
            raise AdfluxError("An onset needs one cutoff for all elements, but several were given.")
        if self.onset is not None and not 0.0 < self.onset < self.cutoff:
            raise AdfluxError(
                f"The onset must lie between 0 and the cutoff {self.cutoff}, but is {onset}."
            )
        if self.onset is not None and self.shift:
            raise AdfluxError(
                "onset and shift both remove the step at the cutoff: give one of them."
            )

    @abstractmethod
    def _energy(self, squared, of_pair) -> Array:
        """φ, from r² and the parameters: of_pair(matrix) is the number of a pair's elements."""

    @property
    def truncated(self) -> bool:
        """True without an onset: the energy ends with a step, with `shift` its slope does."""
        return self.onset is None

    @property
    def pair_cutoffs(self) -> np.ndarray:
        """The cutoffs [elements, elements]."""
        size = len(self.elements)
        return (
            np.full((size, size), self.cutoff) if self.cutoffs is None else np.array(self.cutoffs)
        )

    def __call__(self, graph: Graph) -> Float[Array, " atoms"]:
        if len(self.elements) == 1:

            def of_pair(values):
                return jnp.asarray(values)[0, 0]
        else:
            pair = graph.at_center(graph.species), graph.hop(graph.species)

            def of_pair(values):
                return jnp.asarray(values)[pair]

        squared = graph.squares()
        ends = self.cutoff**2
        if self.cutoffs is not None:
            ends = of_pair(jnp.asarray(self.cutoffs, squared.dtype) ** 2)
        inside = squared < ends
        energies = self._energy(squared, of_pair)
        if self.onset is not None:
            energies = energies * smooth_switch(squared, self.onset, self.cutoff)
        if self.shift:
            energies = energies - self._energy(jnp.where(ends > 0.0, ends, 1.0), of_pair)
        return graph.sum_pairs(0.5 * jnp.where(inside, energies, 0.0))


def element_matrix(name: str, values: Matrix, size: int) -> np.ndarray:
    """A symmetric matrix over the elements [size, size], from a scalar or a matrix."""
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
