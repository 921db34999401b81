"""LAMMPS set-ups of a design: relaxed again from the predicted structure, and watched for leaving
their basin.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from ...errors import AdfluxError
from ...parallel.reductions import smallest
from ..options import RelaxOptions
from ..recycling import Recycling
from ..relaxation import relax_session
from ..relaxed import Relaxed
from ..strain import deformation, stretch
from .losses import Structure, structure_of

# of the shortest distance between atoms: a step that moves an atom farther is cut …
FARTHEST = 0.15
# … and a structure this far from its prediction, in units of that reach, is in another basin
ASTRAY = 0.7


class State(NamedTuple):
    """A set-up relaxed with one potential."""

    relaxed: Relaxed
    structure: Structure
    origin: Float[np.ndarray, "3"]
    jumped: bool = False  # into another basin than the predicted one


class Place(NamedTuple):
    """Where all atoms by id and the cell are."""

    positions: Float[np.ndarray, "atoms 3"]
    cell: Float[np.ndarray, "3 3"]
    origin: Float[np.ndarray, "3"]


class Setup:
    """One LAMMPS of a design."""

    def __init__(
        self,
        name: str,
        script,
        settings: Mapping[str, Any],
        options: RelaxOptions,
        jumps: bool = False,
    ):
        self.name, self._script, self._options, self._jumps = name, script, options, jumps
        self._settings = {key: value for key, value in settings.items() if value is not None}
        self._lammps: Any = None
        self._lost, self._known = True, Recycling()
        self.first_cell, self.near = np.eye(3), 0.0
        self.ids = np.zeros(0, np.int64)

    def start(self, potential) -> State:
        """Relax the set-up for the first time."""
        try:
            relaxed = relax_session(
                self._script, potential, options=self._options, known=self._known, **self._settings
            )
        except AdfluxError as error:
            raise AdfluxError(f"The set-up {self.name} does not relax: {error}") from error
        self.first_cell = relaxed.system.cell.copy()
        self.near = _shortest(relaxed)
        return self._state(relaxed)

    def go_on(self, potential, place: Place, first_cell, near: float) -> State:
        """Relax at the place that a checkpoint has."""
        self.first_cell, self.near, self._lost = first_cell, near, True
        return self.again(potential, place)

    def again(self, potential, place: Place) -> State:
        """Relax with another potential from a predicted structure.

        AdfluxError where that fails, or where the structure left the basin of the prediction and
        must not jump.
        """
        settings = {name: value for name, value in self._settings.items() if name != "log"}
        try:
            relaxed = relax_session(
                self._script if self._lost else self._lammps,
                potential,
                # the minimiser would slide off a saddle
                options=replace(self._options, minimize=self._options.index == 0),
                start=lambda session: self._move(session, place),
                known=self._known,
                **settings,
            )
        except AdfluxError as error:
            # LAMMPS may have lost atoms: the script makes them anew
            self._lost = self._script is not self._lammps
            raise AdfluxError(f"{self.name} does not relax any more: {error}") from error
        state = self._state(relaxed)
        astray = self._distance(state.structure, place)
        jumped = astray > ASTRAY * FARTHEST * self.near
        if jumped and not self._jumps:
            raise AdfluxError(
                f"an atom of {self.name} is {astray:.3g} from its predicted place: the "
                "structure left its basin"
            )
        return state._replace(jumped=jumped)

    def _move(self, session, place: Place) -> None:
        system = session.system(self._settings.get("fixed"))
        self._know(system)
        change = np.linalg.solve(system.cell, place.cell).T
        flat = (place.positions - place.origin) @ np.linalg.inv(change).T + system.origin
        moved = flat[np.searchsorted(self.ids, system.ids)] - system.positions
        whole = np.round(moved @ np.linalg.inv(system.cell)) * system.periodic
        session.move(moved - whole @ system.cell, change)

    def predicted(self, state: State, response, t: float) -> Place:
        """Where the structure is after a step t along a response, whose positions are of all
        atoms.
        """
        f = deformation(t * response.strain)
        moved = state.structure.positions + t * response.positions - state.origin
        cell = np.asarray(state.structure.cell) @ f.T
        return Place(np.asarray(state.origin + moved @ f.T), cell, state.origin)

    def moved(self, state: State, response) -> float:
        """How far the atom moves that moves farthest along a response, without a common
        translation.
        """
        change = (
            response.positions
            + (state.structure.positions - state.origin)
            @ np.asarray(stretch(np.asarray(response.strain))).T
        )
        change = change - np.median(change, axis=0)
        return float(np.sqrt(np.max(np.sum(change**2, axis=1), initial=0.0)))

    def _distance(self, structure: Structure, place: Place) -> float:
        """Of the atom that is farthest from its place, without a common translation."""
        moved = structure.positions - place.positions
        moved = moved - moved[:1]
        whole = np.round(moved @ np.linalg.inv(structure.cell)) * np.asarray(structure.periodic)
        moved = moved - whole @ structure.cell
        moved = moved - np.median(moved, axis=0)
        return float(np.sqrt(np.max(np.sum(moved**2, axis=1), initial=0.0)))

    def _state(self, relaxed: Relaxed) -> State:
        system = relaxed.system
        self._know(system)
        self._lammps, self._lost = relaxed.lammps, False
        structure = structure_of(relaxed, self.first_cell)
        return State(relaxed, structure, system.origin.copy())

    def _know(self, system) -> None:
        """Ids of all atoms, once."""
        if not len(self.ids):
            self.ids = np.sort(np.concatenate(system.comm.allgather(system.ids)))


def _shortest(relaxed: Relaxed) -> float:
    """The shortest distance between two atoms."""
    graph = relaxed.system.graph
    mask = np.asarray(graph.mask)
    found = np.asarray(graph.distances)[mask].min(initial=np.inf)
    return smallest(relaxed.system.comm, float(found))
