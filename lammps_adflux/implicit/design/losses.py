"""Building blocks of losses: JAX functions of relaxed structures, by formula.

x_i are positions, t_i targets, h the cell with its vectors as rows, d(·) the nearest periodic
image of a vector: `adflux.losses.squared_distance` and its kin put them together.
"""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...errors import AdfluxError
from ..relaxed import Relaxed
from ..strain import VOIGT, deformation
from .nearest import nearest_images


class Structure(eqx.Module):
    """A relaxed structure as a loss sees it; atoms by ascending id, LAMMPS' units.

    Attributes
    ----------
    positions
        x [atoms, 3].
    strain
        E [6] of the cell against that of the first relaxed structure, xx, yy, zz, yz, xz, xy:
        h = h₀ (1 + E)ᵀ.
    energy
        U.
    cell
        h, rows are the cell vectors [3, 3].
    species
        Of each atom, the place of its element among those of the potential.
    periodic
        Which boundaries are periodic.
    elastic_constants
        C_ij [6, 6] of `Relaxed.elastic_constants`, in LAMMPS' unit of pressure; NaN in a structure
        of which no loss asks for them.
    """

    positions: Float[Array | np.ndarray, "atoms 3"]
    strain: Float[Array | np.ndarray, "6"]
    energy: Float[Array | np.ndarray, ""]
    cell: Float[Array | np.ndarray, "3 3"]
    species: tuple[int, ...] = eqx.field(static=True)
    periodic: tuple[bool, bool, bool] = eqx.field(static=True)
    elastic_constants: Float[Array | np.ndarray, "6 6"] = eqx.field(
        default_factory=lambda: np.full((6, 6), np.nan)
    )

    @property
    def volume(self) -> Float[Array, ""]:
        """|det h|."""
        return jnp.abs(jnp.linalg.det(self.cell))

    def nearest(self, vectors: Float[Array | np.ndarray, "n 3"]) -> Float[Array, "n 3"]:
        """d(v): v less the whole cell vectors that make it shortest, along periodic boundaries."""
        return nearest_images(vectors, jnp.asarray(self.cell)[np.flatnonzero(self.periodic)])


def structure_of(relaxed: Relaxed, first_cell=None) -> Structure:
    """A relaxed structure as a loss sees it; its strain is that against `first_cell`, or zero.
    Collective.
    """
    system = relaxed.system
    species = np.asarray(system.graph.species)[: len(system.ids)][system.order]
    first_cell = system.cell if first_cell is None else first_cell
    x, y, z = system.periodic
    return Structure(
        positions=relaxed.gather(relaxed.positions),
        strain=(np.linalg.solve(first_cell, system.cell).T - np.eye(3))[VOIGT],
        energy=np.asarray(relaxed.energy),
        cell=system.cell.copy(),
        species=tuple(int(x) for x in system.gather(species)),
        periodic=(bool(x), bool(y), bool(z)),
    )


def strained(
    structure: Structure,
    origin: Float[Array | np.ndarray, "3"],
    positions: Float[Array | np.ndarray, "atoms 3"],
    strain: Float[Array | np.ndarray, "6"],
    energy: Float[Array | np.ndarray, ""] | float,
    elastic_constants: Float[Array | np.ndarray, "6 6"],
) -> Structure:
    """The structure with other positions in its cell, and then a strain F = 1 + E about the origin.

    x = x₀ + (y - x₀) Fᵀ; a JAX function.

    Parameters
    ----------
    structure
        The structure.
    origin
        x₀, that of LAMMPS' box.
    positions
        y of all atoms, in its cell.
    strain
        E as xx, yy, zz, yz, xz, xy.
    energy, elastic_constants
        Of the result.
    """
    f = deformation(jnp.asarray(strain))
    whole = f @ deformation(jnp.asarray(structure.strain)) - jnp.eye(3)
    return Structure(
        positions=origin + (positions - origin) @ f.T,
        strain=whole[VOIGT],
        energy=jnp.asarray(energy),
        cell=structure.cell @ f.T,
        species=structure.species,
        periodic=structure.periodic,
        elastic_constants=jnp.asarray(elastic_constants),
    )


def displacements(
    structure: Structure, target: Float[Array | np.ndarray, "atoms 3"], atoms=None
) -> Float[Array, "chosen 3"]:
    """u_i - ū, u_i = d(x_i - t_i): what is left of a displacement without its mean.

    Parameters
    ----------
    structure, target
        x and t of all atoms by ascending id.
    atoms
        Indices of those that count, also for the mean; default: all.
    """
    target = jnp.asarray(target)
    if target.shape != structure.positions.shape:
        raise AdfluxError(
            f"The target has positions {target.shape}, but the structure has "
            f"{structure.positions.shape}: give all atoms, by ascending id."
        )
    chosen = slice(None) if atoms is None else jnp.asarray(atoms)
    moved = structure.nearest(structure.positions - target)[chosen]
    # one that lies half a cell away has no mean of nearest images: that of the first is taken
    first = structure.nearest(moved - moved[:1])
    return first - jnp.mean(first, axis=0)


def squared_distance(
    structure: Structure, target: Float[Array | np.ndarray, "atoms 3"], atoms=None
) -> Float[Array, ""]:
    """Σ_i |u_i - ū|², u_i = d(x_i - t_i): the distance to a target, modulo translation and periodic
    images.

    Parameters
    ----------
    structure, target
        x and t of all atoms by ascending id.
    atoms
        Indices of those that count.
    """
    return jnp.sum(displacements(structure, target, atoms) ** 2)


def distance(structure: Structure, one: int, two: int) -> Float[Array, ""]:
    """|d(x_j - x_i)| between two atoms, i the `one` and j the `two`.

    Parameters
    ----------
    structure
        The structure.
    one, two
        Places of the atoms in the order of ids.
    """
    vector = structure.nearest((structure.positions[two] - structure.positions[one])[None])[0]
    return jnp.sqrt(vector @ vector)


def lattice_parameters(structure: Structure) -> Float[Array, "6"]:
    """a, b, c of the cell, and the cosines of α, β, γ: h_a·h_b / (|h_a| |h_b|)."""
    lengths = jnp.linalg.norm(structure.cell, axis=1)
    a, b, c = structure.cell / lengths[:, None]
    return jnp.concatenate([lengths, jnp.stack([b @ c, a @ c, a @ b])])


def volume(structure: Structure) -> Float[Array, ""]:
    """V = |det h|."""
    return structure.volume


def elastic_constants(structure: Structure) -> Float[Array, "6 6"]:
    """C_ij = dσ_i/de_j in LAMMPS' unit of pressure: `Relaxed.elastic_constants`."""
    return jnp.asarray(structure.elastic_constants)


def bulk_modulus(structure: Structure) -> Float[Array, ""]:
    """Voigt's mean K = Σ_ij C_ij/9 over i, j = xx, yy, zz, in LAMMPS' unit of pressure."""
    return jnp.sum(elastic_constants(structure)[:3, :3]) / 9.0


def formation_energy(defect: Structure, bulk: Structure) -> Float[Array, ""]:
    """U(defect) - U(bulk) N(defect)/N(bulk), of structures of equal composition."""
    return jnp.asarray(defect.energy) - bulk.energy * _share(defect, bulk)


def formation_volume(defect: Structure, bulk: Structure) -> Float[Array, ""]:
    """V(defect) - V(bulk) N(defect)/N(bulk) of the relaxed cells, equal composition."""
    return defect.volume - bulk.volume * _share(defect, bulk)


def _share(defect: Structure, bulk: Structure) -> float:
    counts = [_counts(part.species) for part in (defect, bulk)]
    ratio = len(defect.species) / len(bulk.species)
    kinds = sorted(counts[0].keys() | counts[1].keys())
    if any(
        counts[0].get(kind, 0) * len(bulk.species) != counts[1].get(kind, 0) * len(defect.species)
        for kind in kinds
    ):
        raise AdfluxError(
            "A formation energy needs structures of equal composition, but the defect has "
            f"{counts[0]} atoms by element and the bulk {counts[1]}: elsewhere it needs chemical "
            "potentials."
        )
    return ratio


def _counts(species: Sequence[int]) -> dict[int, int]:
    kinds, numbers = np.unique(np.asarray(species), return_counts=True)
    return dict(zip(kinds.tolist(), numbers.tolist(), strict=True))
