"""Settings of a process in which LAMMPS and JAX live together, and notes to its user."""

import ctypes
import logging
import os
import signal
import sys
import time
from functools import cache

from .errors import AdfluxError
from .parallel.failures import world
from .paths import COMPILATIONS, compilations_folder, trim_folder

RANK_VARIABLES = "PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK"  # set by mpiexec before MPI is
logger = logging.getLogger("lammps_adflux")
_shown = 0.0  # when the output was written last


def prepare() -> None:
    """Defaults for JAX beside LAMMPS, before the first `import jax`; a setting of the user's is
    never overridden.

    One core per rank (as many as OMP_NUM_THREADS says, where it is set), GPU memory taken as
    needed, a compilation cache on disk (1 GiB at most), and float64 available. glibc keeps the
    memory that XLA frees (`keep_freed_memory`).
    """
    keep_freed_memory()
    threads = os.environ.get("OMP_NUM_THREADS", "1").split(",")[0]
    defaults = {
        "PJRT_NPROC": threads,
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "JAX_COMPILATION_CACHE_DIR": str(compilations_folder()),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.5",
        "JAX_ENABLE_X64": "true",
    }
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ and _rank() == 0:
        trim_folder(compilations_folder(), COMPILATIONS)
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


def keep_freed_memory() -> None:
    """Let glibc keep what XLA frees: fresh pages for the arrays of every step cost more than the
    arithmetic on them.

    Threads that exist already, those of MPI for one, keep arenas of their own, which give blocks
    above 64 MB back all the same: call `lammps_adflux.process.prepare()` before you import mpi4py
    in a program of your own that differentiates large structures (a product is then twice as fast).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter in (-1, -3):  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
            mallopt(parameter, 1 << 30)
        mallopt(-8, 1)  # M_ARENA_MAX


def give_back_freed_memory() -> None:
    """Give what glibc keeps back to the system, once: where large arrays grow, their old places
    would stay empty.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def show_output(every: float = 2.0) -> None:
    """Write what LAMMPS printed to its log and screen so far, at most once in `every` seconds.

    LAMMPS buffers thermo rows: with a model that takes a second a step, a log would stay empty for
    an hour. Its `-nonbuf` acts with `-partition` only.
    """
    global _shown
    if (now := time.monotonic()) - _shown > every:
        ctypes.CDLL(None).fflush(None)
        _shown = now


def embedded() -> bool:
    """True in the Python inside `lmp`, False where a Python program drives LAMMPS."""
    return not sys.orig_argv


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


def note(sentence: str) -> None:
    """Say the sentence once: on stderr, unless the program has set up logging in another way (the
    logger `lammps_adflux`).
    """
    if _rank() == 0:
        logger.warning("note: %s", sentence)


def _rank() -> int:
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is not None and mpi.Is_initialized() and not mpi.Is_finalized():
        return mpi.COMM_WORLD.rank
    return next(
        (int(os.environ[name]) for name in RANK_VARIABLES if os.environ.get(name, "").isdigit()), 0
    )


def _one_sentence(kind, error, traceback) -> None:
    if issubclass(kind, AdfluxError):
        print(f"adflux: {error}", file=sys.stderr, flush=True)
    else:
        sys.__excepthook__(kind, error, traceback)
