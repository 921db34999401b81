"""Settings of JAX beside LAMMPS: sensible defaults, and the user's own always win."""

import json
import os
import subprocess
import sys

import pytest
from lammps_runner import PROGRAMS, run_lammps

import lammps_adflux as adflux
from lammps_adflux.mliap.rhythm import Rhythm
from lammps_adflux.paths import COMPILATIONS, folder_size, trim_folder

NAMES = (
    "PJRT_NPROC",
    "XLA_FLAGS",
    "XLA_PYTHON_CLIENT_PREALLOCATE",
    "JAX_COMPILATION_CACHE_DIR",
    "JAX_ENABLE_X64",
    "OMP_NUM_THREADS",
)


def prepared(**settings):
    clean = {name: value for name, value in os.environ.items() if name not in NAMES}
    done = subprocess.run(
        [sys.executable, PROGRAMS / "prepared_process.py"],
        env={**clean, **settings},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_oldest_compilations_go_where_they_take_too_much(tmp_path):
    for number in range(10):
        path = tmp_path / f"f{number}-cache"
        path.write_bytes(b"x" * 100)
        os.utime(path, (1000 + number, 1000 + number))
    trim_folder(tmp_path, 1000)
    assert folder_size(tmp_path) == (10, 1000)
    os.utime(tmp_path / "f0-cache", (2000, 1000))  # read lately
    trim_folder(tmp_path, 900)
    assert folder_size(tmp_path) == (7, 700)
    assert not any((tmp_path / f"f{number}-cache").exists() for number in (1, 2, 3))
    trim_folder(tmp_path / "none", 0)


def test_a_process_bounds_its_own_compilations_and_not_those_of_a_folder_that_was_named(tmp_path):
    own, named = tmp_path / "lammps-adflux" / "jax", tmp_path / "named"
    for folder in (own, named):
        folder.mkdir(parents=True)
        with (folder / "large-cache").open("wb") as file:
            file.truncate(COMPILATIONS + 1)  # takes no space
    prepared(XDG_CACHE_HOME=str(tmp_path), JAX_COMPILATION_CACHE_DIR=str(named))
    assert (named / "large-cache").exists() and (own / "large-cache").exists()
    prepared(XDG_CACHE_HOME=str(tmp_path))
    assert not (own / "large-cache").exists()


def test_defaults(tmp_path):
    found = prepared(XDG_CACHE_HOME=str(tmp_path))
    assert found["PJRT_NPROC"] == "1" and "--xla_cpu_multi_thread_eigen=false" in found["XLA_FLAGS"]
    assert found["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert found["JAX_COMPILATION_CACHE_DIR"] == str(tmp_path / "lammps-adflux" / "jax")
    assert found["x64"]


@pytest.mark.parametrize(
    ("name", "value"),
    (
        ("PJRT_NPROC", "3"),
        ("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=true"),
        ("XLA_PYTHON_CLIENT_PREALLOCATE", "true"),
        ("JAX_COMPILATION_CACHE_DIR", "/nowhere/else"),
    ),
)
def test_a_setting_of_the_users_wins(name, value):
    assert prepared(**{name: value})[name] == value


def test_float32_only_stays_float32_only():
    assert not prepared(JAX_ENABLE_X64="0")["x64"]


def test_more_threads_per_rank_on_request():
    found = prepared(OMP_NUM_THREADS="2")
    assert found["PJRT_NPROC"] == "2" and "multi_thread_eigen" not in found.get("XLA_FLAGS", "")


LIQUID = """\
units lj
lattice fcc 0.8442
region box block 0 3 0 3 0 3
create_box 1 box
create_atoms 1 box
mass 1 1.0
pair_style mliap unified ar.pkl 0
pair_coeff * * Ar
run 0
"""


@pytest.mark.lammps
def test_the_instruction_set_of_a_test_run_reaches_lammps(tmp_path, monkeypatch):
    adflux.export(
        adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar"), tmp_path / "ar.pkl"
    )
    flags = f"--xla_cpu_max_isa=SSE4_2 --xla_dump_to={tmp_path / 'compiled'}"
    monkeypatch.setenv("XLA_FLAGS", flags)
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("JAX_ENABLE_X64", "false")
    run_lammps(tmp_path, LIQUID)
    # XLA writes what it compiles: float64 although the shell has another setting
    written = [file.read_text(errors="replace") for file in (tmp_path / "compiled").glob("*.txt")]
    assert any("f64[" in text for text in written)
    assert (tmp_path / "cache").is_dir()


def test_evenly_spaced_samples_are_expected():
    rhythm, expected = Rhythm(), []
    for step in range(0, 60):
        if rhythm.expects(step):
            expected.append(step)
        if step % (10 if step < 40 else 7) == 0:
            rhythm.note(step)
            rhythm.note(step)  # by two variables
    assert expected == [20, 30, 40, 56]
