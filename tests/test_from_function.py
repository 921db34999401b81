"""What from_function takes for elements, parameters and units."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from networks import plain_network

from lammps_adflux import AdfluxError, LennardJones, StillingerWeber, export, from_function, load

PARAMETERS = {
    **{name: np.ones((1, 4, 4)) for name in ("center", "other", "mix")},
    "embedding": np.ones((2, 4)),
    "cutoff": np.asarray(3.5),
}


def made(**options):
    return from_function(
        plain_network, PARAMETERS, **{"cutoff": 3.5, "elements": "Si,C", **options}
    )


@pytest.mark.parametrize("elements", ("Si,C", "Si C", " Si, C ", ["Si", "C"], ("Si", "C")))
def test_elements_may_be_listed_in_a_string(elements):
    assert made(elements=elements).elements == ("Si", "C")
    assert LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements=elements).elements == (
        "Si",
        "C",
    )


@pytest.mark.parametrize(
    ("elements", "says"),
    (
        ("Si,Xx", "Xx"),
        (["Si", "SI"], "SI"),
        ("X", "X"),
        ("Si,Si", "different names"),
        ("", "one or more"),
        (",", "one or more"),
        (["Si,C"], "different names"),
        ([14], "different names"),
    ),
)
def test_what_is_no_element_is_refused(elements, says):
    with pytest.raises(AdfluxError, match=says):
        made(elements=elements)


def test_names_of_a_file_of_lammps_are_kept(tmp_path):
    """A .sw file may name its elements as it likes, and so may Lennard-Jones."""
    (tmp_path / "A.sw").write_text(
        "A A A 2.17 2.1 1.8 21.0 1.2 -0.3333333 7.05 0.602 4.0 0.0 0.0\n"
    )
    assert StillingerWeber.from_lammps(tmp_path / "A.sw", elements="A").elements == ("A",)
    assert LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Xx B").elements == ("Xx", "B")


def test_one_name_for_the_parameters_and_the_old_one():
    new = from_function(plain_network, parameters=PARAMETERS, cutoff=3.5, elements="Si,C")
    old = from_function(plain_network, params=PARAMETERS, cutoff=3.5, elements="Si,C")
    for potential in (new, old, made()):
        assert potential.params is potential.parameters
        assert jax.tree.all(jax.tree.map(np.array_equal, potential.parameters, PARAMETERS))
    for given in ({}, {"parameters": PARAMETERS, "params": PARAMETERS}):
        with pytest.raises(AdfluxError, match="parameters once"):
            from_function(plain_network, cutoff=3.5, elements="Si,C", **given)


@pytest.mark.parametrize("units", ("metal", "real", "any", "electron"))
def test_units_are_kept_in_the_file(tmp_path, units):
    export(made(units=units), tmp_path / "model.pkl")
    assert load(tmp_path / "model.pkl").units == units
    export(
        LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar", units=units),
        tmp_path / "lj.pkl",
    )
    assert load(tmp_path / "lj.pkl").units == units


def test_units_that_lammps_does_not_have_are_refused():
    for make in (
        made,
        lambda units: LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar", units=units),
    ):
        with pytest.raises(AdfluxError, match="metal, real or another"):
            make(units="eV")
    assert (
        made().units == "metal"
        and LennardJones(epsilon=1, sigma=1, cutoff=2.5, elements="Ar").units == "any"
    )


def test_the_units_of_a_file_are_read_where_lammps_reads_them(tmp_path):
    line = "Si Si Si 50.0 2.1 1.8 21.0 1.2 -0.3333333 7.05 0.602 4.0 0.0 0.0\n"
    for head, units in (
        ("# DATE: 2007 UNITS: real\n", "real"),
        ("# silicon\n", "metal"),
        ("#\n# UNITS: real\n", "metal"),
        ("\n  \n# UNITS: real\n", "real"),
    ):
        (tmp_path / "Si.sw").write_text(head + line)
        assert StillingerWeber.from_lammps(tmp_path / "Si.sw", elements="Si").units == units
    (tmp_path / "Si.sw").write_text("# UNITS: real\n" + line)
    with pytest.raises(AdfluxError, match="is in real units, but units='metal'"):
        StillingerWeber.from_lammps(tmp_path / "Si.sw", elements="Si", units="metal")


def test_a_class_that_changed_its_units_since_is_refused(tmp_path, monkeypatch):
    from networks import MessagePassing, message_passing

    export(message_passing(1), tmp_path / "model.pkl")
    monkeypatch.setattr(MessagePassing, "units", "real")
    with pytest.raises(
        AdfluxError, match="written in any units, but MessagePassing is in real units now"
    ):
        load(tmp_path / "model.pkl")
    export(message_passing(1), tmp_path / "model.pkl")
    assert load(tmp_path / "model.pkl").units == "real"
    assert jnp.isfinite(load(tmp_path / "model.pkl").embedding).all()
