"""Taylor expansion of a relaxed structure in the parameters of its potential: predictions without relaxing again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import ase
import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .conversion import in_units
from .derivatives import owned_energies
from .errors import AdfluxError
from .graph import Graph, graph_from_atoms
from .images import deformation
from .implicit import Relaxed
from .parameters import choose, flatten, unflatten

TRUST = 0.1  # third order beside second order
UNREADABLE = OSError, KeyError, ValueError, TypeError, EOFError, BadZipFile  # of files that are no arrays


class Prediction(NamedTuple):
    """A relaxed structure at other parameters, predicted; energies and lengths in LAMMPS' units."""

    energy: float  # to second order
    energy_first: float  # to first order: the structure stays as it was
    energy_at_structure: (
        float | None
    )  # U(Θ′) of the predicted structure, right to third order; None without a potential
    positions: Float[np.ndarray, "atoms 3"]  # to first order, by ascending id
    cell: Float[np.ndarray, "3 3"]
    volume: float
    doubt: float | None  # |third order| / |second order| of the energy: below 0.1 the prediction may be trusted
    reach: float | None  # by how much the change of the parameters may grow before the doubt reaches 0.1


@dataclass(frozen=True)
class Taylor:
    """Energy to second order, structure to first order, in the parameters.

    U(Θ + δ) = U + g·δ + ½ δ·K·δ with g = dU/dΘ and K = d²U/dΘ² along relaxed structures; positions in the relaxed cell + J·δ; cell · (1 + ε)ᵀ.
    """

    parameters: Float[np.ndarray, " parameters"]
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
    names: tuple[str, ...]  # of the parameters, as sigma[0,0]
    units: str = ""  # LAMMPS' unit style, of energies; empty: those of the potential (files of older versions)
    build: Any = None  # parameters [parameters] → potential; None where read from a file

    @property
    def volume(self) -> float:
        """Of the relaxed cell."""
        return float(abs(np.linalg.det(self.cell)))

    def energies(self, samples, order: int = 2) -> Float[np.ndarray, " samples"]:
        """U of each row of parameters, to first or second order."""
        change = self._changes(samples)
        first = self.energy + change @ self.gradient
        return first if order == 1 else first + 0.5 * np.einsum("sp,pq,sq->s", change, self.curvature, change)

    def volumes(self, samples) -> Float[np.ndarray, " samples"]:
        """Volume of the cell for each row of parameters, from the strain to first order."""
        strains = self._changes(samples) @ self.strain_jacobian
        return self.volume * np.prod(1.0 + strains[:, :3], axis=1)

    def predict(self, parameters, potential=None) -> Prediction:
        """The structure at new parameters, a vector or in the form that `taylor` was given.

        potential: that of the new parameters, to evaluate U(Θ′); not needed where `taylor` has just made this expansion.
        """
        vector = flatten(parameters)
        change = self._changes(vector[None])[0]
        strain = change @ self.strain_jacobian
        moved = self.positions + np.einsum("p,pia->ia", change, self.position_jacobian)
        f = deformation(strain)
        positions = self.origin + (moved - self.origin) @ f.T
        cell = self.cell @ f.T
        first, second = float(self.energies(vector[None], 1)[0]), float(self.energies(vector[None])[0])
        if potential is not None:
            self._check_model(potential, vector)
        elif self.build is not None:
            potential = self.build(vector)
        found = doubt = reach = None
        if potential is not None:
            atoms = self._atoms(positions, cell)
            found = float(_energy(in_units(potential, self.units or None), graph_from_atoms(atoms, potential)))
            floor = 1e-13 * abs(self.energy)
            doubt = abs(found - second) / max(abs(second - first), floor)
            reach = TRUST / max(doubt, 1e-16)
        return Prediction(second, first, found, positions, cell, float(abs(np.linalg.det(cell))), doubt, reach)

    def save(self, path) -> None:
        """To .npz, or to HDF5 (.h5, .hdf5)."""
        arrays = {name: np.asarray(getattr(self, name)) for name in _STORED}
        if Path(path).suffix in (".h5", ".hdf5"):
            import h5py

            with h5py.File(path, "w") as file:
                for name, value in arrays.items():
                    file[name] = value.astype("S") if name in ("symbols", "names", "units") else value
        else:
            with open(path, "wb") as file:
                np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]

    @classmethod
    def load(cls, path) -> "Taylor":
        """From a file of `save`."""
        values: dict[str, Any]
        try:
            if Path(path).suffix in (".h5", ".hdf5"):
                import h5py

                with h5py.File(path) as file:
                    values = {name: file[name][()] for name in _STORED if name in file or name != "units"}  # pyright: ignore[reportIndexIssue]
            else:
                with np.load(path) as archive:
                    values = {name: archive[name] for name in _STORED if name in archive or name != "units"}
        except FileNotFoundError:
            raise AdfluxError(f"{path} was not found: it must be a file of `adflux implicit`.") from None
        except UNREADABLE as error:
            raise AdfluxError(f"{path} is not a file of `adflux implicit`, .npz or .h5.") from error
        values["energy"] = float(values["energy"])
        units = np.asarray(values.get("units", "")).item()
        values["units"] = units.decode() if isinstance(units, bytes) else str(units)
        for name in ("symbols", "names"):
            values[name] = tuple(values[name].astype(str).tolist())
        return cls(**values)

    def write_xyz(self, path) -> None:
        """Extended XYZ, a frame for each parameter, with dX/dΘ as the vectors `derivative` that OVITO shows."""
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
        """A predicted structure for ASE, with the atoms' ids, relative to the origin of LAMMPS' box."""
        atoms = self._atoms(prediction.positions, prediction.cell)
        atoms.positions -= self.origin
        return atoms

    def _atoms(self, positions, cell) -> ase.Atoms:
        atoms = ase.Atoms(self.symbols, positions=positions, cell=cell, pbc=np.asarray(self.periodic, bool))
        atoms.arrays["id"] = np.asarray(self.ids)
        return atoms

    def _check_model(self, potential, vector) -> None:
        """An error where a potential is not that of the parameters; transformed ones cannot be compared."""
        present = choose(potential)
        there = dict(zip(present.names, flatten(present.values), strict=True))
        for name, wanted in zip(self.names, vector, strict=True):
            if name in there and not np.isclose(there[name], wanted, rtol=1e-6, atol=1e-12):
                raise AdfluxError(
                    f"The potential is not that of the new parameters: its {name} is {there[name]:.8g}, but {wanted:.8g} was given."
                )

    def _changes(self, samples) -> np.ndarray:
        samples = np.asarray(samples, float)
        if samples.ndim != 2 or samples.shape[1] != len(self.parameters):
            raise AdfluxError(
                f"Parameters must be rows of {len(self.parameters)} numbers, but the shape {samples.shape} was found."
            )
        if not np.isfinite(samples).all():
            raise AdfluxError("The new parameters hold numbers that are not finite.")
        return samples - self.parameters


_STORED = (
    "parameters",
    "energy",
    "gradient",
    "curvature",
    "positions",
    "position_jacobian",
    "strain_jacobian",
    "cell",
    "origin",
    "periodic",
    "ids",
    "symbols",
    "names",
    "units",
)


def taylor(relaxed: Relaxed, where=None, cell="relaxed", progress: bool = True) -> Taylor:
    """Expansion of a relaxed structure in the chosen parameters, gathered on every rank; collective.

    where, cell: as in `Relaxed.jacobian`, which this calls: one solve for each parameter.
    """
    choice = choose(relaxed.potential, where)
    jacobian, curvature = relaxed.expansion(where, cell, progress)
    system = relaxed.system
    species = np.asarray(system.graph.species)[: len(system.ids)][system.order]
    positions = np.swapaxes(relaxed.gather(np.swapaxes(jacobian.positions, 0, 1)), 0, 1)
    return Taylor(
        parameters=flatten(choice.values),
        energy=relaxed.energy,
        gradient=jacobian.energy,
        curvature=curvature,
        positions=relaxed.gather(relaxed.positions),
        position_jacobian=positions,
        strain_jacobian=jacobian.strain,
        cell=system.cell,
        origin=system.origin,
        periodic=system.periodic,
        ids=relaxed.gather(relaxed.ids),
        symbols=tuple(relaxed.potential.elements[s] for s in relaxed.gather(species)),
        names=choice.names,
        units=system.units or "",
        build=lambda vector: choice.build(unflatten(choice.values, np.asarray(vector))),
    )


@eqx.filter_jit
def _energy(potential, graph: Graph) -> Float[Array, ""]:
    return jnp.sum(owned_energies(potential, graph))
