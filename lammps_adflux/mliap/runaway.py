"""Stop LAMMPS' minimiser where atoms fall into one another or the cell collapses: it would go on
until LAMMPS breaks.
"""

import weakref

import numpy as np

CLOSE = 0.02  # of the cutoff: no bond is so short
SHRUNK, GROWN = 0.5, 4.0  # volumes, in that of the start


class Watch:
    """Looks at each force call of a minimisation; collective. `reason` says what went wrong, None
    while nothing has.
    """

    def __init__(self, lammps, comm):
        # weak: LAMMPS holds the plugin that holds this
        self.lammps, self.comm = weakref.ref(lammps), comm
        self.reason: str | None = None
        self._start: tuple[float, float] | None = None

    def __call__(self, buffers) -> None:
        """buffers: the pair list of this force call."""
        lammps = self.lammps()
        if self.reason is not None or lammps is None:
            return
        closest, volume = now = self._now(lammps, buffers)
        if self._start is None:
            self._start = now
            return
        first, before = self._start
        if closest < min(CLOSE * buffers.cutoff, 0.5 * first):
            self.reason = (
                f"two atoms came {closest:.2g} apart, from {first:.3g} or more at the start"
            )
        elif not SHRUNK * before <= volume <= GROWN * before:
            self.reason = f"the cell's volume became {volume:.4g}, from {before:.4g} at the start"
        if self.reason is not None:
            lammps.force_timeout()  # the minimiser ends after its present step

    def _now(self, lammps, buffers) -> tuple[float, float]:
        """Closest distance, and volume."""
        low, high, *_ = lammps.extract_box()
        return min(self.comm.allgather(buffers.closest())), float(np.prod(np.subtract(high, low)))
