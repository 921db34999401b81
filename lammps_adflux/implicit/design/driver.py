"""Inverse design: parameters of a potential for which relaxed structures are as a loss wants them.

After Maliyov, Grigorev, Swinburne, npj Comput. Mater. 11 (2025): the gradient of a loss of relaxed
structures costs one adjoint solve for each structure; here every accepted loss is one of structures
that LAMMPS relaxed again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from rich.console import Console
from rich.progress import Progress

from ...errors import AdfluxError
from ...parallel.failures import world
from ..options import RelaxOptions
from ..parameters import choose, flatten, unflatten
from .constraints import Constraints, Feasible, Regularization, penalty
from .losses import Structure
from .objective import Objective, Point
from .plots import plot_design
from .run import Run
from .search import Search
from .setups import FARTHEST, Setup

ONE = "structure"  # the name of a set-up that has none
PRECISION = 1e-8  # of the linear solves of a design, where no options are given
SETTINGS = "cell", "fixed", "pressure", "types", "variables"


@dataclass(frozen=True)
class Design:
    """What `design` found.

    Attributes
    ----------
    potential
        With the parameters of the lowest loss.
    parameters
        Its parameters, in the form that `where` gives them.
    losses
        True losses of structures that were relaxed again, one for each accepted step, the start
        first; never rising.
    structures
        By name; each a `losses.Structure` of NumPy arrays.
    message
        Why it ended.
    converged
        False where steps ran out, or no step lowered the loss any more though the gradient is not
        small.
    names
        Of the parameters, in the order of `vectors`.
    vectors
        The parameters of each accepted step [steps + 1, parameters].
    history
        What each step was: loss, gradient, length, predicted loss, tries that were refused and why,
        structures that jumped into another basin, seconds.
    relaxed
        By name; the `Relaxed` structures, for derivatives.
    """

    potential: Any
    parameters: Any
    losses: Float[np.ndarray, " steps"]
    structures: dict[str, Structure]
    message: str
    converged: bool
    names: tuple[str, ...]
    vectors: Float[np.ndarray, "steps parameters"]
    history: list[dict[str, Any]]
    relaxed: dict[str, Any]

    def plot(self, path: str | Path) -> None:
        """The loss and the parameters against the step, as a figure."""
        plot_design(path, self)


def design(
    setups,
    potential,
    loss: Callable,
    where=None,
    optimizer="lbfgs",
    steps: int = 50,
    *,
    cell=None,
    fixed=None,
    pressure=None,
    types=None,
    variables=None,
    constraints: Constraints | None = None,
    regularization: Regularization | None = None,
    checkpoint: str | Path | None = None,
    tolerance: float = 1e-6,
    farthest: float = FARTHEST,
    jumps: bool = False,
    force_tolerance: float = 1e-9,
    options: RelaxOptions | None = None,
    comm=None,
    progress: bool = True,
) -> Design:
    """Minimise a loss of relaxed structures over the parameters of their potential; collective.

    Each step takes the gradient by one adjoint solve for each set-up, a direction from the
    optimiser, and the response of the structures to it by one forward solve. LAMMPS then starts
    from the predicted structures and relaxes them; a step counts only where the loss of what was
    relaxed falls, and is halved where it does not, or where a structure leaves its basin (see
    `jumps`).

    Parameters
    ----------
    setups
        A LAMMPS set-up as `relax` takes it, or several by name in a dict.
    potential
        The potential to begin with, float64.
    loss
        A JAX function loss(structures, parameters) → one number. structures: the
        `adflux.losses.Structure` of each set-up by name, or the structure itself where `setups` is
        no dict; parameters in the form that `where` gives them. Building blocks: `adflux.losses`.
    where
        Which parameters move, as for `Relaxed.gradient`; all without it.
    optimizer
        "lbfgs", whose step length is found on the predicted loss, or any transformation of optax,
        such as `optax.adam(1e-3)`.
    steps
        At most so many accepted steps, those of a checkpoint included.
    cell, fixed, pressure, types, variables
        As for `relax`: for all set-ups, or by name in a dict whose keys are set-ups' names. Where a
        pressure is not hydrostatic, gradients hold the nominal stress, and each relaxation ends at
        the Cauchy stress (docs/design.md).
    constraints
        Combinations that stay, and bounds: `adflux.Constraints`.
    regularization
        A pull towards the start: `adflux.Regularization`.
    checkpoint
        A file that is written after each accepted step, and beside it a log (.json). Where it
        exists, the design goes on from it.
    tolerance
        It ends where three steps in a row lower the loss by less than this part of it.
    farthest
        A step moves no atom by more than this part of the shortest distance between atoms.
    jumps
        Take a step after which a structure relaxes into another basin than the predicted one, if
        the true loss is lower there all the same; `Design.history` names the structures that did.
        The gradient knows nothing of jumps: which basin it is depends on LAMMPS' minimiser.
    force_tolerance, options, comm
        As for `relax`; RelaxOptions(precision=1e-8) where no options are given.
    progress
        Show a bar with the loss, on a terminal.

    Returns
    -------
    Design
        The potential, its structures, and the losses.

    Raises
    ------
    AdfluxError
        On all ranks alike: where a set-up does not relax with the first potential, where the loss
        does not depend on the parameters or is not finite, and where constraints leave nothing to
        move.
    """
    named = dict(setups) if isinstance(setups, Mapping) else {ONE: setups}
    if not named or not all(isinstance(name, str) for name in named):
        raise AdfluxError(
            "setups must be a LAMMPS set-up, or a dict of at least one by name, but "
            f"{list(named)} was found."
        )
    given = dict(cell=cell, fixed=fixed, pressure=pressure, types=types, variables=variables)
    options = options or RelaxOptions(precision=PRECISION)
    rooms = {
        name: Setup(
            name,
            script,
            {key: _of_setup(key, given[key], name, named) for key in SETTINGS}
            | {"force_tolerance": force_tolerance, "comm": comm},
            options,
            jumps,
        )
        for name, script in named.items()
    }
    choice = choose(potential, where)
    start = flatten(choice.values)
    pull, stay = penalty(choice, regularization)
    feasible = Feasible(choice, constraints or Constraints(), stay)
    objective = Objective(rooms, choice, where, loss, pull, not isinstance(setups, Mapping))
    search = Search(objective, feasible, optimizer, farthest)
    live = (script.get_mpi_comm() for script in named.values() if hasattr(script, "get_mpi_comm"))
    comm = comm or next(live, None) or world()
    path = None if checkpoint is None else Path(checkpoint)
    run = Run(choice, objective, search, path, comm)
    console = Console(stderr=True)
    point = run.begin(start)
    _require_dependence(search, point)
    shown = progress and comm.rank == 0 and console.is_terminal
    with Progress(console=console, disable=not shown) as bar:
        task = bar.add_task("", total=steps)
        message, converged = "", False
        while not message:
            bar.update(
                task,
                completed=len(run.vectors) - 1,
                description=f"design: loss {point.loss:.6g}",
            )
            message, converged = run.ended(point, steps, tolerance)
            if message:
                break
            found, message = run.step(point)
            point = found or point
    return Design(
        objective.potential(point.vector),
        unflatten(choice.values, point.vector),
        np.array([entry["loss"] for entry in run.history]),
        {name: state.structure for name, state in point.states.items()},
        message,
        converged,
        choice.names,
        np.stack(run.vectors),
        run.history,
        {name: state.relaxed for name, state in point.states.items()},
    )


def _of_setup(key: str, value, name: str, setups: Mapping):
    """A setting for all set-ups, or one of a dict by their names."""
    if not isinstance(value, Mapping) or (key == "variables" and not set(value) <= set(setups)):
        return value
    unknown = sorted(set(value) - set(setups))
    if unknown:
        raise AdfluxError(
            f"{key} names the set-ups {', '.join(map(str, unknown))}, but there are "
            f"{', '.join(setups)}."
        )
    return value.get(name)


def _require_dependence(search: Search, point: Point) -> None:
    if not np.any(point.gradient):
        raise AdfluxError(
            "The loss does not depend on the chosen parameters: choose others with where=, or "
            "another loss."
        )
    if not np.any(search.steepest(point)):
        raise AdfluxError(
            "The constraints leave no way to lower the loss: its gradient lies in the combinations "
            "that stay, or points out of the bounds."
        )
