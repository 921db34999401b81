"""Derivatives of a relaxed structure by the parameters of its potential, without differentiating
the relaxation.

At a minimum ∂U/∂Y = 0 for the variables Y = (positions in the relaxed cell, strain), so that
(Maliyov, Grigorev, Swinburne, npj Comput. Mater. 11 (2025))

    H dY/dΘ = -∂²U/∂Y∂Θ,    H = ∂²U/∂Y²,          forward: one solve for each change of Θ dL/dΘ =
    ∂L/∂Θ - λ · ∂²U/∂Y∂Θ,    H λ = ∂L/∂Y,      backward: one solve for each loss L, any number of
    parameters.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from rich.console import Console
from rich.progress import Progress

from ..errors import AdfluxError
from .dense import Dense, dense
from .krylov import NegativeCurvature, conjugate_gradients, minimal_residuals
from .motions import Motions
from .operator import Operator
from .parameters import check_change, choose, directions
from .preconditioners import preconditioner as prepare
from .strain import CELLS, deformation

BLOCK = 16  # solves that advance together
EXACT = 2000  # motions up to which the whole Hessian may be inverted
SOLVE_PRODUCTS = 30  # products that a solve takes at least


class Response(NamedTuple):
    """Change of a relaxed structure with a change of the parameters; energies and lengths in
    LAMMPS' units.
    """

    # of this rank's atoms by ascending id, in the relaxed cell: the strain comes on top
    positions: Float[np.ndarray, "atoms 3"]
    strain: Float[np.ndarray, "6"]  # xx, yy, zz, yz, xz, xy of LAMMPS' box: cell → cell · (1 + ε)ᵀ
    energy1: float  # first order of U
    energy2: float  # second order of U, so that U + energy1 + energy2 is the expansion
    volume: float  # first order


class Jacobian(NamedTuple):
    """dY/dΘ, a row for each parameter in the order of `jax.flatten_util.ravel_pytree`."""

    # of this rank's atoms by ascending id, in the relaxed cell
    positions: Float[np.ndarray, "parameters atoms 3"]
    strain: Float[np.ndarray, "parameters 6"]
    energy: Float[np.ndarray, " parameters"]  # dU/dΘ


class Relaxed:
    """A relaxed structure and its derivatives by the parameters of the potential. Made by `relax`;
    methods are collective.

    Results of size N hold this rank's atoms by ascending id (`ids`); `gather` brings them together.
    where: the parameters, None for all arrays of the potential (see `parameters.choose`). cell:
    strains that respond, as in `relax`; that of `relax` if not given. Where the box was not relaxed
    the response is the one at constant ∂U/∂ε, a constant (nominal) stress.
    """

    def __init__(
        self, lammps, operator: Operator, cell: str | None, checks, preconditioner: str, index: int
    ):
        self.lammps, self.products, self.cell, self.checks = lammps, operator.products, cell, checks
        self.system, self.potential = self.products.system, self.products.potential
        self.pressure = operator.pressure
        self.units = str(lammps.extract_global("units"))  # LAMMPS' style, of energies and lengths
        self.preconditioner, self.index = preconditioner, index
        self.tolerance = 1e-11
        self._operators, self._prepared = {cell: operator}, {}
        self.energy, self._slopes = self.products.gradient()
        self._made_before = self.products.made
        self._depends = False

    @property
    def hessian_products(self) -> int:
        """Products with the Hessian that derivatives have taken so far."""
        return self.products.made - self._made_before

    @property
    def ids(self) -> np.ndarray:
        """Ids of this rank's atoms, ascending."""
        return np.sort(self.system.ids)

    @property
    def positions(self) -> np.ndarray:
        """Of this rank's atoms by ascending id [atoms, 3], as LAMMPS has them."""
        return self.system.positions[self.system.order]

    @property
    def volume(self) -> float:
        """Of the relaxed cell."""
        return self.system.volume

    def loads(self, cell="relaxed") -> tuple[str, np.ndarray]:
        """Which strains respond (none, iso, aniso, tri), and the energy per volume that each of
        them is held with [strains].
        """
        cell = self._cell(cell)
        return cell or "none", -(CELLS[cell] @ self._slopes[-6:]) / self.volume

    def gather(self, values) -> np.ndarray:
        """Values of this rank's atoms by id → those of all atoms by id, on every rank."""
        return self.system.gather(np.asarray(values))

    def cartesian(self, positions, strain):
        """Where atoms at `positions` in the relaxed cell are after the strain; a JAX function,
        about the origin of LAMMPS' box.
        """
        return self.system.origin + (positions - self.system.origin) @ deformation(strain).T

    def jvp(self, change, where=None, cell="relaxed") -> Response:
        """Response to a change of the parameters, in their form: one solve."""
        choice = choose(self.potential, where)
        change = check_change(choice.values, change, "The change of the parameters")
        changes = jax.tree.map(lambda leaf: leaf[None], change)
        self._depends = False
        cell = self._cell(cell)
        vectors, energies = self._forward(choice, changes, cell)
        self._refuse_nothing(changes)
        second = float(self._second_order(choice, changes, vectors, cell)[0, 0])
        return self._response(vectors[0], float(energies[0]), 0.5 * second)

    def gradient(self, loss, where=None, cell="relaxed"):
        """dL/dΘ of L = loss(positions, strain, energy, parameters), in the form of the parameters:
        one adjoint solve.

        loss: a JAX function; positions of all atoms by id [atoms, 3] in the relaxed cell (see
        `cartesian`), strain [6] (zero at the relaxed structure), energy U, parameters in the form
        that `where` gives them.
        """
        choice = choose(self.potential, where)
        positions = jnp.asarray(self.gather(self.positions))
        values = jax.tree.map(jnp.asarray, choice.values)
        slopes = jax.grad(loss, argnums=(0, 1, 2, 3))(
            positions, jnp.zeros(6), jnp.asarray(self.energy), values
        )
        by_positions, by_strain, by_energy, direct = slopes
        ids = np.sort(np.concatenate(self.system.comm.allgather(self.system.ids)))
        mine = np.searchsorted(ids, self.ids)
        found = self._backward(
            choice,
            np.asarray(by_positions)[mine],
            np.asarray(by_strain),
            float(by_energy),
            self._cell(cell),
        )
        return jax.tree.map(lambda a, b: np.asarray(a) + np.asarray(b), direct, found)

    def vjp(self, loss, where=None, cell="relaxed"):
        """As `gradient`; or, of a Response of weights, Σ weight · d(positions, strain, U)/dΘ
        (positions of this rank's atoms).
        """
        if callable(loss):
            return self.gradient(loss, where, cell)
        weights = loss
        choice = choose(self.potential, where)
        return self._backward(
            choice,
            np.asarray(weights.positions, float),
            np.asarray(weights.strain, float),
            float(weights.energy1),
            self._cell(cell),
        )

    def jacobian(self, where=None, cell="relaxed", progress: bool = True) -> Jacobian:
        """dY/dΘ for each chosen parameter: a block of solves."""
        vectors, energies = self._all_responses(
            choose(self.potential, where), self._cell(cell), progress
        )
        own = vectors[:, :-6].reshape(len(vectors), -1, 3)[:, self.system.order]
        return Jacobian(own, vectors[:, -6:], energies + vectors[:, -6:] @ self._slopes[-6:])

    def expansion(
        self, where=None, cell="relaxed", progress: bool = True
    ) -> tuple[Jacobian, np.ndarray]:
        """The Jacobian, and d²U/dΘ² [parameters, parameters]."""
        choice, cell = choose(self.potential, where), self._cell(cell)
        vectors, energies = self._all_responses(choice, cell, progress)
        matrix = self._second_order(choice, directions(choice.values), vectors, cell)
        own = vectors[:, :-6].reshape(len(vectors), -1, 3)[:, self.system.order]
        first = energies + vectors[:, -6:] @ self._slopes[-6:]
        return Jacobian(own, vectors[:, -6:], first), 0.5 * (matrix + matrix.T)

    def _all_responses(self, choice, cell, progress: bool) -> tuple[np.ndarray, np.ndarray]:
        units = directions(choice.values)
        count, rows, energies = len(jax.tree.leaves(units)[0]), [], []
        self._depends = False
        dimensions = self._operator(cell).motions.dimensions
        # all columns of the Hessian cost less than so many iterative solves
        exact = "exact" if dimensions < min(EXACT, SOLVE_PRODUCTS * count) else None
        console = Console(stderr=True)
        shown = progress and self.system.comm.rank == 0 and console.is_terminal
        with Progress(console=console, disable=not shown) as bar:
            task = bar.add_task(f"Derivatives by {count} parameters", total=count)
            for start in range(0, count, BLOCK):
                some = jax.tree.map(lambda leaf, start=start: leaf[start : start + BLOCK], units)
                vectors, energy = self._forward(choice, some, cell, exact)
                rows.append(vectors)
                energies.append(energy)
                bar.update(task, advance=len(vectors))
        self._refuse_nothing(units)
        return np.concatenate(rows), np.concatenate(energies)

    def dense(self, where=None, cell="relaxed") -> Dense:
        """Full matrices by unit vectors, solved by a pseudo-inverse: the check of all else, for
        small systems.
        """
        return dense(self._operator(self._cell(cell)), choose(self.potential, where))

    def _forward(self, choice, changes, cell, preconditioner=None) -> tuple[np.ndarray, np.ndarray]:
        """dY [changes, 3 · owned + 6] and ∂U/∂Θ · change [changes]."""
        motions = self._operator(cell).motions
        energies, mixed = self.products.mixed(choice.build, choice.values, changes)
        self._check_mixed(mixed)
        return motions.expand(self._solve(-motions.contract(mixed), cell, preconditioner)), energies

    def _backward(self, choice, positions, strain, energy: float, cell):
        motions = self._operator(cell).motions
        own = np.empty((len(self.system.ids), 3))
        own[self.system.order] = positions
        weights = np.append(own.ravel(), strain + energy * self._slopes[-6:])
        adjoint = motions.expand(self._solve(motions.contract(weights[None]), cell))
        found = self.products.mixed_transposed(choice.build, choice.values, -adjoint, [energy])
        return jax.tree.map(lambda leaf: leaf[0], found)

    def _second_order(self, choice, changes, vectors, cell) -> np.ndarray:
        """d²U/dΘ² between all changes [changes, changes], whose first order is `vectors`.

        ∂²U/∂Θ² + ∂²U/∂Θ∂Y · dY/dΘ, and where a cell responds under stress the work of that stress
        as well.
        """
        slopes = self.products.parameter_slopes(choice.build, choice.values, changes, vectors)
        matrix = _rows(slopes) @ _rows(changes).T
        if self._stressed(cell):
            # of U, and not of U + W
            matrix -= self._inner(self._operator(cell).work_slopes(vectors), vectors)
            matrix += self._stress_work(choice, changes, vectors, cell)
        return matrix

    def _stress_work(self, choice, changes, vectors, cell) -> np.ndarray:
        """∂U/∂Y · d²Y/dΘ² along all pairs of changes, whose first order is `vectors` [changes,
        changes].

        H d²Y = -T, T the second derivative of ∂(U + W)/∂Y along (change, vector); so one adjoint
        solve H λ = ∂U/∂Y serves all.
        """
        operator = self._operator(cell)
        slopes = np.zeros(vectors.shape[1])
        slopes[-6:] = self._slopes[-6:]
        adjoint = operator.motions.expand(
            self._solve(operator.motions.contract(slopes[None]), cell)
        )[0]
        by_values, by_motions = self.products.third(
            choice.build, choice.values, changes, vectors, adjoint
        )
        flat = _rows(changes)
        return -(_rows(by_values) @ flat.T) - self._inner(
            by_motions + operator.work_third(adjoint, vectors), vectors
        )

    def _inner(self, slopes, vectors) -> np.ndarray:
        """slopes · vectors of all pairs [slopes, vectors], over all atoms; the strain
        counts once.
        """
        own = self.system.comm.allreduce(slopes[:, :-6] @ vectors[:, :-6].T)
        return own + slopes[:, -6:] @ vectors[:, -6:].T

    def _solve(self, right: np.ndarray, cell, preconditioner: str | None = None) -> np.ndarray:
        operator = self._operator(cell)
        key = cell, preconditioner or self.preconditioner
        if key not in self._prepared:
            self._prepared[key] = prepare(key[1], operator)
        solve = conjugate_gradients if self.index == 0 else minimal_residuals
        motions = operator.motions
        try:
            steps = 20 * motions.dimensions + 200
            return solve(
                operator, right, motions, self._prepared[key], self.tolerance, steps
            ).vectors
        except NegativeCurvature:
            raise AdfluxError(
                f"The relaxed structure is not stable when its cell ({cell}) may change as well: "
                f"its response is not defined; relax with cell={cell!r}."
            ) from None

    def _operator(self, cell) -> Operator:
        if cell not in self._operators:
            # another cell than the relaxed one responds at constant ∂U/∂ε
            self._operators[cell] = Operator(self.products, Motions(self.system, cell), np.zeros(6))
        return self._operators[cell]

    def _cell(self, cell):
        cell = self.cell if cell == "relaxed" else cell
        if cell not in CELLS:
            raise AdfluxError(f'cell must be None, "iso", "aniso" or "tri", but is {cell!r}.')
        if cell is not None and not self.system.periodic.all():
            raise AdfluxError(
                "A cell can respond only where all its boundaries are periodic: leave cell= out."
            )
        return cell

    def _stressed(self, cell) -> bool:
        """Does the second order of the energy need the second order of the strain?"""
        slopes = CELLS[cell] @ self._slopes[-6:]
        return bool(np.abs(slopes).max(initial=0.0) > 1e-8 * abs(self.energy))

    def _response(self, vector, energy: float, second: float) -> Response:
        strain = vector[-6:]
        own = vector[:-6].reshape(-1, 3)[self.system.order]
        first = energy + float(strain @ self._slopes[-6:])
        return Response(own, strain, first, second, self.volume * float(strain[:3].sum()))

    def _check_mixed(self, mixed: np.ndarray) -> None:
        largest = float(self.system.comm.allreduce(float(np.abs(mixed).max(initial=0.0))))
        if not np.isfinite(largest):
            raise AdfluxError(
                "A derivative of the energy by the parameters is not finite: check the parameters "
                "and the structure."
            )
        self._depends = self._depends or largest > 0.0

    def _refuse_nothing(self, changes: Any) -> None:
        """Parameters of which nothing depends are hardly ever what was meant; zero by symmetry is
        zero up to rounding.
        """
        if not self._depends and any(np.any(leaf) for leaf in jax.tree.leaves(changes)):
            raise AdfluxError(
                "The relaxed structure does not depend on the chosen parameters: choose others "
                "with where=."
            )


def _rows(changes) -> np.ndarray:
    """A tree of values with one more axis → rows of all numbers."""
    leaves = jax.tree.leaves(changes)
    return np.concatenate([np.reshape(leaf, (len(leaf), -1)) for leaf in leaves], axis=1)
