"""The input script's side of the flux: Python functions behind the variables of the templates.

`heat_flux.lmp` and `atomic_virials.lmp` name them; LAMMPS calls them with its own address. LAMMPS
evaluates such a variable only where something asks for it, so a run pays for the flux at its
sampled steps only.
"""

import sys
import weakref

import numpy as np

from ..parallel.failures import fail
from ..process import prepare
from .attachment import Attachment
from .registry import address_of, registry


class _Attach:
    """Start to follow the force calls of the LAMMPS that calls this; stop when that LAMMPS ends.

    LAMMPS holds the only reference to it, and drops it when it is closed or cleared. Nothing else
    shows that a LAMMPS is gone, and to ask one that is gone would crash.
    """

    def __call__(self, pointer) -> None:
        from lammps import lammps

        vars(sys.modules["__main__"]).pop("adflux_attach", None)
        prepare()
        address = address_of(pointer)
        here = registry.attachments.get(address)
        if here is None:
            here = registry.attachments[address] = Attachment(lammps(ptr=pointer), address)
        if here.end is not None:
            # included once more: LAMMPS has taken the new object instead of the old one
            here.end.detach()
        here.end = weakref.finalize(self, _detach, address)
        here.forget_virials()
        here.look_at_styles()
        here.log_layers()


def new_attachment() -> _Attach:
    """What the templates give to LAMMPS as the function `adflux_attach`."""
    return _Attach()


def _detach(address: int) -> None:
    del registry.attachments[address]


def attachment(pointer) -> Attachment:
    """The attachment of the LAMMPS behind `pointer`, as LAMMPS hands it to Python functions."""
    address = address_of(pointer)
    if address not in registry.attachments:
        fail(
            "LAMMPS was cleared after heat_flux.lmp or atomic_virials.lmp was included: include "
            "it once more."
        )
    return registry.attachments[address]


def adflux_compilations(pointer) -> float:
    """How often this LAMMPS' plugins have compiled, on the rank where it was most often."""
    here = attachment(pointer)
    mine = sum(plugin.compilations for plugin in registry.plugins() if here.serves(plugin))
    return float(max(here.comm.allgather(mine)))


def adflux_update_virials(pointer, _virial_flag: int = 0) -> None:
    """Write W_j into d2_adflux_virial[1..9] = xx xy xz yx yy yz zx zy zz of the owned atoms."""
    attachment(pointer).update_virials()


def adflux_refresh(pointer) -> float:
    """Zero; d2_adflux_virial is up to date afterwards, so that a variable that adds this never
    reads old numbers.
    """
    attachment(pointer).update_virials()
    return 0.0


def adflux_set_field(pointer, x: float, y: float, z: float) -> None:
    """The field F_e [1/length] of `adflux_drive`."""
    field = np.array([x, y, z], float)
    if not np.isfinite(field).all() or not field.any():
        fail(
            "hnemd.lmp needs a field, one or more of fx, fy, fz [1/length] that are not zero: set "
            "one with -var fx VALUE or before the include."
        )
    here = attachment(pointer)
    if here.lammps.extract_global("respa_levels") is not None:
        fail("hnemd.lmp drives at each step, which run_style respa does not allow: use verlet.")
    here.field = field


def adflux_drive(pointer, _virial_flag: int = 0) -> None:
    """Add the driving force to the forces of this step."""
    here = attachment(pointer)
    if not here.field.any():
        fail("adflux_drive has no field: let adflux_set_field give one before, as hnemd.lmp does.")
    here.drive()


def _component(part: str, direction: int):
    def component(pointer) -> float:
        flux = attachment(pointer).potential_and_convective_flux()
        rows = {"total": flux.sum(axis=0), "potential": flux[0], "convective": flux[1]}
        return float(rows[part][direction])

    return component


adflux_jx, adflux_jy, adflux_jz = (_component("total", a) for a in range(3))
adflux_jpx, adflux_jpy, adflux_jpz = (_component("potential", a) for a in range(3))
adflux_jcx, adflux_jcy, adflux_jcz = (_component("convective", a) for a in range(3))
