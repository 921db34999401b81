"""The screened repulsion of nuclei by Ziegler, Biersack and Littmark, as LAMMPS'
`pair_style zbl`.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from ase.data import atomic_numbers
from jaxtyping import Array, Float

from ..errors import AdfluxError
from ..graph import Graph
from .base import Potential, check_elements

SHARES = np.array([0.02817, 0.28022, 0.50986, 0.18175])
DECAYS = np.array([0.20162, 0.40290, 0.94229, 3.19980])
POWER, LENGTH = 0.23, 0.46850  # screening length a = LENGTH / (Z_i^POWER + Z_j^POWER) [Å]
COULOMB = 14.399645  # e²/(4πε₀) [eV Å], LAMMPS' digits for metal units


class ZBL(Potential):
    """U_i = ½ Σ_j [φ(r_ij) + S(r_ij)] for pairs shorter than `outer`, as LAMMPS' `zbl inner outer`.

    φ(r) = Z_i Z_j e²/(4πε₀ r) Σ_k c_k exp(-d_k r/a), a = 0.4685/(Z_i^0.23 + Z_j^0.23). S is a
    constant up to `inner`, and from there a polynomial A/3 (r - inner)³ + B/4 (r - inner)⁴ + C with
    which energy, force and curvature vanish at `outer`. Energies are in eV, lengths in Å. Ziegler,
    Biersack, Littmark, The Stopping and Range of Ions in Matter, vol. 1 (1985).

    It has no parameters: charges do not vary.

    Attributes
    ----------
    numbers
        Nuclear charges Z, one for each element; default: those of the periodic table.
    between
        A symmetric matrix over the elements, False for pairs without this repulsion; default: all
        have it.
    """

    elements: tuple[str, ...] = eqx.field(static=True)
    inner: float = eqx.field(static=True)
    cutoff: float = eqx.field(static=True)
    numbers: tuple[float, ...] = eqx.field(static=True)
    between: tuple[tuple[bool, ...], ...] = eqx.field(static=True)
    hops: int = eqx.field(static=True, default=1)

    def __init__(self, inner: float, outer: float, *, elements, numbers=None, between=None):
        self.elements = check_elements(elements)
        self.inner, self.cutoff = float(inner), float(outer)
        size = len(self.elements)
        if not 0.0 < self.inner <= self.cutoff < np.inf:
            raise AdfluxError(f"ZBL needs 0 < inner <= outer, but {inner} and {outer} were given.")
        if numbers is None:
            unknown = [name for name in self.elements if name not in atomic_numbers]
            if unknown:
                raise AdfluxError(
                    f"The nuclear charge of {', '.join(unknown)} is not known: give numbers=, one "
                    "for each element."
                )
            numbers = [atomic_numbers[name] for name in self.elements]
        charges = np.atleast_1d(np.asarray(numbers, float))
        if charges.shape != (size,) or not np.isfinite(charges).all() or not (charges > 0.0).all():
            raise AdfluxError(
                f"ZBL needs {size} positive nuclear charges, one for each element, but {numbers} "
                "was given."
            )
        pairs = np.ones((size, size), bool) if between is None else np.asarray(between, bool)
        if pairs.shape != (size, size) or not np.array_equal(pairs, pairs.T) or not pairs.any():
            raise AdfluxError(
                f"between must be a symmetric {size} × {size} matrix over the elements with a "
                f"pair in it, but {between} was given."
            )
        self.numbers = tuple(charges.tolist())
        self.between = tuple(tuple(row) for row in pairs.tolist())
        self.hops = 1

    def __call__(self, graph: Graph) -> Float[Array, " atoms"]:
        """½ (φ + S) of each pair at its centre [eV]."""
        dtype = graph.vectors.dtype
        center, other = graph.at_center(graph.species), graph.hop(graph.species)

        def of_pair(values):
            return jnp.asarray(values, dtype)[center, other]

        inside = (
            graph.mask & (graph.distances < self.cutoff) & jnp.asarray(self.between)[center, other]
        )
        # beyond, a pair is evaluated at a harmless distance, so that no gradient is NaN there
        r = jnp.where(inside, graph.distances, self.cutoff)
        strength, decays, a, b, c = self._of_elements()
        screened = sum(
            share * jnp.exp(-of_pair(decays[..., k]) * r) for k, share in enumerate(SHARES)
        )
        beyond = jnp.maximum(r - self.inner, 0.0)
        switch = beyond**3 * (of_pair(a) / 3.0 + of_pair(b) / 4.0 * beyond) + of_pair(c)
        return graph.sum_pairs(
            jnp.where(inside, 0.5 * (of_pair(strength) * screened / r + switch), 0.0)
        )

    @property
    def pair_cutoffs(self) -> np.ndarray:
        """`outer`, and 0 for pairs without repulsion [elements, elements]."""
        return np.where(np.array(self.between), self.cutoff, 0.0)

    def _of_elements(self):
        """Z_i Z_j e²/(4πε₀), d_k/a, and A, B, C of the switching, over pairs of elements."""
        charges = np.array(self.numbers)
        powers = charges**POWER
        strength = COULOMB * np.multiply.outer(charges, charges)
        decays = np.add.outer(powers, powers)[..., None] / LENGTH * DECAYS
        terms, r = SHARES * np.exp(-decays * self.cutoff), self.cutoff
        # φ, φ', φ'' at the outer cutoff
        value, first, second = (np.sum(terms * decays**n, axis=-1) for n in range(3))
        energy = strength * value / r
        slope = -strength * (first + value / r) / r
        curvature = strength * (second + 2.0 * first / r + 2.0 * value / r**2) / r
        width = self.cutoff - self.inner
        if width == 0.0:
            return strength, decays, 0.0 * energy, 0.0 * energy, -energy
        a = (-3.0 * slope + width * curvature) / width**2
        b = (2.0 * slope - width * curvature) / width**3
        c = -energy + width / 2.0 * slope - width**2 / 12.0 * curvature
        return strength, decays, a, b, c
