"""Spectral neighbour analysis potential, as LAMMPS' `pair_style snap`."""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...graph import Graph
from ...hop_rule.locality import any_counts
from ...process import note
from ..base import Potential, check_elements
from ..file_units import units_of_file
from .beside import core_beside
from .bispectrum import bispectrum, triples, unity
from .files import count_components, read_files, write_files
from .pairs import pair_density


def at_a_time() -> tuple[int, int]:
    """Pairs and atoms that are worked through together.

    On a CPU what then has to be held fits into a core's cache. On a GPU it is to occupy all of it;
    those numbers were chosen without one at hand.
    """
    return (256, 16) if jax.default_backend() == "cpu" else (2**17, 2**13)


class SNAP(Potential):
    """U_i = β₀ + Σ_k β_k B_k(i) + Σ_{k≤l} α_kl B_k B_l (diagonal ones halved), B the bispectrum of
    i's neighbourhood.

    Thompson et al., J. Comput. Phys. 285, 316 (2015); quadratic: Wood, Thompson, J. Chem. Phys.
    148, 241721 (2018); chemflag: Cusentino, Wood, Thompson, J. Phys. Chem. A 124, 5456 (2020).
    Everything as in LAMMPS.
    """

    constants: Float[Array | np.ndarray, " elements"]  # β₀
    coefficients: Float[Array | np.ndarray, "elements components"]  # β
    # α, the upper triangle row by row
    quadratic: Float[Array | np.ndarray, "elements products"] | None
    cutoff: float = eqx.field(static=True)
    elements: tuple[str, ...] = eqx.field(static=True)
    # times rcutfac: the cutoff of a pair is the sum of two
    radii: tuple[float, ...] = eqx.field(static=True)
    weights: tuple[float, ...] = eqx.field(static=True)  # of a neighbour in the density
    twojmax: int = eqx.field(static=True)
    rfac0: float = eqx.field(static=True)
    rmin0: float = eqx.field(static=True)
    switch: bool = eqx.field(static=True)
    subtract_isolated: bool = eqx.field(static=True)  # bzeroflag
    chemical: bool = eqx.field(static=True)  # chemflag
    normalized: bool = eqx.field(static=True)  # bnormflag
    self_in_all: bool = eqx.field(static=True)  # wselfallflag
    hops: int = eqx.field(static=True, default=1)
    units: str = eqx.field(static=True, default="metal")
    rcutfac: float = eqx.field(static=True, default=1.0)  # of the file; in the radii already

    @classmethod
    def from_lammps(cls, coefficients, parameters, elements, units: str | None = None) -> "SNAP":
        """Read LAMMPS' .snapcoeff and .snapparam files.

        Where a .snap or .mod file beside the coefficients adds another pair style to them (most
        often ZBL, without which atoms may fall into one another), a note of the logger
        `lammps_adflux` says so: `read_pair_style` of that file gives the sum.

        Parameters
        ----------
        coefficients
            The .snapcoeff file.
        parameters
            The .snapparam file.
        elements
            Those wanted, in the order of LAMMPS' types.
        units
            Default: those that the first line of the coefficients names (`UNITS: metal`); metal, if
            it names none.
        """
        potential = cls.from_files(coefficients, parameters, elements, units)
        beside = core_beside(Path(coefficients))
        if beside is not None:
            file, styles = beside
            note(
                f"{Path(coefficients).name} is made for SNAP with {' and '.join(styles)}, as "
                f"{file} says, but this is SNAP alone: "
                f"read_pair_style or `adflux export snap {file.name}` gives the sum where it can."
            )
        return potential

    @classmethod
    def from_files(cls, coefficients, parameters, elements, units: str | None = None) -> "SNAP":
        """As `from_lammps`, without a look at files beside these.

        Parameters
        ----------
        coefficients, parameters, elements, units
            As in `from_lammps`.
        """
        elements = check_elements(elements)
        p, radii, weights, values = read_files(Path(coefficients), Path(parameters), elements)
        components = count_components(p, len(elements))
        return cls(
            constants=values[:, 0],
            coefficients=values[:, 1 : 1 + components],
            quadratic=values[:, 1 + components :] if p["quadraticflag"] else None,
            cutoff=float(2.0 * radii.max() * p["rcutfac"]),
            elements=elements,
            radii=tuple((radii * p["rcutfac"]).tolist()),
            weights=tuple(weights.tolist()),
            twojmax=p["twojmax"],
            rfac0=p["rfac0"],
            rmin0=p["rmin0"],
            switch=bool(p["switchflag"]),
            subtract_isolated=bool(p["bzeroflag"]),
            chemical=bool(p["chemflag"]),
            normalized=bool(p["bnormflag"]),
            self_in_all=bool(p["wselfallflag"]),
            units=units_of_file(coefficients, units),
            rcutfac=p["rcutfac"],
        )

    def to_lammps(self, coefficients, parameters=None) -> None:
        """Write LAMMPS' files for `pair_style snap`, in the potential's units.

        What `from_lammps` reads back is equal to the last digit.

        Parameters
        ----------
        coefficients
            Path of the .snapcoeff file.
        parameters
            Path of the .snapparam file; default: beside the other, with the same name.
        """
        flags = {
            "quadraticflag": self.quadratic is not None,
            "switchflag": self.switch,
            "bzeroflag": self.subtract_isolated,
            "chemflag": self.chemical,
            "bnormflag": self.normalized,
            "wselfallflag": self.self_in_all,
        }
        keywords = {
            "rcutfac": self.rcutfac,
            "twojmax": self.twojmax,
            "rfac0": self.rfac0,
            "rmin0": self.rmin0,
        }
        parts = (np.asarray(self.constants, float)[:, None], self.coefficients, self.quadratic)
        values = np.concatenate(
            [np.asarray(part, float) for part in parts if part is not None], axis=1
        )
        write_files(
            Path(coefficients),
            parameters,
            self.elements,
            self.radii,
            self.weights,
            values,
            keywords | flags,
            self.units,
        )

    def __call__(self, graph: Graph) -> Float[Array, " atoms"]:
        """U_i in the unit of the coefficients (eV in LAMMPS' files)."""
        return self.energies_of(self.bispectrum(graph), graph.species)

    @property
    def truncated(self) -> bool:
        """True without the switching function."""
        return not self.switch

    @property
    def pair_cutoffs(self) -> np.ndarray:
        """(R_i + R_j) · rcutfac [elements, elements]."""
        return np.add.outer(self.radii, self.radii)

    def energies_of(
        self, components: Float[Array, "atoms components"], species
    ) -> Float[Array, " atoms"]:
        """U_i from the bispectrum, a polynomial of the coefficients."""
        linear = jnp.asarray(self.coefficients)[species]
        energies = jnp.asarray(self.constants)[species] + jnp.sum(linear * components, axis=1)
        if self.quadratic is not None:
            first, second = np.triu_indices(components.shape[1])
            half = jnp.asarray(np.where(first == second, 0.5, 1.0), components.dtype)
            products = half * components[:, first] * components[:, second]
            energies = energies + jnp.sum(jnp.asarray(self.quadratic)[species] * products, axis=1)
        return energies

    def bispectrum(self, graph: Graph) -> Float[Array, "atoms components"]:
        """B_k of each owned atom, in the order and normalisation of LAMMPS' `compute sna/atom`."""
        density = self._density(graph)
        atoms, channels, numbers = density.shape
        count = len(triples(self.twojmax)) * channels**3
        block_size = max(1, min(at_a_time()[1], atoms))
        blocks = -(-atoms // block_size)
        groups = max(1, round(blocks**0.5))
        shape = groups, -(-blocks // groups)
        room = shape[0] * shape[1] * block_size
        padded = jnp.pad(density, ((0, room - atoms), (0, 0), (0, 0))).reshape(
            *shape, block_size, channels, numbers
        )
        needed = jnp.pad(graph.owned, (0, room - atoms)).reshape(*shape, block_size).any(axis=2)

        # ghosts and padding are most of the atoms of a small domain: skip them, groups of blocks
        # first, then blocks
        def skipping(function):
            def either(data):
                values, needed = data
                nothing = jnp.zeros((*needed.shape, block_size, count), density.dtype)
                return jax.lax.cond(
                    any_counts(needed), function, lambda *_: nothing, values, needed
                )

            return either

        # checkpoints inside of the branches, too: their products would go through memory
        block = jax.checkpoint(
            skipping(jax.checkpoint(lambda u, _: bispectrum(u, self.twojmax, self.normalized)))
        )
        group = skipping(lambda *data: jax.lax.map(block, data))
        components = jax.lax.map(group, (padded, needed)).reshape(room, count)[:atoms]
        return components - self._isolated(graph)

    def _isolated(self, graph: Graph):
        """B of an atom alone, where bzeroflag takes it away."""
        channels = len(self.elements) if self.chemical else 1
        b = np.array([1.0 if self.normalized else j + 1.0 for _, _, j in triples(self.twojmax)])
        own = np.zeros((len(self.elements), channels, channels, channels, len(b)))
        for element in range(len(self.elements) if self.subtract_isolated else 0):
            if self.chemical and not self.self_in_all:
                own[element, element, element, element] = b
            else:
                own[element] = b
        return jnp.asarray(own.reshape(len(self.elements), -1), graph.vectors.dtype)[graph.species]

    def _density(self, graph: Graph) -> Float[Array, "atoms channels numbers"]:
        """U_j of the neighbourhoods: self-contribution and Σ over pairs of weight · switching
        function · U_j(r_p).
        """
        dtype, atoms, species = graph.vectors.dtype, len(graph.species), graph.species
        channels = len(self.elements) if self.chemical else 1
        other = graph.hop(species)
        radii, weights = jnp.asarray(self.radii, dtype), jnp.asarray(self.weights, dtype)
        cutoffs = radii[graph.at_center(species)] + radii[other]
        inside = graph.mask & (graph.distances < cutoffs) & graph.at_center(graph.owned)
        chunk = max(1, min(at_a_time()[0], len(inside)))
        count = -(-len(inside) // chunk)

        def chunks(values, fill=0):
            values = jnp.pad(
                values,
                ((0, count * chunk - len(values)), *((0, 0),) * (values.ndim - 1)),
                constant_values=fill,
            )
            return values.reshape(count, chunk, *values.shape[1:])

        # indices as they are, without arithmetic: the survey of operations (hops.py) follows them
        rows = (chunks(graph.centers), chunks(other)) if self.chemical else (chunks(graph.centers),)
        data = (
            (chunks(graph.vectors), chunks(cutoffs, 1), chunks(weights[other]), chunks(inside)),
            rows,
        )

        @jax.checkpoint
        def of_pairs(*pairs):
            numbers, weights = jax.lax.cond(
                any_counts(pairs[-1]),
                lambda *pairs: pair_density(self, *pairs),
                lambda *pairs: (
                    jnp.zeros((len(unity(self.twojmax)), chunk), dtype),
                    jnp.zeros(chunk, dtype),
                ),
                *pairs,
            )
            # outside of the branches: XLA adds a product to rows in one loop, but what comes from a
            # branch row by row, which takes three times as long
            return (numbers * weights).T

        def add(density, data):
            pairs, rows = data
            return density.at[rows].add(of_pairs(*pairs), mode="drop"), None

        own = (
            np.ones((len(self.elements), channels))
            if self.self_in_all or not self.chemical
            else np.eye(channels)
        )
        start = jnp.asarray(own[:, :, None] * unity(self.twojmax), dtype)[species]
        density, _ = jax.lax.scan(add, start if self.chemical else start[:, 0], data)
        return density.reshape(atoms, channels, -1)
