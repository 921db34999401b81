"""`adflux check`: sound potentials pass every identity, and each fault is found by the identity
that it breaks.
"""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lammps_runner import run_adflux
from networks import function_network, message_passing
from systems import random_crystal

from lammps_adflux import LennardJones, Potential, export
from lammps_adflux.checks.identities import check

SOUND = {
    "one layer": LennardJones(epsilon=0.01, sigma=2.2, cutoff=4.5, elements="Ar", onset=3.5),
    "three layers": message_passing(3),
    "a function": function_network(2),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SOUND)
def test_a_sound_potential_passes(name):
    findings = list(check(SOUND[name]))
    assert len(findings) >= 15
    assert all(finding.passed for finding in findings), findings


class Faulty(Potential):
    """A two-layer model with one fault."""

    weight: np.ndarray
    fault: str = eqx.field(static=True)
    hops: int = eqx.field(static=True, default=2)
    cutoff: float = eqx.field(static=True, default=3.0)
    elements: tuple = eqx.field(static=True, default=("Si",))

    def __call__(self, graph):
        fault = self.fault
        r = jnp.where(graph.mask, graph.distances, self.cutoff)
        envelope = jnp.where(r < self.cutoff, 1 - (r / self.cutoff) ** 2, 0.0) ** 3
        pull = wrong(envelope) if fault == "custom derivative" else envelope
        direction = graph.vectors[:, 2] if fault == "an axis of its own" else jnp.cos(r)
        h = 1.0 + graph.sum_pairs(pull * direction)
        carried = h[graph.others] if fault == "reads others without hop" else graph.hop(h)
        message = envelope * jnp.sin(self.weight * carried)
        if fault == "counts padding":
            energies = jax.ops.segment_sum(message + 0.1, graph.centers, len(graph.species)) / len(
                graph.mask
            )
        else:
            energies = graph.sum_pairs(message)
        if fault == "mean of all atoms":
            energies = energies - jnp.mean(energies)
        if fault == "NaN for a lone atom":
            energies = (
                energies * jnp.sqrt(graph.sum_pairs(envelope)) / jnp.sqrt(graph.sum_pairs(envelope))
            )
        return energies.astype(jnp.float32) if fault == "float32 inside" else energies


@jax.custom_vjp
def wrong(x):
    return x**2


wrong.defvjp(lambda x: (x**2, x), lambda x, g: (1.9 * x * g,))

FOUND = {
    "custom derivative": {"forces", "virial", "flux, barycentre"},
    "an axis of its own": {"rotation"},
    "reads others without hop": {"flux, unfolded", "flux, barycentre"},
    "counts padding": {"padding"},
    "mean of all atoms": {"locality", "reach"},
    "NaN for a lone atom": {"isolated atom"},
    "float32 inside": {"precision"},
    "one hop declared": {"layers", "reach", "flux, unfolded", "flux, barycentre"},
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FOUND)
def test_a_fault_is_found(fault):
    potential = Faulty(np.asarray(1.3), fault, hops=1 if fault == "one hop declared" else 2)
    failed = {
        finding.name
        for finding in check(potential, random_crystal(5, elements=("Si",)))
        if not finding.passed
    }
    assert FOUND[fault] <= failed
    assert not failed & {"permutation", "translation"} or fault == "mean of all atoms"


@pytest.mark.slow
def test_the_command_prints_a_table_and_fails_with_it(tmp_path):
    random_crystal(4, elements=("Ar",)).write(tmp_path / "crystal.xyz")
    export(SOUND["one layer"], tmp_path / "good.pkl")
    done = run_adflux(tmp_path, "check", "good.pkl", "crystal.xyz", "--json")
    assert done.code == 0, done.stderr
    assert all(finding["passed"] for finding in json.loads(done.stdout))
    nan = eqx.tree_at(lambda lj: lj.epsilon, SOUND["one layer"], np.full((1, 1), np.nan))
    export(nan, tmp_path / "bad.pkl")
    done = run_adflux(tmp_path, "check", "bad.pkl")
    assert done.code == 1 and "FAIL" in done.stdout and "Traceback" not in done.stderr


@pytest.mark.slow
def test_bad_input_is_one_sentence(tmp_path):
    export(SOUND["one layer"], tmp_path / "good.pkl")
    (tmp_path / "broken.cif").write_text("nothing")
    random_crystal(4, elements=("Si",)).write(tmp_path / "silicon.xyz")
    for words, says in (
        (("none.pkl",), "none.pkl"),
        (("good.pkl", "none.xyz"), "does not exist"),
        (("good.pkl", "broken.cif"), "cannot be read"),
        (("good.pkl", "silicon.xyz"), "knows only Ar"),
    ):
        done = run_adflux(tmp_path, "check", *words)
        assert done.code == 1 and says in done.stderr + done.stdout, (
            words,
            done.stdout,
            done.stderr,
        )
        assert "Traceback" not in done.stderr
