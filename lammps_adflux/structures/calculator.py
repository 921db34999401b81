"""An ASE calculator: any potential in ASE's relaxers, dynamics, phonopy and phono3py."""

from typing import Any

import ase
import equinox as eqx
import jax.numpy as jnp
import numpy as np
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress
from jaxtyping import Float

from ..derivatives import energy_forces_virial, owned_energies
from ..errors import AdfluxError
from ..flux import atomic_virials, heat_flux
from ..graph import Graph, room_for, slots_for
from ..potentials import Potential
from ..potentials.conversion import in_units
from .graphs import PairList

SKIN = 0.5  # Å


def in_ase_units(potential: Any, dtype=None) -> tuple[Potential, jnp.dtype]:
    """The potential in eV, with parameters in the precision that is asked for, and that precision.

    dtype: "float32" or "float64"; that of JAX if not given.
    """
    if not isinstance(potential, Potential):
        raise AdfluxError(
            "ASE's structures need a potential, such as adflux.load reads from a model file, but "
            f"{type(potential).__name__} was found."
        )
    if potential.units not in ("any", "metal", "real"):
        raise AdfluxError(
            "ASE counts in eV and Å: a potential in metal or real units was needed, but its "
            f"units are {potential.units}."
        )
    precision = jnp.dtype(dtype or jnp.result_type(float))
    if precision != jnp.asarray(0.0, precision).dtype:
        raise AdfluxError(
            f"The precision {precision} needs "
            'jax.config.update("jax_enable_x64", True) before the potential is made.'
        )
    known = potential if potential.units == "any" else in_units(potential, "metal")
    return known.astype(precision), precision


class ASECalculator(Calculator):
    """Energies, forces, stress and heat flux of ASE structures, in ASE's units.

    Pairs are kept within the cutoff and a skin, and searched for anew only where an atom moved by
    half of it, or where the cell changed. Arrays have room for more pairs than there are, so that
    JAX compiles once for structures of about one size.

    Parameters
    ----------
    potential
        Any `Potential` in eV and Å or in LAMMPS' `real` units; `adflux.load` reads one.
    dtype
        "float32" or "float64"; that of JAX if not given (float64 with
        `jax.config.update("jax_enable_x64", True)`).
    skin
        Beyond the cutoff [Å].

    Raises
    ------
    AdfluxError
        For elements that the potential does not know, and for potentials in other units.
    """

    implemented_properties = [  # noqa: RUF012, as ASE has it
        "energy",
        "free_energy",
        "energies",
        "forces",
        "stress",
        "stresses",
    ]

    def __init__(self, potential: Any, dtype=None, skin: float = SKIN, **words):
        super().__init__(**words)
        if not 0.0 <= skin < np.inf:
            raise AdfluxError(f"The skin must be a length of 0 or more, but is {skin}.")
        self.potential, self.dtype = in_ase_units(potential, dtype)
        self.skin = float(skin)
        self._pairs: PairList | None = None
        self._room = self._places = self._slots = 0  # capacities that arrays had so far

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes) -> None:
        """As ASE asks."""
        super().calculate(atoms, properties, system_changes)
        atoms = self.atoms
        assert isinstance(atoms, ase.Atoms)
        graph, count = self._graph(atoms), len(atoms)
        found = energy_forces_virial(self.potential, graph)
        energies = np.asarray(found.energies, float)[:count]
        self.results = {
            "energy": float(energies.sum()),
            "free_energy": float(energies.sum()),
            "energies": energies,
            "forces": np.asarray(found.forces, float)[:count],
        }
        if atoms.cell.rank == 3:
            virial = np.asarray(found.virial, float)
            self.results["stress"] = stress_of(virial, atoms.get_volume())
            if "stresses" in properties:
                virials = np.asarray(atomic_virials(self.potential, graph), float)[:count]
                self.results["stresses"] = stress_of(virials, atoms.get_volume())

    def get_heat_flux(self, atoms: ase.Atoms | None = None, velocities=None) -> np.ndarray:
        """J = Σ_i (U_i + ½ m_i v_i²) v_i + J_pot, extensive, in eV · ASE's unit of velocity [3].

        J_pot is `adflux.heat_flux`, exact for any number of layers of messages.

        Parameters
        ----------
        atoms
            Default: those of the calculator.
        velocities
            In ASE's unit, Å / (Å √(u/eV)); default: those of the atoms.
        """
        atoms = atoms if atoms is not None else self.atoms
        if not isinstance(atoms, ase.Atoms):
            raise AdfluxError("get_heat_flux needs a structure: give atoms.")
        v = np.asarray(atoms.get_velocities() if velocities is None else velocities, float)
        if v.shape != (len(atoms), 3) or not np.isfinite(v).all():
            raise AdfluxError(
                f"get_heat_flux needs {len(atoms)} finite velocities [{len(atoms)}, 3], but found "
                f"an array {list(v.shape)}."
            )
        graph = self._graph(atoms)
        padded = np.zeros((len(graph.species), 3))
        padded[: len(v)] = v
        potential_part = heat_flux(self.potential, graph, jnp.asarray(padded, self.dtype))
        energies = np.asarray(_energies(self.potential, graph), float)[: len(v)]
        kinetic = 0.5 * atoms.get_masses() * np.einsum("ia,ia->i", v, v)
        return (energies + kinetic) @ v + np.asarray(potential_part, float)

    def _graph(self, atoms: ase.Atoms) -> Graph:
        if self._pairs is None or not self._pairs.holds(atoms):
            self._pairs = PairList(atoms, self.potential, self.skin)
        vectors, centers, others = self._pairs.within(atoms, self.potential.cutoff)
        pairs, count = len(centers), len(atoms)
        # one atom and one pair more than needed: padding pairs join padding atoms
        self._room = room_for(self._room, pairs + 1)
        self._places = self._places if self._places > count else count + 1
        slots = slots_for(vectors, centers, self.potential.triplet_cutoff, self._slots)
        self._slots = 0 if slots is None else len(slots)
        long = np.full((self._room, 3), [2.0 * self.potential.cutoff, 0.0, 0.0])
        long[:pairs] = vectors
        ends = np.full((2, self._room), self._places - 1, np.int32)
        ends[:, :pairs] = centers, others
        species = np.zeros(self._places, np.int32)
        species[:count] = self._pairs.species
        return Graph(
            vectors=jnp.asarray(long, self.dtype),
            centers=jnp.asarray(ends[0]),
            others=jnp.asarray(ends[1]),
            species=jnp.asarray(species),
            mask=jnp.asarray(np.arange(self._room) < pairs),
            owned=jnp.asarray(np.arange(self._places) < count),
            slots=None if slots is None else jnp.asarray(slots),
        )


_energies = eqx.filter_jit(owned_energies)


def stress_of(
    virials: Float[np.ndarray, "*atoms 3 3"], volume: float
) -> Float[np.ndarray, "*atoms 6"]:
    """ASE's sign and order of what LAMMPS calls virial."""
    return full_3x3_to_voigt_6_stress(-0.5 * (virials + np.swapaxes(virials, -1, -2)) / volume)
