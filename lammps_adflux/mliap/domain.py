"""The part of LAMMPS' pair list that a potential needs, as rows of atoms and pairs between them.

One layer of messages needs the pairs of owned atoms only, whatever they lead to. For several layers
images of one atom share a row, and rows of other ranks' atoms take what belongs to them from their
owners before each layer (parallel/exchange.py): one cutoff of ghost atoms is enough for any number
of layers.
"""

from typing import NamedTuple

import numpy as np

from ..errors import AdfluxError
from ..parallel.exchange import Plan, RankExchange
from ..parallel.failures import world
from ..parallel.handler import missing_handler
from ..parallel.rows import Rows
from .buffers import to_host


class Selection(NamedTuple):
    """Pairs of one force call, on the host."""

    vectors: np.ndarray  # r_p [pairs, 3]
    centers: np.ndarray
    others: np.ndarray
    keep: np.ndarray | None  # which of LAMMPS' pairs these are; None: all
    member: np.ndarray  # which of LAMMPS' atoms each row stands for


class KnownAtoms:
    """What a plugin knows of its domain's atoms, as long as their ids stay where they are."""

    def __init__(self):
        self.rows: Rows | None = None
        self.plan: Plan | None = None
        self._ids = np.zeros(0, np.int64)

    def exchange(self) -> RankExchange | None:
        """For a graph of these rows; None where all of them are computed here."""
        return None if self.plan is None else self.plan.exchange()

    def update(self, comm, ids: np.ndarray, owned: int) -> Rows:
        """The rows of the present atoms; collective."""
        rows = self.rows
        stale = rows is None or rows.owned != owned or not np.array_equal(self._ids, ids)
        if comm.size > 1:
            stale = comm.allreduce(stale)
        if stale or rows is None:
            rows, self._ids = Rows.of(ids, owned), np.array(ids)
            if comm.size == 1:
                if rows.remote or len(np.unique(ids[:owned])) != owned:
                    raise AdfluxError(
                        "Atoms have no ids of their own, or some were lost: message passing needs "
                        "`atom_modify id yes`."
                    )
            else:
                self.plan = self.plan or Plan(comm)
                self.plan.update(ids[rows.member], owned)
            self.rows = rows
        return rows


NO_PAIRS = (np.zeros((0, 3)), np.zeros(0, np.int32), np.zeros(0, np.int32))


def select(plugin, data) -> Selection:
    """The pairs of owned atoms; collective where the potential has several layers."""
    vectors, centers, others = _pairs(data)
    member, keep = np.arange(data.ntotal), None
    if data.natomneigh > data.nlistatoms:
        # `pair_style mliap unified FILE 1` lists pairs of ghost atoms as well
        keep = centers < data.nlocal
        vectors, centers, others = vectors[keep], centers[keep], others[keep]
    lammps = lammps_of(plugin)
    if lammps is not None:
        comm = lammps.get_mpi_comm() or world()
        if plugin.potential.hops > 1 or comm.size == 1:
            ids = (
                lammps.numpy.extract_atom("id", nelem=data.ntotal)
                if data.ntotal
                else np.zeros(0, np.int64)
            )
            rows = plugin.known_atoms.update(comm, np.asarray(ids), data.nlocal)
            others, member = rows.row[others], rows.member
    return Selection(vectors, centers, others, keep, member)


def layers_sentence(potential, ranks: int) -> str:
    """What the log says of a potential with several layers."""
    sentence = f"adflux: {potential.hops} layers of messages"
    if ranks == 1:
        return f"{sentence}; ghost atoms stand for their owners"
    missing = missing_handler()
    sentence += f" on {ranks} ranks; features go from rank to rank before each layer"
    return (
        f"{sentence}, through Python, which is slower, because {missing}" if missing else sentence
    )


def lammps_of(plugin):
    """The LAMMPS that must be asked for atom ids, of a relaxation or of several layers; None
    otherwise.
    """
    if plugin.potential.hops == 1 and plugin.driver is None:
        return None
    lammps = plugin.lammps()
    if lammps is None:
        raise AdfluxError(
            "A message-passing potential must ask LAMMPS about ghost atoms, which this LAMMPS "
            "allows only after "
            "`include ${adflux}/heat_flux.lmp`: put it after pair_coeff, or use a LAMMPS of "
            "`adflux build-lammps`."
        )
    return lammps


def _pairs(data):
    """LAMMPS' pair list; where it is empty, LAMMPS has no arrays."""
    return (
        tuple(to_host(array) for array in (data.rij, data.pair_i, data.jatoms))
        if data.npairs
        else NO_PAIRS
    )
