"""Atoms a little out of place for one force call: what a symmetric structure makes zero by chance
is not zero there.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ..parallel.system import uniform
from .moment import owned

# of the distance of atoms, or of the cutoff: a displacement is no larger along any axis
FAR = 1e-3
START = "d2_adflux_start"
# images of atoms are integers of 32 or 64 bits, kept as two numbers
HALF = 2**30


@contextmanager
def displaced(session, minimizing: bool) -> Iterator[None]:
    """Atoms of a `session.Session` are displaced, at random by id, and their forces evaluated;
    afterwards they are where they were, bit for bit, with a new pair list. Collective.

    minimizing: forces are those of LAMMPS' minimiser, without fixes that act in dynamics alone.
    """
    session.command(f"fix adflux_start all property/atom {START} 5")
    try:
        # atoms may go to another rank, or through a boundary: what is kept goes with them
        positions, images, start = _arrays(session)
        start[:] = np.column_stack([positions, *np.divmod(images, HALF)])
        positions += _displacements(session, positions)
        if minimizing:
            session.command("minimize 0.0 0.0 0 0")
        else:
            session.run()
        yield
    finally:
        positions, images, start = _arrays(session)
        positions[:] = start[:, :3]
        images[:] = start[:, 3].astype(images.dtype) * HALF + start[:, 4].astype(images.dtype)
        session.command("unfix adflux_start")
        session.run()


def _arrays(session) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions [owned, 3], images [owned] and what is kept [owned, 5]: LAMMPS' own memory."""
    lammps, count = session.lammps, session.lammps.extract_setting("nlocal")
    if not count:
        return np.zeros((0, 3)), np.zeros(0, int), np.zeros((0, 5))
    start = lammps.numpy.extract_atom(START, nelem=count, dim=5)
    return owned(lammps, "x"), owned(lammps, "image"), start


def _displacements(session, positions: np.ndarray) -> np.ndarray:
    """Of the owned atoms [owned, 3], which lead none out of an open boundary."""
    ids = owned(session.lammps, "id").astype(np.uint64)
    counters = 3 * ids[:, None] + np.arange(3, dtype=np.uint64)
    # around a molecule there is more space than between its atoms
    near = min(session.spacing(), session.potential.cutoff)
    moves = FAR * near * uniform(counters, 0)
    moves[:, session.dimension :] = 0.0
    cell, low = session.box()
    inverse = np.linalg.inv(cell)
    steps, after = moves @ inverse, (positions + moves - low) @ inverse
    lost = ((after < 0.0) | (after >= 1.0)) & ~session.periodic
    return np.where(lost, -steps, steps) @ cell
