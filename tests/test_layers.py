"""A potential whose energies reach farther than the layers it declares goes nowhere: not into a
file, not into LAMMPS, not into relax.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lammps_runner import run_lammps
from networks import message_passing

from lammps_adflux import (
    SNAP,
    AdfluxError,
    LennardJones,
    Potential,
    export,
    from_function,
    load,
    modelfile,
    relax,
)
from lammps_adflux.potentials.layers import influence_beyond, require_layers, survey_of

SNAP_COEFF = (
    "2 6\nSi 0.5 1.0\n0.1\n0.2\n-0.3\n0.05\n0.02\n-0.01\nGe 0.52 0.9\n-0.1\n0.25\n"
    "-0.2\n0.04\n0.03\n-0.02\n"
)


class Layered(Potential):
    """As many layers as `layers` says, whatever it declares; where `sorted` the operations cannot
    be followed.
    """

    weight: np.ndarray
    layers: int = eqx.field(static=True)
    hops: int = eqx.field(static=True)
    kind: str = eqx.field(static=True, default="hop")
    cutoff: float = eqx.field(static=True, default=3.0)
    elements: tuple = eqx.field(static=True, default=("Si",))

    def __call__(self, graph):
        r = jnp.where(graph.mask, graph.distances, self.cutoff)
        envelope = jnp.where(r < self.cutoff, 1 - (r / self.cutoff) ** 2, 0.0) ** 3
        h = jnp.asarray(self.weight)[graph.species]
        for _ in range(self.layers):
            h = jnp.tanh(h + graph.sum_pairs(envelope * graph.hop(h)))
            if self.kind == "sorted":  # and back: a permutation that nobody can follow
                order = jnp.argsort(h)
                h = h[order][jnp.argsort(order)]
        if self.kind == "mean":
            h = h - jnp.mean(h)
        return h


def layered(layers, hops, kind="hop"):
    return Layered(np.array([0.7]), layers, hops, kind)


@pytest.mark.parametrize("kind", ("hop", "sorted"))
def test_too_few_layers_are_refused_and_enough_are_not(tmp_path, kind):
    for layers, hops in ((1, 1), (2, 2), (2, 3), (3, 3)):
        require_layers(layered(layers, hops, kind))
    assert (survey_of(layered(2, 2, kind)).fault is None) == (kind == "hop")
    for layers, hops in ((2, 1), (3, 2), (3, 1)):
        with pytest.raises(AdfluxError, match=f"hops={hops}"):
            export(layered(layers, hops, kind), tmp_path / "model.pkl")
        assert not (tmp_path / "model.pkl").exists()


def test_a_mean_over_all_atoms_is_refused(tmp_path):
    with pytest.raises(AdfluxError, match=r"no chain of pairs .*reduce_sum"):
        export(layered(1, 1, "mean"), tmp_path / "model.pkl")


@pytest.mark.slow
def test_a_chain_shows_what_operations_show():
    for layers in (1, 2, 3):
        assert influence_beyond(message_passing(layers)) is None
        assert (
            influence_beyond(layered(layers + 1, layers)) == f"atoms more than {layers} pairs away"
        )


@pytest.mark.parametrize("chemical", (0, 1))
def test_the_operations_of_snap_can_be_followed(tmp_path, chemical):
    """Else each start of LAMMPS would compile it once more, which takes half a minute."""
    (tmp_path / "a.snapcoeff").write_text(SNAP_COEFF if not chemical else chemical_coefficients())
    (tmp_path / "a.snapparam").write_text(f"rcutfac 3.4\ntwojmax 2\nchemflag {chemical}\n")
    found = survey_of(
        SNAP.from_lammps(tmp_path / "a.snapcoeff", tmp_path / "a.snapparam", ("Si", "Ge"))
    )
    assert found.fault is None and found.hops == 1


def chemical_coefficients():
    numbers = "\n".join(["0.1"] * 41)
    return f"2 41\nSi 0.5 1.0\n{numbers}\nGe 0.52 0.9\n{numbers}\n"


def test_an_untraceable_class_is_one_sentence(tmp_path):
    class Broken(LennardJones):
        def __call__(self, graph):
            return float(graph.distances[0]) + graph.distances

    with pytest.raises(AdfluxError, match="JAX cannot trace the potential Broken"):
        require_layers(Broken(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar"))


@pytest.fixture
def unsound(tmp_path, monkeypatch):
    """A model file with three layers of which two are declared, as versions before wrote them."""
    monkeypatch.setattr("lammps_adflux.potentials.layers.require_layers", lambda potential: None)
    export(layered(3, 2), tmp_path / "unsound.pkl")
    monkeypatch.undo()
    return tmp_path / "unsound.pkl"


def test_load_and_relax_refuse(unsound):
    with pytest.raises(AdfluxError, match="3 layers, but it declares hops=2: declare hops=3"):
        load(unsound)
    setup = (
        "units metal\nregion box block 0 9 0 9 0 9\ncreate_box 1 box\n"
        "create_atoms 1 single 1 1 1\nmass 1 28.0"
    )
    with pytest.raises(AdfluxError, match="3 layers"):
        relax(setup.splitlines(), modelfile.read(unsound).potential)


@pytest.mark.lammps
@pytest.mark.parametrize("ranks", (1, 2))
def test_lammps_refuses_in_one_sentence(unsound, ranks):
    script = (
        "units metal\nregion box block 0 9 0 9 0 9\ncreate_box 1 box\n"
        "create_atoms 1 single 1 1 1\nmass 1 28.0\n"
    )
    script += f"pair_style mliap unified unsound.pkl {int(ranks > 1)}\npair_coeff * * Si\nrun 0\n"
    run = run_lammps(unsound.parent, script, ranks, fails=True, time_limit=60.0)
    assert (
        run.output.count("passes messages through 3 layers, but it declares hops=2: declare hops=3")
        == 1
    )


def test_jit_and_functions_stay_refused():
    def mean(parameters, vectors, centers, others, species, mask):
        h = jax.ops.segment_sum(jnp.where(mask, 1.0, 0.0), centers, len(species))
        return h - jnp.mean(vectors)

    with pytest.raises(AdfluxError, match="reduce_sum"):
        from_function(mean, {"a": np.ones(1)}, cutoff=2.0, elements="Si")
