"""A Taylor expansion of a relaxed structure in the parameters of its potential, which predicts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import ase
import jax
import numpy as np
from jaxtyping import Float, Int

from ..errors import AdfluxError
from ..potentials import Potential
from .expansion_files import LATER, NEEDED, pack_model, read_arrays, unpack_model, write_arrays
from .model_match import Expanded, check_model, numbers_of
from .parameter_names import summary
from .parameters import choose, flatten, unflatten
from .strain import deformation
from .structure_energy import structure_energy

TRUST = 0.1  # third order beside second order
LARGE = 20_000  # atoms from which on the potential of a file is not evaluated unasked


class Prediction(NamedTuple):
    """A relaxed structure at other parameters, predicted; energies and lengths in LAMMPS' units.

    Attributes
    ----------
    energy
        U to second order.
    energy_first
        U to first order: the structure stays as it was.
    energy_at_structure
        U of the other parameters at the predicted structure, right to third order; None without a
        potential.
    positions, cell, volume
        To first order; atoms by ascending id, rows are the cell vectors.
    doubt
        |third order| / |second order| of the energy: below 0.1 the prediction may be trusted. None
        without a potential.
    reach
        By how much the change of the parameters may grow before the doubt reaches 0.1.
    """

    energy: float
    energy_first: float
    energy_at_structure: float | None
    positions: Float[np.ndarray, "atoms 3"]
    cell: Float[np.ndarray, "3 3"]
    volume: float
    doubt: float | None
    reach: float | None


@dataclass(frozen=True)
class Taylor:
    """Energy to second order, structure to first order, in the parameters.

    U(Θ + δ) = U + g·δ + ½ δ·K·δ with g = dU/dΘ and K = d²U/dΘ² along relaxed structures; positions
    in the relaxed cell + J·δ; cell · (1 + ε)ᵀ.
    """

    parameters: Float[np.ndarray, " parameters"]  # in the order of `names`
    energy: float
    gradient: Float[np.ndarray, " parameters"]
    curvature: Float[np.ndarray, "parameters parameters"]
    positions: Float[np.ndarray, "atoms 3"]  # by ascending id, as all that follows
    position_jacobian: Float[np.ndarray, "parameters atoms 3"]
    strain_jacobian: Float[np.ndarray, "parameters 6"]
    cell: Float[np.ndarray, "3 3"]
    origin: Float[np.ndarray, "3"]
    periodic: Any  # [3] bool
    ids: Int[np.ndarray, " atoms"]
    symbols: tuple[str, ...]
    # of the parameters, as sigma[0,0]; W:beta3 of SNAP, in the order of its file
    names: tuple[str, ...]
    build: Any = None  # parameters [parameters] → potential; None where a file does not have it
    # None, all of the following, where a file of the first version does not say it
    units: str | None = None  # LAMMPS' unit style, of energy and lengths
    order: Any = None  # [parameters] numbers of `parameters.flatten` in the order of `names`
    strains: str | None = None  # that respond: none, iso, aniso, tri
    # [strains] energy per volume that they are held with: the pressure where the cell was relaxed
    loads: Any = None
    cutoff: float | None = None  # of the potential
    # of the potential, beside the parameters (`model_record`)
    record: Mapping[str, str] | None = None
    model: Any = None  # [bytes] model file of the potential
    dimension: int = 3  # also where a file does not say it; with 2 volumes are areas
    source: str = "the expansion"  # the file that it was read from

    @property
    def volume(self) -> float:
        """Of the relaxed cell; its area in two dimensions."""
        return float(abs(np.linalg.det(self.cell)))

    def energies(self, samples, order: int = 2) -> Float[np.ndarray, " samples"]:
        """U of each row of parameters, to first or second order."""
        change = self._changes(samples)
        first = self.energy + change @ self.gradient
        if order == 1:
            return first
        return first + 0.5 * np.einsum("sp,pq,sq->s", change, self.curvature, change)

    def volumes(self, samples) -> Float[np.ndarray, " samples"]:
        """Volume of the cell for each row of parameters, from the strain to first order."""
        strains = self._changes(samples) @ self.strain_jacobian
        return self.volume * np.prod(1.0 + strains[:, :3], axis=1)

    def lengths(self, samples) -> Float[np.ndarray, " samples"]:
        """Largest relative change of lengths for each row of parameters: of strains, and of
        displacements beside (volume / atoms)^⅓, in two dimensions (area / atoms)^½.
        """
        change = self._changes(samples)
        strains = np.abs(change @ self.strain_jacobian).max(axis=1)
        spacing = (self.volume / len(self.ids)) ** (1 / self.dimension)
        # rows one by one: samples · atoms would be large
        moves = [
            np.abs(np.tensordot(row, self.position_jacobian, 1)).max(initial=0.0) for row in change
        ]
        return np.maximum(strains, np.array(moves) / spacing)

    def with_potential(self, potential) -> "Taylor":
        """The same, with the potential of its parameters, so that U at other parameters can be
        evaluated.
        """
        check_model(self._expanded, potential, self.parameters, "the present parameters")
        present, known = choose(potential), numbers_of(potential, self.names)
        values = flatten(present.values)
        if known is None:
            raise AdfluxError(
                f"The parameters of {self.source} are transformed ones: U at others cannot be "
                "evaluated."
            )
        places = np.array([known[name] for name in self.names])

        def build(vector):
            changed = values.copy()
            changed[places] = vector
            return present.build(unflatten(present.values, changed))

        return replace(self, build=build)

    def predict(self, parameters, potential=None) -> Prediction:
        """The structure at new parameters, a vector or in the form that `taylor` was given.

        potential: that of the new parameters, to evaluate U(Θ′); not needed where `taylor` has just
        made this expansion.
        """
        vector = self.vector(parameters)
        change = self._changes(vector[None])[0]
        strain = change @ self.strain_jacobian
        moved = self.positions + np.einsum("p,pia->ia", change, self.position_jacobian)
        f = deformation(strain)
        positions = self.origin + (moved - self.origin) @ f.T
        cell = self.cell @ f.T
        first, second = (float(self.energies(vector[None], order)[0]) for order in (1, 2))
        if potential is not None:
            check_model(self._expanded, potential, vector, "the new parameters")
        elif self.build is not None:
            potential = self.build(vector)
        found = doubt = reach = None
        if potential is not None:
            found = structure_energy(potential, self._atoms(positions, cell), self.units)
            floor = 1e-13 * abs(self.energy)
            doubt = abs(found - second) / max(abs(second - first), floor)
            reach = TRUST / max(doubt, 1e-16)
        return Prediction(
            second, first, found, positions, cell, float(abs(np.linalg.det(cell))), doubt, reach
        )

    def vector(self, parameters) -> Float[np.ndarray, " parameters"]:
        """Parameters in the order of `names`, from such a vector, from a potential, or from the
        form that `taylor` was given.
        """
        if isinstance(parameters, Potential):
            present = choose(parameters)
            known = dict(zip(present.names, flatten(present.values), strict=True))
            missing = [name for name in self.names if name not in known]
            if missing:
                raise AdfluxError(
                    f"The potential has no {summary(missing)}, which {self.source} expands in: "
                    "give its parameters."
                )
            return np.array([known[name] for name in self.names])
        vector = flatten(parameters)
        several = len(jax.tree.leaves(parameters)) > 1
        return vector[np.asarray(self.order)] if several and self.order is not None else vector

    def save(self, path) -> None:
        """To .npz, or to HDF5 (.h5, .hdf5); with the potential, so that `load` can evaluate it.

        The file appears complete or not at all; on several ranks all of them may save.
        """
        values = {name: getattr(self, name) for name in (*NEEDED, *LATER)}
        if self.model is None and self.build is not None:
            values["model"] = pack_model(self.build(self.parameters))
        write_arrays(path, values)

    @classmethod
    def load(cls, path) -> "Taylor":
        """From a file of `save`. JAX must compute in float64 for its potential to be evaluated."""
        found = cls(**read_arrays(path), source=str(path))
        evaluable = (
            found.model is not None and jax.config.read("jax_enable_x64") and len(found.ids) < LARGE
        )
        potential = unpack_model(np.asarray(found.model)) if evaluable else None
        if potential is None or not numbers_of(potential, found.names):
            return found
        return found.with_potential(potential)

    def write_xyz(self, path) -> None:
        """Extended XYZ, a frame for each parameter, with dX/dΘ as the vectors `derivative` that
        OVITO shows.
        """
        import ase.io

        frames = []
        for number, derivative in enumerate(self.position_jacobian):
            atoms = self._atoms(self.positions, self.cell)
            atoms.positions -= self.origin
            atoms.arrays["derivative"] = derivative
            atoms.info.update(parameter=number, name=self.names[number])
            frames.append(atoms)
        ase.io.write(path, frames, format="extxyz")

    def atoms(self, prediction: Prediction) -> ase.Atoms:
        """A predicted structure for ASE, with the atoms' ids, relative to the origin of LAMMPS'
        box.
        """
        atoms = self._atoms(prediction.positions, prediction.cell)
        atoms.positions -= self.origin
        return atoms

    def _atoms(self, positions, cell) -> ase.Atoms:
        atoms = ase.Atoms(
            self.symbols, positions=positions, cell=cell, pbc=np.asarray(self.periodic, bool)
        )
        atoms.arrays["id"] = np.asarray(self.ids)
        return atoms

    @property
    def _expanded(self) -> Expanded:
        return Expanded(self.names, self.record, self.source)

    def _changes(self, samples) -> np.ndarray:
        samples = np.asarray(samples, float)
        if samples.ndim != 2 or samples.shape[1] != len(self.parameters):
            raise AdfluxError(
                f"Parameters must be rows of {len(self.parameters)} numbers "
                f"({summary(self.names)}), but the shape {samples.shape} was found."
            )
        if not np.isfinite(samples).all():
            raise AdfluxError("The new parameters hold numbers that are not finite.")
        return samples - self.parameters
