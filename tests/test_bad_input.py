"""Mistakes in LAMMPS end with one clear sentence and a non-zero code, on one rank, two and four,
and never hang.
"""

import os
import pickle
from dataclasses import dataclass, field
from pathlib import Path

import equinox as eqx
import numpy as np
import pytest
from lammps_runner import run_lammps, run_program
from networks import message_passing

import lammps_adflux as adflux

pytestmark = pytest.mark.lammps
SYSTEM = """\
units lj
lattice fcc 0.8442
region box block 0 4 0 3 0 3
create_box 1 box
create_atoms 1 box
mass 1 1.0
displace_atoms all random 0.1 0.1 0.1 7 units box
velocity all create 1.44 4711 loop geom
fix move all nve
"""
PAIR = "pair_style mliap unified {model}.pkl 0\npair_coeff * * {element}\n"
INCLUDE = "include ${adflux}/heat_flux.lmp\n"
LOADING = (
    "pair_style mliap unified: "  # how a LAMMPS with our patches starts the model's own message
)


def pair(model="lj", element="Ar"):
    return PAIR.format(model=model, element=element)


@dataclass(frozen=True)
class Mistake:
    """What is wrong, and words of the sentence that says so."""

    name: str
    script: str
    says: tuple[str, ...]
    environment: dict = field(default_factory=dict)
    ours: bool = True  # does our code speak, on every LAMMPS?


OVERLAP = SYSTEM + "create_atoms 1 single 0.7 0.7 0.7\ncreate_atoms 1 single 0.7 0.7 0.7\n"
MISTAKES = (
    Mistake("element", SYSTEM + pair(element="Kr") + "run 0", ("pair_coeff",), ours=False),
    Mistake("newton", "newton off\n" + SYSTEM + pair() + "run 0", ("newton pair on",), ours=False),
    Mistake(
        "nan",
        SYSTEM + pair("nan") + "run 0",
        ("finite", "closest pair of atoms is", "check the potential's parameters"),
    ),
    Mistake(
        "overlap", OVERLAP + pair() + "run 0", ("closest pair of atoms is 0 apart", "overlapping")
    ),
    Mistake("missing", SYSTEM + pair("nothing"), ("No such file", "nothing.pkl"), ours=False),
    Mistake("truncated", SYSTEM + pair("truncated"), ("pickle data was truncated",), ours=False),
    Mistake("damaged", SYSTEM + pair("damaged"), ("the model file is damaged", "adflux export")),
    Mistake(
        "foreign", SYSTEM + pair("foreign"), ("foreign.pkl holds no model but a dict",), ours=False
    ),
    Mistake("version", SYSTEM + pair("version"), ("format version 99", "reads version 1")),
    Mistake(
        "float32 only",
        SYSTEM + pair(),
        ("float64", "unset JAX_ENABLE_X64"),
        {"JAX_ENABLE_X64": "0"},
    ),
    Mistake(
        "early", SYSTEM + INCLUDE + pair() + "run 0", ("include it after pair_style mliap unified",)
    ),
    Mistake("no run", SYSTEM + pair() + INCLUDE + 'print "$(v_adflux_jx)"', ("put `run 0` first",)),
)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    adflux.export(
        adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar"), folder / "lj.pkl"
    )
    whole = (folder / "lj.pkl").read_bytes()
    (folder / "truncated.pkl").write_bytes(whole[: len(whole) // 2])
    (folder / "damaged.pkl").write_bytes(whole.replace(b"PK\x03\x04", b"PK\x07\x07"))
    assert (folder / "damaged.pkl").read_bytes() != whole
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lammps_adflux.modelfile.VERSION", 99)
        adflux.export(
            adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar"),
            folder / "version.pkl",
        )
    (folder / "foreign.pkl").write_bytes(pickle.dumps({"a": 1}))
    nan = eqx.tree_at(lambda p: p.readout, message_passing(1, 2.5, ("Ar",)), np.full(5, np.nan))
    adflux.export(nan, folder / "nan.pkl")
    return folder


@pytest.mark.parametrize("ranks", (1, 2, 4))
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_told_in_a_sentence(tmp_path, models, mistake, ranks):
    for file in models.glob("*.pkl"):
        (tmp_path / file.name).symlink_to(file)
    script = mistake.script + "\n"
    run = run_lammps(
        tmp_path, script, ranks, environment=mistake.environment, fails=True, time_limit=60.0
    )
    told = [
        line for line in run.output.splitlines() if all(words in line for words in mistake.says)
    ]
    assert told, run.output[-2000:]
    assert len(told) <= 2 * ranks  # our sentence, and LAMMPS' ERROR line around it
    # a LAMMPS without our patches shows where in its own Python code it failed
    if mistake.ours or LOADING in run.output:
        assert "Traceback" not in run.output


def test_a_lammps_without_python_says_so(tmp_path, models):
    plain = os.environ.get("ADFLUX_PLAIN_LMP")
    if plain is None or not Path(plain).exists():
        pytest.skip("needs an lmp that was built without Python ML-IAP, named by ADFLUX_PLAIN_LMP")
    (tmp_path / "in.test").write_text(SYSTEM + pair() + "run 0\n")
    run = run_program(tmp_path, [plain, "-in", "in.test", "-log", "none"], 1, fails=True)
    assert "mliap" in run.output and "ERROR" in run.output
