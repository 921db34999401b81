"""For programs that relax structures: potentials, differences of relaxations, and what was found.

Imported by tests/programs, each in a process of its own: it sets JAX to float64.
"""

import equinox as eqx
import jax
import numpy as np
from mpi4py import MPI
from networks import message_passing

import lammps_adflux as adflux

jax.config.update("jax_enable_x64", True)

found = {}


def finish():
    if MPI.COMM_WORLD.rank == 0:
        np.savez("found.npz", **found)


def start(name, *more):
    skin = [] if name == "silicon" else ["neighbor 0.2 bin"]
    return [
        "units metal",
        "atom_modify map array",
        f"read_data {name}.data",
        *skin,
        *more,
        "min_style cg",
    ]


def lennard_jones(cutoff=2.5, onset=2.0):
    # pairs of like and unlike atoms differ; smooth at the cutoff
    return adflux.LennardJones(
        epsilon=[[1.0, 0.7], [0.7, 0.9]],
        sigma=[[1.0, 0.95], [0.95, 0.9]],
        cutoff=cutoff,
        elements=("Ar", "Kr"),
        onset=onset,
    )


class Bound(adflux.Potential):
    # a network of two layers with a pair potential that binds
    network: adflux.Potential
    pair: adflux.Potential
    cutoff: float = eqx.field(static=True)
    hops: int = eqx.field(static=True)
    elements: tuple = eqx.field(static=True)

    def __call__(self, graph):
        return self.network(graph) + self.pair(graph)


def network():
    net = message_passing(2, cutoff=1.7, elements=("Ar", "Kr"))
    net = eqx.tree_at(lambda n: n.readout, net, 0.1 * net.readout)
    return Bound(net, lennard_jones(1.7, 1.3), 1.7, 2, ("Ar", "Kr"))


def parameters_of(name):
    return {
        "silicon": lambda p: (
            p.A,
            p.sigma,
            p.costheta,
        ),  # with the last, neighbours of a vacancy move at all
        "network": lambda p: (p.network.readout, p.network.layers[0]["other"], p.pair.sigma),
    }.get(name, lambda p: (p.epsilon, p.sigma))


def potential_of(name):
    if name == "silicon":
        return adflux.StillingerWeber.from_lammps("Si.sw", elements="Si")
    return network() if name == "network" else lennard_jones()


def direction(values):
    random = np.random.default_rng(0)

    # potentials of pairs stay symmetric; changes of a few per cent
    def one(value):
        change = 0.1 * random.normal(size=np.shape(value))
        symmetric = change.ndim == 2 and change.shape[0] == change.shape[1]
        return (change + change.T) / 2 if symmetric else change

    return jax.tree.map(one, values)


def along(values, change, h):
    """Values + h · change."""
    return jax.tree.map(lambda a, b: a + h * b, values, change)


def strain_of(cell, before):
    f = np.linalg.solve(before, cell).T - np.eye(3)
    return np.array([f[0, 0], f[1, 1], f[2, 2], f[1, 2], f[0, 2], f[0, 1]])


def in_cell_of(relaxed, other):
    # positions of `other` in the cell of `relaxed`, next to its atoms, without a
    # drift of what may drift
    scaled = (other.gather(other.positions) - other.system.origin) @ np.linalg.inv(
        other.system.cell
    )
    here = relaxed.gather(relaxed.positions)
    scaled -= (here - relaxed.system.origin) @ np.linalg.inv(relaxed.system.cell)
    moves = (scaled - np.round(scaled)) @ relaxed.system.cell
    free = ~relaxed.gather(relaxed.system.held[relaxed.system.order]).any(axis=0)
    return here + moves - free * moves.mean(axis=0)


def relax_again(relaxed, potential, fixed=None, pressure=0.0, **options):
    # from where LAMMPS is now: Newton steps lead to the minimum nearby
    options = adflux.RelaxOptions(minimize=False, **options)
    return adflux.relax(
        relaxed.lammps, potential, 1e-11, relaxed.cell, fixed, pressure=pressure, options=options
    )


def differences(relaxed, build, values, change, fixed=None, h=1e-4):
    plus, minus = (
        relax_again(relaxed, build(along(values, change, s * h)), fixed) for s in (1, -1)
    )

    def slope(of):
        return (of(plus) - of(minus)) / (2 * h)

    return (
        {
            "positions": slope(lambda r: in_cell_of(relaxed, r)),
            "strain": slope(lambda r: strain_of(r.system.cell, relaxed.system.cell)),
            "energy1": slope(lambda r: r.energy),
            "volume": slope(lambda r: r.volume),
            "energy2": (plus.energy + minus.energy - 2 * relaxed.energy) / (2 * h**2),
        },
        plus,
        minus,
    )


def keep(name, relaxed, response, slopes=None):
    found[f"{name} positions"] = relaxed.gather(response.positions)
    for what in ("strain", "energy1", "energy2", "volume"):
        found[f"{name} {what}"] = getattr(response, what)
    for what, value in (slopes or {}).items():
        found[f"{name} {what} again"] = value


def report(name, sentence):
    """One line for each rank: lines that several ranks print would mix."""
    for rank, line in enumerate(MPI.COMM_WORLD.gather(str(sentence)) or ()):
        print(f"{rank} | {name} | {line}", flush=True)


def attempt(name, call, *arguments, **options):
    """Report the sentence of an AdfluxError; anything else ends the program."""
    sentence = "no error"
    try:
        call(*arguments, **options)
    except adflux.AdfluxError as error:
        sentence = str(error)
    report(name, sentence)
