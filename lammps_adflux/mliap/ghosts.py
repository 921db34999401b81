"""The way between the owned and the ghost atoms of one LAMMPS."""

import numpy as np

from ..errors import AdfluxError
from ..parallel.failures import fail_together
from ..parallel.halo import Halo


class Ghosts:
    """Keeps the newest way, which is made anew where ids have changed."""

    def __init__(self, lmp, comm):
        self._lammps, self._comm = lmp, comm
        self._halo: Halo | None = None

    def ids(self) -> np.ndarray:
        """Of the present owned and ghost atoms; a copy."""
        total = self._lammps.extract_setting("nall")
        if total == 0:
            return np.zeros(0, np.int64)
        return np.array(self._lammps.numpy.extract_atom("id", nelem=total))

    def halo(self, ids: np.ndarray) -> Halo:
        """The way between the present owned atoms, first in `ids`, and these ghost atoms;
        collective.
        """
        count = self._lammps.extract_setting("nlocal")
        halo = self._halo
        stale = halo is None or not halo.matches(ids, count)
        if self._comm.allreduce(stale) or halo is None:
            try:
                halo = self._halo = Halo(self._comm, ids, count)
            except AdfluxError as error:
                fail_together(self._comm, str(error))
                raise
        return halo
