"""Are there ghost atoms enough for message passing on several ranks? A short halo would give wrong
energies silently.
"""

import numpy as np

from ..parallel.failures import fail_together, world
from ..parallel.halo import Halo
from .buffers import to_host

# relative: a ghost's pairs differ by rounding from its owner's, so the cutoff is not sharp
ROUNDING = 1e-9
# LAMMPS of 2025 does not tell it
DEFAULT_SKIN = {
    "lj": 0.3,
    "metal": 2.0,
    "real": 2.0,
    "electron": 2.0,
}


def check_ghosts(plugin, data, lammps) -> np.ndarray:
    """Which atoms pass messages on to owned ones [atoms]; stop unless they all have their
    neighbours. Collective.

    An owned atom has all its neighbours: LAMMPS sees to that. A ghost has them if it has as many
    within the cutoff as its owner has. With `hops` layers this must hold for all ghosts that are
    reached from owned atoms in fewer than `hops` steps; what the others have does not matter. This
    finds a short communication cutoff in the atoms themselves, at every force call, also when the
    box has shrunk: LAMMPS tells the cutoff to nobody.
    """
    cutoff, hops = plugin.potential.cutoff, plugin.potential.hops
    comm = lammps.get_mpi_comm() or world()
    owned = data.nlocal
    counts, certain, passing = _neighbors(data, cutoff, hops)
    ids = (
        lammps.numpy.extract_atom("id", nelem=data.ntotal) if data.ntotal else np.zeros(0, np.int64)
    )
    halo = plugin.known_atoms.halo
    stale = halo is None or not halo.matches(ids, owned)
    if comm.allreduce(stale) or halo is None:
        halo = plugin.known_atoms.halo = Halo(comm, ids, owned)
    wanted = halo.forward(certain[:owned])
    if not comm.allreduce(bool(np.any(passing & (counts < wanted)))):
        return passing
    if not comm.allreduce(data.natomneigh > data.nlistatoms):
        fail_together(
            comm,
            f"This potential has {hops} layers of message passing and needs the neighbours of "
            "ghost atoms: "
            "write `pair_style mliap unified FILE 1`, with 1 instead of 0 after the model file.",
        )
    skin = lammps.extract_global("neigh_skin") or DEFAULT_SKIN.get(
        str(lammps.extract_global("units")), 0.0
    )
    fail_together(
        comm,
        f"This potential sees {hops} × {cutoff:g} far, but the ghost atoms do not reach so far: "
        f"add `comm_modify cutoff {_up(hops * cutoff + skin)}` (layers · cutoff + skin of "
        f"{skin:g}) before the run.",
    )
    raise AssertionError("not reached")


def _neighbors(data, cutoff: float, hops: int):
    """Neighbours of each atom here, those that are surely within the cutoff, and which atoms pass
    messages on.
    """
    counts, certain = np.zeros(data.ntotal), np.zeros(data.ntotal)
    passing = np.zeros(data.ntotal, bool)
    if data.npairs:
        centers, others, vectors = (to_host(a) for a in (data.pair_i, data.jatoms, data.rij))
        surely = np.einsum("pa,pa->p", vectors, vectors) < (cutoff * (1.0 - ROUNDING)) ** 2
        counts += np.bincount(centers, minlength=data.ntotal)
        certain += np.bincount(centers, surely, minlength=data.ntotal)
        passing[: data.nlocal] = True
        for _ in range(hops - 1):
            passing[others[passing[centers]]] = True
    return counts, certain, passing


def _up(length: float) -> str:
    """Rounded up to a number that is short to write."""
    return f"{np.ceil(round(length * 1000.0, 6)) / 1000.0:g}"
