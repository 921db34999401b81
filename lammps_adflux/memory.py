"""What freed memory becomes."""

import ctypes


def keep_freed_memory() -> None:
    """Let glibc keep what XLA frees: fresh pages for the arrays of every step cost more than the arithmetic on them.

    Threads that exist already, those of MPI for one, keep arenas of their own, which give blocks above 64 MB back all the same: import
    lammps_adflux before mpi4py in a program of your own that differentiates large structures (a product is then twice as fast).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter in (-1, -3):  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
            mallopt(parameter, 1 << 30)
        mallopt(-8, 1)  # M_ARENA_MAX
