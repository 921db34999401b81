"""The true loss of a design: of structures that are relaxed again, with its gradient."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.interpreters.partial_eval import dce_jaxpr
from jaxtyping import Float

from ...errors import AdfluxError
from ..parameters import Choice, flatten, unflatten
from ..responses import Response
from .losses import strained
from .setups import Place, Setup, State


class Point(NamedTuple):
    """Parameters with the structures that were relaxed with them."""

    vector: Float[np.ndarray, " p"]
    states: dict[str, State]
    loss: float
    gradient: Float[np.ndarray, " p"]  # NaN where the loss is not low enough to be accepted


class Ahead(NamedTuple):
    """What a set-up does along a direction, to first order."""

    response: Response  # with the positions of all atoms
    elastic_constants: Float[np.ndarray, "6 6"]


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
        self._elastic: dict[str, bool] = {}  # does the loss ask for elastic constants? once known

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

    def again(self, vector, places: dict[str, Place], enough: float = math.inf) -> Point:
        """The point of other parameters, relaxed from predicted places; with a gradient where the
        loss is `enough` or lower.
        """
        potential = self.potential(vector)
        states = {name: setup.again(potential, places[name]) for name, setup in self.setups.items()}
        return self._point(vector, states, enough)

    def responses(self, point: Point, direction) -> dict[str, Ahead]:
        """Of each set-up to a change of the parameters."""
        change = unflatten(self.choice.values, np.asarray(direction, float))
        found, where = {}, self._where_at(point.vector)
        for name, state in point.states.items():
            response, _ = state.relaxed.response(change, where)
            response = response._replace(positions=state.relaxed.gather(response.positions))
            elastic = np.zeros((6, 6))
            if self._elastic[name]:
                elastic = state.relaxed.elastic_response(change, where)
            found[name] = Ahead(response, elastic)
        return found

    def predict(self, point: Point, direction, ahead: dict[str, Ahead], t: float) -> float:
        """The loss of the structures that are predicted for a step t."""
        variables = {}
        for name, state in point.states.items():
            structure, (response, elastic) = state.structure, ahead[name]
            variables[name] = (
                structure.positions + t * response.positions,
                t * response.strain,
                float(structure.energy) + t * response.energy1 + t * t * response.energy2,
                np.asarray(structure.elastic_constants) + t * elastic,
            )
        vector = point.vector + t * direction
        loss = float(self._alone(variables, self._tree(vector), _fixed(point.states)))
        return loss + self._penalty(vector - self._start)[0]

    def _point(self, vector, states: dict[str, State], enough: float = math.inf) -> Point:
        vector = np.asarray(vector, float)
        variables = {
            name: (
                state.structure.positions,
                np.zeros(6),
                np.asarray(state.structure.energy, float),
                np.asarray(state.structure.elastic_constants, float),
            )
            for name, state in states.items()
        }
        try:
            states = self._with_elastic(states, variables, vector)
            loss, (slopes, direct) = self._values(variables, self._tree(vector), _fixed(states))
        except (
            jax.errors.ConcretizationTypeError,
            jax.errors.TracerArrayConversionError,
        ) as error:
            raise AdfluxError(
                "The loss must be a JAX function, but it asks for the numbers: write it with "
                "jax.numpy, and without float() or if."
            ) from error
        # the same on all ranks to the last digit
        comm = next(iter(states.values())).relaxed.system.comm
        value, slope = self._penalty(vector - self._start)
        total = comm.bcast(float(loss) + value)
        if total > enough:
            return Point(vector, states, total, np.full(vector.shape, np.nan))
        gradient = flatten(direct)
        for name, state in states.items():
            by_positions, by_strain, by_energy, by_elastic = map(np.asarray, slopes[name])
            rows = np.searchsorted(self.setups[name].ids, state.relaxed.ids)
            weights = Response(by_positions[rows], by_strain, float(by_energy), 0.0, 0.0)
            if any(np.any(part) for part in (by_positions, by_strain, by_energy)):
                gradient = gradient + flatten(state.relaxed.vjp(weights, self._where_at(vector)))
            if self._elastic[name]:
                found = state.relaxed.elastic_gradient(by_elastic, self._where_at(vector))
                gradient = gradient + flatten(found)
        if not (np.isfinite(total) and np.isfinite(gradient).all()):
            raise AdfluxError(f"The loss or its gradient is not finite ({total}).")
        return Point(vector, states, total, comm.bcast(gradient + slope))

    def _with_elastic(self, states: dict[str, State], variables, vector) -> dict[str, State]:
        """The states with elastic constants where the loss depends on them, in `variables` as
        well.
        """
        if not self._elastic:
            self._elastic = self._asks_for_elastic(states, variables, vector)
        found = {}
        for name, state in states.items():
            if self._elastic[name]:
                constants = state.relaxed.elastic_constants()
                structure = replace(state.structure, elastic_constants=constants)
                state = state._replace(structure=structure)
                variables[name] = (*variables[name][:3], constants)
            found[name] = state
        return found

    def _asks_for_elastic(self, states: dict[str, State], variables, vector) -> dict[str, bool]:
        """Of which structures do elastic constants lead to the loss, whatever their values are?"""
        traced = jax.make_jaxpr(self._of_variables)(variables, self._tree(vector), _fixed(states))
        _, used = dce_jaxpr(traced.jaxpr, [True])
        leaves, form = jax.tree.flatten(variables)
        reached = jax.tree.unflatten(form, used[: len(leaves)])
        return {name: parts[3] for name, parts in reached.items()}

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


def _fixed(states: dict[str, State]):
    return {name: (state.structure, state.origin) for name, state in states.items()}
