"""The examples run, small, and show what their READMEs say."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import ase
import ase.units
import numpy as np
import pytest
from lammps_runner import QUICK, run_adflux, run_lammps, run_program

import lammps_adflux as adflux
from lammps_adflux.conductivity.lammps_log import read_log
from lammps_adflux.lmp.programs import potentials_folder

EXAMPLES = Path(__file__).parents[1] / "examples"
pytestmark = pytest.mark.lammps


def run(script: Path, *options: str) -> str:
    return run_program(Path.cwd(), [sys.executable, str(script), *options]).stdout


def test_the_demo_gives_a_conductivity_with_an_error(tmp_path):
    # 800 samples seldom decide where the correlation ends: with a given end there are 6 blocks,
    # whatever the trajectory
    options = "--steps", "4000", "--cutoff", "0.5", "--output", str(tmp_path)
    output = run(EXAMPLES / "01_lj_conductivity/demo.py", *options)
    value, error = map(float, re.search(r"kappa\*\s+(\S+) ± (\S+)", output).groups())
    # 16 τ only, over which κ spreads by 1: the right order of magnitude
    assert error > 0 and abs(value - 6.934) < 5 * max(error, 1.0)
    for name in ("kappa.png", "kappa.json", "kappa.csv", "liquid.flux", "liquid.hfacf"):
        assert (tmp_path / name).stat().st_size > 0
    assert re.search(r"adflux: compiled [1-4] times", (tmp_path / "log.lammps").read_text())


def test_only_the_exact_flux_of_silicon_moves_the_energy_barycentre(tmp_path):
    output = run(EXAMPLES / "02_silicon_flux/compare.py", "--output", str(tmp_path))
    exact, lammps = (float(x) for x in re.findall(r"max \|J\| = (\S+)", output))
    assert exact < 2e-4 and lammps > 1e-2  # 2e-4: Δt² of the integrator
    assert (tmp_path / "silicon_flux.png").stat().st_size > 0


def test_tin_selenide_has_the_papers_equation_of_state(tmp_path):
    model = EXAMPLES.parents[1] / "shared" / "data" / "snse_so3krates" / "model_m1"
    if not model.exists():
        pytest.skip(f"needs the trained model of the paper in {model}")
    output = run(
        EXAMPLES / "03_snse" / "snse.py",
        "--steps",
        "200",
        "--cutoff",
        "0.1",
        "--output",
        str(tmp_path),
    )
    assert abs(float(re.search(r"volume per atom +(\S+)", output)[1]) - 26.489) < 0.01
    # the fit depends on the volumes
    assert abs(float(re.search(r"bulk modulus +(\S+)", output)[1]) - 37.7) < 0.5
    # eV per atom and ns, of 0.8 ps
    assert abs(float(re.search(r"drift in NVE +(\S+)", output)[1])) < 0.1
    assert re.search(r"κ .* from 0\.8 ps of each of 1 run", output)
    assert (tmp_path / "eos.png").stat().st_size > 0


def test_the_barrier_of_a_jump_is_predicted_to_second_order(tmp_path):
    output = run(EXAMPLES / "05_tungsten_vacancy" / "barrier.py")
    rows = re.findall(r"^\| ([\d.]+) \| (\S+) \| (\S+) \| (\S+) \|$", output, re.MULTILINE)
    sizes, barriers, first, second = np.array(rows, float).T
    assert len(sizes) == 4 and np.all(barriers > 0.1)
    # the errors fall by 4 and by 8 where the change is halved
    assert np.allclose(first[1:] / first[:-1], 4.0, rtol=0.1)
    assert abs(second[3]) < 2e-2 * abs(first[3]) and 6.0 < second[3] / second[2] < 10.0


def test_a_potential_is_finetuned_through_relaxed_structures(tmp_path):
    # not the network: its training is chaotic, and would give each processor another minimum
    silicon = adflux.StillingerWeber.from_lammps(potentials_folder() / "Si.sw", elements="Si")
    adflux.export(silicon, tmp_path / "silicon.pkl")
    words = f"--model {tmp_path}/silicon.pkl --shift 0.1 --steps 2 --output {tmp_path}"
    output = run(EXAMPLES / "08_finetune" / "finetune.py", *words.split())
    start, end = map(float, re.search(r"loss +(\S+) -> (\S+)", output).groups())
    # 0.1 eV counts as two, squared; what the others become by it counts as well
    assert start == pytest.approx(4.0) and end < 1.0
    moved = re.search(r"formation energy +(\S+) -> (\S+), wanted (\S+)", output).groups()
    first, last, wanted = map(float, moved)
    assert abs(last - wanted) < 0.5 * abs(first - wanted)
    assert (tmp_path / "finetune.png").stat().st_size > 0


def test_a_network_learns_silicon_and_runs_on_two_ranks(tmp_path, monkeypatch):
    folder = EXAMPLES / "04_own_potential"
    output = run(folder / "fit.py", "--steps", "1000", "--output", str(tmp_path))
    # 4 % after the default 4000 steps
    assert float(re.search(r"force .*, (\S+)% of the forces'", output)[1]) < 20.0

    # network.py, for the Python in LAMMPS
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    )
    for model in ("network", "teacher"):
        words = (
            f"run {folder}/in.melt -n 2 -log log.{model} -var model {model} -var n_sample 1000 "
            "-var n_equilibrate 100"
        )
        run_adflux(tmp_path, *words.split(), fails=False)
        table = (
            read_log(tmp_path / f"log.{model}", (tmp_path / f"log.{model}").read_text())
            .runs[-1]
            .table
        )
        # what kinetic and potential energy exchange, from 201 samples: the log's three rows may
        # agree by chance
        temperatures = np.loadtxt(tmp_path / f"{model}.flux")[:, 10]
        exchanged = 1.5 * 63 * ase.units.kB * np.std(temperatures)
        assert np.ptp(table.column("TotEng")) < 0.02 * exchanged, model
        # 1 ps is a chaos of its own on every processor, in which a correlation need not reach zero:
        # its end is given, and leaves
        # 4 blocks for the error
        words = f"kappa {model}.flux --log log.{model} --cutoff 0.05 --stacie-model none -o {model}"
        assert "κ" in run_adflux(tmp_path, *words.split(), fails=False).stdout
        table = json.loads((tmp_path / f"{model}.json").read_text())
        assert table["cutoff"] == pytest.approx(0.05) and table["over_blocks"]["error"] > 0.0

    # the last frame on two ranks, again by the library
    monkeypatch.syspath_prepend(folder)  # network.py
    potential = adflux.load(tmp_path / "network.pkl")
    last = np.loadtxt(tmp_path / "network.last", skiprows=9)
    flux = np.loadtxt(tmp_path / "network.flux")
    assert flux[-1, 0] == 1000 and potential.hops == 2
    atoms = ase.Atoms(f"Si{len(last)}", last[:, 1:4], cell=3 * [10.6], pbc=True)
    expected = adflux.heat_flux(potential, adflux.graph_from_atoms(atoms, potential), last[:, 4:7])
    assert np.allclose(flux[-1, 4:7], expected, rtol=0, atol=1e-8 * np.abs(flux[:, 4:7]).max())


def test_a_foundation_model_gives_a_conductivity_of_a_perovskite(tmp_path, monkeypatch):
    weights = EXAMPLES.parents[1] / "shared" / "data" / "nequix" / "nequix-oam-1-pft.nqx"
    if not weights.exists():
        pytest.skip(f"needs the weights of Nequix in {weights}")
    # what is compiled runs for some hundred steps of 5 atoms only
    monkeypatch.setenv("XLA_FLAGS", f"{os.environ.get('XLA_FLAGS', '')} {QUICK}")
    words = "--cells 1 1 1 --ranks 1 --steps 100 --cutoff 0.05 --output".split()
    output = run(EXAMPLES / "06_foundation_model" / "perovskite.py", *words, str(tmp_path))
    # 0.4 ps of 5 atoms are no measurement: the model's perovskite, not another phase
    sides = re.search(r"cell of 5 atoms +(\S+), (\S+), (\S+)", output).groups()
    assert all(5.7 < float(side) < 7.0 for side in sides)
    assert re.search(r"κ .* from 0\.4 ps of 1 run\(s\) of 5 atoms", output)
    for name in ("kappa.json", "kappa.png", "perovskite1.flux"):
        assert (tmp_path / name).stat().st_size > 0


@pytest.mark.parametrize("example", ("03_snse", "06_foundation_model"))
def test_the_stored_series_give_the_numbers_of_the_readme(example):
    series = sorted((EXAMPLES / example / "series").iterdir())
    found = adflux.green_kubo(adflux.read_flux(series))
    text = (EXAMPLES / example / "README.md").read_text()
    value, error = re.search(r"the first zero.*\| (\S+) ± (\S+) \|", text).groups()
    assert f"{found.mean:.2f}" == value and f"{found.error:.2f}" == error


def test_the_tungsten_vacancy_is_predicted_for_other_potentials(tmp_path):
    output = run(
        EXAMPLES / "05_tungsten_vacancy" / "vacancy.py", "--samples", "2", "--output", str(tmp_path)
    )

    def number(label: str) -> float:
        return float(re.search(rf"^{label} +(\S+)", output, re.M)[1])

    assert float(re.search(r"backward against forward +(\S+)", output)[1]) < 1e-9
    assert number("RMSE, second order") < 0.1 * number(r"RMSE, first order")
    for name in ("vacancy.png", "vacancy.json"):
        assert (tmp_path / name).stat().st_size > 0
    if not (EXAMPLES.parents[1] / "shared" / "data" / "implicit" / "W.snapcoeff").exists():
        return  # another potential than that of the reference numbers
    assert (
        abs(number("a, bulk") - 3.18426533) < 1e-8 and abs(number("a, vacancy") - 3.16316326) < 1e-8
    )
    assert abs(number("E_f") - 3.129303) < 1e-6 and abs(number("V_f") - 11.04229) < 1e-5
    assert number("RMSE, second order") < 5e-6
    table = json.loads((tmp_path / "vacancy.json").read_text())
    # eV, of 0.03 between the potentials
    assert np.allclose(table["second"], table["relaxed"], rtol=0, atol=5e-6)
    assert np.allclose(table["volume"], table["volume_relaxed"], rtol=0, atol=5e-3)  # Å³
    halves, wholes = (np.array([errors[k] for errors in table["errors"].values()]) for k in (0, 1))
    assert np.allclose(wholes / halves, [4, 8, 16], rtol=0.1)  # noise of 1e-11 eV beside 7e-10


NATIVE = """
include {folder}/{structure}
include {potentials}/W_2940_2017_2.snap
fix cell all box/relax iso 0 vmax 0.001
minimize 0 1e-9 2000 20000
minimize 0 1e-9 2000 20000
variable energy equal pe
print "energy $(v_energy:%.12g) of $(atoms)"
"""


def test_the_tungsten_vacancy_with_what_lammps_comes_with(tmp_path):
    """Without ../shared: SNAP and ZBL of LAMMPS' potentials folder, as LAMMPS itself
    relaxes them.
    """
    copy = tmp_path / "repository" / "examples" / "05_tungsten_vacancy"
    shutil.copytree(EXAMPLES / "05_tungsten_vacancy", copy, ignore=shutil.ignore_patterns("out"))
    output = run(copy / "vacancy.py", "--samples", "0", "--output", str(tmp_path / "out"))
    assert "W_2940_2017_2.snap" in output
    energies = []
    for structure in ("in.bulk", "in.vacancy"):
        text = NATIVE.format(folder=copy, structure=structure, potentials=potentials_folder())
        done = run_lammps(copy, text, environment={"LAMMPS_POTENTIALS": str(potentials_folder())})
        energies.append(float(re.search(r"^energy (\S+) of", done.stdout, re.M)[1]))
    formation = energies[1] - 15 / 16 * energies[0]
    # six digits are printed
    assert abs(float(re.search(r"^E_f +(\S+)", output, re.M)[1]) - formation) < 2e-6
    assert float(re.search(r"backward against forward +(\S+)", output)[1]) < 1e-9


def test_an_alloy_is_designed_and_its_distortion_predicted(tmp_path):
    words = "--steps 2 --powell 2 --output".split()
    output = run(EXAMPLES / "07_alloy_design" / "alloy.py", *words, str(tmp_path))
    found = json.loads((tmp_path / "alloy.json").read_text())
    assert found["losses"][2] < found["losses"][1] < found["losses"][0]
    errors = np.array(found["error"])
    assert np.all(errors < 0.2 * np.array(found["displacement"]))
    assert np.all(np.abs(np.log2(errors[1:] / errors[:-1]) - 2.0) < 0.5)  # second order
    assert "| error of dX/dΘ · δ (Å) |" in output
    assert (tmp_path / "alloy.png").stat().st_size > 10_000


def test_lammps_flux_and_the_exact_one_are_compared_along_one_trajectory(tmp_path):
    folder = EXAMPLES / "10_lammps_vs_exact"
    words = f"{folder}/in.silicon --cutoff 0.2 --seeds 2 --steps 1000 --equilibrate 500 --output"
    small = ("--var", "cells 2")
    output = run(folder / "compare.py", *words.split(), str(tmp_path), *small)
    found = json.loads((tmp_path / "compare.json").read_text())["kappa"]
    exact, native = (
        np.loadtxt(tmp_path / f"{name}1.flux")[:, [0, -1, 1, 2, 3]] for name in ("exact", "native")
    )
    # the same samples of the same trajectory, and another flux: nine digits are in the dump
    assert exact.shape == native.shape == (101, 5)
    assert np.allclose(exact[:, :2], native[:, :2], rtol=1e-7)
    assert np.abs(exact - native)[:, 2:].max() > 0.01 * np.abs(exact[:, 2:]).max()
    difference, error = found["LAMMPS - exact"]
    assert difference == pytest.approx(found["LAMMPS"][0] - found["exact"][0]) and error > 0.0
    assert "relative difference" in output and not (tmp_path / "native1.dump").exists()
    assert (tmp_path / "compare.png").stat().st_size > 10_000
    # what is there is not run again
    before = (tmp_path / "log.native1").stat().st_mtime_ns
    run(folder / "compare.py", *words.split(), str(tmp_path), *small)
    assert (tmp_path / "log.native1").stat().st_mtime_ns == before
    # nor taken for another one
    other = [str(folder / "compare.py"), *words.replace("500", "600").split(), str(tmp_path)]
    done = run_program(Path.cwd(), [sys.executable, *other, *small], fails=True)
    assert done.stderr.startswith("adflux: ") and "give another --output" in done.stderr


def test_a_screw_dislocation_is_drawn_to_its_hard_core(tmp_path):
    if not (EXAMPLES.parents[1] / "shared" / "data" / "implicit" / "WX.snapcoeff").exists():
        pytest.skip("needs the dislocation and the SNAP files of ../shared/data/implicit")
    words = "--radius 4 --steps 1 --output".split()
    output = run(EXAMPLES / "09_dislocation" / "dislocation.py", *words, str(tmp_path))
    losses = json.loads((tmp_path / "dislocation.json").read_text())["losses"]
    # the three columns of the hard core are X: they go most of the way, or turn
    assert len(losses) == 2 and losses[1] < 0.8 * losses[0]
    assert re.search(r"atoms +102, of which 6 move", output)
    assert (tmp_path / "dislocation.png").stat().st_size > 10_000
