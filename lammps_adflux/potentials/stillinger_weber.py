"""Stillinger-Weber, with LAMMPS' parameters and files."""

from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..graph import Graph
from .base import Potential, check_elements
from .file_units import units_of_file
from .stillinger_weber_file import read_entries, symmetric


class StillingerWeber(Potential):
    """U_i = ½ Σ_j φ2(r_ij) + Σ_{j<k} φ3(r_ij, r_ik, θ_jik), Phys. Rev. B 31, 5262 (1985), as
    LAMMPS' `sw`.

    φ2 = A ε [B (σ/r)^p - (σ/r)^q] exp(σ/(r - aσ)), parameters of the entry i j j; φ3 = λ ε (cos θ -
    cos θ0)² exp(γσ/(r_ij - aσ)) exp(γσ/(r_ik - aσ)): λ, ε, θ0 of the entry i j k, the two
    exponentials of i j j and i k k. The three-body energy belongs to its centre i (LAMMPS' own
    per-atom energy gives each of the three atoms a third).

    Where A ε is zero a pair has no φ2, and where aσ is zero it has no energy at all, neither φ2 nor
    φ3: .sw files have such entries for elements that do not interact.

    φ3 is quadratic in cos θ, so the sum over neighbours j, k is one over products of per-atom
    moments Σ g, Σ g r̂, Σ g r̂ ⊗ r̂ for each neighbour element: O(pairs), without triplets.

    Where σ or a are varied, energies end at the new aσ if it is shorter than the range, and at the
    range otherwise: what is beyond it is exp(σ/(r - aσ)), negligible for changes of some percent.
    """

    epsilon: Float[Array | np.ndarray, "elements elements"]
    sigma: Float[Array | np.ndarray, "elements elements"]
    a: Float[Array | np.ndarray, "elements elements"]
    gamma: Float[Array | np.ndarray, "elements elements"]
    A: Float[Array | np.ndarray, "elements elements"]
    B: Float[Array | np.ndarray, "elements elements"]
    p: Float[Array | np.ndarray, "elements elements"]
    q: Float[Array | np.ndarray, "elements elements"]
    lambda_epsilon: Float[Array | np.ndarray, "elements elements elements"]
    costheta: Float[Array | np.ndarray, "elements elements elements"]
    # beyond them LAMMPS skips a pair: aσ, or less by tol
    ranges: tuple[tuple[float, ...], ...] = eqx.field(static=True)
    cutoff: float = eqx.field(static=True)
    elements: tuple[str, ...] = eqx.field(static=True)
    hops: int = eqx.field(static=True, default=1)
    units: str = eqx.field(static=True, default="metal")

    @classmethod
    def from_lammps(cls, path, *, elements, units: str | None = None) -> "StillingerWeber":
        """Read a LAMMPS .sw file.

        What has to be equal for i j and j i, or for j and k, may differ by 1e-5 of it, as rounded
        numbers do, and the mean is taken.

        Parameters
        ----------
        path
            The file.
        elements
            Those wanted, in the order of LAMMPS' types.
        units
            Default: those that the first line names (`UNITS: real`), as LAMMPS reads it; metal, if
            it names none.

        Raises
        ------
        AdfluxError
            With file and line, where the file is not of this form; for a larger difference, unless
            nothing depends on it (a pair without energy, an angle without strength).
        """
        elements = check_elements(elements)
        column = symmetric(path, elements, read_entries(Path(path), elements))
        pair = np.arange(len(elements))
        two = {name: values[:, pair, pair] for name, values in column.items()}  # the entries i j j
        return cls(
            epsilon=two["epsilon"],
            sigma=two["sigma"],
            a=two["a"],
            gamma=two["gamma"],
            A=two["A"],
            B=two["B"],
            p=two["p"],
            q=two["q"],
            lambda_epsilon=column["lambda epsilon"],
            costheta=column["costheta"],
            ranges=tuple(tuple(row) for row in two["range"].tolist()),
            cutoff=float(two["range"].max()),
            elements=elements,
            units=units_of_file(path, units),
        )

    def __call__(self, graph: Graph) -> Float[Array, " atoms"]:
        center, other = graph.at_center(graph.species), graph.hop(graph.species)

        def of_pair(values):
            values = jnp.asarray(values)
            return values[0, 0] if len(self.elements) == 1 else values[center, other]

        dtype = graph.vectors.dtype
        distances, sigma = graph.distances, of_pair(self.sigma)
        # may have become less than the range: parameters can be varied
        end = of_pair(self.a) * sigma
        inside = graph.mask & (
            distances < jnp.minimum(of_pair(jnp.asarray(self.ranges, dtype)), end)
        )
        # beyond its range a pair is evaluated with harmless lengths, so that no gradient is NaN
        # there: σ and aσ may be zero
        r, sigma, end = (
            jnp.where(inside, *lengths) for lengths in ((distances, 1.0), (sigma, 1.0), (end, 2.0))
        )
        scaled, decay = sigma / r, sigma / (r - end)
        repulsion, attraction = (
            of_pair(self.B) * scaled ** of_pair(self.p),
            scaled ** of_pair(self.q),
        )
        two_body = (
            of_pair(self.A) * of_pair(self.epsilon) * (repulsion - attraction) * jnp.exp(decay)
        )
        weight = jnp.where(inside, jnp.exp(of_pair(self.gamma) * decay), 0.0)
        energies = graph.sum_pairs(jnp.where(inside, 0.5 * two_body, 0.0))
        return energies + self._three_body(graph, weight, graph.vectors / r[:, None], other)

    @property
    def pair_cutoffs(self) -> np.ndarray:
        """a σ, shortened by tol [elements, elements]."""
        return np.array(self.ranges)

    @property
    def truncated(self) -> bool:
        """True where `tol` ends pairs before aσ."""
        ends = np.asarray(self.a, float) * np.asarray(self.sigma, float)
        return bool(np.any(np.array(self.ranges) < (1.0 - 1e-9) * ends))

    def _three_body(self, graph, weight, directions, other):
        """Σ_{j<k} λε g_j g_k (r̂_j·r̂_k - c)² = ½ Σ_{jk} … - ½ Σ_{j=k} …, from the moments of each
        neighbour element.
        """
        size = len(self.elements)
        outer = jnp.einsum("pa,pb->pab", directions, directions).reshape(-1, 9)
        features = (
            jnp.concatenate([jnp.ones_like(weight)[:, None], directions, outer], axis=1)
            * weight[:, None]
        )
        moments = [
            graph.sum_pairs(jnp.where((other == e)[:, None], features, 0.0)) for e in range(size)
        ]
        own = [graph.sum_pairs(jnp.where(other == e, weight**2, 0.0)) for e in range(size)]
        strength, cosine = jnp.asarray(self.lambda_epsilon), jnp.asarray(self.costheta)
        energies = jnp.zeros_like(own[0])
        for j in range(size):
            for k in range(size):
                c, product = cosine[graph.species, j, k], moments[j] * moments[k]
                angular = (
                    jnp.sum(product[:, 4:], axis=1)
                    - 2.0 * c * jnp.sum(product[:, 1:4], axis=1)
                    + c**2 * product[:, 0]
                )
                if j == k:
                    angular = angular - (1.0 - c) ** 2 * own[j]
                energies = energies + 0.5 * strength[graph.species, j, k] * angular
        return energies
