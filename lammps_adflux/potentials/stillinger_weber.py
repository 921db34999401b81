"""Stillinger-Weber, with LAMMPS' parameters and files."""

from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import AdfluxError
from ..graph import Graph
from .base import Potential, check_elements
from .file_units import units_of_file

PARAMETERS = ("epsilon", "sigma", "a", "lambda", "gamma", "costheta", "A", "B", "p", "q", "tol")


class StillingerWeber(Potential):
    """U_i = ½ Σ_j φ2(r_ij) + Σ_{j<k} φ3(r_ij, r_ik, θ_jik), Phys. Rev. B 31, 5262 (1985), as LAMMPS' `sw`.

    φ2 = A ε [B (σ/r)^p - (σ/r)^q] exp(σ/(r - aσ)), parameters of the entry i j j;
    φ3 = λ ε (cos θ - cos θ0)² exp(γσ/(r_ij - aσ)) exp(γσ/(r_ik - aσ)): λ, ε, θ0 of the entry i j k, the
    two exponentials of i j j and i k k. The three-body energy belongs to its centre i (LAMMPS' own
    per-atom energy gives each of the three atoms a third).

    φ3 is quadratic in cos θ, so the sum over neighbours j, k is one over products of per-atom moments
    Σ g, Σ g r̂, Σ g r̂ ⊗ r̂ for each neighbour element: O(pairs), without triplets.

    Where σ or a are varied, energies end at the new aσ if it is shorter than the range, and at the range otherwise: what is
    beyond it is exp(σ/(r - aσ)), negligible for changes of some percent.
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
    ranges: tuple[tuple[float, ...], ...] = eqx.field(
        static=True
    )  # beyond them LAMMPS skips a pair: aσ, or less by tol
    cutoff: float = eqx.field(static=True)
    elements: tuple[str, ...] = eqx.field(static=True)
    hops: int = eqx.field(static=True, default=1)
    units: str = eqx.field(static=True, default="metal")

    @classmethod
    def from_lammps(cls, path, *, elements, units: str | None = None) -> "StillingerWeber":
        """Reads the entries for `elements` from a LAMMPS .sw file.

        units: those that the first line names (`UNITS: real`), as LAMMPS reads it; metal, if it names none.
        """
        elements = check_elements(elements)
        entries = _read_entries(Path(path), elements)
        size = len(elements)
        table = np.zeros((size, size, size, len(PARAMETERS)))
        for i, j, k in np.ndindex(size, size, size):
            names = (elements[i], elements[j], elements[k])
            if names not in entries:
                raise AdfluxError(
                    f"{path} has no entry for {' '.join(names)}: every ordered triplet of elements needs one."
                )
            table[i, j, k] = entries[names]
        column = {name: table[..., number] for number, name in enumerate(PARAMETERS)}
        pair = np.arange(size)
        two = {name: values[:, pair, pair] for name, values in column.items()}  # the entries i j j
        _refuse_asymmetry(path, elements, two, column)
        tol = np.clip(two["tol"], 0.0, 0.01)
        with np.errstate(divide="ignore"):
            shortened = np.where(tol > 0.0, np.minimum(two["gamma"], 1.0) * two["sigma"] / np.log(tol), 0.0)
        ranges = two["a"] * two["sigma"] + shortened
        return cls(
            epsilon=two["epsilon"],
            sigma=two["sigma"],
            a=two["a"],
            gamma=two["gamma"],
            A=two["A"],
            B=two["B"],
            p=two["p"],
            q=two["q"],
            lambda_epsilon=column["lambda"] * column["epsilon"],
            costheta=column["costheta"],
            ranges=tuple(tuple(float(r) for r in row) for row in ranges),
            cutoff=float(ranges.max()),
            elements=elements,
            units=units_of_file(path, units),
        )

    def __call__(self, graph: Graph) -> Float[Array, " atoms"]:
        center, other = graph.at_center(graph.species), graph.hop(graph.species)

        def of_pair(values):
            values = jnp.asarray(values)
            return values[0, 0] if len(self.elements) == 1 else values[center, other]

        dtype = graph.vectors.dtype
        distances = graph.distances
        end = of_pair(self.a) * of_pair(self.sigma)  # may have become less than the range: parameters can be varied
        inside = graph.mask & (distances < jnp.minimum(of_pair(jnp.asarray(self.ranges, dtype)), end))
        # beyond its range a pair is evaluated at a harmless distance, so that no gradient is NaN there
        r = jnp.where(inside, distances, 0.5 * end)
        scaled, decay = of_pair(self.sigma) / r, of_pair(self.sigma) / (r - end)
        repulsion, attraction = of_pair(self.B) * scaled ** of_pair(self.p), scaled ** of_pair(self.q)
        two_body = of_pair(self.A) * of_pair(self.epsilon) * (repulsion - attraction) * jnp.exp(decay)
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
        """Σ_{j<k} λε g_j g_k (r̂_j·r̂_k - c)² = ½ Σ_{jk} … - ½ Σ_{j=k} …, from the moments of each neighbour element."""
        size = len(self.elements)
        outer = jnp.einsum("pa,pb->pab", directions, directions).reshape(-1, 9)
        features = jnp.concatenate([jnp.ones_like(weight)[:, None], directions, outer], axis=1) * weight[:, None]
        moments = [graph.sum_pairs(jnp.where((other == e)[:, None], features, 0.0)) for e in range(size)]
        own = [graph.sum_pairs(jnp.where(other == e, weight**2, 0.0)) for e in range(size)]
        strength, cosine = jnp.asarray(self.lambda_epsilon), jnp.asarray(self.costheta)
        energies = jnp.zeros_like(own[0])
        for j in range(size):
            for k in range(size):
                c, product = cosine[graph.species, j, k], moments[j] * moments[k]
                angular = (
                    jnp.sum(product[:, 4:], axis=1) - 2.0 * c * jnp.sum(product[:, 1:4], axis=1) + c**2 * product[:, 0]
                )
                if j == k:
                    angular = angular - (1.0 - c) ** 2 * own[j]
                energies = energies + 0.5 * strength[graph.species, j, k] * angular
        return energies


def _read_entries(path: Path, elements) -> dict[tuple[str, ...], np.ndarray]:
    """Entries of a .sw file whose three elements are all asked for; an entry may span several lines."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AdfluxError(f"The Stillinger-Weber file {path} cannot be read: {error}.") from error
    width = 3 + len(PARAMETERS)
    entries: dict[tuple[str, ...], np.ndarray] = {}
    words: list[str] = []
    start = 0
    for number, line in enumerate(lines, 1):
        new = line.split("#")[0].split()
        if not new:
            continue
        start = start if words else number
        words += new
        if len(words) < width:
            continue
        if len(words) > width:
            raise AdfluxError(
                f"{path}, line {number}: an entry has {width} words, but {len(words)} were found; mend the line."
            )
        names = tuple(words[:3])
        try:
            values = np.array([float(word) for word in words[3:]])
        except ValueError:
            raise AdfluxError(
                f"{path}, line {number}: three elements and {len(PARAMETERS)} numbers are needed, but {' '.join(words)!r} was found."
            ) from None
        words = []
        if not set(names) <= set(elements):
            continue
        if not np.isfinite(values).all() or (np.delete(values, PARAMETERS.index("costheta")) < 0.0).any():
            raise AdfluxError(
                f"{path}, line {number}: the parameters of {' '.join(names)} must be finite and not negative (but for costheta)."
            )
        if names in entries:
            raise AdfluxError(f"{path}, line {number}: a second entry for {' '.join(names)}; keep one.")
        entries[names] = values
    if words:
        raise AdfluxError(
            f"{path}, line {start}: an entry has {width} words, but the file ends after {len(words)}; it may be cut off."
        )
    return entries


def _refuse_asymmetry(path, elements, two, column) -> None:
    """φ2 belongs to the pair and φ3 to the unordered neighbours: entries that disagree have no meaning."""
    for name in ("epsilon", "sigma", "a", "A", "B", "p", "q", "tol"):
        if not np.array_equal(two[name], two[name].T):
            i, j = np.argwhere(two[name] != two[name].T)[0]
            raise AdfluxError(
                f"{path}: {name} of {elements[i]} {elements[j]} {elements[j]} and of {elements[j]} {elements[i]} {elements[i]} differ; the pair term needs them equal."
            )
    for name, values in (
        ("lambda·epsilon", column["lambda"] * column["epsilon"]),
        ("costheta", column["costheta"]),
    ):
        swapped = np.swapaxes(values, 1, 2)
        if not np.array_equal(values, swapped):
            i, j, k = np.argwhere(values != swapped)[0]
            raise AdfluxError(
                f"{path}: {name} of {elements[i]} {elements[j]} {elements[k]} and of {elements[i]} {elements[k]} {elements[j]} differ; the angle term needs them equal."
            )
