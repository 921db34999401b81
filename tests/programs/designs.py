"""Designs of two Lennard-Jones alloys, one with held atoms in a fixed cell, one whose cell relaxes;
rank 0 writes found.npz.

`gradient`: of the loss, beside differences of structures that were relaxed again; and two steps,
the second from a checkpoint.
`run`: a design by L-BFGS, `again`: the same from the checkpoint of three of its steps.
`jumps`: an atom between two that are held, in the wrong one of two minima.
`mistakes`: sentences.
"""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from mpi4py import MPI
from relaxed_systems import attempt, direction, finish, found, lennard_jones

import lammps_adflux as adflux
from lammps_adflux.implicit.design.objective import Objective
from lammps_adflux.implicit.design.setups import Setup
from lammps_adflux.implicit.parameters import choose, flatten

HEAD = ["units lj", "atom_modify map array"]
TAIL = ["neighbor 0.2 bin", "min_style cg"]
HELD = [
    *HEAD,
    "read_data cubic.data",
    "group rim id 1 2 5",
    *TAIL,
]
BULK = [
    *HEAD,
    "lattice fcc 1.1",
    "region box block 0 2 0 2 0 2",
    "create_box 2 box",
    "create_atoms 1 box",
    "set group all type/fraction 2 0.4 11",
    "displace_atoms all random 0.03 0.03 0.03 5",
    "mass * 1",
    *TAIL,
]
# an atom in the gate of four that are held, another beside it: a saddle of index 1
GATE = [
    *HEAD,
    "boundary f f f",
    "region box block -9 9 -9 9 -9 9 units box",
    "create_box 2 box",
    "create_atoms 1 single -1.02 0.02 0.05 units box",
    "create_atoms 1 single 0.01 -1.0 -0.04 units box",
    "create_atoms 1 single 1.01 0.0 0.03 units box",
    "create_atoms 1 single 0.03 1.03 -0.02 units box",
    "create_atoms 2 single -0.0074 0.0123 0.0603 units box",
    "create_atoms 1 single 0.4478 0.4895 0.8752 units box",
    "mass * 1.0",
    "group gate id 1:4",
]
# an atom between two that are held, at the left one; it belongs to the right one
BETWEEN = [
    *HEAD,
    "boundary f f f",
    "region box block -9 9 -9 9 -9 9 units box",
    "create_box 2 box",
    "create_atoms 1 single -1.3 0.0 0.0 units box",
    "create_atoms 2 single 1.3 0.0 0.0 units box",
    "create_atoms 2 single -0.24 0.01 -0.02 units box",
    "mass * 1.0",
    "group held id 1 2",
]
SETUPS = {"held": HELD, "bulk": BULK}
CELL = {"bulk": "iso"}
FIXED = {"held": "rim"}
where = lambda p: (p.epsilon, p.sigma)  # noqa: E731
potential = lennard_jones()


def loss(structures, parameters):
    """Positions, cell, energies, elastic constants and the parameters themselves."""
    held, bulk = structures["held"], structures["bulk"]
    there = adflux.losses.squared_distance(held, TARGET)
    return (
        there
        + 3.0 * (bulk.volume / 28.0 - 1.0) ** 2
        + 0.01 * (held.energy / len(held.species) + 5.6) ** 2
        + (adflux.losses.distance(bulk, 0, 5) - 1.08) ** 2
        + 0.005 * (adflux.losses.bulk_modulus(bulk) / 100.0 - 1.0) ** 2
        + 1e-6 * (adflux.losses.elastic_constants(bulk)[3, 3] - 60.0) ** 2
        + 0.1 * jnp.sum((parameters[1] - 0.97) ** 2)
    )


def target():
    """Positions of the held alloy with other parameters, in the same basin."""
    choice = choose(potential, where)
    moved = jax.tree.map(lambda a, b: a + 0.2 * b, choice.values, direction(choice.values))
    first = adflux.relax(HELD, potential, 1e-9, fixed="rim")
    relaxed = adflux.relax(first.lammps, choice.build(moved), 1e-9, fixed="rim")
    return relaxed.gather(relaxed.positions)


def objective():
    choice = choose(potential, where)
    setups = {
        name: Setup(
            name,
            script,
            {"cell": CELL.get(name), "fixed": FIXED.get(name), "force_tolerance": 1e-10},
            adflux.RelaxOptions(),
        )
        for name, script in SETUPS.items()
    }
    return Objective(setups, choice, where, loss, lambda d: (0.0, 0.0 * d), False)


def run(steps, **options):
    return adflux.design(
        SETUPS,
        potential,
        loss,
        where,
        steps=steps,
        cell=CELL,
        fixed=FIXED,
        progress=False,
        **options,
    )


def keep(name, result):
    found[f"{name} losses"] = result.losses
    found[f"{name} vectors"] = result.vectors
    found[f"{name} message"] = result.message
    for key, structure in result.structures.items():
        found[f"{name} positions {key}"] = structure.positions
        found[f"{name} strain {key}"] = structure.strain


# epsilon and sigma are symmetric matrices, and stay so
SYMMETRIC = adflux.Constraints(
    keep=lambda p: jnp.stack([p[0][0, 1] - p[0][1, 0], p[1][0, 1] - p[1][1, 0], p[0].sum()]),
    lower=0.5,
    upper=(np.full((2, 2), 1.3), np.array([[1.005, 1.3], [1.3, 1.3]])),
)
TARGET = target()

if sys.argv[1] == "gradient":
    whole = objective()
    vector = flatten(whole.choice.values)
    point = whole.start(vector)
    change = flatten(direction(whole.choice.values))
    responses = whole.responses(point, change)
    h = 1e-4
    values = {}
    for sign in (1, -1):
        places = {
            name: whole.setups[name].predicted(
                point.states[name], responses[name].response, sign * h
            )
            for name in SETUPS
        }
        values[sign] = whole.again(vector + sign * h * change, places).loss
        found[f"predicted {sign}"] = whole.predict(point, change, responses, sign * h)
        found[f"relaxed {sign}"] = values[sign]
    bulk, held = point.states["bulk"].structure, point.states["held"].structure
    found["asked"] = bulk.elastic_constants
    found["not asked"] = np.isnan(held.elastic_constants).all()
    found["loss"] = point.loss
    found["slope"] = np.array([point.gradient @ change, (values[1] - values[-1]) / (2 * h)])
    path = Path(f"on{MPI.COMM_WORLD.size}.npz")
    run(1, checkpoint=path)
    keep("steps", run(2, checkpoint=path))
    finish()
elif sys.argv[1] == "run":
    keep("free", run(6))
    keep("whole", run(5, constraints=SYMMETRIC))
    keep("short", run(3, constraints=SYMMETRIC, checkpoint="steps.npz"))
    keep("again", run(5, constraints=SYMMETRIC, checkpoint="steps.npz"))
    keep("adam", run(4, optimizer=optax.adam(3e-3)))
    covariance = np.diag([1e-2] * 4 + [1e-4] * 3 + [0.0])
    keep("pulled", run(3, regularization=adflux.Regularization(covariance, 0.1)))
    adflux.design(
        BULK, potential, lambda s, p: (s.volume / 30.0 - 1.0) ** 2, "sigma", steps=1, cell="iso"
    ).plot("design.png")
    found["figure"] = Path("design.png").stat().st_size > 10_000
    saddle = adflux.design(
        GATE,
        potential,
        lambda s, p: (adflux.losses.distance(s, 4, 5) - 1.0) ** 2,
        where,
        steps=3,
        fixed="gate",
        options=adflux.RelaxOptions(minimize=False, index=1),
        progress=False,
    )
    found["saddle losses"] = saddle.losses
    found["saddle eigenvalues"] = saddle.relaxed["structure"].checks.eigenvalues
    finish()
elif sys.argv[1] == "jumps":
    for name, jumps in (("stays", False), ("jumps", True)):
        result = adflux.design(
            BETWEEN,
            potential,
            lambda s, p: (adflux.losses.distance(s, 1, 2) - 1.05) ** 2,
            "sigma",
            steps=3,
            fixed="held",
            constraints=adflux.Constraints(
                keep=lambda p: jnp.stack([p[0, 0], p[1, 1], p[0, 1] - p[1, 0]])
            ),
            jumps=jumps,
            progress=False,
        )
        keep(name, result)
        found[f"{name} jumped"] = [
            entry["step"] for entry in result.history if entry.get("jumped", [])
        ]
        found[f"{name} refused"] = str(result.history[-1]["refused"])
    finish()
else:
    one = lambda s, p: s.energy  # noqa: E731
    attempt("no dependence", adflux.design, BULK, potential, lambda s, p: 1.0)
    attempt("no setups", adflux.design, {}, potential, one)
    attempt("optimizer", adflux.design, BULK, potential, one, optimizer="bfgs")
    attempt("cell of nobody", adflux.design, SETUPS, potential, one, cell={"bulks": "iso"})
    attempt("not a number", adflux.design, BULK, potential, lambda s, p: jnp.sqrt(-s.volume))
    attempt("not JAX", adflux.design, BULK, potential, lambda s, p: float(s.energy))
    attempt("not scalar", adflux.design, BULK, potential, lambda s, p: s.strain)
    attempt("not linear", run, 1, constraints=adflux.Constraints(keep=lambda p: p[0] ** 2))
    attempt("outside", run, 1, constraints=adflux.Constraints(lower=0.95))
    attempt("nothing to move", run, 1, constraints=adflux.Constraints(keep=np.eye(8)))
    attempt("covariance", run, 1, regularization=adflux.Regularization(np.eye(3)))
    attempt("does not relax", adflux.design, [*BULK, "fix a all nonsense"], potential, one)
    run(1, checkpoint="mistakes.npz")
    attempt("other checkpoint", adflux.design, BULK, potential, one, checkpoint="mistakes.npz")
    other = lambda s, p: 1.5 * loss(s, p)  # noqa: E731
    words = dict(cell=CELL, fixed=FIXED, checkpoint="mistakes.npz")
    attempt("other loss", adflux.design, SETUPS, potential, other, where, **words)
    Path("text.npz").write_text("no archive")
    attempt("no checkpoint", run, 1, checkpoint="text.npz")
