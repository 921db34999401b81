"""Tersoff's bond order, with LAMMPS' parameters and files."""

from abc import abstractmethod
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...graph import Graph
from ..base import Potential, check_elements
from ..file_units import units_of_file
from .core import COLUMNS, Core
from .files import read_entries

LARGEST = 69.0776  # of an exponent, as in LAMMPS: e^LARGEST = 10³⁰

Pairs = Float[Array | np.ndarray, "elements elements"]
Triplets = Float[Array | np.ndarray, "elements elements elements"]
Table = tuple[tuple[float, ...], ...]


class BondOrder(Potential):
    """U_i = ½ Σ_j f_C(r_ij) [A exp(-λ1 r_ij) - b_ij B exp(-λ2 r_ij)], with
    ζ_ij = Σ_{k≠j} f_C(r_ik) g(θ_ijk) exp((λ3 (r_ij - r_ik))^m).

    `Tersoff` and `TersoffMod` say what f_C, g and b_ij(ζ_ij) are. Parameters of pairs are those of
    the entry i j j, parameters within ζ those of i j k. The energy belongs to the centre i; LAMMPS
    gives half of the repulsion and half of the attraction to j.

    Neighbours of each atom are laid out in a row, and triplets are a square of it: memory grows
    with atoms × neighbours² within `triplet_cutoff`.
    """

    A: Pairs
    lambda1: Pairs
    B: Pairs
    lambda2: Pairs
    beta: Pairs
    n: Pairs
    lambda3: Triplets
    h: Triplets
    R: tuple[Table, ...] = eqx.field(static=True)
    D: tuple[Table, ...] = eqx.field(static=True)
    m: tuple[Table, ...] = eqx.field(static=True)
    cutoff: float = eqx.field(static=True)
    elements: tuple[str, ...] = eqx.field(static=True)
    core: Core | None = None
    hops: int = eqx.field(static=True, default=1)
    units: str = eqx.field(static=True, default="metal")

    @property
    def triplet_cutoff(self) -> float:
        """Neighbours j and k of triplets are nearer to i than this."""
        return self.cutoff

    @property
    def pair_cutoffs(self) -> np.ndarray:
        """R + D of the entries that an element at j stands in [elements, elements]."""
        reach = np.array(self.R) + np.array(self.D)
        each = np.arange(len(self.elements))
        # as j of i j j, or as k of any i j k
        return np.maximum(reach[:, each, each], reach.max(axis=1))

    @property
    def truncated(self) -> bool:
        """Do bonds end with a step, D = 0?"""
        return bool(np.any(np.array(self.D) == 0.0))

    def __call__(self, graph: Graph) -> Float[Array, " atoms"]:
        if not len(graph.centers):
            return jnp.zeros(len(graph.species), graph.vectors.dtype)
        rows = graph.neighbors(graph.mask & (graph.distances < self.cutoff))
        far = jnp.asarray([self.cutoff, 0.0, 0.0], graph.vectors.dtype)
        vectors = jnp.where(rows.mask[..., None], graph.vectors[rows.pairs], far)
        r = jnp.sqrt(jnp.einsum("ija,ija->ij", vectors, vectors))
        unit = vectors / r[..., None]
        other = graph.hop(graph.species)[rows.pairs]
        center = graph.species[:, None]
        size = len(self.elements)
        pair = center * size + other
        triplet = pair[:, :, None] * size + other[:, None, :]

        def of_pair(values):
            """Of the entry i j j."""
            values = jnp.asarray(values, r.dtype)
            each = jnp.arange(size)
            values = values[:, each, each] if values.ndim == 3 else values
            return values[0, 0] if size == 1 else values.ravel()[pair]

        def of_triplet(values):
            values = jnp.asarray(values, r.dtype)
            return values[0, 0, 0] if size == 1 else values.ravel()[triplet]

        to_k = r[:, None, :]
        counted = rows.mask[:, None, :] & ~jnp.eye(r.shape[1], dtype=bool)
        stretch = of_triplet(self.lambda3) * (r[:, :, None] - to_k)
        power = jnp.where(of_triplet(self.m) == 3.0, stretch**3, stretch)
        terms = (
            self._switch(to_k, of_triplet(self.R), of_triplet(self.D))
            * self._angular(jnp.einsum("ija,ika->ijk", unit, unit), of_triplet)
            * jnp.exp(jnp.clip(power, -LARGEST, LARGEST))
        )
        order = self._order(jnp.sum(jnp.where(counted, terms, 0.0), axis=2), of_pair)
        switch = self._switch(r, of_pair(self.R), of_pair(self.D))
        repulsion = switch * of_pair(self.A) * jnp.exp(-of_pair(self.lambda1) * r)
        attraction = switch * of_pair(self.B) * jnp.exp(-of_pair(self.lambda2) * r)
        if self.core is not None:
            share = self.core.share(r, of_pair)
            attraction = attraction * (1.0 - share)
            repulsion = repulsion * (1.0 - share) + self.core.energy(r, of_pair) * share
        bonded = rows.mask & (r < of_pair(self.R) + of_pair(self.D))
        bonds = jnp.where(bonded, 0.5 * (repulsion - order * attraction), 0.0)
        return rows.complete(jnp.sum(bonds, axis=1))

    @abstractmethod
    def _switch(self, r, R, D) -> Array:
        """f_C: 1 below R - D, 0 above R + D."""

    @abstractmethod
    def _angular(self, cosine, of_triplet) -> Array:
        """g(θ)."""

    @abstractmethod
    def _order(self, zeta, of_pair) -> Array:
        """b(ζ)."""


class Tersoff(BondOrder):
    """Tersoff's potential as LAMMPS' `tersoff`: Phys. Rev. B 37, 6991 (1988), 39, 5566 (1989); with
    a `core` as `tersoff/zbl`.

    What `BondOrder` says, with f_C = ½ - ½ sin(π/2 (r - R)/D) between R - D and R + D, g = γ (1 +
    c²/d² - c²/(d² + (h - cos θ)²)) and b = (1 + (βζ)ⁿ)^(-1/2n).
    """

    gamma: Triplets = eqx.field(kw_only=True)
    c: Triplets = eqx.field(kw_only=True)
    d: Triplets = eqx.field(kw_only=True)

    @classmethod
    def from_lammps(
        cls, path, *, elements, style: str | None = None, units: str | None = None
    ) -> "BondOrder":
        """Read a file of LAMMPS' `tersoff`, `tersoff/mod` (a `TersoffMod`) or `tersoff/zbl`.

        Parameters
        ----------
        path
            The file.
        elements
            Those wanted, in the order of LAMMPS' types.
        style
            Default: what the number of entries shows.
        units
            Default: those that the first line names (`UNITS: real`), as LAMMPS reads it; metal, if
            it names none. tersoff/zbl needs one of these two.

        Raises
        ------
        AdfluxError
            With file and line, where a file is not of this form; where the repulsion of i j j and
            of j i i differ by more than 1e-5.
        """
        elements = check_elements(elements)
        style, columns = read_entries(Path(path), elements, style)
        each = np.arange(len(elements))
        pair = {
            name: columns[name][:, each, each]
            for name in ("A", "lambda1", "B", "lambda2", "beta", "n")
        }
        static = {name: _table(columns[name]) for name in ("R", "D", "m")}
        reach = columns["R"] + columns["D"]
        common: dict[str, Any] = dict(
            lambda3=columns["lambda3"],
            h=columns["h"],
            cutoff=float(reach.max()),
            elements=elements,
            units=units_of_file(path, units),
            **pair,
            **static,
        )
        if style == "tersoff/mod":
            angular: dict[str, Any] = {
                name: columns[name] for name in ("c1", "c2", "c3", "c4", "c5")
            }
            return TersoffMod(**common, **angular, eta=columns["eta"][:, each, each])
        core = None
        if style == "tersoff/zbl":
            numbers = (columns[name][:, each, each] for name in COLUMNS)
            core = Core.of(*numbers, units=common["units"])
        bend: dict[str, Any] = {name: columns[name] for name in ("gamma", "c", "d")}
        return cls(**common, **bend, core=core)

    def _switch(self, r, R, D):
        return 0.5 - 0.5 * jnp.sin(_phase(r, R, D))

    def _angular(self, cosine, of_triplet):
        c, d = of_triplet(self.c) ** 2, of_triplet(self.d) ** 2
        # entries of triplets that LAMMPS never bends have d = 0
        d = jnp.where(d > 0.0, d, 1.0)
        return of_triplet(self.gamma) * (1.0 + c / d - c / (d + (of_triplet(self.h) - cosine) ** 2))

    def _order(self, zeta, of_pair):
        n = of_pair(self.n)
        return _power(of_pair(self.beta) * zeta, n, 0.5 / n)


class TersoffMod(BondOrder):
    """The modified Tersoff potential of Kumagai, Izumi, Hara, Sakai, Comput. Mater. Sci. 39, 457
    (2007), as LAMMPS' `tersoff/mod`.

    What `BondOrder` says, with f_C = ½ - 9/16 sin(π/2 (r - R)/D) - 1/16 sin(3π/2 (r - R)/D), x =
    (h - cos θ)², g = c1 + c2 x / (c3 + x) (1 + c4 exp(-c5 x)) and b = (1 + (βζ)ⁿ)^(-1/2η).
    """

    eta: Pairs = eqx.field(kw_only=True)
    c1: Triplets = eqx.field(kw_only=True)
    c2: Triplets = eqx.field(kw_only=True)
    c3: Triplets = eqx.field(kw_only=True)
    c4: Triplets = eqx.field(kw_only=True)
    c5: Triplets = eqx.field(kw_only=True)

    def _switch(self, r, R, D):
        angle = _phase(r, R, D)
        return 0.5 - 0.5625 * jnp.sin(angle) - 0.0625 * jnp.sin(3.0 * angle)

    def _angular(self, cosine, of_triplet):
        c1, c2, c3, c4, c5 = map(of_triplet, (self.c1, self.c2, self.c3, self.c4, self.c5))
        x = (of_triplet(self.h) - cosine) ** 2
        return c1 + c2 * x / (c3 + x) * (1.0 + c4 * jnp.exp(-c5 * x))

    def _order(self, zeta, of_pair):
        return _power(of_pair(self.beta) * zeta, of_pair(self.n), 0.5 / of_pair(self.eta))


def _phase(r, R, D):
    """-π/2 up to R - D, π/2 from R + D; D may be zero."""
    inside = jnp.where(D > 0.0, (r - R) / jnp.where(D > 0.0, D, 1.0), jnp.sign(r - R))
    return 0.5 * jnp.pi * jnp.clip(inside, -1.0, 1.0)


def _power(t, n, exponent):
    """(1 + tⁿ)^-exponent for t ≥ 0; 1 where tⁿ is lost in rounding: no slope is infinite."""
    some = t > (2e-16 * n) ** (1.0 / n)
    t = jnp.where(some, t, 1.0)
    return jnp.where(some, jnp.exp(-exponent * jnp.logaddexp(0.0, n * jnp.log(t))), 1.0)


def _table(values: np.ndarray) -> tuple[Table, ...]:
    return tuple(tuple(tuple(row) for row in plane) for plane in values.tolist())
