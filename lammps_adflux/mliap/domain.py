"""Which rows of a potential's arrays LAMMPS' atoms have.

Images of one atom share a row: potentials go through all rows, and in a small box images would be
most of them. One layer of messages needs the pairs of owned atoms only, whatever they lead to. For
several layers rows of other ranks' atoms take what belongs to them from their owners before each
layer (parallel/exchange.py): one cutoff of ghost atoms is enough for any number of layers.
"""

import numpy as np

from ..errors import AdfluxError
from ..parallel.exchange import Plan, RankExchange
from ..parallel.failures import world
from ..parallel.handler import missing_handler
from ..parallel.rows import Rows
from ..potentials.pair_potential import PairPotential
from ..process import device


class KnownAtoms:
    """What a plugin knows of its domain's atoms, as long as their ids stay where they are."""

    def __init__(self):
        self.rows: Rows | None = None
        self.plan: Plan | None = None
        self._ids = np.zeros(0, np.int64)

    def exchange(self) -> RankExchange | None:
        """For a graph of these rows; None where all of them are computed here."""
        return None if self.plan is None else self.plan.exchange()

    def update(self, comm, ids: np.ndarray, owned: int, layers: bool) -> Rows:
        """The rows of the present atoms; collective with `layers`, where rows of other ranks' atoms
        are filled.
        """
        rows = self.rows
        stale = rows is None or rows.owned != owned or not np.array_equal(self._ids, ids)
        if layers and comm.size > 1:
            stale = comm.allreduce(stale)
        if stale or rows is None:
            rows, self._ids = Rows.of(ids, owned), np.array(ids)
            if comm.size == 1:
                if rows.remote or len(np.unique(ids[:owned])) != owned:
                    raise AdfluxError(
                        "Atoms have no ids of their own, or some were lost: message passing needs "
                        "`atom_modify id yes`."
                    )
            elif layers:
                self.plan = self.plan or Plan(comm)
                self.plan.update(ids[rows.member], owned)
            self.rows = rows
        return rows


def rows_of(plugin, data) -> Rows | None:
    """The rows of LAMMPS' atoms, None where each has its own; collective where the potential has
    several layers.
    """
    lammps = lammps_of(plugin)
    if lammps is None:
        return None
    comm, layers = lammps.get_mpi_comm() or world(), plugin.potential.hops > 1
    if plugin.driver is not None and not layers and comm.size > 1:
        return None
    ids = (
        lammps.numpy.extract_atom("id", nelem=data.ntotal) if data.ntotal else np.zeros(0, np.int64)
    )
    if plugin.driver is None and not layers and data.nlocal and ids[0] == 0:
        return None  # atom_modify id no
    return plugin.known_atoms.update(comm, np.asarray(ids), data.nlocal, layers)


def layers_sentence(potential, ranks: int) -> str:
    """What the log says of a potential with several layers."""
    sentence = f"adflux: {potential.hops} layers of messages"
    if ranks == 1:
        return f"{sentence}; ghost atoms stand for their owners"
    missing = missing_handler() if device().platform == "cpu" else "JAX computes on a GPU"
    sentence += f" on {ranks} ranks; features go from rank to rank before each layer"
    return (
        f"{sentence}, through Python, which is slower, because {missing}" if missing else sentence
    )


def lammps_of(plugin):
    """The LAMMPS that is asked for atom ids: it must be for a relaxation or several layers, and is
    where it can be for others; None for pair potentials, whose work is with pairs alone.
    """
    needed = plugin.potential.hops > 1 or plugin.driver is not None
    if not needed and isinstance(plugin.potential, PairPotential):
        return None
    lammps = plugin.lammps()
    if lammps is None and needed:
        raise AdfluxError(
            "A message-passing potential must ask LAMMPS about ghost atoms, which this LAMMPS "
            "allows only after "
            "`include ${adflux}/heat_flux.lmp`: put it after pair_coeff, or use a LAMMPS of "
            "`adflux build-lammps`."
        )
    return lammps
