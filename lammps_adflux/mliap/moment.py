"""The atoms and the box at a force call, to tell whether what was computed there still holds."""

from typing import NamedTuple

import numpy as np

# of fractional coordinates: LAMMPS goes through them when it moves atoms with the box
ROUNDING = 1e-9


class Moment(NamedTuple):
    """Owned atoms of one rank and the box."""

    positions: np.ndarray  # [owned, 3]
    types: np.ndarray
    ids: np.ndarray
    box: np.ndarray  # xlo ylo zlo xhi yhi zhi xy yz xz

    @classmethod
    def now(cls, lammps) -> "Moment":
        """Copies of what LAMMPS has at present."""
        return cls(
            np.array(owned(lammps, "x")),
            np.array(owned(lammps, "type")),
            np.array(owned(lammps, "id")),
            np.hstack(lammps.extract_box()[:5]),
        )

    def equals(self, other: "Moment") -> bool:
        """The same atoms in the same places of the same box?"""
        return all(np.array_equal(a, b) for a, b in zip(self, other, strict=True))

    def differs_by_box(self, later: "Moment") -> bool:
        """Is `later` what a barostat or `fix deform` makes of these atoms at the end of a step?

        Each atom keeps its place, or its fractional coordinates, while the box changes.
        """
        if not (np.array_equal(self.ids, later.ids) and np.array_equal(self.types, later.types)):
            return False
        stays = np.all(self.positions == later.positions, axis=1)
        shift = np.abs(_fractional(self) - _fractional(later)).max(axis=1, initial=0.0)
        return bool(np.all(stays | (shift <= ROUNDING)))


def owned(lammps, name: str) -> np.ndarray:
    """A per-atom property of the owned atoms: LAMMPS' own memory."""
    count = lammps.extract_setting("nlocal")
    if count == 0:
        return np.zeros((0, 3) if name in ("x", "v") else 0)
    return lammps.numpy.extract_atom(name, nelem=count)


def masses_of(lammps) -> np.ndarray:
    """Of the owned atoms."""
    if lammps.extract_setting("rmass_flag"):
        return owned(lammps, "rmass")
    masses = lammps.numpy.extract_atom("mass", nelem=lammps.extract_setting("ntypes") + 1, dim=1)
    return masses[owned(lammps, "type").astype(int)]


def kinetic_energies(lammps, velocities: np.ndarray, masses: np.ndarray) -> np.ndarray:
    """½ m_i v_i² in LAMMPS' unit of energy."""
    return 0.5 * lammps.extract_global("mvv2e") * masses * np.sum(velocities**2, axis=1)


def _fractional(moment: Moment) -> np.ndarray:
    low, high, (xy, yz, xz) = moment.box[:3], moment.box[3:6], moment.box[6:]
    x, y, z = high - low
    cell = np.array([[x, 0.0, 0.0], [xy, y, 0.0], [xz, yz, z]])
    return np.linalg.solve(cell.T, (moment.positions - low).T).T
