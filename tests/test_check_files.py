"""Every kind of model that can be exported, and the models of the examples, go through a file and
`adflux check`.
"""

import importlib.util
import json
import sys
import warnings
from pathlib import Path

import ase
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lammps_runner import run_adflux, run_python
from mlff_folders import write_checkpoint
from networks import function_network, message_passing

import lammps_adflux as adflux
from lammps_adflux.checks.identities import check

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples/04_own_potential"
SNAP_COEFF = (
    "2 6\nSi 0.5 1.0\n0.1\n0.2\n-0.3\n0.05\n0.02\n-0.01\nGe 0.52 0.9\n-0.1\n0.25\n"
    "-0.2\n0.04\n0.03\n-0.02\n"
)


def example_network():
    spec = importlib.util.spec_from_file_location("network", EXAMPLE / "network.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["network"] = module
    spec.loader.exec_module(module)
    return module.Network(["Si"], 3.8, 2, 4, key=jax.random.key(0))


def snap(folder):
    (folder / "a.snapcoeff").write_text(SNAP_COEFF)
    (folder / "a.snapparam").write_text("rcutfac 3.4\ntwojmax 2\n")
    return adflux.SNAP.from_lammps(folder / "a.snapcoeff", folder / "a.snapparam", ("Si", "Ge"))


def sw(folder):
    (folder / "Si.sw").write_text(
        "Si Si Si 2.17 2.0951 1.8 21.0 1.2 -0.333333333333 7.05 0.602 4.0 0.0 0.0\n"
    )
    return adflux.StillingerWeber.from_lammps(folder / "Si.sw", elements="Si")


def so3krates(folder):
    write_checkpoint(
        folder / "mlff", layers=2, degrees=(1, 2), features=4, n_rbf=3, layer=dict(n_heads=2)
    )
    return adflux.So3krates.from_mlff(folder / "mlff", ("Sn", "Se"))


KINDS = {
    "the network of example 4": lambda folder: example_network(),
    "its teacher": sw,
    "snap": snap,
    "so3krates": so3krates,
    "a function": lambda folder: function_network(2),
    "truncated lj": lambda folder: adflux.LennardJones(
        epsilon=0.01, sigma=2.2, cutoff=4.5, elements="Ar"
    ),
}


# one kind is enough in the other precision: it costs as much again
@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "dtype"),
    [*((kind, "float64") for kind in KINDS), ("the network of example 4", "float32")],
)
def test_a_loaded_model_passes_every_check(tmp_path, kind, dtype):
    adflux.export(KINDS[kind](tmp_path), tmp_path / "model.pkl", dtype)
    potential = adflux.load(tmp_path / "model.pkl")
    findings = list(check(potential))
    assert not [finding for finding in findings if finding.passed is False]
    assert len(findings) >= 18


@pytest.mark.slow
def test_a_loaded_model_works_inside_functions_that_are_compiled(tmp_path):
    """Arrays that the class indexes by species are JAX arrays: NumPy's take no traced index."""
    potential = message_passing(2)
    adflux.export(potential, tmp_path / "model.pkl")
    again = adflux.load(tmp_path / "model.pkl")
    graph = adflux.graph_from_atoms(check_atoms(), potential)
    assert np.allclose(
        jax.jit(lambda graph: again(graph))(graph), potential(graph), rtol=1e-12, atol=1e-14
    )
    assert again.embedding.dtype == np.float64


def check_atoms():
    from lammps_adflux.checks.structures import disordered_crystal

    return disordered_crystal(message_passing(2))


def test_double_precision_is_never_lost_in_silence(tmp_path):
    lj = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar")
    adflux.export(lj, tmp_path / "double.pkl")
    adflux.export(lj, tmp_path / "single.pkl", "float32")
    done = run_python(tmp_path, "loaded_precision")
    refused, single, double = done.stdout.splitlines()
    assert 'jax.config.update("jax_enable_x64", True)' in refused and "double.pkl" in refused
    assert eval(single) == ["float32"] * 2 and eval(double) == ["float64"] * 2


@pytest.mark.slow
def test_the_command_notes_a_truncated_potential_and_fails_a_step(tmp_path):
    adflux.export(KINDS["truncated lj"](tmp_path), tmp_path / "cut.pkl")
    done = run_adflux(tmp_path, "check", "cut.pkl", "--json")
    assert done.code == 0, done.stdout + done.stderr
    notes = [finding for finding in json.loads(done.stdout) if finding["passed"] is None]
    assert {note["name"] for note in notes} == {"cutoff, energy", "cutoff, forces"}


@pytest.mark.slow
def test_an_old_file_says_once_which_units_are_assumed(tmp_path):
    # a pair is the cheapest structure to check
    ase.Atoms("Si2", [[0, 0, 0], [2.3, 0, 0]]).write(tmp_path / "pair.xyz")
    old = ROOT / "tests/data/models/v0/sw.model"
    done = run_adflux(tmp_path, "check", old, "pair.xyz", "--json")
    assert done.stderr.count("metal units are assumed") == 1 and "Warning" not in done.stderr
    assert not [finding for finding in json.loads(done.stdout) if finding["passed"] is False]


def test_too_few_layers_are_a_finding_of_the_command_too(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content = (ROOT / "tests/data/models/v0/class.model").read_bytes()
    assert content.count(b'"hops": 2') == 1
    (tmp_path / "few.pkl").write_bytes(content.replace(b'"hops": 2', b'"hops": 1'))
    with pytest.raises(adflux.AdfluxError, match="declare hops=2"):
        adflux.load(tmp_path / "few.pkl")
    potential = adflux.modelfile.read(tmp_path / "few.pkl").potential
    first = next(iter(check(potential)))
    assert first.name == "layers" and first.passed is False and "declare hops=2" in first.says
    assert jnp.isfinite(potential.embedding).all()
