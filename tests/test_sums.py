"""ZBL and sums of potentials are LAMMPS' `zbl` and `hybrid/overlay`."""

from typing import Any

import ase
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from comparing import relative_error
from lammps_runner import run_lammps, vectors
from networks import message_passing
from systems import random_crystal, velocities
from test_snap import PAIR, write_snap

from lammps_adflux import (
    SNAP,
    ZBL,
    AdfluxError,
    LennardJones,
    Potential,
    energy_forces_virial,
    export,
    from_function,
    graph_from_atoms,
    heat_flux,
    load,
)

ROUNDING = 1e-10
CORES = {  # inner, outer, nuclear charges, pairs with ZBL
    "usual": (1.9, 4.6, (14, 32), [[True, True], [True, True]]),
    "long": (2.5, 5.3, (14, 32), [[True, True], [True, True]]),  # longer than SNAP's cutoff
    "no switch": (3.9, 3.9, (14, 32), [[True, True], [True, True]]),
    "other charges": (3.0, 4.1, (13.5, 47), [[True, True], [True, True]]),
    "unlike only": (2.0, 4.4, (14, 32), [[False, True], [True, False]]),
    "one element": (2.0, 4.4, (14, 32), [[True, False], [False, False]]),
}
SCRIPT = """
clear
units metal
neighbor 0.3 bin
lattice bcc 3.1
region box block 0 3 0 2 0 3
create_box 2 box
create_atoms 1 box
mass * 20.0
change_box all triclinic
change_box all xy final 0.8 xz final -0.5 yz final 0.4 remap units box
displace_atoms all random 0.2 0.2 0.2 7 units box
set type 1 type/fraction 2 0.4 11
{pair}
compute pea all pe/atom
thermo_style custom step pe pxx pyy pzz pxy pxz pyz
thermo_modify format float %.17g norm no
run 0 post no
write_dump all custom {dump} id type x y z fx fy fz c_pea modify format float %.17g
"""
PRESSURE = [f"P{a}" for a in ("xx", "yy", "zz", "xy", "xz", "yz")]


def core(name: str) -> ZBL:
    inner, outer, numbers, between = CORES[name]
    return ZBL(inner, outer, elements=PAIR, numbers=numbers, between=between)


def pair_commands(name: str, snap: bool) -> str:
    inner, outer, numbers, between = CORES[name]
    lines = [f"pair_style hybrid/overlay zbl {inner} {outer} {'snap' if snap else 'zero 5.5'}"]
    for i, j in ((0, 0), (0, 1), (1, 1)):
        if between[i][j]:
            lines.append(f"pair_coeff {i + 1} {j + 1} zbl {numbers[i]} {numbers[j]}")
    lines.append(
        f"pair_coeff * * snap small.snapcoeff small.snapparam {' '.join(PAIR)}"
        if snap
        else "pair_coeff * * zero"
    )
    return "\n".join(lines)


CASES = [
    (name, snap)
    for name in CORES
    for snap in (False, True)
    if not snap or name in ("usual", "long", "one element")
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """All cases in one LAMMPS for each number of ranks, each native and through a model file."""
    done = {}

    def run(ranks):
        if ranks not in done:
            folder = tmp_path_factory.mktemp(f"sums{ranks}")
            snap = SNAP.from_lammps(*write_snap(folder), PAIR)
            text = ""
            for number, (name, with_snap) in enumerate(CASES):
                export(snap + core(name) if with_snap else core(name), folder / f"{number}.pkl")
                jax_ = f"pair_style mliap unified {number}.pkl 0\npair_coeff * * {' '.join(PAIR)}"
                text += SCRIPT.format(
                    pair=pair_commands(name, with_snap), dump=f"{number}_native.dump"
                )
                text += SCRIPT.format(pair=jax_, dump=f"{number}_jax.dump")
            finished = run_lammps(folder, text, ranks, quick=True, time_limit=300.0)
            tables = zip(finished.tables[::2], finished.tables[1::2], strict=True)
            done[ranks] = finished, list(tables)
        return done[ranks]

    return run


@pytest.mark.lammps
@pytest.mark.parametrize("ranks", (1, 2))
@pytest.mark.parametrize(
    "number", range(len(CASES)), ids=lambda n: CASES[n][0] + (" with SNAP" if CASES[n][1] else "")
)
def test_energies_forces_and_pressure_equal_hybrid_overlay(runs, number, ranks):
    run, tables = runs(ranks)
    theirs, ours = tables[number]
    assert relative_error(vectors(ours, *PRESSURE), vectors(theirs, *PRESSURE)) < ROUNDING
    native, jax_ = (run.dump(f"{number}_{style}.dump")[0] for style in ("native", "jax"))
    assert np.array_equal(
        vectors(native, "id", "type", "x", "y", "z"), vectors(jax_, "id", "type", "x", "y", "z")
    )
    assert relative_error(jax_["c_pea"], native["c_pea"]) < ROUNDING
    assert (
        relative_error(vectors(jax_, "fx", "fy", "fz"), vectors(native, "fx", "fy", "fz"))
        < ROUNDING
    )


def not_cut(parameters, vectors, centers, others, species, mask):
    """A function that leaves it to others to end at its cutoff."""
    r = jnp.linalg.norm(vectors, axis=1)
    energies = parameters["depth"] * jnp.exp(-r) * mask
    return jax.ops.segment_sum(energies, centers, len(species))


@pytest.fixture
def crystal():
    return random_crystal(17, volume_per_atom=16.0, seed=2)


def parts() -> dict[str, Potential]:
    return {
        "network": message_passing(2),
        "zbl": ZBL(2.0, 3.1, elements=PAIR),
        "not cut": from_function(not_cut, {"depth": np.array(2.0)}, cutoff=3.4, elements=PAIR),
        "step": LennardJones(epsilon=0.3, sigma=2.1, cutoff=4.7, elements=PAIR),
        "far": LennardJones(epsilon=0.2, sigma=2.0, cutoff=5.6, elements=PAIR),
    }


@pytest.mark.parametrize(
    "names",
    (("not cut", "far"), ("zbl", "step", "far"), ("network", "far"), ("network", "zbl", "not cut")),
)
def test_a_sum_is_the_sum_of_its_parts_each_within_its_own_cutoff(names, crystal):
    chosen = [parts()[name] for name in names]
    whole = sum(chosen[1:], chosen[0])
    moving = velocities(crystal)
    ours = energy_forces_virial(whole, graph_from_atoms(crystal, whole))
    alone = [energy_forces_virial(part, graph_from_atoms(crystal, part)) for part in chosen]
    for what in ("energies", "forces", "virial"):
        assert (
            relative_error(getattr(ours, what), sum(getattr(part, what) for part in alone)) < 1e-12
        ), what
    flux = heat_flux(whole, graph_from_atoms(crystal, whole), moving)
    fluxes = [heat_flux(part, graph_from_atoms(crystal, part), moving) for part in chosen]
    assert relative_error(flux, sum(fluxes)) < 1e-11
    assert whole.cutoff == max(part.cutoff for part in chosen) and whole.hops == max(
        part.hops for part in chosen
    )
    assert np.array_equal(
        whole.pair_cutoffs, np.max([part.pair_cutoffs for part in chosen], axis=0)
    )


def test_a_model_file_gives_a_sum_back(tmp_path, crystal):
    snap = SNAP.from_lammps(*write_snap(tmp_path), PAIR)
    whole = snap + (core("long") + core("one element"))
    export(whole, tmp_path / "sum.pkl")
    again = load(tmp_path / "sum.pkl")
    assert jax.tree.structure(again) == jax.tree.structure(whole) and len(again.parts) == 3
    graph = graph_from_atoms(crystal, whole)
    assert np.array_equal(
        *(energy_forces_virial(potential, graph).forces for potential in (whole, again))
    )
    # the parameters of the only part that has such a field
    assert np.array_equal(again.coefficients, snap.coefficients)


@pytest.mark.parametrize(
    ("add", "message"),
    (
        (
            lambda zbl: zbl + ZBL(1.0, 2.0, elements="Si"),
            "same elements in the same order, but Si, Ge and Si were found",
        ),
        (
            lambda zbl: zbl + ZBL(1.0, 2.0, elements=("Ge", "Si")),
            "but Si, Ge and Ge, Si were found",
        ),
        (lambda zbl: zbl + 1.0, "Potentials can be added, but float is none"),
        (lambda _: ZBL(2.0, 1.0, elements="Si"), "0 < inner <= outer"),
        (lambda _: ZBL(0.0, 1.0, elements="Si"), "0 < inner <= outer"),
        (lambda _: ZBL(1.0, np.nan, elements="Si"), "0 < inner <= outer"),
        (lambda _: ZBL(1.0, 2.0, elements="A"), "nuclear charge of A is not known"),
        (lambda _: ZBL(1.0, 2.0, elements=PAIR, numbers=[14]), "2 positive nuclear charges"),
        (lambda _: ZBL(1.0, 2.0, elements=PAIR, numbers=[14, -2]), "2 positive nuclear charges"),
        (
            lambda _: ZBL(1.0, 2.0, elements=PAIR, between=[[True, True], [False, True]]),
            "symmetric 2 × 2 matrix",
        ),
    ),
)
def test_what_cannot_be_added_is_refused(add, message):
    with pytest.raises(AdfluxError, match=message):
        add(ZBL(2.0, 4.0, elements=PAIR))


def test_a_field_of_several_parts_is_refused_by_name():
    whole: Any = LennardJones(epsilon=1, sigma=2, cutoff=4, elements="Ar") + LennardJones(
        epsilon=1, sigma=3, cutoff=5, elements="Ar"
    )
    with pytest.raises(
        AttributeError, match="several parts have a parameter 'epsilon' in this sum of LennardJones"
    ):
        _ = whole.epsilon
    with pytest.raises(AttributeError, match="no part has a parameter 'beta'"):
        _ = whole.beta


@pytest.mark.parametrize("inner", (1.5, 3.0))
def test_zbl_ends_with_energy_force_and_curvature_zero(inner):
    """And is smooth where the switching begins: a third of the width's power is what remains."""
    potential = ZBL(inner, 4.0, elements="W")

    def energy(distance):
        graph = graph_from_atoms(
            ase.Atoms("W2", [[0, 0, 0], [distance, 0, 0]]), ZBL(inner, 6.0, elements="W")
        )
        return float(jnp.sum(potential(graph)))

    scale = energy(0.9 * inner)
    for power, width in ((3, 1e-2), (3, 2e-2)):
        assert 0.0 < abs(energy(4.0 - width)) < 1e3 * scale * (width / 4.0) ** power
    assert energy(4.0) == energy(4.5) == 0.0
    assert energy(4.0 - 2e-2) / energy(4.0 - 1e-2) == pytest.approx(8.0, rel=0.1)  # the next order


def test_a_sum_has_the_units_of_its_parts():
    class Real(ZBL):
        units = "real"

    class Any(ZBL):
        units = "any"

    metal, real, anything = (kind(2.0, 4.0, elements=PAIR) for kind in (ZBL, Real, Any))
    assert (metal + metal).units == (anything + metal).units == (metal + anything).units == "metal"
    assert (anything + real).units == "real" and (anything + anything).units == "any"
    with pytest.raises(AdfluxError, match="the same units, but metal and real were found"):
        _ = metal + real
