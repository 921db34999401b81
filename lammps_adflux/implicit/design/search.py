"""The steps of a design: a direction from an optimiser, a length from the predicted loss, and a
loss of structures that were relaxed again.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Float

from ...errors import AdfluxError
from ..parameters import flatten, unflatten
from .constraints import Feasible
from .objective import Objective, Point

# the true loss must fall by this part of what the gradient promises
ENOUGH = 1e-4
SHORTER, CUTS = 0.5, 12  # of a step that was not taken, and how often
LONGER = 40  # doublings of a step that are predicted
MEMORY = 20  # steps that L-BFGS remembers


class Step(NamedTuple):
    """What a step was: its length, tries that were not taken and why, and the promised loss."""

    length: float
    refused: list[str]
    predicted: float


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
        ahead = objective.responses(point, direction)
        longest = self._feasible.reach(point.vector, direction)
        for name, (response, _) in ahead.items():
            moved = objective.setups[name].moved(point.states[name], response)
            reach = self._farthest * objective.setups[name].near
            longest = min(longest, reach / moved if moved > 0.0 else np.inf)
        t = self._length(point, direction, ahead, min(longest, 1e8))
        predicted = np.nan
        for _ in range(CUTS):
            predicted = objective.predict(point, direction, ahead, t)
            places = {
                name: setup.predicted(point.states[name], ahead[name].response, t)
                for name, setup in objective.setups.items()
            }
            vector = self._feasible.step(point.vector, direction, t)
            if np.array_equal(vector, point.vector):
                break
            enough = point.loss + ENOUGH * t * slope
            try:
                found = objective.again(vector, places, enough)
            except AdfluxError as error:
                refused.append(f"{error}".rstrip("."))
            else:
                if found.loss <= enough:
                    return found, Step(t, refused, predicted)
                refused.append(f"the loss would be {found.loss:.6g}")
            t *= SHORTER
        return None, Step(t, refused, predicted)

    def _length(self, point: Point, direction, ahead, longest: float) -> float:
        """The first length to try: where the predicted loss is lowest among doublings of one; the
        optimiser's own, 1, where it has one.
        """
        t = min(1.0, longest)
        if not self._predicts_length:
            return t

        def loss(t):
            value = self._objective.predict(point, direction, ahead, t)
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
