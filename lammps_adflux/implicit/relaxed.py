"""A relaxed structure, and its derivatives by the parameters of its potential.

The relaxation is not differentiated. At a minimum ∂U/∂Y = 0 for Y = (positions in the relaxed cell,
strain), and with H = ∂²U/∂Y² (Maliyov, Grigorev, Swinburne, npj Comput. Mater. 11 (2025))

    forward    H dY/dΘ = -∂²U/∂Y∂Θ                          one solve for each change of Θ
    backward   dL/dΘ = ∂L/∂Θ - λ · ∂²U/∂Y∂Θ, H λ = ∂L/∂Y    one solve for each loss L

docs/implicit.md has the theory, for cells under stress as well.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from rich.console import Console
from rich.progress import Progress

from ..errors import AdfluxError
from .dense import Dense, dense
from .linear_response import FirstOrder, LinearResponse, require_dependence
from .motions import Motions
from .operator import Operator
from .options import RelaxOptions
from .parameters import Choice, check_change, choose, directions
from .properties import Properties
from .recycling import Recycling
from .responses import Jacobian, Response
from .stationary_point import Checks
from .strain import CELLS, check_cell, deformation
from .vectors import Vectors

BLOCK = 16  # solves that advance together
EXACT = 2000  # motions up to which the whole Hessian may be inverted
SOLVE_PRODUCTS = 30  # products that a solve takes at least


class Relaxed(Properties):
    """A relaxed structure and its derivatives by the parameters of the potential; `relax` gives it.

    All methods are collective. Results of size N hold this rank's atoms by ascending id (`ids`);
    `gather` brings them together. Energies and lengths are in LAMMPS' units (`units`), parameters
    in those of the potential.

    Methods share two arguments. `where` chooses the parameters: None for all arrays of the
    potential, names of fields, a function that picks arrays, or (values, build); see
    `parameters.choose`. `cell` says which strains respond, as in `relax`: those that were relaxed
    where it is left out. Where the box was not relaxed the response is the one at constant ∂U/∂ε, a
    constant nominal stress.

    Attributes
    ----------
    lammps
        The `lammps` that holds the structure.
    energy
        U of the relaxed structure.
    cell
        Which strains were relaxed.
    checks
        What was found of the structure (`Checks`).
    system
        This rank's part of the structure (`parallel.system.System`).
    potential, units, pressure
        The potential, LAMMPS' unit style, and the target pressure [6] in energy per volume.
    """

    def __init__(
        self,
        lammps,
        operator: Operator,
        cell: str | None,
        checks: Checks,
        options: RelaxOptions,
        known: Recycling,
    ):
        self.lammps, self.products, self.cell, self.checks = lammps, operator.products, cell, checks
        self.system, self.potential = self.products.system, self.products.potential
        self.pressure = operator.pressure
        self.units = str(lammps.extract_global("units"))
        self._options, self._known, self.index = options, known, options.index
        self._products_before = self.products.product_count
        self._linear_responses = {cell: self._respond(operator, cell)}
        self.energy = self._linear_responses[cell].energy
        self._strain_slopes = self._linear_responses[cell].slopes.strain[0]

    @property
    def hessian_products(self) -> int:
        """Products with the Hessian that derivatives have taken so far."""
        return self.products.product_count - self._products_before

    @property
    def ids(self) -> Int[np.ndarray, " atoms"]:
        """Ids of this rank's atoms, ascending."""
        return np.sort(self.system.ids)

    @property
    def positions(self) -> Float[np.ndarray, "atoms 3"]:
        """Of this rank's atoms by ascending id, as LAMMPS has them."""
        return self.system.positions[self.system.order]

    @property
    def volume(self) -> float:
        """Of the relaxed cell; its area in two dimensions, as LAMMPS' `vol`."""
        return self.system.volume

    def loads(self, cell="relaxed") -> tuple[str, Float[np.ndarray, " strains"]]:
        """Which strains respond (none, iso, aniso, tri), and the energy per volume that each of
        them is held with.
        """
        cell = self._responding(cell)
        return cell or "none", -(CELLS[cell] @ self._strain_slopes) / self.volume

    def gather(self, values) -> np.ndarray:
        """Values of this rank's atoms by id → those of all atoms by id, on every rank."""
        return self.system.gather(np.asarray(values))

    def cartesian(self, positions, strain):
        """Where atoms at `positions` [atoms, 3] in the relaxed cell are after a strain [6].

        A JAX function: x₀ + (x - x₀) Fᵀ about the origin x₀ of LAMMPS' box, F = 1 + E.
        """
        return self.system.origin + (positions - self.system.origin) @ deformation(strain).T

    def jvp(self, change, where=None, cell="relaxed") -> Response:
        """Forward: the response dY/dΘ · δ to a change of the parameters, by one solve.

        Parameters
        ----------
        change
            δ, in the form of the parameters.

        Raises
        ------
        AdfluxError
            Where the change has another form or is not finite, where the structure does not depend
            on these parameters, or a solve does not converge.
        """
        response, size = self.response(change, where, cell)
        require_dependence(size, change)
        return response

    def response(self, change, where=None, cell="relaxed") -> tuple[Response, float]:
        """`jvp`, also where the structure does not move; and the largest slope that moves it."""
        choice, linear = choose(self.potential, where), self._linear(cell)
        change = check_change(choice.values, change, "The change of the parameters")
        changes = jax.tree.map(lambda leaf: leaf[None], change)
        first = linear.forward(choice, changes)
        energy2 = 0.5 * float(linear.second_order(choice, changes, first.vectors)[0, 0])
        strain = first.vectors.strain[0]
        found = Response(
            self._by_id(first.vectors)[0],
            strain,
            float(linear.total_energies(first)[0]),
            energy2,
            self.volume * float(strain[:3].sum()),
        )
        return found, first.mixed_size

    def gradient(self, loss: Callable, where=None, cell="relaxed") -> Any:
        """Backward: dL/dΘ of a loss L, by one adjoint solve for any number of parameters.

        Parameters
        ----------
        loss
            A JAX function L(positions, strain, energy, parameters): positions of all atoms by id
            [atoms, 3] in the relaxed cell (see `cartesian`), strain [6] (zero at the relaxed
            structure), energy U, parameters in the form that `where` gives them.

        Returns
        -------
        dL/dΘ in the form of the parameters.
        """
        choice = choose(self.potential, where)
        positions = jnp.asarray(self.gather(self.positions))
        values = jax.tree.map(jnp.asarray, choice.values)
        slopes = jax.grad(loss, argnums=(0, 1, 2, 3))(
            positions, jnp.zeros(6), jnp.asarray(self.energy), values
        )
        by_positions, by_strain, by_energy, direct = slopes
        ids = np.sort(np.concatenate(self.system.comm.allgather(self.system.ids)))
        rows = np.searchsorted(ids, self.ids)
        found = self._backward(
            choice, np.asarray(by_positions)[rows], np.asarray(by_strain), float(by_energy), cell
        )
        return jax.tree.map(lambda a, b: np.asarray(a) + np.asarray(b), direct, found)

    def vjp(self, weights: Response, where=None, cell="relaxed"):
        """Backward: Σ weight · d(positions, strain, U)/dΘ, the transpose of `jvp`, by one adjoint
        solve.

        Parameters
        ----------
        weights
            A `Response`: its positions (of this rank's atoms), strain and energy1 count.

        Returns
        -------
        A sum for each parameter, in the form of the parameters.
        """
        if not isinstance(weights, Response):
            raise AdfluxError(
                f"vjp takes weights as an adflux.Response, but {type(weights).__name__} was found: "
                "the derivative of a loss function is gradient(loss)."
            )
        return self._backward(
            choose(self.potential, where),
            np.asarray(weights.positions, float),
            np.asarray(weights.strain, float),
            float(weights.energy1),
            cell,
        )

    def jacobian(self, where=None, cell="relaxed", progress: bool = True) -> Jacobian:
        """dY/dΘ and dU/dΘ for each chosen parameter, by a block of solves.

        Parameters
        ----------
        progress
            Show a bar, on a terminal.
        """
        first = self._all_responses(choose(self.potential, where), cell, progress)
        return self._jacobian(first, cell)

    def expansion(
        self, where=None, cell="relaxed", progress: bool = True
    ) -> tuple[Jacobian, Float[np.ndarray, "parameters parameters"]]:
        """The Jacobian, and d²U/dΘ² along relaxed structures."""
        choice = choose(self.potential, where)
        first = self._all_responses(choice, cell, progress)
        matrix = self._linear(cell).second_order(choice, directions(choice.values), first.vectors)
        return self._jacobian(first, cell), 0.5 * (matrix + matrix.T)

    def dense(self, where=None, cell="relaxed") -> Dense:
        """Full matrices by unit vectors, solved by a pseudo-inverse: the check of all else, for
        small systems.
        """
        return dense(self._linear(cell).operator, choose(self.potential, where))

    def _all_responses(self, choice: Choice, cell, progress: bool) -> FirstOrder:
        """To a unit change of each parameter."""
        linear, units = self._linear(cell), directions(choice.values)
        count, blocks = len(jax.tree.leaves(units)[0]), []
        # all columns of the Hessian cost less than so many iterative solves
        small = linear.motions.dimensions < min(EXACT, SOLVE_PRODUCTS * count)
        console = Console(stderr=True)
        shown = progress and self.system.comm.rank == 0 and console.is_terminal
        with Progress(console=console, disable=not shown) as bar:
            task = bar.add_task(f"Derivatives by {count} parameters", total=count)
            for start in range(0, count, BLOCK):
                some = jax.tree.map(lambda leaf, start=start: leaf[start : start + BLOCK], units)
                blocks.append(linear.forward(choice, some, "exact" if small else None))
                bar.update(task, advance=len(blocks[-1].vectors))
        size = max(block.mixed_size for block in blocks)
        require_dependence(size, units)
        vectors = Vectors.concatenate([block.vectors for block in blocks])
        return FirstOrder(vectors, np.concatenate([block.energies for block in blocks]), size)

    def _jacobian(self, first: FirstOrder, cell) -> Jacobian:
        energies = self._linear(cell).total_energies(first)
        return Jacobian(self._by_id(first.vectors), first.vectors.strain, energies)

    def _backward(self, choice: Choice, positions, strain, energy: float, cell):
        own = np.empty((1, len(self.system.ids), 3))
        own[0, self.system.order] = positions
        return self._linear(cell).backward(choice, Vectors(own, strain[None]), energy)

    def _by_id(self, vectors: Vectors) -> Float[np.ndarray, "vectors atoms 3"]:
        """Displacements of this rank's atoms by ascending id."""
        return vectors.displacements[:, self.system.order]

    def _responding(self, cell) -> str | None:
        """Which strains respond where `cell` was given, or left out."""
        cell = self.cell if cell == "relaxed" else cell
        check_cell(cell, self.system.periodic, "respond", self.system.dimension)
        return cell

    def _linear(self, cell) -> LinearResponse:
        """The solves of a cell that responds so; kept, with what they have prepared."""
        cell = self._responding(cell)
        if cell not in self._linear_responses:
            # another cell than the relaxed one responds at constant ∂U/∂ε
            pressure = self.pressure if cell == self.cell else np.zeros(6)
            operator = Operator(self.products, Motions(self.system, cell), pressure)
            self._linear_responses[cell] = self._respond(operator, cell)
        return self._linear_responses[cell]

    def _respond(self, operator: Operator, cell: str | None) -> LinearResponse:
        options = self._options
        return LinearResponse(
            operator, cell, options.preconditioner, options.index, options.precision, self._known
        )
