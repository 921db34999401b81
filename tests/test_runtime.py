"""Settings of JAX beside LAMMPS: sensible defaults, and the user's own always win."""

import json
import os
import subprocess
import sys

import pytest

NAMES = (
    "PJRT_NPROC",
    "XLA_FLAGS",
    "XLA_PYTHON_CLIENT_PREALLOCATE",
    "JAX_COMPILATION_CACHE_DIR",
    "JAX_ENABLE_X64",
    "OMP_NUM_THREADS",
)
CODE = """
import json, os
from lammps_adflux.mliap.runtime import prepare_process
prepare_process()
import jax
print(json.dumps(dict(os.environ) | {"x64": bool(jax.config.jax_enable_x64)}))
"""


def prepared(**settings):
    clean = {name: value for name, value in os.environ.items() if name not in NAMES}
    done = subprocess.run(
        [sys.executable, "-c", CODE], env={**clean, **settings}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


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
