"""The accepted steps of a design, in memory and in the checkpoint, and when they end."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import AdfluxError
from .checkpoint import Checkpoint, write
from .objective import Objective, Point
from .search import Search

# accepted steps in a row that lower the loss by less than the tolerance
SLOW = 3
# losses of one structure that a checkpoint has and that is relaxed again, relative
SAME = 1e-4
# of the first gradient: one that is no way down any more
SMALL = 1e-9
# of the sizes of what it is a sum of: a gradient that is rounding
NOTHING = 1e-13


class Run:
    """The accepted steps, in memory and in the checkpoint."""

    def __init__(self, choice, objective: Objective, search: Search, path: Path | None, comm):
        self._choice, self._objective, self._search, self._path = choice, objective, search, path
        self._comm = comm
        self.vectors: list[np.ndarray] = []
        self.history: list[dict[str, Any]] = []

    def begin(self, start) -> Point:
        """The first point, or that of the checkpoint."""
        stored = self._on_first(self._read)
        if stored is not None:
            stored.check(self._path, self._choice.names, start, self._objective.setups)
        begun = time.perf_counter()
        if stored is None:
            point = self._objective.start(start)
        else:
            point = self._objective.go_on(stored.vectors[-1], stored.places())
        self._search.begin(point)
        if stored is None:
            self._accept(point, {"seconds": time.perf_counter() - begun})
            return point
        last = stored.history[-1]["loss"]
        if abs(point.loss - last) > SAME * abs(last) + SAME * stored.history[0]["loss"]:
            raise AdfluxError(
                f"{self._path} ends at the loss {last:.6g}, which is {point.loss:.6g} here: the "
                "loss, its regularization or a set-up is another one; name another file, or remove "
                "it."
            )
        self.vectors, self.history = stored.vectors, stored.history
        self._search.memory = stored.memory(self._search.memory)
        return point

    def step(self, point: Point) -> tuple[Point | None, str]:
        """The next point, or why there is none."""
        begun = time.perf_counter()
        found, step = self._search.step(point)
        if found is None:
            last = step.refused[-1] if step.refused else "the steps became too short"
            return None, (
                f"stalled after {len(self.vectors) - 1} steps at the loss {point.loss:.6g}: no "
                f"shorter step lowers it ({last}); the parameters of the lowest loss are kept"
            )
        self._accept(
            found,
            {
                "length": step.length,
                "predicted": step.predicted,
                "refused": step.refused,
                "jumped": [name for name, state in found.states.items() if state.jumped],
                "seconds": time.perf_counter() - begun,
            },
        )
        return found, ""

    def ended(self, point: Point, steps: int, tolerance: float) -> tuple[str, bool]:
        """Why it ends here, and whether the loss is at its lowest; "" where it goes on."""
        losses = np.array([entry["loss"] for entry in self.history])
        slope = np.abs(self._search.steepest(point)).max(initial=0.0)
        vanishes = slope <= NOTHING * np.abs(point.gradient).max(initial=0.0)
        if point.loss == 0.0 or vanishes or slope <= SMALL * self.history[0]["gradient"]:
            return f"converged: the gradient vanishes at the loss {point.loss:.6g}", True
        falls = -np.diff(losses)[-SLOW:] / np.maximum(np.abs(losses[-SLOW - 1 : -1]), 1e-300)
        if len(falls) == SLOW and np.all(falls < tolerance):
            return (
                f"converged: {SLOW} steps lowered the loss {point.loss:.6g} by less than "
                f"{tolerance:g} of it each",
                True,
            )
        if len(self.vectors) - 1 >= steps:
            return f"{steps} steps were taken; the loss is {point.loss:.6g}", False
        return "", False

    def _accept(self, point: Point, entry: dict[str, Any]) -> None:
        self.vectors.append(point.vector)
        self.history.append(
            {
                "step": len(self.history),
                "loss": point.loss,
                "gradient": float(np.abs(self._search.steepest(point)).max(initial=0.0)),
                **entry,
            }
        )
        self._on_first(lambda: self._write(point))

    def _read(self) -> Checkpoint | None:
        path = self._path
        return Checkpoint(path) if path is not None and path.is_file() else None

    def _write(self, point: Point) -> None:
        if self._path is not None:
            write(
                self._path,
                self._choice.names,
                self.vectors,
                self.history,
                self._search.memory,
                self._objective.setups,
                point.states,
            )

    def _on_first(self, function):
        """What a function gives on the first rank, or its AdfluxError, on all ranks."""
        found = None
        if self._comm.rank == 0:
            try:
                found = function()
            except AdfluxError as error:
                found = error
        found = self._comm.bcast(found)
        if isinstance(found, AdfluxError):
            raise found
        return found
