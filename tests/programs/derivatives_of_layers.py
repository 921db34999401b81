"""Derivatives of a network of layers that lies on some of the ranks only; rank 0 writes found.npz.

`products`: second and third derivatives at random atoms, of which one has no neighbours; on one
rank messages of all pairs are summed at once, on several ranks in blocks. `relaxed`: a slab is
relaxed, and its response taken forward and backward.
"""

import sys

import jax
import numpy as np
from mpi4py import MPI
from networks import InBlocks, MessagePassing, message_passing

import lammps_adflux as adflux
from lammps_adflux.graph import messages
from lammps_adflux.implicit.parameters import choose
from lammps_adflux.implicit.products import Products
from lammps_adflux.implicit.vectors import Vectors
from lammps_adflux.mliap.session import Session
from lammps_adflux.parallel.system import Whole

jax.config.update("jax_enable_x64", True)
comm = MPI.COMM_WORLD
CUTOFF = 1.7
kind = InBlocks if sys.argv[1] == "products" and comm.size > 1 else MessagePassing
messages.AT_ONCE, messages.BLOCK = 0, 10_000
potential = message_passing(2, CUTOFF, ("Ar", "Kr"), scale=0.1, kind=kind) + adflux.LennardJones(
    epsilon=[[1.0, 0.7], [0.7, 0.9]],
    sigma=[[1.0, 0.95], [0.95, 0.9]],
    cutoff=CUTOFF,
    onset=1.3,
    elements=("Ar", "Kr"),
)
# domains are cut along x, so that with four of them one or two have no atoms
setup = ["units lj", "atom_modify map array", "processors * 1 1", f"read_data {sys.argv[1]}.data"]
setup += ["neighbor 0.2 bin", "min_style cg"]
where = lambda p: (p.parts[0].readout, p.parts[0].layers[0]["other"], p.parts[1].sigma)  # noqa: E731


def direction(values, seed):
    random = np.random.default_rng(seed)

    def one(value):
        change = 0.1 * random.normal(size=np.shape(value))
        return (change + change.T) / 2 if change.shape == (2, 2) else change

    return jax.tree.map(one, values)


def products() -> dict:
    session = Session(setup, potential, None, None, None)
    system = session.system(None)
    products, whole = Products(system, potential), Whole(system, 6)
    random = np.random.default_rng(0)
    u, adjoint = (
        Vectors.unflatten(whole.local(random.normal(size=(n, whole.size)))) for n in (2, 1)
    )
    choice = choose(potential, where)
    changes = jax.tree.map(
        lambda *rows: np.stack(rows), *(direction(choice.values, n) for n in (1, 2))
    )
    energy, slopes = products.gradient()
    energies, mixed = products.mixed(choice.build, choice.values, changes)
    transposed = products.mixed_transposed(choice.build, choice.values, u, np.array([0.3, -0.2]))
    curvatures = products.parameter_slopes(choice.build, choice.values, changes, u)
    third, third_slopes = products.third(choice.build, choice.values, changes, u, adjoint)
    return {
        "energy": np.array(energy),
        "gradient": whole.gather(slopes.flat),
        "Hessian": whole.gather(products.hessian(u).flat),
        "energies of changes": energies,
        "mixed": whole.gather(mixed.flat),
        "third": whole.gather(third_slopes.flat),
        **{f"mixed transposed {n}": x for n, x in enumerate(jax.tree.leaves(transposed))},
        **{f"parameter slopes {n}": x for n, x in enumerate(jax.tree.leaves(curvatures))},
        **{f"third by parameters {n}": x for n, x in enumerate(jax.tree.leaves(third))},
        "atoms of ranks": np.array(comm.allgather(len(system.ids))),
        "pairs of ranks": np.array(comm.allgather(int(system.graph.mask.sum()))),
    }


def relaxed() -> dict:
    relaxed = adflux.relax(setup, potential, force_tolerance=1e-11)
    values = choose(potential, where).values
    response = relaxed.jvp(direction(values, 1), where)

    def loss(positions, strain, energy, parameters):
        return (positions[::3, 0] ** 2).sum() + 0.3 * energy

    slopes = relaxed.gradient(loss, where)
    return {
        "energy": np.array(relaxed.energy),
        "positions": relaxed.gather(relaxed.positions),
        "response": relaxed.gather(response.positions),
        "energy1": np.array(response.energy1),
        "energy2": np.array(response.energy2),
        **{f"gradient {n}": x for n, x in enumerate(jax.tree.leaves(slopes))},
        "atoms of ranks": np.array(comm.allgather(len(relaxed.ids))),
    }


found = {"products": products, "relaxed": relaxed}[sys.argv[1]]()
if comm.rank == 0:
    np.savez("found.npz", **found)
