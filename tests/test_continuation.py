"""A Green-Kubo run that was killed and goes on gives the flux series of one that was not."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from lammps_runner import find_program, run_adflux

from lammps_adflux import read_flux

pytestmark = pytest.mark.lammps
EVERY, STATE = 5, 100
SCRIPT = f"""
units lj
variable cells index 4
variable dt index 0.004
variable temperature index 1.2
variable n_equilibrate index 100
variable n_sample index 100000
variable n_lags index 4
variable every index {EVERY}
variable n_state index {STATE}
lattice fcc 0.8442
region box block 0 ${{cells}} 0 4 0 4
create_box 2 box
create_atoms 1 box
variable other index 0
if "${{other}} > 0" then "set group all type/fraction 2 0.5 7"
variable heavy index 1.0
mass * ${{heavy}}
variable model index ar.pkl
pair_style mliap unified ${{model}} 0
pair_coeff * * Ar Kr
include ${{adflux}}/green_kubo.lmp
"""
GOES_ON = "-var", "restart", "yes"


@pytest.fixture(scope="module")
def beginning(tmp_path_factory):
    """A folder with a script and its model."""
    folder = tmp_path_factory.mktemp("beginning")
    words = "export lj --epsilon 1 --sigma 1 --cutoff 2.5 --elements Ar,Kr -o ar.pkl"
    run_adflux(folder, *words.split())
    run_adflux(folder, *words.replace("ar.pkl", "kr.pkl").replace("sigma 1", "sigma 1.001").split())
    (folder / "in.run").write_text(SCRIPT)
    return folder


@pytest.fixture(scope="module")
def end(beginning, tmp_path_factory):
    """The same after a run that nobody killed."""
    folder = tmp_path_factory.mktemp("end")
    shutil.copytree(beginning, folder, dirs_exist_ok=True)
    short(folder)
    return folder


@pytest.fixture
def finished(end, tmp_path):
    shutil.copytree(end, tmp_path, dirs_exist_ok=True)
    return tmp_path


def steps_of_states(folder: Path) -> list[int]:
    return sorted(int(path.name.split(".")[-1]) for path in folder.glob("adflux.state.*"))


def ranks_of(pid: int) -> list[int]:
    """Process numbers of the `lmp` below a process."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, rest = status.read_text().split(" (", 1)
        except OSError:
            continue
        name, fields = rest.rsplit(") ", 1)
        parents[int(number)] = name, int(fields.split()[1])

    def below(number: int) -> bool:
        while number in parents:
            if number == pid:
                return True
            number = parents[number][1]
        return False

    return [number for number, (name, _) in parents.items() if name == "lmp" and below(number)]


def kill_after(folder: Path, steps: int, ranks: int, how: str) -> None:
    """Run in.run until it has a state beyond `steps`, and end it."""
    command = [find_program("adflux"), "run", "in.run", "-n", str(ranks)]
    with (folder / "out").open("w") as out:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        )
        try:
            limit = time.monotonic() + 300
            while max(steps_of_states(folder), default=0) <= steps:
                assert process.poll() is None and time.monotonic() < limit, (
                    folder / "out"
                ).read_text()
                time.sleep(0.02)
            if how == "one rank":
                os.kill(ranks_of(process.pid)[-1], signal.SIGKILL)
            else:
                os.killpg(process.pid, signal.SIGTERM)
            assert process.wait(60) != 0
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("ranks", "how"), ((1, "one rank"), (2, "one rank"), (2, "all ranks")), ids=str
)
def test_a_run_that_was_killed_goes_on_without_gap_or_repeat(beginning, tmp_path, ranks, how):
    for name in ("killed", "whole"):
        shutil.copytree(beginning, tmp_path / name)
    folder = tmp_path
    kill_after(folder / "killed", 2 * STATE, ranks, how)
    # chaos needs longer than two states to make digits out of rounding
    last = max(steps_of_states(folder / "killed")) + 2 * STATE
    words = "run", "in.run", "-n", ranks, "-var", "n_sample", last
    run_adflux(folder / "killed", *words, *GOES_ON)
    assert "adflux: goes on from step" in says(folder / "killed")
    run_adflux(folder / "whole", *words)
    joined, whole = (
        np.loadtxt(folder / name / "adflux.flux", ndmin=2) for name in ("killed", "whole")
    )
    assert np.array_equal(joined[:, 0], np.arange(0, last + 1, EVERY))
    assert np.array_equal(whole[:, 0], joined[:, 0])
    assert np.abs(joined - whole).max() < 1e-6 * np.abs(whole[:, 1:]).max()
    # nothing to note: neither gap nor repeat
    series = read_flux(folder / "killed" / "adflux.flux")
    assert series.samples == len(whole) and not series.notes


def short(folder: Path, *words: object, fails: bool = False):
    return run_adflux(folder, "run", "in.run", "-var", "n_sample", 2 * STATE, *words, fails=fails)


def says(folder: Path) -> str:
    return (folder / "log.lammps").read_text()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("adflux.*")}


def test_states_are_at_steps_of_samples(beginning, tmp_path):
    """Where n_state is no multiple of every, states are a little farther apart."""
    folder = shutil.copytree(beginning, tmp_path / "here")
    short(folder, "-var", "every", 7)
    assert steps_of_states(folder) == [0, 105]
    short(folder, *GOES_ON, "-var", "every", 7)
    assert "goes on from step 105," in says(folder)


def test_a_series_without_the_sample_of_a_state_is_kept(finished):
    flux = finished / "adflux.flux"
    rows = flux.read_text().splitlines(keepends=True)
    at_states = tuple(f"{step} " for step in steps_of_states(finished))
    flux.write_text("".join(row for row in rows if not row.startswith(at_states)))
    before = contents(finished)
    done = short(finished, *GOES_ON, fails=True)
    assert "adflux.flux has no sample at the steps of adflux.state.*" in done.stderr
    assert contents(finished) == before


def test_an_incomplete_state_is_passed_over(finished):
    newest = finished / f"adflux.state.{2 * STATE}"
    newest.write_bytes(newest.read_bytes()[:-40])
    short(finished, *GOES_ON)
    assert f"goes on from step {STATE}," in says(finished)
    assert steps_of_states(finished) == [STATE, 2 * STATE]


def test_rows_that_a_machine_lost_are_sampled_again(finished):
    flux = finished / "adflux.flux"
    whole = np.loadtxt(flux)
    lines = flux.read_text().splitlines(keepends=True)
    flux.write_text("".join(lines[:-5]) + lines[-5][:20])
    short(finished, *GOES_ON)
    assert f"goes on from step {STATE}," in says(finished)
    assert np.abs(np.loadtxt(flux) - whole).max() < 1e-6 * np.abs(whole[:, 1:]).max()


def test_without_a_state_a_run_begins_and_removes_what_is_older(beginning, tmp_path):
    folder = shutil.copytree(beginning, tmp_path / "here")
    short(folder, *GOES_ON)
    assert "adflux: goes on" not in says(folder)
    (folder / "adflux.state.90000").write_bytes((folder / f"adflux.state.{STATE}").read_bytes())
    short(folder)
    assert steps_of_states(folder) == [STATE, 2 * STATE]


@pytest.mark.parametrize(
    ("change", "sentence"),
    (
        ("dt 0.002", "adflux.flux was sampled with"),
        ("seed 2", "adflux.flux was sampled with"),
        ("temperature 1.3", "adflux.flux was sampled with"),
        ("heavy 1.01", "with this model and these masses"),
        ("model kr.pkl", "with this model and these masses"),
        ("every 10", "does not hold a sample at every 10 steps"),
        ("cells 5", "holds 256 atoms, but the script made 320"),
        ("other 1", "have other types than the script gave them"),
        ("restart maybe", "takes restart yes or no, but maybe was found"),
    ),
)
def test_another_script_is_refused_and_nothing_is_lost(finished, change, sentence):
    before = contents(finished)
    words = () if change.startswith("restart") else GOES_ON
    done = short(finished, *words, "-var", *change.split(), fails=True)
    assert sentence in " ".join(done.stderr.split())
    assert contents(finished) == before


def test_two_ranks_refuse_another_script_together(finished):
    done = short(finished, "-n", 2, *GOES_ON, "-var", "cells", 5, fails=True)
    assert "but the script made 320" in done.stderr


@pytest.mark.parametrize("ranks", (1, 2))
def test_a_folder_that_is_missing_and_a_damaged_series_are_a_sentence(finished, ranks):
    nowhere = short(finished, "-n", ranks, "-var", "prefix", "none/adflux", fails=True)
    assert "none cannot be used (No such file or directory)" in " ".join(nowhere.stderr.split())
    flux = finished / "adflux.flux"
    flux.write_text(flux.read_text() + "ten 1.0\n")
    done = short(finished, "-n", ranks, *GOES_ON, fails=True)
    assert "The files of the run cannot be read" in " ".join(done.stderr.split())


@pytest.mark.parametrize("words", ((), GOES_ON), ids=("anew", "goes on"))
def test_a_dry_run_leaves_flux_and_states_as_they_are(finished, words):
    before = contents(finished)
    run_adflux(finished, "run", "--dry", "in.run", *words, fails=None)
    assert contents(finished) == before
