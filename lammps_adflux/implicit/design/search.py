"""The steps of a design: a direction from an optimiser, a length from the predicted loss, and a
loss of structures that were relaxed again.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Float

from ...errors import AdfluxError
from ..parameters import Choice, flatten, unflatten
from ..responses import Response
from .constraints import Feasible
from .losses import strained
from .setups import Place, Setup, State

# the true loss must fall by this part of what the gradient promises
ENOUGH = 1e-4
SHORTER, CUTS = 0.5, 12  # of a step that was not taken, and how often
LONGER = 40  # doublings of a step that are predicted
MEMORY = 20  # steps that L-BFGS remembers


class Point(NamedTuple):
    """Parameters with the structures that were relaxed with them."""

    vector: Float[np.ndarray, " p"]
    states: dict[str, State]
    loss: float
    gradient: Float[np.ndarray, " p"]


class Step(NamedTuple):
    """What a step was: its length, tries that were not taken and why, and the promised loss."""

    length: float
    refused: list[str]
    predicted: float


class Objective:
    """The true loss: parameters → structures that are relaxed again → loss, and its gradient by
    one adjoint solve for each set-up.
    """

    def __init__(
        self,
        setups: dict[str, Setup],
        choice: Choice,
        where,
        loss: Callable,
        penalty: Callable,
        single: bool,
    ):
        self.setups, self.choice, self._where = setups, choice, where
        self._loss, self._penalty, self._single = loss, penalty, single
        self._values = jax.jit(jax.value_and_grad(self._of_variables, argnums=(0, 1)))
        self._alone = jax.jit(self._of_variables)
        self._start = flatten(choice.values)

    def potential(self, vector):
        """The potential with these parameters."""
        return self.choice.build(unflatten(self.choice.values, np.asarray(vector, float)))

    def start(self, vector) -> Point:
        """The first point."""
        potential = self.potential(vector)
        return self._point(
            vector, {name: setup.start(potential) for name, setup in self.setups.items()}
        )

    def go_on(self, vector, places: dict[str, tuple[Place, np.ndarray, float]]) -> Point:
        """The point of a checkpoint."""
        potential = self.potential(vector)
        states = {
            name: setup.go_on(potential, *places[name]) for name, setup in self.setups.items()
        }
        return self._point(vector, states)

    def again(self, vector, places: dict[str, Place]) -> Point:
        """The point of other parameters, relaxed from predicted places."""
        potential = self.potential(vector)
        states = {name: setup.again(potential, places[name]) for name, setup in self.setups.items()}
        return self._point(vector, states)

    def responses(self, point: Point, direction) -> dict[str, Response]:
        """Of each set-up to a change of the parameters, with the positions of all atoms."""
        change = unflatten(self.choice.values, np.asarray(direction, float))
        found = {}
        for name, state in point.states.items():
            response, _ = state.relaxed.response(change, self._where_at(point.vector))
            found[name] = response._replace(positions=state.relaxed.gather(response.positions))
        return found

    def predict(self, point: Point, direction, responses: dict[str, Response], t: float) -> float:
        """The loss of the structures that are predicted for a step t."""
        variables = {
            name: (
                state.structure.positions + t * responses[name].positions,
                t * responses[name].strain,
                float(state.structure.energy)
                + t * responses[name].energy1
                + t * t * responses[name].energy2,
            )
            for name, state in point.states.items()
        }
        vector = point.vector + t * direction
        loss = float(self._alone(variables, self._tree(vector), _fixed(point.states)))
        return loss + self._penalty(vector - self._start)[0]

    def _point(self, vector, states: dict[str, State]) -> Point:
        vector = np.asarray(vector, float)
        variables = {
            name: (
                state.structure.positions,
                np.zeros(6),
                np.asarray(state.structure.energy, float),
            )
            for name, state in states.items()
        }
        try:
            loss, (slopes, direct) = self._values(variables, self._tree(vector), _fixed(states))
        except (
            jax.errors.ConcretizationTypeError,
            jax.errors.TracerArrayConversionError,
        ) as error:
            raise AdfluxError(
                "The loss must be a JAX function, but it asks for the numbers: write it with "
                "jax.numpy, and without float() or if."
            ) from error
        gradient = flatten(direct)
        for name, state in states.items():
            by_positions, by_strain, by_energy = (np.asarray(slope) for slope in slopes[name])
            rows = np.searchsorted(self.setups[name].ids, state.relaxed.ids)
            weights = Response(by_positions[rows], by_strain, float(by_energy), 0.0, 0.0)
            if any(np.any(part) for part in (by_positions, by_strain, by_energy)):
                gradient = gradient + flatten(state.relaxed.vjp(weights, self._where_at(vector)))
        value, slope = self._penalty(vector - self._start)
        total = float(loss) + value
        if not (np.isfinite(total) and np.isfinite(gradient).all()):
            raise AdfluxError(f"The loss or its gradient is not finite ({total}).")
        # the same on all ranks to the last digit
        comm = next(iter(states.values())).relaxed.system.comm
        total, gradient = comm.bcast((total, gradient + slope))
        return Point(vector, states, total, gradient)

    def _where_at(self, vector):
        """`where` for a potential with these parameters."""
        if isinstance(self._where, tuple) and len(self._where) == 2 and callable(self._where[1]):
            return unflatten(self.choice.values, vector), self._where[1]
        return self._where

    def _of_variables(self, variables, values, fixed):
        """The loss as a JAX function of what may change: (positions in the relaxed cell, strain,
        energy) of each set-up, and the parameters.
        """
        structures = {name: strained(*fixed[name], *changed) for name, changed in variables.items()}
        given = next(iter(structures.values())) if self._single else structures
        loss = jnp.asarray(self._loss(given, values))
        if loss.shape != ():
            raise AdfluxError(f"The loss must be one number, but has the shape {loss.shape}.")
        return loss

    def _tree(self, vector):
        return jax.tree.map(jnp.asarray, unflatten(self.choice.values, vector))


class Search:
    """Steps along an optimiser's directions that lower the true loss."""

    def __init__(self, objective: Objective, feasible: Feasible, optimizer, farthest: float):
        self._objective, self._feasible, self._farthest = objective, feasible, farthest
        # L-BFGS knows no length of its first steps: the predicted loss does
        self._predicts_length = isinstance(optimizer, str)
        self.optimizer = lbfgs(optimizer) if isinstance(optimizer, str) else optimizer
        self.memory: Any = None  # the optimiser's state

    def begin(self, point: Point) -> None:
        """Forget all steps."""
        self.memory = self.optimizer.init(self._tree(point.vector))

    def steepest(self, point: Point) -> Float[np.ndarray, " p"]:
        """The downhill direction that the constraints allow."""
        return self._feasible.direction(point.vector, -point.gradient)

    def step(self, point: Point) -> tuple[Point | None, Step]:
        """The next point, or None where no step lowers the true loss; collective."""
        refused: list[str] = []
        for fresh in (False, True):
            if fresh:
                self.begin(point)
            direction, memory = self._direction(point)
            found, step = self._along(point, direction, refused)
            if found is not None:
                self.memory = memory
                return found, step
        return None, step

    def _direction(self, point: Point):
        downhill = self.steepest(point)
        update, memory = self.optimizer.update(
            self._tree(-downhill), self.memory, self._tree(point.vector)
        )
        direction = self._feasible.direction(point.vector, flatten(update))
        if not np.isfinite(direction).all() or direction @ point.gradient >= 0.0:
            direction = downhill
        return direction, memory

    def _along(self, point: Point, direction, refused: list[str]):
        objective = self._objective
        slope = float(direction @ point.gradient)
        responses = objective.responses(point, direction)
        longest = self._feasible.reach(point.vector, direction)
        for name, response in responses.items():
            moved = objective.setups[name].moved(point.states[name], response)
            reach = self._farthest * objective.setups[name].near
            longest = min(longest, reach / moved if moved > 0.0 else np.inf)
        t = self._length(point, direction, responses, min(longest, 1e8))
        predicted = np.nan
        for _ in range(CUTS):
            predicted = objective.predict(point, direction, responses, t)
            places = {
                name: setup.predicted(point.states[name], responses[name], t)
                for name, setup in objective.setups.items()
            }
            vector = self._feasible.step(point.vector, direction, t)
            if np.array_equal(vector, point.vector):
                break
            try:
                found = objective.again(vector, places)
            except AdfluxError as error:
                refused.append(f"{error}".rstrip("."))
            else:
                if found.loss <= point.loss + ENOUGH * t * slope:
                    return found, Step(t, refused, predicted)
                refused.append(f"the loss would be {found.loss:.6g}")
            t *= SHORTER
        return None, Step(t, refused, predicted)

    def _length(self, point: Point, direction, responses, longest: float) -> float:
        """The first length to try: where the predicted loss is lowest among doublings of one; the
        optimiser's own, 1, where it has one.
        """
        t = min(1.0, longest)
        if not self._predicts_length:
            return t

        def loss(t):
            value = self._objective.predict(point, direction, responses, t)
            return value if math.isfinite(value) else np.inf

        best = loss(t)
        for factor in (2.0, 0.5):
            for _ in range(LONGER):
                value = loss(t * factor) if t * factor <= longest else np.inf
                if not value < best:
                    break
                t, best = t * factor, value
        return t

    def _tree(self, vector):
        return jax.tree.map(
            lambda leaf: jnp.asarray(leaf, float), unflatten(self._objective.choice.values, vector)
        )


def lbfgs(name: str):
    """The direction of L-BFGS; the length is found by `Search`."""
    if name != "lbfgs":
        raise AdfluxError(f'optimizer must be "lbfgs" or a transformation of optax, not {name!r}.')
    return optax.chain(
        optax.scale_by_lbfgs(memory_size=MEMORY, scale_init_precond=True), optax.scale(-1.0)
    )


def _fixed(states: dict[str, State]):
    return {name: (state.structure, state.origin) for name, state in states.items()}
