"""The laws of the exchange on these ranks, against one array of all atoms; prints `ok LAW` each.

Atoms are dealt out at random; each rank has rows for its own and for some of the others, more than
it needs are padding.
"""

import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from mpi4py import MPI

from lammps_adflux.parallel.exchange import Plan
from lammps_adflux.parallel.handler import missing_handler

jax.config.update("jax_enable_x64", True)
comm = MPI.COMM_WORLD
ATOMS = 17
random = np.random.default_rng(5)
# the last rank has no atoms
owner = random.integers(0, max(comm.size - 1, 1), ATOMS)
seen = random.random((comm.size, ATOMS)) < 0.6
ids = np.flatnonzero(owner == comm.rank)
remote = np.flatnonzero(seen[comm.rank] & (owner != comm.rank))
here = np.concatenate([ids, remote])
rows = len(here) + 3 + comm.rank
plan = Plan(comm)
plan.update(here, len(ids))
E = plan.exchange()
assert (missing_handler() is not None) == (sys.argv[1] == "python"), missing_handler()


def spread(whole):
    """A rank's rows of values of all atoms; rows of other ranks' atoms hold what is of no use."""
    values = np.full((rows, *whole.shape[1:]), 7, whole.dtype)
    values[: len(ids)] = whole[ids]
    return jnp.asarray(values)


def total(value):
    return comm.allreduce(np.asarray(value))


def law(name, holds):
    if comm.allreduce(bool(holds), op=MPI.LAND):
        if comm.rank == 0:
            print("ok", name, flush=True)
    elif comm.rank == 0:
        print("broken", name, flush=True)


whole = random.normal(size=(ATOMS, 2, 3))
found = jax.jit(E)(spread(whole))
law("rows have their owners' values", np.array_equal(found[: len(here)], whole[here]))
law("padding stays", bool(jnp.all(found[len(here) :] == 7)))
several = {
    "floats": whole,
    "short": whole[:, 0].astype(np.float32),
    "integers": random.integers(0, 99, (ATOMS,)),
    "none": whole[:, :0],
}
found = jax.jit(E)(jax.tree.map(spread, several))
same = [np.array_equal(found[name][: len(here)], several[name][here]) for name in several]
law("several arrays travel together", all(same))

a, b = (jnp.asarray(random.normal(size=(rows, 4))) for _ in range(2))
a, b = a.at[len(here) :].set(0.0), b.at[len(here) :].set(0.0)
forward, home = E(a), E.add_home(b)
law("the transpose", abs(total(jnp.vdot(forward, b)) - total(jnp.vdot(a, home))) < 1e-12)
law("nothing is left behind", not np.any(home[len(ids) : len(here)]))
(pulled,) = jax.vjp(E, a)[1](b)
law("reverse mode is the transpose", np.array_equal(pulled, home))
law("forward mode is linear", np.array_equal(jax.jvp(E, (a,), (b,))[1], E(b)))
batch = jnp.stack([a, b, a + b])
law("a batch is one wide message", np.array_equal(jax.vmap(E)(batch)[2], E(a + b)))
law("a batch of transposes", np.array_equal(jax.vmap(E.add_home)(batch)[1], E.add_home(b)))


def three_times(values):
    def layer(values, _):
        return jnp.tanh(jax.checkpoint(E)(values)) * values, None

    return jax.lax.scan(layer, values, None, length=3)[0]


def energy(values):
    counts = jnp.arange(rows) < len(ids)
    return jnp.sum(jnp.where(counts[:, None], three_times(values) ** 2, 0.0))


def alone(values):
    """The same without ranks: row i reads row i of all atoms."""
    for _ in range(3):
        values = jnp.tanh(values) * values
    return jnp.sum(values**2)


def third(energy, x, direction):
    slope = jax.grad(energy)

    def curve(x):
        return jax.jvp(slope, (x,), (direction,))[1]

    return slope(x), curve(x), jax.jvp(curve, (x,), (direction,))[1]


x, direction = (random.normal(size=(ATOMS, 4)) for _ in range(2))
ours = jax.jit(lambda x, d: third(energy, x, d))(spread(x), spread(direction))
theirs = third(alone, jnp.asarray(x), jnp.asarray(direction))
for order, (mine, all_of_them) in enumerate(zip(ours, theirs, strict=True), 1):
    close = np.allclose(mine[: len(ids)], all_of_them[ids], rtol=1e-12, atol=1e-12)
    law(f"derivative {order} through a scan of checkpoints", close)

# atoms move between ranks: a new plan under the same handle, and nothing is compiled anew
compiled: Any = jax.jit(E)
compiled(spread(whole))
before = compiled._cache_size()
plan.update(np.concatenate([ids, remote[::-1]]), len(ids))
found = compiled(spread(whole))
order = np.concatenate([ids, remote[::-1]])
law("a new plan is followed", np.array_equal(found[: len(here)], whole[order]))
law("a new plan compiles nothing", compiled._cache_size() == before)
