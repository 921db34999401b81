"""Runs LAMMPS on an input script, as a user would, under a time limit, and reads what it wrote."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "tests" / "programs"
TEMPLATES = ROOT / "input_templates"
ONCE = "adflux: compilation"  # what the plugin prints whenever JAX compiles
# most of the time of small tests is XLA's: this compiles in a third of it code that runs half as
# fast
QUICK = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
# instruction set, compile cache: see CONTRIBUTING.md
PASSED = (
    "XLA_FLAGS",
    "JAX_COMPILATION_CACHE_DIR",
)
# time limits end what hangs and measure nothing: machines may be slow, and other tests run on the
# same cores
PATIENCE = 5.0


def find_program(name: str) -> str | None:
    """The environment's own program first, then the one on PATH."""
    own = Path(sys.prefix) / "bin" / name
    return str(own) if own.exists() else shutil.which(name)


@dataclass(frozen=True)
class Run:
    """What one LAMMPS process left behind."""

    folder: Path
    code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return self.stdout + self.stderr

    @property
    def tables(self) -> list[dict[str, np.ndarray]]:
        """Thermo tables, one per run or minimize, as columns."""
        tables, lines = [], iter(self.stdout.splitlines())
        for line in lines:
            names = line.split()
            if not names or names[0] != "Step":
                continue
            rows = []
            for row in lines:
                if row.startswith("Loop time"):
                    break
                words = row.split()
                if len(words) == len(names) and re.fullmatch(r"\d+", words[0]):
                    rows.append([float(word) for word in words])
            tables.append(dict(zip(names, np.array(rows).T, strict=True)))
        return tables

    @property
    def compilations(self) -> int:
        """As printed by the first rank."""
        return sum(line.startswith(ONCE) for line in self.stdout.splitlines())

    def dump(self, name: str) -> list[dict[str, np.ndarray]]:
        """Frames of a custom dump: columns sorted by id, and `step`, `box` [3, lines of BOX
        BOUNDS].
        """
        frames: list[dict] = []
        lines = (self.folder / name).read_text().splitlines()
        start = 0
        while start < len(lines):
            step, count = int(lines[start + 1]), int(lines[start + 3])
            box = np.array([line.split() for line in lines[start + 5 : start + 8]], float)
            columns = lines[start + 8].split()[2:]
            rows = np.array([line.split() for line in lines[start + 9 : start + 9 + count]], float)
            rows = rows.reshape(count, len(columns))
            if "id" in columns:
                rows = rows[np.argsort(rows[:, columns.index("id")], kind="stable")]
            frames.append({"step": step, "box": box, **dict(zip(columns, rows.T, strict=True))})
            start += 9 + count
        return frames

    def columns(self, name: str) -> np.ndarray:
        """Numbers of a fix's output file."""
        return np.loadtxt(self.folder / name, comments="#", ndmin=2)


def vectors(frame: dict[str, np.ndarray], *names: str) -> np.ndarray:
    """Columns of a frame or table, side by side."""
    return np.stack([frame[name] for name in names], axis=-1)


def run_lammps(
    folder: Path,
    script: str,
    ranks: int = 1,
    *,
    variables: dict[str, object] | None = None,
    environment: dict[str, str] | None = None,
    time_limit: float = 120.0,
    fails: bool = False,
    quick: bool = False,
) -> Run:
    """Run `script` in `folder`; the test fails if it takes too long, or ends otherwise than `fails`
    says.
    """
    lmp = find_program("lmp")
    if lmp is None:
        pytest.skip("needs lmp: run `adflux build-lammps`")
    (folder / "in.test").write_text(script)
    command = [lmp, "-in", "in.test", "-log", "none", "-nocite", "-var", "adflux", str(TEMPLATES)]
    for name, value in (variables or {}).items():
        command += ["-var", name, str(value)]
    command += shlex.split(os.environ.get("ADFLUX_LMP_OPTIONS", ""))  # make test-kokkos
    return run_program(
        folder,
        command,
        ranks,
        environment=environment,
        time_limit=time_limit,
        fails=fails,
        quick=quick,
    )


def run_python(folder: Path, program: str, *arguments: object, ranks: int = 1, **options) -> Run:
    """The same for a program of tests/programs, which may drive LAMMPS as a library."""
    command = [sys.executable, str(PROGRAMS / f"{program}.py"), *map(str, arguments)]
    return run_program(folder, command, ranks, **options)


def run_adflux(folder: Path, *words: object, fails: bool | None = None, **options) -> Run:
    """The command `adflux`, as a user runs it in `folder`."""
    command = [str(Path(sys.executable).with_name("adflux")), *map(str, words)]
    return run_program(folder, command, fails=fails, **options)


def run_program(
    folder: Path,
    command: list[str],
    ranks: int = 1,
    *,
    environment=None,
    time_limit: float = 120.0,
    fails: bool | None = False,
    quick: bool = False,
) -> Run:
    """Run a command in `folder`, on one rank or by mpiexec, with the settings of a user's shell.

    The test fails where it takes too long, or ends otherwise than `fails` says; None: either way.
    quick: compile in a third of the time what runs half as fast.
    """
    if ranks > 1:
        mpiexec = find_program("mpiexec")
        if mpiexec is None:
            pytest.skip("needs mpiexec: install mpich")
        command = [mpiexec, "-n", str(ranks), *command]
    # a shell's settings of JAX stay outside, but for those with which the suite is meant to be run
    variables = {
        name: value
        for name, value in os.environ.items()
        if name in PASSED or not name.startswith(("JAX_", "XLA_"))
    }
    # lmp finds its Python packages through the first python3 on PATH; models of the tests are in
    # tests/
    variables["PATH"] = os.pathsep.join([str(Path(sys.prefix) / "bin"), variables.get("PATH", "")])
    variables["PYTHONPATH"] = os.pathsep.join(
        [str(ROOT / "tests/support"), str(ROOT / "tests"), variables.get("PYTHONPATH", "")]
    )
    variables["OMP_NUM_THREADS"] = "1"
    if quick or ranks > 2:  # users' flags are tried on fewer; these ranks share two cores
        variables["XLA_FLAGS"] = f"{variables.get('XLA_FLAGS', '')} {QUICK}"
    variables.update(environment or {})
    with TemporaryFile("w+") as stdout, TemporaryFile("w+") as stderr:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        try:
            code = process.wait(PATIENCE * time_limit)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            if process.poll() is None:  # also where the test run itself is interrupted
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        stdout.seek(0)
        stderr.seek(0)
        run = Run(folder, -1 if code is None else code, stdout.read(), stderr.read())
    shown = f"{' '.join(command)}\n{run.stdout[-3000:]}\n{run.stderr[-3000:]}"
    if code is None:
        pytest.fail(f"no end after {PATIENCE * time_limit} s: {shown}", pytrace=False)
    if fails is not None and (code != 0) != fails:
        pytest.fail(f"exit code {code}: {shown}", pytrace=False)
    return run
