"""A relaxation that runs away stops with the reason, and a pair style of the set-up is not replaced
in silence.
"""

import re

import pytest
from lammps_runner import run_python
from relaxing import reported

pytestmark = pytest.mark.lammps

SAYS = {
    "falls": r"runs away: two atoms came \S+ apart, from \S+ or more at the start; .*SNAP \+ ZBL",
    "falls in a half": r"runs away: two atoms came",
    "collapses": r"runs away: (the cell's volume became \S+, from|two atoms came)",
    "bursts": r"runs away: the cell's volume became \S+, from",
    "good": "no error",
    "live": "runs away: two atoms came",
}


@pytest.mark.parametrize("ranks", (1, 2))
def test_a_relaxation_that_runs_away_stops_with_the_reason(tmp_path, ranks):
    run = run_python(tmp_path, "runaways", ranks=ranks, time_limit=120)
    said = {name: set(lines.values()) for name, lines in reported(run).items()}
    assert set(said) == {*SAYS, "steps"}
    for name, pattern in SAYS.items():
        (sentence,) = said[name]  # the same on all ranks
        assert re.search(pattern, sentence), sentence
    assert said["steps"] == {"3"}


@pytest.mark.parametrize("ranks", (1, 2))
def test_a_pair_style_of_the_set_up_is_replaced_with_a_note_or_refused(tmp_path, ranks):
    names = ["none", "native", "zero", "overlay", "beside", "mliap"]
    run = run_python(tmp_path, "replaced_pair_styles", ranks=ranks, time_limit=120)
    said = {name: set(lines.values()) for name, lines in reported(run).items()}
    notes = {part.split("\n")[0]: part.count("note: ") for part in run.stderr.split("begin ")[1:]}
    assert notes == {"none": 0, "native": 1, "zero": 0, "overlay": 1, "beside": 0, "mliap": 1}
    assert "pair_style lj/cut, zbl is replaced" in run.stderr
    assert len(set.union(*(said[name] for name in names if name != "beside"))) == 1
    (refused,) = said["beside"]
    assert "pair_style adds zbl to mliap, which the relaxation would leave out" in refused
