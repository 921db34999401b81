"""float64 everywhere in the tests; LAMMPS runs in processes of its own."""

import os

import jax
import pytest
from lammps_runner import QUICK, find_program
from relaxing import write_structures

jax.config.update("jax_enable_x64", True)


def compile_quickly():
    """In this process only: programs that the tests start compile as a user's do."""
    before = os.environ.get("XLA_FLAGS")
    os.environ["XLA_FLAGS"] = f"{before or ''} {QUICK}"
    jax.jit(lambda x: x + 1)(0)  # XLA reads the flags once, at the first compilation
    del os.environ["XLA_FLAGS"]
    if before is not None:
        os.environ["XLA_FLAGS"] = before


compile_quickly()


def pytest_configure(config):
    for marker in (
        "lammps: needs the LAMMPS of this environment; with `ranks` > 1 also mpiexec",
        "slow: takes longer than some seconds; `make test-fast` leaves it out",
    ):
        config.addinivalue_line("markers", marker)


def pytest_collection_modifyitems(items):
    """Where LAMMPS or MPI is absent, say so once per test."""
    for item in items:
        if item.get_closest_marker("lammps") is None:
            continue
        ranks = item.callspec.params.get("ranks", 1) if hasattr(item, "callspec") else 1
        if find_program("lmp") is None:
            item.add_marker(pytest.mark.skip(reason="needs lmp: run `adflux build-lammps`"))
        elif int(ranks) > 1 and find_program("mpiexec") is None:
            item.add_marker(pytest.mark.skip(reason="needs mpiexec: install mpich"))


@pytest.fixture(autouse=True, scope="module")
def free_compiled_programs():
    """Each program that XLA compiles maps memory of its own, and a process may map 65 530 pieces.

    One worker that runs all files would crash inside XLA.
    """
    yield
    jax.clear_caches()


@pytest.fixture(scope="session")
def starts(tmp_path_factory):
    """A folder with the starting structures of relaxing.py."""
    folder = tmp_path_factory.mktemp("starts")
    write_structures(folder)
    return folder
