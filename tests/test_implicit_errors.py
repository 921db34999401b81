"""Mistakes around relaxed structures: one clear sentence each, on every rank, a non-zero exit, and
no hang.
"""

import pytest
from lammps_runner import run_python

pytestmark = pytest.mark.lammps

COMMON = """\
import ase
import equinox as eqx
import jax
import numpy as np

jax.config.update("jax_enable_x64", True)
from mpi4py import MPI

import lammps_adflux as adflux

lj = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar", onset=2.0)
crystal = ["units lj", "atom_modify map array", "lattice fcc 1.0", "region box block 0 2 0 2 0 2", "create_box 1 box",
           "create_atoms 1 box", "mass * 1"]
DISPLACE = "displace_atoms all random 0.2 0.2 0.2 7"
"""

CASES = """
def attempt(name, call):
    # anything else than an AdfluxError ends the program
    said = "nothing was said"
    try:
        call()
    except adflux.AdfluxError as error:
        said = error
    # one rank prints: lines of several would mix
    for rank, sentence in enumerate(MPI.COMM_WORLD.allgather(str(said))):
        if MPI.COMM_WORLD.rank == 0:
            print(f"rank {rank} | {name} | {sentence}", flush=True)


def relax(more=(), potential=lj, before=crystal, **options):
    return adflux.relax([*before, *more], potential, **options)


attempt("unconverged", lambda: relax([DISPLACE], options=adflux.RelaxOptions(steps=1)))
attempt("group", lambda: relax(fixed="nobody"))
attempt("script", lambda: adflux.relax("in.nowhere", lj))
attempt("command", lambda: relax(["fix broken all nonsense"]))
attempt("other forces", lambda: relax([DISPLACE, "group one id 1", "fix pull one spring/self 5.0", "fix push one addforce 0.1 0 0"]))
attempt("quit", lambda: relax(["quit"]))
attempt("box", lambda: relax(["fix box all box/relax iso 0.0"]))
if MPI.COMM_WORLD.size == 1:
    attempt("cell", lambda: relax(cell="cubic"))
    attempt("no atoms to hold", lambda: relax(["group none id 0"], fixed="none"))
    attempt("pressure alone", lambda: relax(pressure=1.0))
    attempt("structure", lambda: adflux.relax(ase.Atoms("Ar"), lj))
    attempt("model", lambda: relax(potential="ar.pkl"))
    attempt("tolerance", lambda: relax(force_tolerance=0.0))
    attempt("preconditioner", lambda: relax([DISPLACE], options=adflux.RelaxOptions(preconditioner="ilu")))
    attempt("pressure", lambda: relax(cell="iso", pressure=[1.0, 2.0]))
    attempt("open", lambda: relax(cell="iso", before=[crystal[0], "boundary p p f", *crystal[1:]]))
    attempt("types", lambda: relax(before=[line.replace("create_box 1", "create_box 2") for line in crystal]))
    attempt("elements", lambda: relax(types=["Xe"]))
    attempt("empty", lambda: relax(["delete_atoms group all"]))
    # neighbours of the fourth shell, at 4**(1/3) * sqrt(2), lie 1e-5 inside
    sharp = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=4.0 ** (1 / 3) * 2.0**0.5 + 1e-5, elements="Ar")
    attempt("shell", lambda: relax(potential=sharp))
    # simple cubic crystals of Lennard-Jones shear without resistance
    attempt("saddle", lambda: relax(before=[line.replace("fcc 1.0", "sc 1.0") for line in crystal]
                                    + ["replicate 2 2 2"]))
    # one atom beyond the reach of a slab; and two that are alone in the world
    slab = [*crystal[:3], "region box block 0 2 0 2 0 6", "create_box 1 box", "region slab block 0 2 0 2 0 1.4",
            "create_atoms 1 region slab", "create_atoms 1 single 0 0 4", "mass 1 1.0"]
    attempt("free", lambda: relax(before=slab))
    attempt("isolated", lambda: relax(["delete_atoms group all", "create_atoms 1 single 0 0 0", "create_atoms 1 single 1 1 1"],
                                      before=[line.replace("fcc 1.0", "fcc 0.01") for line in crystal]))
    attempt("nan", lambda: relax(potential=eqx.tree_at(lambda p: p.sigma, lj, np.array([[np.nan]]))))
    # atoms that are put on one place, as collapse leaves them
    attempt("collapsed", lambda: relax(["create_atoms 1 single 0 0 0.001"], options=adflux.RelaxOptions(minimize=False)))
    attempt("precision", lambda: relax(potential=eqx.tree_at(lambda p: p.sigma, lj, np.ones((1, 1), np.float32))))

    relaxed = relax([DISPLACE])
    where = lambda p: (p.epsilon, p.sigma)
    one = np.ones((1, 1))
    attempt("shape", lambda: relaxed.jvp((one, np.ones(2)), where))
    attempt("form", lambda: relaxed.jvp([one, one], where))
    attempt("not finite", lambda: relaxed.jvp((one, np.nan * one), where))
    attempt("response cell", lambda: relaxed.jvp((one, one), where, cell="cubic"))
    attempt("where", lambda: relaxed.jacobian(lambda p: p.cutoff))
    attempt("numbers", lambda: relaxed.jvp(0.1, (np.array(1.0), lambda s: eqx.tree_at(lambda p: p.sigma, lj, np.asarray(s) * one))))
    attempt("part", lambda: relaxed.jacobian(lambda p: p.sigma[0, 0]))
    attempt("attribute", lambda: relaxed.jacobian(lambda p: p.depth))
    attempt("field", lambda: relaxed.jacobian("depth"))
    attempt("build", lambda: relaxed.jvp(0.1, (np.array(1.0), lambda s: eqx.tree_at(lambda p: p.sigma, lj, 2 * s * one))))
    constant = relax([DISPLACE], Shifted(lj, np.array(0.5)))
    attempt("constant", lambda: constant.jvp(np.array(1.0), lambda p: p.shift))
    attempt("constant jacobian", lambda: constant.jacobian(lambda p: p.shift, progress=False))
"""
SHIFTED = """
class Shifted(adflux.Potential):
    # each atom has an energy of its own besides
    pair: adflux.Potential
    shift: np.ndarray
    cutoff: float = eqx.field(static=True, default=2.5)
    hops: int = eqx.field(static=True, default=1)
    elements: tuple = eqx.field(static=True, default=("Ar",))
    units: str = eqx.field(static=True, default="any")

    def __call__(self, graph):
        return self.pair(graph) + self.shift
"""
SAID = {
    "unconverged": "The minimisation did not converge: the largest force is",
    "group": "LAMMPS has no group 'nobody'; it knows all",
    "script": "The input script in.nowhere was not found.",
    "command": "LAMMPS stopped in the set-up: ERROR: Unrecognized fix style 'nonsense'",
    "other forces": "(fixes: addforce, spring/self): derivatives know the potential only",
    "quit": "The set-up has the command quit",
    "box": "The script has a fix box/relax: say which strains relax",
}
SAID_ALONE = {
    "cell": "cell must be None",
    "no atoms to hold": "The LAMMPS group none has no atoms",
    "pressure alone": "A pressure was given, but the cell does not relax",
    "structure": "or a live lammps, but Atoms was found",
    "model": "A potential was needed, but str was found",
    "numbers": "build(values) must be a JAX function",
    "part": "for some numbers of an array, and for shared or transformed parameters, give (values, build)",
    "attribute": "where does not apply to LennardJones",
    "field": "LennardJones has no field depth: its parameters are epsilon, sigma.",
    "tolerance": "force_tolerance must be positive",
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
    "constant": "does not depend on the chosen parameters",
    "constant jacobian": "does not depend on the chosen parameters",
}


@pytest.mark.parametrize("ranks", (1, 2))
def test_mistakes_are_told_in_one_sentence_on_every_rank(tmp_path, ranks):
    run = run_python(tmp_path, COMMON + SHIFTED + CASES, ranks, time_limit=200)
    told = {}
    for line in run.stdout.splitlines():
        if line.count(" | ") == 2:
            rank, name, sentence = line.split(" | ")
            told.setdefault(name, {})[rank] = sentence
    wanted = SAID | (SAID_ALONE if ranks == 1 else {})
    assert set(told) == set(wanted)
    wrong = {
        name: told[name]
        for name, words in wanted.items()
        if any(words not in said for said in told[name].values())
    }
    assert not wrong
    assert all(len(said) == ranks for said in told.values())


ENDS = {
    "unconverged": (
        "adflux.relax([*crystal, DISPLACE], lj, options=adflux.RelaxOptions(steps=1))",
        "AdfluxError: The minimisation did not converge",
    ),
    "command": (
        "adflux.relax([*crystal, 'fix broken all nonsense'], lj)",
        "AdfluxError: LAMMPS stopped in the set-up",
    ),
    "nan": (
        "adflux.relax(crystal, eqx.tree_at(lambda p: p.sigma, lj, np.array([[np.nan]])))",
        "check the potential's parameters with `adflux check`",
    ),
}


@pytest.mark.parametrize("ranks", (1, 2))
@pytest.mark.parametrize("name", ENDS)
def test_a_mistake_ends_the_program(tmp_path, name, ranks):
    call, words = ENDS[name]
    run = run_python(tmp_path, COMMON + call, ranks, time_limit=100, fails=True)
    # where LAMMPS calls the potential, a failure ends all ranks at once
    assert words in run.stderr
