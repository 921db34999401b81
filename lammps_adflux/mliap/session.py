"""A LAMMPS that is driven from Python: its input script, its minimiser, its atoms, box and pair
list.
"""

import jax.numpy as jnp
import numpy as np

from ..errors import AdfluxError
from ..graph import Graph
from ..parallel.exchange import Plan
from ..parallel.halo import Halo
from ..parallel.system import System
from ..potentials.conversion import energy_factor
from ..process import prepare
from ..units import unit_system
from .fixes import frozen_components, refuse_box_relax
from .plugin import AdfluxPlugin
from .replaced import take_leave
from .runaway import Watch
from .setup import start, type_names

BOX_KEYWORDS = {
    "iso": "iso {0}",
    "aniso": "x {0} y {1} z {2}",
    "tri": "x {0} y {1} z {2} yz {3} xz {4} xy {5}",
}


class Session:
    """One LAMMPS whose forces come from one JAX potential.

    script: path of an input script, its commands as a list or text, or a live `lammps`. Their pair
    style is replaced, which a note says; one that adds others to mliap is refused.
    """

    def __init__(self, script, potential, types, comm, log, variables=None):
        prepare()
        self.potential = potential
        self.lammps, self.comm = start(script, comm, log, variables or {})
        import lammps.mliap

        lammps.mliap.activate_mliappy(self.lammps)
        if self.lammps.extract_global("natoms") in (None, 0):
            raise AdfluxError("The LAMMPS set-up has no atoms: create or read them before relax.")
        # refuses what has none
        energy_factor(potential.units, str(self.lammps.extract_global("units")))
        names = type_names(potential, types, self._count("ntypes"))
        refuse_box_relax(self.lammps, self.comm)
        take_leave(self.lammps, self.comm, live=script is self.lammps)
        # groups of which fixes make forces zero, with the components [3]; None: not found yet
        self.frozen: list[tuple[str, np.ndarray]] | None = None
        self.plugin = AdfluxPlugin(potential, "float64", self.lammps)
        lammps.mliap.load_unified(self.plugin)
        self.command("pair_style mliap unified EXISTS 0")
        self.command(f"pair_coeff * * {' '.join(names)}")
        self.run()

    def run(self) -> None:
        """Evaluate the forces of the present atoms, with a new pair list."""
        self.command("run 0 post no")

    @property
    def dimension(self) -> int:
        """Of the simulation, 2 or 3."""
        return self._count("dimension")

    @property
    def periodic(self) -> np.ndarray:
        """Which directions of the box are periodic [3]; z is not in two dimensions."""
        return np.array(self.lammps.extract_box()[5], bool) & (np.arange(3) < self.dimension)

    def spacing(self) -> float:
        """The distance of atoms, (volume / atoms)^⅓, in two dimensions (area / atoms)^½."""
        volume = float(self.lammps.get_thermo("vol") or 0.0)
        return (volume / self.lammps.get_natoms()) ** (1 / self.dimension)

    def pressure(self, pressure) -> np.ndarray:
        """A pressure in LAMMPS' units, one number or six, as energy per volume [6]."""
        values = np.asarray(pressure, float)
        if values.shape not in ((), (6,)) or not np.isfinite(values).all():
            raise AdfluxError(
                f"pressure must be one number, or six: xx, yy, zz, yz, xz, xy; but {pressure} was "
                "found."
            )
        six = values if values.ndim else values * np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
        return six / self.lammps.extract_global("nktv2p")

    def moderate_force(self) -> float:
        """A force that is small beside those that hold the atoms, in LAMMPS' units: 10⁻⁴ of the
        energy per atom (of 10 eV where it is more) over the distance of atoms; collective.
        """
        atoms = self.lammps.get_natoms()
        unit = unit_system(str(self.lammps.extract_global("units")))
        most = 10.0 if unit.is_reduced else 10.0 * unit_system("metal").energy / unit.energy
        energy = min(abs(float(self.lammps.get_thermo("pe") or 0.0)) / atoms, most)
        return 1e-4 * energy / self.spacing()

    def minimize(
        self,
        force_tolerance: float,
        cell: str | None,
        fixed: str | None,
        pressure: np.ndarray,
        steps: int,
    ) -> bool:
        """LAMMPS' `minimize` in the style of the script; where the cell relaxes, with a `fix
        box/relax`.

        False where it does not relax all strains of the cell: `box/relax aniso` turns edges that
        are not at right angles.
        """
        if fixed is not None:
            self.in_group(fixed)
            self.command(f"fix adflux_hold {fixed} setforce 0.0 0.0 0.0")
        tilted = cell == "aniso" and any(self.lammps.extract_box()[2:5])
        cell = "iso" if tilted else cell
        if cell is not None:
            if cell == "tri" and not self.lammps.extract_global("triclinic"):
                self.command("change_box all triclinic")
            wanted = pressure * self.lammps.extract_global("nktv2p")
            wanted = wanted if cell != "iso" else [wanted[:3].mean()]
            keywords = BOX_KEYWORDS[cell].format(*(f"{p:.17g}" for p in wanted))
            self.command(f"fix adflux_box all box/relax {keywords} vmax 0.001")
        watch = self.plugin.watch = Watch(self.lammps, self.comm)
        try:
            self.command(f"minimize 0.0 {force_tolerance} {steps} {10 * steps}")
        finally:  # a live lammps goes on without our fixes
            self.plugin.watch = None
            if watch.reason is not None:
                self.command("timer timeout off")
            if cell is not None:
                self.command("unfix adflux_box")
            if fixed is not None:
                self.command("unfix adflux_hold")
        if watch.reason is not None:
            raise AdfluxError(
                f"The relaxation runs away: {watch.reason}; the potential does not hold atoms "
                "apart there (SNAP is often used with a ZBL core: "
                "SNAP + ZBL), or start from a structure nearer to its minimum."
            )
        return not tilted

    def in_group(self, group: str) -> np.ndarray:
        """Which owned atoms are in the group [owned]."""
        names = [name for name in self.lammps.available_ids("group") if name]
        if group not in names:
            raise AdfluxError(
                f"LAMMPS has no group {group!r}; it knows {', '.join(names)}: name one of them as "
                "fixed=."
            )
        self.command(f"variable adflux_group atom gmask({group})")
        inside = np.array(self.lammps.extract_variable("adflux_group"))[: self._count("nlocal")]
        self.command("variable adflux_group delete")
        return inside != 0.0

    def find_frozen(self) -> None:
        """Note what a `fix setforce` makes zero at the last force call, of displaced atoms."""
        self.frozen = frozen_components(self)

    def held(self, group: str | None) -> np.ndarray:
        """Components that must not move [owned, 3]: of the group, of what is `frozen`, and z in two
        dimensions.
        """
        held = np.zeros((self._count("nlocal"), 3), bool)
        if group is not None:
            held[self.in_group(group)] = True
            if not self.comm.allreduce(int(held.any())):
                raise AdfluxError(
                    f"The LAMMPS group {group} has no atoms: name another one, or leave it out."
                )
        for frozen, components in self.frozen or ():
            held |= self.in_group(frozen)[:, None] & components
        held[:, self.dimension :] = True
        return held

    def system(self, group: str | None) -> System:
        """Atoms, box and pair list of this rank, as of the last force call."""
        plugin, lmp, comm = self.plugin, self.lammps, self.comm
        vectors, centers, others, species, owned, pairs, slots = plugin.buffers.arrays()
        nlocal, total = self._count("nlocal"), self._count("nall")
        ids = np.array(
            lmp.numpy.extract_atom("id", nelem=total) if total else np.zeros(0), np.int64
        )
        rows, plan, halo = plugin.known_atoms.rows, None, None
        if comm.size > 1 and rows is not None:
            # its own: LAMMPS may go on, and the structure stays
            plan = Plan(comm)
            plan.update(ids[rows.member], nlocal)
            halo = plan.halo
        elif comm.size > 1:
            halo = Halo(comm, ids, nlocal)
        graph = Graph(
            vectors=jnp.asarray(vectors.T.copy()),
            centers=jnp.asarray(centers.copy()),
            others=jnp.asarray(others.copy()),
            species=jnp.asarray(species.copy()),
            mask=jnp.arange(len(centers)) < pairs,
            owned=jnp.asarray(owned & (np.arange(len(owned)) < nlocal)),
            exchange=None if plan is None else plan.exchange(),
            slots=None if slots is None else jnp.asarray(slots),
        )
        cell, origin = self.box()
        if self.dimension == 2:
            cell[2] = 0.0, 0.0, 1.0  # volumes are areas then, as LAMMPS' `vol`
        positions = (
            np.array(lmp.numpy.extract_atom("x", nelem=nlocal)) if nlocal else np.zeros((0, 3))
        )
        return System(
            graph=graph,
            comm=comm,
            halo=halo,
            plan=plan,
            ids=ids[:nlocal],
            positions=positions,
            held=self.held(group),
            cell=cell,
            origin=origin,
            periodic=self.periodic,
            dimension=self.dimension,
            units=str(lmp.extract_global("units")),
        )

    def move(self, displacements: np.ndarray, deformation: np.ndarray) -> None:
        """Displace the owned atoms, then deform box and atoms by the upper triangular F, and
        evaluate.
        """
        if len(displacements):
            positions = np.asarray(self.lammps.numpy.extract_atom("x", nelem=len(displacements)))
            positions += displacements  # LAMMPS' own memory
        if not np.array_equal(deformation, np.eye(3)):
            cell, low = self.box()
            cell = cell @ deformation.T
            ends = " ".join(
                f"{axis} final {low[a]:.17g} {low[a] + cell[a, a]:.17g}"
                for a, axis in enumerate("xyz")
            )
            triclinic = self.lammps.extract_global("triclinic") or np.any(np.triu(deformation, 1))
            if triclinic and not self.lammps.extract_global("triclinic"):
                self.command("change_box all triclinic")
            tilts = (
                f" xy final {cell[1, 0]:.17g} xz final {cell[2, 0]:.17g} yz final {cell[2, 1]:.17g}"
                if triclinic
                else ""
            )
            self.command(f"change_box all {ends}{tilts} remap units box")
        self.run()

    def box(self) -> tuple[np.ndarray, np.ndarray]:
        """The cell vectors as rows [3, 3], and the corner at which they begin [3]."""
        low, high, xy, yz, xz, _, _ = self.lammps.extract_box()
        lx, ly, lz = np.subtract(high, low)
        return np.array([[lx, 0, 0], [xy, ly, 0], [xz, yz, lz]]), np.array(low)

    def _count(self, what: str) -> int:
        return int(self.lammps.extract_setting(what) or 0)

    def command(self, command: str) -> None:
        try:
            self.lammps.command(command)
        except AdfluxError:
            raise
        except Exception as error:  # LAMMPS' own errors, on all ranks alike
            raise AdfluxError(
                f"LAMMPS stopped at `{command}`: {' '.join(str(error).split())}"
            ) from error
