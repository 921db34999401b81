"""Mistakes around relaxed structures; reports the sentence of each."""

import ase
import equinox as eqx
import numpy as np
from mpi4py import MPI
from relaxed_systems import attempt

import lammps_adflux as adflux

lj = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar", onset=2.0)
crystal = [
    "units lj",
    "atom_modify map array",
    "lattice fcc 1.0",
    "region box block 0 2 0 2 0 2",
    "create_box 1 box",
    "create_atoms 1 box",
    "mass * 1",
]
DISPLACE = "displace_atoms all random 0.2 0.2 0.2 7"


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


def relax(more=(), potential=lj, before=crystal, **options):
    return adflux.relax([*before, *more], potential, **options)


attempt("unconverged", lambda: relax([DISPLACE], options=adflux.RelaxOptions(steps=1)))
attempt("group", lambda: relax(fixed="nobody"))
attempt("script", lambda: adflux.relax("in.nowhere", lj))
attempt("command", lambda: relax(["fix broken all nonsense"]))
attempt(
    "other forces",
    lambda: relax(
        [
            DISPLACE,
            "group one id 1",
            "fix pull one spring/self 5.0",
            "fix push one addforce 0.1 0 0",
        ]
    ),
)
attempt("quit", lambda: relax(["quit"]))
attempt("box", lambda: relax(["fix press all box/relax iso 0.5"], cell="iso"))
if MPI.COMM_WORLD.size == 1:
    attempt("cell", lambda: relax(cell="cubic"))
    attempt("no atoms to hold", lambda: relax(["group none id 0"], fixed="none"))
    attempt("pressure alone", lambda: relax(pressure=1.0))
    attempt("structure", lambda: adflux.relax(ase.Atoms("Ar"), lj))
    attempt("model", lambda: relax(potential="ar.pkl"))
    attempt("tolerance", lambda: relax(force_tolerance=0.0))
    attempt("loose", lambda: relax([DISPLACE], options=adflux.RelaxOptions(precision=1.0)))
    attempt(
        "preconditioner",
        lambda: relax([DISPLACE], options=adflux.RelaxOptions(preconditioner="ilu")),
    )
    attempt("pressure", lambda: relax(cell="iso", pressure=[1.0, 2.0]))
    attempt("open", lambda: relax(cell="iso", before=[crystal[0], "boundary p p f", *crystal[1:]]))
    attempt(
        "types",
        lambda: relax(before=[line.replace("create_box 1", "create_box 2") for line in crystal]),
    )
    attempt("elements", lambda: relax(types=["Xe"]))
    attempt("empty", lambda: relax(["delete_atoms group all"]))
    # neighbours of the fourth shell, at 4**(1/3) * sqrt(2), lie 1e-5 inside
    sharp = adflux.LennardJones(
        epsilon=1.0, sigma=1.0, cutoff=4.0 ** (1 / 3) * 2.0**0.5 + 1e-5, elements="Ar"
    )
    attempt("shell", lambda: relax(potential=sharp))
    # simple cubic crystals of Lennard-Jones shear without resistance
    attempt(
        "saddle",
        lambda: relax(
            before=[line.replace("fcc 1.0", "sc 1.0") for line in crystal] + ["replicate 2 2 2"]
        ),
    )
    # one atom beyond the reach of a slab; and two that are alone in the world
    slab = [
        *crystal[:3],
        "region box block 0 2 0 2 0 6",
        "create_box 1 box",
        "region slab block 0 2 0 2 0 1.4",
        "create_atoms 1 region slab",
        "create_atoms 1 single 0 0 4",
        "mass 1 1.0",
    ]
    attempt("free", lambda: relax(before=slab))
    attempt(
        "isolated",
        lambda: relax(
            [
                "delete_atoms group all",
                "create_atoms 1 single 0 0 0",
                "create_atoms 1 single 1 1 1",
            ],
            before=[line.replace("fcc 1.0", "fcc 0.01") for line in crystal],
        ),
    )
    attempt(
        "nan", lambda: relax(potential=eqx.tree_at(lambda p: p.sigma, lj, np.array([[np.nan]])))
    )
    # atoms that are put on one place, as collapse leaves them
    attempt(
        "collapsed",
        lambda: relax(
            ["create_atoms 1 single 0 0 0.001"], options=adflux.RelaxOptions(minimize=False)
        ),
    )
    attempt(
        "precision",
        lambda: relax(potential=eqx.tree_at(lambda p: p.sigma, lj, np.ones((1, 1), np.float32))),
    )

    relaxed = relax([DISPLACE])

    def where(p):
        return p.epsilon, p.sigma

    one = np.ones((1, 1))
    attempt("shape", lambda: relaxed.jvp((one, np.ones(2)), where))
    attempt("form", lambda: relaxed.jvp([one, one], where))
    attempt("not finite", lambda: relaxed.jvp((one, np.nan * one), where))
    attempt("response cell", lambda: relaxed.jvp((one, one), where, cell="cubic"))
    attempt("where", lambda: relaxed.jacobian(lambda p: p.cutoff))
    attempt(
        "numbers",
        lambda: relaxed.jvp(
            0.1, (np.array(1.0), lambda s: eqx.tree_at(lambda p: p.sigma, lj, np.asarray(s) * one))
        ),
    )
    attempt("part", lambda: relaxed.jacobian(lambda p: p.sigma[0, 0]))
    attempt("attribute", lambda: relaxed.jacobian(lambda p: p.depth))
    attempt("field", lambda: relaxed.jacobian("depth"))
    attempt(
        "build",
        lambda: relaxed.jvp(
            0.1, (np.array(1.0), lambda s: eqx.tree_at(lambda p: p.sigma, lj, 2 * s * one))
        ),
    )
    attempt("weights", lambda: relaxed.elastic_gradient(np.ones(6)))
    attempt("modes", lambda: relaxed.phonon_gradient(np.ones(3)))
    constant = relax([DISPLACE], Shifted(lj, np.array(0.5)))
    attempt("constant", lambda: constant.jvp(np.array(1.0), lambda p: p.shift))
    attempt("constant jacobian", lambda: constant.jacobian(lambda p: p.shift, progress=False))
