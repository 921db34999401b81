"""Mistakes around relaxed structures: one clear sentence each, on every rank, a non-zero exit, and
no hang.
"""

import pytest
from lammps_runner import run_python
from relaxing import reported

pytestmark = pytest.mark.lammps

SAID = {
    "unconverged": "The minimisation did not converge: the largest force is",
    "group": "LAMMPS has no group 'nobody'; it knows all",
    "script": "The input script in.nowhere was not found.",
    "command": "LAMMPS stopped in the set-up: ERROR: Unrecognized fix style 'nonsense'",
    "other forces": "(fixes: addforce, spring/self): derivatives know the potential only",
    "quit": "The set-up has the command quit",
    "box": "The set-up has the fix press (box/relax), whose pressure is not known here: take it",
}
SAID_ALONE = {
    "cell": "cell must be None",
    "no atoms to hold": "The LAMMPS group none has no atoms",
    "pressure alone": "A pressure was given, but the cell does not relax",
    "structure": "or a live lammps, but Atoms was found",
    "model": "A potential was needed, but str was found",
    "numbers": "build(values) must be a JAX function",
    "part": (
        "for some numbers of an array, and for shared or transformed parameters, give "
        "(values, build)"
    ),
    "attribute": "where does not apply to LennardJones",
    "field": "LennardJones has no field depth: its parameters are epsilon, sigma.",
    "tolerance": "force_tolerance must be positive",
    "loose": "RelaxOptions.precision must lie between 0 and 0.001, but is 1.0.",
    "collapsed": "apart after `minimize`: the potential does not keep them apart",
    "preconditioner": "preconditioner must be one of none, jacobi, exp",
    "pressure": "pressure must be one number, or six",
    "open": "A cell can relax only where all its boundaries are periodic",
    "types": "LAMMPS has 2 atom types, but 1 elements are known",
    "elements": "types names Xe, but the potential knows only Ar.",
    "empty": "has no atoms",
    "shell": "the energy is not smooth there",
    "saddle": "The structure is a saddle point of index",
    "free": "a motion that costs no energy",
    "isolated": "a motion that costs no energy",
    "nan": "the potential's parameters",
    "precision": "float32",
    "shape": "has an array of shape (2,) where the parameter has (1, 1)",
    "form": "must have the form of the parameters",
    "not finite": "holds numbers that are not finite",
    "response cell": "cell must be None",
    "where": "where must pick arrays of floating-point numbers",
    "build": "build(values) must give the potential of the relaxed structure",
    "weights": "elastic_gradient needs finite weights of shape (6, 6), but shape (6,) was found",
    "modes": "phonon_gradient needs finite weights of shape (96,), but shape (3,) was found",
    "constant": "does not depend on the chosen parameters",
    "constant jacobian": "does not depend on the chosen parameters",
}


@pytest.mark.parametrize("ranks", (1, 2))
def test_mistakes_are_one_sentence_on_every_rank(tmp_path, ranks):
    run = run_python(tmp_path, "relaxation_mistakes", ranks=ranks, time_limit=200)
    said = reported(run)
    wanted = SAID | (SAID_ALONE if ranks == 1 else {})
    assert set(said) == set(wanted)
    wrong = {
        name: said[name]
        for name, words in wanted.items()
        if any(words not in sentence for sentence in said[name].values())
    }
    assert not wrong
    assert all(len(sentences) == ranks for sentences in said.values())


ENDS = {
    "unconverged": "AdfluxError: The minimisation did not converge",
    "command": "AdfluxError: LAMMPS stopped in the set-up",
    "nan": "check the potential's parameters with `adflux check`",
}


@pytest.mark.parametrize("ranks", (1, 2))
@pytest.mark.parametrize("name", ENDS)
def test_a_mistake_ends_the_program(tmp_path, name, ranks):
    run = run_python(
        tmp_path, "relaxation_that_fails", name, ranks=ranks, time_limit=100, fails=True
    )
    # where LAMMPS calls the potential, a failure ends all ranks at once
    assert ENDS[name] in run.stderr
