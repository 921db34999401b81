"""The part of LAMMPS' pair list that a potential needs, and how several layers of messages run in a
domain.

Folded, on one rank: every ghost is an image of an owned atom, so pairs lead to the owner instead,
found by atom id; one cutoff of ghosts is enough for any number of layers. Ghost shells, on several
ranks: ghosts up to layers · cutoff away pass messages on as their owners do elsewhere, and pairs
that no owned atom hears of are left out.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..errors import AdfluxError
from ..parallel.failures import world
from ..parallel.halo import Halo
from .buffers import to_host
from .ghosts import check_ghosts


class Selection(NamedTuple):
    """Pairs of one force call, on the host."""

    vectors: np.ndarray  # r_p [pairs, 3]
    centers: np.ndarray
    others: np.ndarray
    atoms: int  # rows of atoms: owned ones and, unless folded, ghosts
    keep: np.ndarray | None  # which of LAMMPS' pairs these are; None: all
    sure: bool  # no pair belongs to a ghost, so energies of ghosts need not be masked


@dataclass
class KnownAtoms:
    """What a plugin knows of its domain's atoms, as long as their ids stay where they are."""

    halo: Halo | None = None  # values of ghosts from their owners
    owners: tuple[np.ndarray, int, np.ndarray] | None = None  # ids, owned atoms, rows of owners


NO_PAIRS = (np.zeros((0, 3)), np.zeros(0, np.int32), np.zeros(0, np.int32))


def select(plugin, data) -> Selection:
    """The pairs that matter to the owned atoms; collective where the potential has
    several layers.
    """
    hops = plugin.potential.hops
    lammps = lammps_of(plugin) if hops > 1 or plugin.driver is not None else None
    if lammps is not None and (lammps.get_mpi_comm() or world()).size == 1:
        return _folded(plugin, data, lammps)
    if hops == 1:
        ghost_lists = data.natomneigh > data.nlistatoms
        return _heard(data, 1, np.arange(data.ntotal) < data.nlocal if ghost_lists else None)
    passing = check_ghosts(plugin, data, lammps)
    return _heard(data, hops, passing)


def told(plugin, ranks: int) -> str:
    """What the log says of a potential with several layers."""
    potential = plugin.potential
    if ranks == 1:
        return (
            f"adflux: {potential.hops} layers of messages, folded: ghost atoms stand for their "
            "owners"
        )
    return (
        f"adflux: {potential.hops} layers of messages on {ranks} ranks, through shells of ghost "
        "atoms "
        f"{potential.hops} x {potential.cutoff:g} = {potential.reach:g} wide"
    )


def lammps_of(plugin):
    """The LAMMPS of a potential with several layers, which must be asked for atom ids."""
    lammps = plugin.lammps()
    if lammps is None:
        raise AdfluxError(
            "A message-passing potential must ask LAMMPS about ghost atoms, which this LAMMPS "
            "allows only after "
            "`include ${adflux}/heat_flux.lmp`: put it after pair_coeff, or use a LAMMPS of "
            "`adflux build-lammps`."
        )
    return lammps


def _heard(data, hops: int, passing: np.ndarray | None) -> Selection:
    """Pairs whose centre an owned atom hears of, at most hops - 1 pairs away from it; None: there
    are no others.
    """
    vectors, centers, others = _pairs(data)
    if passing is None:
        return Selection(vectors, centers, others, data.ntotal, None, sure=True)
    keep = passing[centers]
    return Selection(vectors[keep], centers[keep], others[keep], data.ntotal, keep, sure=hops == 1)


def _folded(plugin, data, lammps) -> Selection:
    vectors, centers, others = _pairs(data)
    owners = _owners(plugin, data, lammps)
    if data.natomneigh == data.nlistatoms:
        return Selection(vectors, centers, owners[others], data.nlocal, None, sure=True)
    keep = centers < data.nlocal
    return Selection(
        vectors[keep], centers[keep], owners[others[keep]], data.nlocal, keep, sure=True
    )


def _owners(plugin, data, lammps) -> np.ndarray:
    """For each atom, owned or ghost, the row of the owned atom with its id [atoms]."""
    ids = np.asarray(
        lammps.numpy.extract_atom("id", nelem=data.ntotal) if data.ntotal else np.zeros(0, np.int32)
    )
    known_ids, known_owned, rows = plugin.known_atoms.owners or (ids, -1, ids)
    if known_owned != data.nlocal or not np.array_equal(known_ids, ids):
        unique, first = np.unique(ids[: data.nlocal], return_index=True)
        found = np.minimum(np.searchsorted(unique, ids), max(len(unique) - 1, 0))
        if len(unique) != data.nlocal or not np.array_equal(unique[found], ids):
            raise AdfluxError(
                "Atoms have no ids of their own, or some were lost: message passing needs "
                "`atom_modify id yes`."
            )
        rows = first[found].astype(np.int32)
        plugin.known_atoms.owners = np.array(ids), data.nlocal, rows
    return rows


def _pairs(data):
    """LAMMPS' pair list; where it is empty, LAMMPS has no arrays."""
    return (
        tuple(to_host(array) for array in (data.rij, data.pair_i, data.jatoms))
        if data.npairs
        else NO_PAIRS
    )
