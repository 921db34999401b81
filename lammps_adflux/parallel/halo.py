"""Values of ghost atoms from their owners and back, by atom id, over MPI."""

import numpy as np

from ..errors import AdfluxError


class Halo:
    """Which owned atom, on which rank, each ghost of this rank is an image of.

    Built by a rendezvous: the owner of id n reports to rank n mod size, and who holds a ghost of n
    asks there. No rank ever holds all atoms. Valid until LAMMPS exchanges atoms; collective.
    """

    def __init__(self, comm, ids: np.ndarray, owned: int):
        self.comm, self.ids, self.owned = comm, np.array(ids, np.int64), owned
        size = comm.size
        mine, ghosts = self.ids[:owned], self.ids[owned:]
        wanted, self._ghost_row = np.unique(ghosts, return_inverse=True)
        # owners tell the directory
        listed, _ = _exchange(comm, mine % size, np.stack([mine, np.arange(owned)], axis=1))
        directory, owners = listed[0][:, 0], np.repeat(np.arange(size), listed[1])
        order = np.argsort(directory, kind="stable")
        directory, owners, rows = directory[order], owners[order], listed[0][order, 1]
        # those with ghosts ask it, and get rank and row back
        asked, sent = _exchange(comm, wanted % size, wanted[:, None])
        found, fault = _look_up(directory, asked[0][:, 0])
        if comm.allreduce(fault):
            raise AdfluxError(
                "Atoms have no ids of their own, or some were lost: the flux needs `atom_modify "
                "id yes` and a sound system."
            )
        answer = np.stack([owners[found], rows[found]], axis=1)
        replies, _ = _exchange(comm, np.repeat(np.arange(size), asked[1]), answer)
        place = np.empty((len(wanted), 2), np.int64)
        place[sent] = replies[0]
        # and then ask the owners themselves
        requests, self._ghost_order = _exchange(comm, place[:, 0], place[:, 1:])
        self._rows, self._send_counts = requests[0][:, 0], requests[1]
        self._receive_counts = np.bincount(place[:, 0], minlength=size)

    def matches(self, ids: np.ndarray, owned: int) -> bool:
        """True if this rank's atoms are those the halo was built for."""
        return owned == self.owned and np.array_equal(ids, self.ids)

    def forward(self, values: np.ndarray) -> np.ndarray:
        """Values of owned atoms [owned, …] → values of owned and ghost atoms [atoms, …]."""
        received = _all_to_all(
            self.comm, values[self._rows], self._send_counts, self._receive_counts
        )
        unique = np.empty_like(received)
        unique[self._ghost_order] = received
        return np.concatenate([values, unique[self._ghost_row]])

    def messages(self) -> tuple[np.ndarray, ...]:
        """Rows for each rank and from each rank [ranks], the rows that are sent, and those that are
        received, in the order of the messages; where no atom has two images here.
        """
        row = np.empty(len(self._ghost_order), np.int64)
        row[self._ghost_row] = np.arange(self.owned, len(self.ids))
        return self._send_counts, self._receive_counts, self._rows, row[self._ghost_order]

    def reverse_add(self, values: np.ndarray) -> np.ndarray:
        """Shares of owned and ghost atoms [atoms, …] → sums at the owners [owned, …]; the transpose
        of `forward`.
        """
        unique = np.zeros((len(self._ghost_order), *values.shape[1:]), values.dtype)
        np.add.at(unique, self._ghost_row, values[self.owned :])
        received = _all_to_all(
            self.comm, unique[self._ghost_order], self._receive_counts, self._send_counts
        )
        total = np.array(values[: self.owned])
        np.add.at(total, self._rows, received)
        return total


def _look_up(directory: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, bool]:
    """Rows of `asked` in the sorted directory, and whether ids were ambiguous or missing."""
    repeated = bool((directory[1:] == directory[:-1]).any())
    if len(directory) == 0:
        return np.zeros(0, np.int64), len(asked) > 0
    found = np.minimum(np.searchsorted(directory, asked), len(directory) - 1)
    return found, repeated or bool((directory[found] != asked).any())


def _exchange(comm, ranks: np.ndarray, rows: np.ndarray):
    """Send each row to its rank. Returns (rows received, how many from each rank), and the order of
    sending.
    """
    order = np.argsort(ranks, kind="stable")
    counts = np.bincount(ranks, minlength=comm.size)
    receive_counts = np.array(comm.alltoall(counts.tolist()))
    received = _all_to_all(
        comm, np.ascontiguousarray(rows[order], np.int64), counts, receive_counts
    )
    return (received, receive_counts), order


def _all_to_all(comm, values: np.ndarray, send_counts, receive_counts) -> np.ndarray:
    from mpi4py import MPI

    values = np.ascontiguousarray(values)
    received = np.empty((int(np.sum(receive_counts)), *values.shape[1:]), values.dtype)
    # one row is one element, so that counts stay small
    row = MPI.BYTE.Create_contiguous(int(np.prod(values.shape[1:], dtype=int)) * values.itemsize)
    row.Commit()
    try:
        comm.Alltoallv(
            [values, [int(n) for n in send_counts], row],
            [received, [int(n) for n in receive_counts], row],
        )
    finally:
        row.Free()
    return received
