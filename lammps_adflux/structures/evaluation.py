"""Energies, forces and stresses of many structures, beside those that a file holds."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ase
import numpy as np
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.singlepoint import SinglePointCalculator
from ase.stress import full_3x3_to_voigt_6_stress
from jaxtyping import Float

from ..errors import AdfluxError
from .batches import Room, batch_from_atoms, energies_forces_virials
from .calculator import in_ase_units, stress_of

# of all structures, in the order of the panels: (its name, unit, of a structure's value)
PROPERTIES = {
    "energy per atom": "eV",
    "forces": "eV/Å",
    "stress": "eV/Å³",
}
KEPT = "energy", "forces", "stress"


@dataclass
class Errors:
    """Values of a file beside those of a potential, of all structures in a row."""

    reference: dict[str, list[np.ndarray]] = field(
        default_factory=lambda: {name: [] for name in PROPERTIES}
    )
    predicted: dict[str, list[np.ndarray]] = field(
        default_factory=lambda: {name: [] for name in PROPERTIES}
    )
    structures: int = 0

    def add(self, known: dict[str, Any], found: dict[str, Any], atoms: int) -> None:
        """One structure; what the file does not hold is left out."""
        self.structures += 1
        for (name, key), scale in zip(
            zip(PROPERTIES, KEPT, strict=True), (1.0 / atoms, 1.0, 1.0), strict=True
        ):
            if key in known and key in found:
                self.reference[name].append(scale * np.ravel(known[key]))
                self.predicted[name].append(scale * np.ravel(found[key]))

    def both(self, name: str) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Reference and prediction of a property."""
        if not self.reference[name]:
            return np.zeros(0), np.zeros(0)
        return np.concatenate(self.reference[name]), np.concatenate(self.predicted[name])

    def summary(self) -> dict[str, dict[str, float]]:
        """RMSE and MAE of each property that the file holds, and the RMSE of energies per atom
        without their mean.
        """
        found = {}
        for name in PROPERTIES:
            reference, predicted = self.both(name)
            if len(reference):
                error = predicted - reference
                found[name] = {
                    "rmse": float(np.sqrt(np.mean(error**2))),
                    "mae": float(np.mean(np.abs(error))),
                }
                if name == "energy per atom":
                    # reference atoms of another code shift all energies
                    found[name]["rmse without the mean"] = float(np.std(error))
        return found


def evaluate(
    potential, structures: Iterable[ase.Atoms], dtype=None, batch: int = 256
) -> Iterator[tuple[ase.Atoms, dict[str, Any]]]:
    """Each structure with its energy, forces and stress by a potential, as ASE has them.

    Structures are evaluated together, and arrays are padded, so that JAX compiles a few times for
    any number of structures. Units and errors as for `ASECalculator`.

    Parameters
    ----------
    potential
        Any potential.
    structures
        ASE structures, in any number.
    dtype
        Of the evaluation; default: that of JAX.
    batch
        About so many atoms are evaluated in one call.

    Yields
    ------
    tuple
        A copy of the structure with the results in a calculator, and the results that the structure
        held before.
    """
    known, precision = in_ase_units(potential, dtype)
    room, together, done = Room(), [], 0
    for atoms in structures:
        if together and sum(map(len, together)) + len(atoms) > batch:
            yield from _evaluated(known, precision, together, room, done)
            done, together = done + len(together), []
        together.append(atoms)
    if together:
        yield from _evaluated(known, precision, together, room, done)


def _evaluated(
    potential, dtype, structures: list[ase.Atoms], room: Room, first: int
) -> Iterator[tuple[ase.Atoms, dict[str, Any]]]:
    """Structures in one call, number `first` and those behind it."""
    batch = batch_from_atoms(structures, potential, dtype, room=room, first=first)
    found = energies_forces_virials(potential, batch)
    energies, forces, virials = (
        np.asarray(values, float) for values in (found.energies, found.forces, found.virials)
    )
    start = 0
    for number, atoms in enumerate(structures):
        copy = atoms.copy()
        results = {
            "energy": float(energies[number]),
            "forces": forces[start : start + len(atoms)],
        }
        if atoms.cell.rank == 3:
            results["stress"] = stress_of(virials[number], atoms.get_volume())
        copy.calc = SinglePointCalculator(copy, **results)
        start += len(atoms)
        yield copy, _known(atoms)


def read_structures(path: str | Path) -> list[ase.Atoms]:
    """All structures of a file in any format that ASE reads."""
    import ase.io

    try:
        found = ase.io.read(path, index=":")
    except FileNotFoundError:
        raise AdfluxError(f"{path} was not found: check the name.") from None
    except Exception as error:  # ASE raises many kinds for files that it cannot read
        raise AdfluxError(f"{path} could not be read by ASE ({error}).") from None
    found = [found] if isinstance(found, ase.Atoms) else list(found)
    if not found:
        raise AdfluxError(f"{path} holds no structure.")
    return found


def _known(atoms: ase.Atoms) -> dict[str, Any]:
    """Energy, forces and stress that came with a structure."""
    known: dict[str, Any] = {}
    if atoms.calc is None:
        return known
    for key in KEPT:
        try:
            value = atoms.calc.get_property(key, atoms, allow_calculation=False)
        except PropertyNotImplementedError:
            continue
        if value is not None:
            known[key] = np.asarray(value, float)
            if known[key].shape == (3, 3) and key == "stress":
                known[key] = full_3x3_to_voigt_6_stress(known[key])
    return known
