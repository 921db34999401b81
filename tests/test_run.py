"""`adflux run` and `adflux export`: what a user types."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from lammps_runner import find_program, run_adflux

from lammps_adflux import load

SCRIPT = """
units lj
lattice fcc 0.8442
region box block 0 3 0 3 0 3
create_box 1 box
create_atoms 1 box
mass 1 1.0
pair_style mliap unified ${model} 0
pair_coeff * * Ar
include ${adflux}/heat_flux.lmp
thermo_style custom step v_adflux_jx
run 0
"""


def test_export_writes_what_load_reads(tmp_path):
    words = (
        "export lj --epsilon 0.5 --sigma 2 --cutoff 6 --onset 5 --elements Ar,Kr -o "
        "lj.pkl --dtype float32"
    ).split()
    run_adflux(tmp_path, *words, fails=False)
    potential = load(tmp_path / "lj.pkl")
    assert (potential.elements, potential.cutoff, potential.onset) == (("Ar", "Kr"), 6.0, 5.0)
    assert potential.epsilon.tolist() == [[0.5, 0.5], [0.5, 0.5]]


@pytest.mark.lammps
def test_run_hands_variables_and_templates_to_lammps(tmp_path):
    run_adflux(
        tmp_path, *"export lj --epsilon 1 --sigma 1 --cutoff 2.5 --elements Ar -o ar.pkl".split()
    )
    (tmp_path / "in.lj").write_text(SCRIPT)
    done = run_adflux(
        tmp_path, "run", "in.lj", "-n", "2", "-var", "model", "ar.pkl", "-log", "my.log"
    )
    assert done.code == 0, done.stderr
    assert "on 2 procs for 0 steps" in (tmp_path / "my.log").read_text()


@pytest.mark.lammps
def test_the_log_shows_a_run_that_goes_on_and_sigterm_ends_it(tmp_path):
    """LAMMPS buffers its log; what it printed before a slow step must stand there."""
    run_adflux(
        tmp_path, *"export lj --epsilon 1 --sigma 1 --cutoff 2.5 --elements Ar -o ar.pkl".split()
    )
    script = SCRIPT.replace("run 0", "fix nve all nve\nthermo 0\nrun 100000000")
    (tmp_path / "in.lj").write_text(script)
    command = [
        Path(sys.executable).with_name("adflux"),
        "run",
        "in.lj",
        "-var",
        "model",
        "ar.pkl",
        "-log",
        "my.log",
    ]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 100
        log = tmp_path / "my.log"
        while not (log.exists() and "Per MPI rank memory" in log.read_text()):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.2)
    finally:
        process.terminate()
        code = process.wait(60)
    assert code == 128 + signal.SIGTERM
    # LAMMPS ended with it
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(tmp_path) not in listed.stdout


@pytest.mark.lammps
@pytest.mark.parametrize("ranks", ("1", "2"))
def test_run_ends_with_lammps_code_and_its_error(tmp_path, ranks):
    (tmp_path / "in.lj").write_text(SCRIPT)
    done = run_adflux(tmp_path, "run", "in.lj", "-n", ranks, "-var", "model", "absent.pkl")
    assert done.code != 0
    assert "absent.pkl" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.lammps
@pytest.mark.parametrize("ranks", ("1", "2"))
@pytest.mark.parametrize(
    ("name", "sentence"),
    (
        ("nowhere/lmp", "The lmp nowhere/lmp was not found"),
        ("lmp_that_nobody_has", "The lmp lmp_that_nobody_has was not found"),
        (".", "is a folder"),
        ("text", "The lmp text is not a program"),
        ("garbage", "The lmp garbage is not LAMMPS"),
        ("/bin/true", "The lmp /bin/true is not LAMMPS (`/bin/true -h` printed nothing)"),
    ),
)
def test_a_wrong_lmp_is_one_sentence(tmp_path, ranks, name, sentence):
    (tmp_path / "in.lj").write_text("units lj\n")
    (tmp_path / "text").write_text("no program\n")
    (tmp_path / "garbage").write_bytes(b"\x7fELF no program either")
    (tmp_path / "garbage").chmod(0o755)
    done = run_adflux(tmp_path, "run", "in.lj", "-n", ranks, "--lmp", name)
    assert done.code == 1 and done.stdout == ""
    assert (
        done.stderr.startswith("adflux: ")
        and sentence in done.stderr
        and done.stderr.count("\n") == 1
    )


@pytest.mark.lammps
def test_an_lmp_is_found_by_its_name_and_by_a_relative_path(tmp_path):
    (tmp_path / "in.lj").write_text("units lj\n")
    (tmp_path / "mine").symlink_to(find_program("lmp"))
    for name in ("lmp", "./mine"):
        done = run_adflux(tmp_path, "run", "in.lj", "--lmp", name)
        assert done.code == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    (
        (("run", "absent.in"), "The input script absent.in was not found"),
        (("run", "absent.in", "-n", "none"), "absent.in was not found"),
        (
            ("export", "sw", "absent.sw", "--elements", "Si", "-o", "x.pkl"),
            "absent.sw cannot be read",
        ),
        (
            ("export", "snap", *"no.snapcoeff no.snapparam --elements W -o x.pkl".split()),
            "no.snapparam cannot be read",
        ),
        (
            ("export", "lj", *"--epsilon 1 --sigma 1 --cutoff -1 --elements Ar -o x.pkl".split()),
            "positive length",
        ),
        (
            ("export", "lj", *"--epsilon 1 --sigma 1 --cutoff 2 --elements Ar -o no/x.pkl".split()),
            "cannot be written",
        ),
    ),
)
def test_a_mistake_is_one_sentence_on_stderr(tmp_path, words, sentence):
    done = run_adflux(tmp_path, *words)
    assert done.code == 1 and done.stdout == ""
    assert (
        done.stderr.startswith("adflux: ")
        and sentence in done.stderr
        and done.stderr.count("\n") == 1
    )
