"""The flux and the per-atom virials of one running LAMMPS."""

import ctypes
import weakref
from weakref import WeakKeyDictionary

import numpy as np

from ..errors import AdfluxError
from ..parallel.failures import fail_together, world
from ..parallel.halo import Halo
from ..parallel.reductions import largest, smallest
from . import faults, styles
from .domain import layers_sentence
from .ghosts import Ghosts
from .moment import Moment, kinetic_energies, masses_of, owned
from .registry import address_of, registry
from .rhythm import Rhythm
from .weights import Weights, running

VIRIALS = "d2_adflux_virial"


class Attachment:
    """One LAMMPS, the plugins that serve it, and the flux at its present step."""

    def __init__(self, lmp, address: int):
        self.lammps, self.address = lmp, address
        self.end: weakref.finalize | None = None  # set off when this LAMMPS ends
        self.comm = lmp.get_mpi_comm() or world()
        self._weights = Weights(lmp)
        # plugin → atoms at its last force call, and the ids of owned and ghost atoms
        self._moments: WeakKeyDictionary = WeakKeyDictionary()
        self._everyone: WeakKeyDictionary = WeakKeyDictionary()
        self._served = False  # has any plugin computed forces since the template was included?
        self._moved: Moment | None = None  # the same atoms after a fix has changed the box
        self._ghosts = Ghosts(lmp, self.comm)
        self._flux_state: tuple = ()
        self._flux = np.zeros((2, 3))
        self.field = np.zeros(3)  # F_e of driven dynamics [1/length]
        self._rhythm = Rhythm()
        self._virials_of: tuple = ()  # the force calls for which the array of virials was filled
        self._pair_style = ""
        self._substyles: list[str] = []
        self._looked = 0  # event number of the look at the styles

    def serves(self, plugin) -> bool:
        """Does the plugin compute for this LAMMPS? Its force array shows it, where LAMMPS
        does not.
        """
        pointer = getattr(plugin.interface, "lmp", None)
        if pointer is not None:
            return address_of(pointer) == self.address
        forces = self.lammps.extract_atom("f")
        return plugin.force_address == 0 or (
            bool(forces) and ctypes.addressof(forces[0].contents) == plugin.force_address
        )

    def at_force_call(self, plugin) -> bool:
        """Note atoms and weight for which `plugin` is about to compute forces; what was there
        before is stale. Is the flux likely to be asked for at this step?
        """
        self._moments[plugin] = Moment.now(self.lammps)
        self._everyone[plugin] = self._ghosts.ids()
        self._served = True
        self._moved = None
        self._weights.at_force_call(
            plugin, [p for p in registry.plugins() if p.alive and self.serves(p)]
        )
        self.forget_virials()
        array = self._virial_array()
        if array is not None:
            array[:] = np.nan
        return self._rhythm.expects(self._step())

    def _step(self) -> int:
        return int(self.lammps.extract_global("ntimestep"))

    def potential_and_convective_flux(self) -> np.ndarray:
        """[[J_pot], [J_conv]] in LAMMPS' units, of the last force call, with the present
        velocities; collective.
        """
        plugins, weights = self._sources(faults.FLUX)
        velocities = np.array(owned(self.lammps, "v"))
        masses = np.array(masses_of(self.lammps))
        state = (self._calls(plugins), velocities, masses)
        same = len(self._flux_state) == 3 and all(
            np.array_equal(a, b) for a, b in zip(state, self._flux_state, strict=True)
        )
        if not smallest(self.comm, same):
            self._rhythm.note(self._step())
            self._flux = self._evaluate(plugins, weights, velocities, masses)
            self._flux_state = state
        return self._flux

    def update_virials(self) -> None:
        """Write W_j of the owned atoms into d2_adflux_virial, unless they are there; collective."""
        plugins, weights = self._sources(faults.ATOMIC_VIRIALS)
        calls = self._calls(plugins)
        if calls == self._virials_of:
            return
        halo = self._halo_of(plugins)
        shares = np.zeros((len(halo.ids), 3, 3))
        for plugin, weight in zip(plugins, weights, strict=True):
            shares += weight * plugin.atomic_virials()
        virials = halo.reverse_add(shares)
        array = self._virial_array()
        if array is None:
            fail_together(
                self.comm,
                "The per-atom array d2_adflux_virial is gone: include atomic_virials.lmp once "
                "more.",
            )
        else:
            array[:] = virials.reshape(-1, 9)
        self._virials_of = calls

    def drive(self) -> None:
        """Add the driving force of the field F_e to LAMMPS' forces; collective.

        (U_i + ½ m_i v_i²) F_e + W_iᵀ F_e, less its mean, so that no atom's share pushes the whole.
        """
        field, (plugins, weights) = self.field, self._sources(faults.DRIVING)
        self._rhythm.note(self._step())
        halo = self._halo_of(plugins)
        shares = np.zeros((len(halo.ids), 3))
        for plugin, weight in zip(plugins, weights, strict=True):
            shares += weight * plugin.driving_forces(field)
        forces = halo.reverse_add(shares)
        velocities = np.array(owned(self.lammps, "v"))
        energies = sum(
            weight * plugin.energies()[: len(velocities)]
            for plugin, weight in zip(plugins, weights, strict=True)
        )
        energies = energies + kinetic_energies(self.lammps, velocities, masses_of(self.lammps))
        forces += energies[:, None] * field
        total = np.empty(3)
        self.comm.Allreduce(forces.sum(axis=0), total)
        if len(velocities):
            owned(self.lammps, "f")[:] += forces - total / self.lammps.get_natoms()

    def _virial_array(self) -> np.ndarray | None:
        """LAMMPS' own memory [owned, 9]; None without the template."""
        if self.lammps.extract_atom_datatype(VIRIALS) < 0:
            return None
        count = self.lammps.extract_setting("nlocal")
        return (
            self.lammps.numpy.extract_atom(VIRIALS, nelem=count, dim=9)
            if count
            else np.zeros((0, 9))
        )

    def _sources(self, what: faults.Asked) -> tuple[list, list[float]]:
        """The plugins of the last force call with their weights, or an end of the run with a
        sentence.
        """
        plugins = self._active_plugins()
        status = largest(self.comm, self._status(plugins, what))
        if status != faults.UP_TO_DATE:
            fixes = [name for name in self.lammps.available_ids("fix") if name]
            fail_together(self.comm, faults.sentence(status, what, fixes, running(self.lammps)))
        others = styles.others(self.lammps, self._substyles, len(plugins))
        if others and not styles.partial_wanted(self.lammps):
            fail_together(
                self.comm,
                f"{what.known} known for JAX potentials only, but {', '.join(others)} adds to the "
                "energy as well: "
                f"leave it out, or set `variable {styles.PARTIAL} index yes` to get the part of "
                "the JAX potential alone.",
            )
        try:
            return plugins, [self._weights.of(plugin) for plugin in plugins]
        except AdfluxError as error:
            fail_together(self.comm, str(error))
            raise

    def _calls(self, plugins) -> tuple:
        return tuple(plugin.last_call for plugin in plugins)

    def _evaluate(self, plugins, weights, velocities: np.ndarray, masses: np.ndarray) -> np.ndarray:
        everywhere = self._halo_of(plugins).forward(velocities)
        parts = list(zip(plugins, weights, strict=True))
        local = np.zeros((2, 3))
        local[0] = sum(weight * plugin.flux(everywhere) for plugin, weight in parts)
        energies = sum(weight * plugin.energies()[: len(velocities)] for plugin, weight in parts)
        local[1] = (energies + kinetic_energies(self.lammps, velocities, masses)) @ velocities
        total = np.empty_like(local)
        self.comm.Allreduce(local, total)
        return total

    def _active_plugins(self) -> list:
        """The plugins that took part in the last force evaluation: a pair style that was replaced
        did not.
        """
        mine = [
            plugin
            for plugin in registry.plugins()
            if plugin.last_call and plugin.alive and self.serves(plugin)
        ]
        if not mine:
            return []
        latest = max(mine, key=lambda plugin: plugin.last_call)
        since = max(latest.call_before, latest.connected)
        return [plugin for plugin in mine if plugin is latest or plugin.last_call > since]

    def _pair_style_changed(self, plugins) -> bool:
        """Is there another pair style than at the last force call or look, or a model that has not
        computed forces yet?
        """
        if str(self.lammps.extract_global("pair_style")) != self._pair_style:
            return True
        # the sub-styles are those of the look
        if self._substyles and any(plugin.connected > self._looked for plugin in plugins):
            return True
        last_call = max(plugin.last_call for plugin in plugins)
        return any(
            plugin.connected > last_call and plugin.alive and self.owns(plugin)
            for plugin in registry.plugins()
        )

    def owns(self, plugin) -> bool:
        """May the plugin, which has not computed forces yet, belong to this LAMMPS? Only a repaired
        LAMMPS says.
        """
        pointer = getattr(plugin.interface, "lmp", None)
        return pointer is None or address_of(pointer) == self.address

    def _status(self, plugins, what: faults.Asked) -> int:
        if not plugins:
            return faults.REPLACED if self._served else faults.NO_PLUGIN
        if any(plugin.on_device for plugin in plugins) and (
            status := faults.on_device(what, self.lammps.version())
        ):
            return status
        if self._pair_style_changed(plugins):
            return faults.REPLACED
        if any(plugin not in self._moments for plugin in plugins):
            return faults.NO_FORCES
        now = Moment.now(self.lammps)
        if all(self._moments[plugin].equals(now) for plugin in plugins):
            return faults.UP_TO_DATE
        if self._moved is not None and self._moved.equals(now):
            return faults.UP_TO_DATE
        # compute heat/flux gives that of the last force call, too, where a fix changes the box at
        # the end of a step
        if running(self.lammps) and all(
            self._moments[plugin].differs_by_box(now) for plugin in plugins
        ):
            self._moved = now
            return faults.UP_TO_DATE
        return faults.CHANGED

    def halo_now(self) -> Halo:
        """The way between owned and ghost atoms, as they are now; collective."""
        return self._ghosts.halo(self._ghosts.ids())

    def _halo_of(self, plugins) -> Halo:
        """The way between owned and ghost atoms of the last force call; collective. LAMMPS may have
        made new ghost atoms since, as write_data and write_restart do.
        """
        return self._ghosts.halo(self._everyone[plugins[-1]])

    def forget_virials(self) -> None:
        """LAMMPS' array of them is a new one, or was changed."""
        self._virials_of = ()

    def look_at_styles(self) -> None:
        """Note what adds to the energy; LAMMPS answers between runs only, so this happens when the
        template is included.
        """
        pair = str(self.lammps.extract_global("pair_style"))
        if not pair.startswith(("mliap", "hybrid")):
            fail_together(
                self.comm,
                "The template heat_flux.lmp or atomic_virials.lmp was included while pair_style "
                f"was {pair}: "
                "include it after pair_style mliap unified and its pair_coeff.",
            )
        self._pair_style, self._looked = pair, registry.next_event()
        self._substyles = self.comm.bcast(styles.substyles(self.lammps, self.comm.rank == 0))
        if pair.startswith("hybrid") and not self._substyles:
            fail_together(
                self.comm,
                f"LAMMPS did not name the sub-styles of pair_style {pair}: use pair_style mliap "
                "alone.",
            )

    def log_layers(self) -> None:
        """Write into the log how several layers of messages run; the plugin itself reaches the
        screen only.
        """
        for plugin in registry.plugins():
            if plugin.potential.hops > 1 and not plugin.layers_printed and self.owns(plugin):
                self.lammps.command(f'print "{layers_sentence(plugin.potential, self.comm.size)}"')
                plugin.layers_printed = True
