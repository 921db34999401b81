"""The end of a run on every rank, whichever rank found the fault."""

import ctypes
import sys
import time

from ..errors import AdfluxError


def world():
    """MPI's COMM_WORLD; one rank where LAMMPS runs without MPI."""
    from mpi4py import MPI

    return MPI.COMM_WORLD


def fail(message: str) -> None:
    """End the run because of a fault that this rank found, perhaps alone.

    On one rank an AdfluxError. On several, an exception on one of them would leave the others
    waiting for ever: print the sentence and abort them all.
    """
    comm = world()
    if comm.size == 1:
        raise AdfluxError(message)
    # lower ranks print first, so that a fault of all of them is printed once
    time.sleep(min(1.5 * comm.rank, 6.0))
    _abort(comm, f"{message} (rank {comm.rank})")


def fail_together(comm, message: str) -> None:
    """End the run because of a fault that every rank of `comm` knows of."""
    if comm.size == 1:
        raise AdfluxError(message)
    if comm.rank == 0:
        _abort(comm, message)
    time.sleep(10.0)  # rank 0 ends this process meanwhile
    comm.Abort(1)


def _abort(comm, message: str) -> None:
    ctypes.CDLL(None).fflush(None)  # what LAMMPS printed, so that the sentence comes last
    print(f"adflux: {message}", file=sys.stderr, flush=True)
    # mpiexec drops what it has not yet read when a rank aborts: half of the messages, without this
    # rest
    time.sleep(0.5)
    comm.Abort(1)
