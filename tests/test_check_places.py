"""`adflux check` at the cutoff and at symmetric places: a potential with a step, a tail or a NaN
there does not pass.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems import random_crystal

from lammps_adflux import AdfluxError, LennardJones, Potential, StillingerWeber, from_function
from lammps_adflux.checks.case import Case
from lammps_adflux.checks.cutoff import beyond, cutoff
from lammps_adflux.checks.forces import finite
from lammps_adflux.checks.identities import check
from lammps_adflux.checks.places import places
from lammps_adflux.checks.structures import disordered_crystal, with_symbols

RANGE = 4.0


def pair_function(parameters, vectors, centers, others, species, mask, shape):
    """½ Σ shape(r) over all pairs of the list."""
    r = jnp.sqrt(jnp.sum(vectors**2, axis=1))
    return (
        0.5
        * parameters["strength"]
        * jax.ops.segment_sum(jnp.where(mask, shape(r), 0.0), centers, len(species))
    )


def potential_of(shape, hops=None):
    return from_function(
        lambda *arrays: pair_function(*arrays, shape),
        {"strength": np.array(0.3)},
        cutoff=RANGE,
        elements="Si",
    )


def smooth(r, end=RANGE, power=3):
    return jnp.where(r < end, jnp.abs(1 - (r / end) ** 2), 0.0) ** power


SHAPES = {
    # shape of the pair energy: identities that it breaks
    "smooth": (smooth, set()),
    "smooth, twice differentiable only": (lambda r: smooth(r, power=2), set()),
    "step": (
        lambda r: jnp.where(r < RANGE, jnp.exp(-r), 0.0),
        {"cutoff, energy", "cutoff, forces"},
    ),
    "small step": (lambda r: jnp.where(r < RANGE, smooth(r) + 1e-6, 0.0), {"cutoff, energy"}),
    "kink": (lambda r: smooth(r, power=1), {"cutoff, forces"}),
    "reaches farther": (
        lambda r: smooth(r, end=1.2 * RANGE),
        {"cutoff, energy", "cutoff, forces", "beyond the cutoff"},
    ),
    "gaussian tail": (lambda r: jnp.exp(-(r**2)), {"cutoff, energy", "beyond the cutoff"}),
    # zero with a slope at the declared cutoff
    "passes through zero": (
        lambda r: jnp.sin(jnp.pi * r / RANGE) / r**2,
        {"cutoff, forces", "beyond the cutoff"},
    ),
}


def failed_at(potential, *tests, atoms=None):
    atoms = disordered_crystal(potential) if atoms is None else atoms
    case = Case(potential, atoms, np.ones((len(atoms), 3)))
    found = [finding for test in tests for finding in test(case)]
    return {finding.name for finding in found if finding.passed is False}, found


@pytest.mark.parametrize("name", SHAPES)
def test_steps_and_tails_are_found(name):
    shape, expected = SHAPES[name]
    failed, found = failed_at(potential_of(shape), cutoff, beyond)
    assert failed == expected, found
    assert len(found) == 3


def test_a_three_body_term_that_jumps_is_found():
    """An isolated pair does not have it: the atom that comes near meets one with neighbours."""

    def energies(parameters, vectors, centers, others, species, mask):
        r2 = jnp.sum(vectors**2, axis=1)
        inside = mask & (r2 < RANGE**2)
        near = jnp.where(inside, smooth(jnp.sqrt(jnp.where(inside, r2, 1.0))), 0.0)
        moment = jax.ops.segment_sum(near[:, None] * vectors, centers, len(species))[centers]
        crossed = jnp.where(inside, jnp.sum(moment * vectors, axis=1), 0.0)
        return parameters * jax.ops.segment_sum(near + 0.01 * crossed**2, centers, len(species))

    failed, found = failed_at(
        from_function(energies, np.array(0.5), cutoff=RANGE, elements="Si"), cutoff
    )
    assert failed == {"cutoff, energy", "cutoff, forces"}, found


def test_only_the_pair_of_elements_that_jumps_is_named():
    table = np.array([[1.0, 1.0], [1.0, 0.0]])

    def energies(parameters, vectors, centers, others, species, mask):
        r = jnp.sqrt(jnp.sum(vectors**2, axis=1))
        steps = jnp.asarray(table)[species[centers], species[others]]
        pair = steps * smooth(r) + (1 - steps) * jnp.where(r < RANGE, jnp.exp(-r), 0.0)
        return parameters * jax.ops.segment_sum(jnp.where(mask, pair, 0.0), centers, len(species))

    potential = from_function(energies, np.array(0.5), cutoff=RANGE, elements="Si,Ge")
    _, found = failed_at(potential, cutoff)
    assert all("Ge and Ge" in finding.says for finding in found), found


@pytest.mark.parametrize(
    ("options", "notes"),
    (
        ({}, {"cutoff, energy", "cutoff, forces"}),
        ({"shift": True}, {"cutoff, forces"}),
        ({"onset": 3.0}, set()),
    ),
)
def test_what_a_potential_declares_is_a_note_and_no_failure(options, notes):
    failed, found = failed_at(
        LennardJones(epsilon=0.01, sigma=1.6, cutoff=4.0, elements="Ar", **options), cutoff, beyond
    )
    assert not failed
    assert {finding.name for finding in found if finding.passed is None} == notes
    assert all(
        "declares" in finding.says and finding.error > finding.bound
        for finding in found
        if finding.passed is None
    )
    if not options:  # 4ε(σ/r)⁶ at 2.5 σ, of one pair
        assert "jumps by 0.00016 " in found[0].says


def test_stillinger_weber_is_smooth_and_shortened_by_tol_declared(tmp_path):
    for tol, notes in ((0.0, 0), (0.01, 2)):
        (tmp_path / "Si.sw").write_text(
            f"Si Si Si 2.17 2.1 1.8 21.0 1.2 -0.3333333 7.05 0.602 4.0 0.0 {tol}\n"
        )
        failed, found = failed_at(
            StillingerWeber.from_lammps(tmp_path / "Si.sw", elements="Si"), cutoff
        )
        assert not failed and sum(finding.passed is None for finding in found) == notes


class Rooted(Potential):
    """Energies with a root or an angle, unguarded where it has no slope."""

    kind: str = eqx.field(static=True)
    hops: int = eqx.field(static=True, default=1)
    cutoff: float = eqx.field(static=True, default=RANGE)
    elements: tuple = eqx.field(static=True, default=("Si",))

    def __call__(self, graph):
        r = jnp.where(graph.mask, graph.distances, self.cutoff)
        weight = smooth(r)
        unit = graph.vectors / r[:, None]
        if self.kind == "dipole":  # |Σ r̂| vanishes where neighbours stand opposite
            dipole = graph.sum_pairs(weight[:, None] * unit)
            return jnp.sqrt(jnp.sum(dipole**2, axis=1))
        if self.kind == "azimuth":  # no direction along z
            return graph.sum_pairs(
                weight * unit[:, 0] / jnp.sqrt(unit[:, 0] ** 2 + unit[:, 1] ** 2)
            )
        if self.kind == "angle":  # arccos of ±1
            mean = graph.at_center(graph.sum_pairs(weight[:, None] * unit))
            cosine = jnp.sum(mean * unit, axis=1) / jnp.sqrt(1e-30 + jnp.sum(mean**2, axis=1))
            return graph.sum_pairs(weight * jnp.arccos(jnp.clip(cosine, -1.0, 1.0)))
        return graph.sum_pairs(weight)


@pytest.mark.parametrize(
    ("kind", "where"),
    (
        ("dipole", "in line"),
        ("dipole", "the perfect crystal"),
        ("azimuth", "along z"),
        ("angle", "a pair"),
    ),
)
def test_a_root_without_a_slope_is_found(kind, where):
    failed, (found,) = failed_at(Rooted(kind), places)
    assert failed == {"symmetric places"} and "not finite" in found.says and where in found.says


def test_what_is_finite_everywhere_passes():
    failed, _ = failed_at(Rooted("none"), places, finite)
    assert not failed


def test_one_reason_is_said_once():
    class Broken(LennardJones):
        def __call__(self, graph):
            raise AdfluxError("The table of this potential is empty.")

    findings = list(check(Broken(epsilon=1.0, sigma=2.0, cutoff=4.0, elements="Ar")))
    says = [finding.says for finding in findings]
    assert len(findings) > 8 and all(finding.passed is False for finding in findings)
    assert says.count("The table of this potential is empty.") == 1
    assert says.count("for the same reason as layers") == len(says) - 1


def test_an_error_of_the_users_code_is_a_finding():
    class Broken(LennardJones):
        def __call__(self, graph):
            return jnp.zeros(len(graph.species)) @ jnp.ones(3)

    findings = list(check(Broken(epsilon=1.0, sigma=2.0, cutoff=4.0, elements="Ar")))
    assert all(finding.passed is False for finding in findings)
    assert any("cannot trace the potential Broken" in finding.says for finding in findings)


def test_a_structure_of_other_elements_is_said_once():
    lj = LennardJones(epsilon=1.0, sigma=2.0, cutoff=4.0, elements="Ar")
    with pytest.raises(AdfluxError, match="knows only Ar"):
        list(check(lj, random_crystal(4, elements=("Si",))))


@pytest.mark.slow
def test_names_that_are_no_chemical_symbols_can_be_checked():
    lj = LennardJones(epsilon=0.01, sigma=2.2, cutoff=4.5, elements="A,Si,X", onset=3.5)
    renamed = with_symbols(lj)
    assert renamed.elements[1] == "Si" and len(set(renamed.elements)) == 3
    failed, _ = failed_at(renamed, finite, places, cutoff, beyond)
    assert not failed
    assert with_symbols(
        LennardJones(epsilon=0.01, sigma=2.2, cutoff=4.5, elements="Ar")
    ).elements == ("Ar",)
