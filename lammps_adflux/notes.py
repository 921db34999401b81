"""What a user should know although nothing is wrong: one sentence through Python's logging, on the first rank."""

import logging
import os
import sys

RANK_VARIABLES = "PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK"  # set by mpiexec before MPI is
logger = logging.getLogger("lammps_adflux")


def note(sentence: str) -> None:
    """Say the sentence once: on stderr, unless the program has set up logging in another way (the logger `lammps_adflux`)."""
    if _rank() == 0:
        logger.warning("note: %s", sentence)


def _rank() -> int:
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is not None and mpi.Is_initialized() and not mpi.Is_finalized():
        return mpi.COMM_WORLD.rank
    return next((int(os.environ[name]) for name in RANK_VARIABLES if os.environ.get(name, "").isdigit()), 0)
