"""Elastic constants and phonons of a relaxed structure, and their derivatives by the parameters."""

from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from ..errors import AdfluxError
from ..parallel.system import System
from .elastic import Elastic
from .linear_response import LinearResponse
from .parameters import Choice, check_change, choose
from .strain import check_cell
from .vectors import Vectors
from .vibrations import Vibrations, vibrations
from .vibrations import slopes as phonon_slopes


class Properties:
    """What the curvature of the energy says of a `Relaxed` structure; all methods are collective.

    `where` and `cell` are those of `Relaxed`.
    """

    lammps: Any
    system: System
    potential: Any
    _elastic_found: Elastic | None = None
    _vibrations: Vibrations | None = None

    def _linear(self, cell) -> LinearResponse:
        raise NotImplementedError

    def elastic_constants(self) -> Float[np.ndarray, "6 6"]:
        """C_ij = dσ_i/de_j of the whole cell, whose atoms follow the strain.

        In LAMMPS' unit of pressure (metal: bar, 10⁻⁴ GPa), order xx, yy, zz, yz, xz, xy, shears as
        engineers count them (e_yz = 2 × the tensor's). From products with the Hessian, a Schur
        complement over the atoms: 12 products and 6 solves, whatever the cell was relaxed with. Of
        a cell under stress these are the coefficients between Cauchy stress and strain (Wallace,
        Phys. Rev. 162, 776 (1967)). Atoms of a fixed group follow the cell.

        Raises
        ------
        AdfluxError
            Where a boundary is not periodic, in two dimensions, or where the structure is not
            stable.
        """
        return self._elastic().constants * self._pressure_unit()

    def elastic_gradient(self, weights, where=None, cell="relaxed"):
        """Σ weights_ij dC_ij/dΘ along relaxed structures, by one adjoint solve.

        Parameters
        ----------
        weights
            [6, 6], such as ∂L/∂C of a loss L.
        """
        choice = choose(self.potential, where)
        weights = _weights(weights, (6, 6), "elastic_gradient") * self._pressure_unit()
        direct, slopes = self._elastic().slopes(choice, weights)
        return self._with_direct(choice, direct, slopes, cell)

    def elastic_response(self, change, where=None, cell="relaxed") -> Float[np.ndarray, "6 6"]:
        """dC/dΘ · δ along relaxed structures, as `jvp` takes the change δ: one forward solve."""
        choice = choose(self.potential, where)
        change = check_change(choice.values, change, "The change of the parameters")
        changes = jax.tree.map(lambda leaf: leaf[None], change)
        first = self._linear(cell).forward(choice, changes)
        found = self._elastic().response(choice, change, first.vectors)
        return found * self._pressure_unit()

    def phonons(self) -> Vibrations:
        """Frequencies and modes of all atoms by the whole Hessian, for cells of some hundred
        atoms.

        They are those at Γ of this cell: of a supercell also those of all wave vectors that it
        holds. Masses are LAMMPS'. Held components do not move. Translations have the frequency 0.
        """
        if self._vibrations is None:
            self._vibrations = vibrations(
                self._linear(None), self._masses(), 1.0 / self.lammps.extract_global("mvv2e")
            )
        return self._vibrations

    def phonon_gradient(self, weights, where=None, cell="relaxed"):
        """Σ weights_k dω_k²/dΘ along relaxed structures, in energy per mass and length².

        The minimum moves with the parameters, and third derivatives of U along the modes say what
        that does to the curvature; one adjoint solve. dω/dΘ = dω²/dΘ / 2ω.

        Parameters
        ----------
        weights
            One for each mode of `phonons`. Modes of equal frequency share the mean of theirs: their
            sum alone has a derivative.
        """
        choice, found = choose(self.potential, where), self.phonons()
        weights = _weights(weights, found.squares.shape, "phonon_gradient")
        direct, slopes = phonon_slopes(self._linear(None), choice, self._masses(), found, weights)
        return self._with_direct(choice, direct, slopes, cell)

    def _with_direct(self, choice: Choice, direct, slopes: Vectors, cell):
        """What depends on the parameters, and on the structure by these slopes."""
        found = self._linear(cell).backward(choice, slopes, 0.0)
        return jax.tree.map(lambda a, b: np.asarray(a) + np.asarray(b), direct, found)

    def _elastic(self) -> Elastic:
        check_cell("tri", self.system.periodic, "respond", self.system.dimension)
        if self._elastic_found is None:
            self._elastic_found = Elastic(self._linear(None))
        return self._elastic_found

    def _pressure_unit(self) -> float:
        """Energy per volume → LAMMPS' pressure."""
        return float(self.lammps.extract_global("nktv2p"))

    def _masses(self) -> Float[np.ndarray, " atoms"]:
        """Of all atoms by id, wherever LAMMPS has them by now."""
        comm, lmp = self.system.comm, self.lammps
        count = int(lmp.extract_setting("nlocal"))
        ids, own = np.zeros(0, np.int64), np.zeros(0)
        if count:
            ids = np.array(lmp.numpy.extract_atom("id", nelem=count), np.int64)
            each = lmp.numpy.extract_atom("rmass", nelem=count)
            by_type = lmp.numpy.extract_atom("mass")
            kinds = lmp.numpy.extract_atom("type", nelem=count)
            own = np.array(by_type[kinds] if each is None else each, float)
        order = np.argsort(np.concatenate(comm.allgather(ids)), kind="stable")
        return np.concatenate(comm.allgather(own))[order]


def _weights(weights, shape, name: str) -> np.ndarray:
    weights = np.asarray(weights, float)
    if weights.shape != shape or not np.all(np.isfinite(weights)):
        raise AdfluxError(
            f"{name} needs finite weights of shape {shape}, but shape {weights.shape} was found, "
            "or not finite numbers."
        )
    return weights
