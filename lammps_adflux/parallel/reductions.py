"""The largest or the smallest of the ranks' numbers."""


def largest(comm, value):
    """The largest of the ranks' values, on every rank; collective.

    NaN on one rank may be lost: test for finite numbers on each rank where that matters.
    """
    from mpi4py import MPI

    return comm.allreduce(value, op=MPI.MAX)


def smallest(comm, value):
    """The smallest of the ranks' values, on every rank; collective."""
    from mpi4py import MPI

    return comm.allreduce(value, op=MPI.MIN)
