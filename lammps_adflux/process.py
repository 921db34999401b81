"""Settings and failures of a process in which LAMMPS and JAX live together."""

import os
import signal
import sys
import time
from functools import cache
from pathlib import Path

from .errors import AdfluxError


def prepare_process() -> None:
    """Defaults for JAX beside LAMMPS, before the first `import jax`; a setting of the user's is never overridden.

    One core per rank (as many as OMP_NUM_THREADS says, where it is set), GPU memory taken as needed, a
    compilation cache on disk, and float64 available.
    """
    threads = os.environ.get("OMP_NUM_THREADS", "1").split(",")[0]
    defaults = {
        "PJRT_NPROC": threads,
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "JAX_COMPILATION_CACHE_DIR": str(cache_folder() / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.5",
        "JAX_ENABLE_X64": "true",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    flags = os.environ.get("XLA_FLAGS", "")
    if threads == "1" and "xla_cpu_multi_thread_eigen" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    if embedded():
        # Python installs a handler that waits for the interpreter; LAMMPS must stop on Ctrl-C
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        sys.excepthook = _one_sentence
    if "jax" in sys.modules:
        import jax

        if os.environ["JAX_ENABLE_X64"].lower() in ("true", "1"):
            jax.config.update("jax_enable_x64", True)
        if getattr(jax.config, "jax_compilation_cache_dir", None) is None:
            jax.config.update("jax_compilation_cache_dir", os.environ["JAX_COMPILATION_CACHE_DIR"])
            jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/lammps-adflux."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lammps-adflux"


def embedded() -> bool:
    """True in the Python inside `lmp`, False where a Python program drives LAMMPS."""
    return not sys.orig_argv


def world():
    """MPI's COMM_WORLD; one rank where LAMMPS runs without MPI."""
    from mpi4py import MPI

    return MPI.COMM_WORLD


@cache
def device():
    """This rank's accelerator, where a node has several; JAX's own choice otherwise."""
    import jax

    devices = jax.local_devices()
    if len(devices) == 1:
        return devices[0]
    from mpi4py import MPI

    node = world().Split_type(MPI.COMM_TYPE_SHARED)
    return devices[node.rank % len(devices)]


def fail(message: str) -> None:
    """End the run because of a fault that this rank found, perhaps alone.

    On one rank an AdfluxError. On several, an exception on one of them would leave the others waiting
    for ever: print the sentence and abort them all.
    """
    comm = world()
    if comm.size == 1:
        raise AdfluxError(message)
    # lower ranks speak first, so that a fault of all of them is told once
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
    print(f"adflux: {message}", file=sys.stderr, flush=True)
    # mpiexec drops what it has not yet read when a rank aborts: half of the messages, without this rest
    time.sleep(0.5)
    comm.Abort(1)


def _one_sentence(kind, error, traceback) -> None:
    if issubclass(kind, AdfluxError):
        print(f"adflux: {error}", file=sys.stderr, flush=True)
    else:
        sys.__excepthook__(kind, error, traceback)
