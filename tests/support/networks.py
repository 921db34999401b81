"""A small message-passing network, for the laws that one-layer potentials fulfil too easily."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from mpi4py import MPI

from lammps_adflux import Graph, Potential, from_function
from lammps_adflux.graph import keep


class MessagePassing(Potential):
    """Scalar and vector features, `hops` layers; messages use both ends, and vectors that travel.

    Everything decays smoothly at the cutoff, so that finite differences are sharp.
    """

    layers: tuple
    readout: np.ndarray
    embedding: np.ndarray
    cutoff: float = eqx.field(static=True)
    hops: int = eqx.field(static=True)
    elements: tuple = eqx.field(static=True)
    units = "any"  # weights of order one mean the same in each

    def __call__(self, graph: Graph):
        distances = graph.distances
        inside = graph.mask & (distances < self.cutoff)
        r = jnp.where(inside, distances, 0.5 * self.cutoff)
        envelope = jnp.where(inside, (1.0 - (r / self.cutoff) ** 2) ** 3, 0.0)
        directions = graph.vectors / jnp.where(inside, r, 1.0)[:, None]
        radial = jnp.stack(
            [jnp.sin((n + 1) * jnp.pi * r / self.cutoff) / r for n in range(4)], axis=1
        )
        scalars = jnp.asarray(self.embedding)[graph.species]
        vectors = jnp.zeros((*scalars.shape, 3), scalars.dtype)
        for layer in self.layers:
            gate = jnp.tanh(
                graph.at_center(scalars) @ layer["center"] + graph.hop(scalars) @ layer["other"]
            )
            filters = (radial @ layer["radial"]) * envelope[:, None]
            message = gate * filters
            scalars = scalars + graph.sum_pairs(message)
            carried = graph.hop(vectors) * filters[..., None]
            vectors = vectors + graph.sum_pairs(
                message[..., None] * directions[:, None, :] + carried
            )
            scalars = scalars + jnp.tanh(jnp.sum(vectors**2, axis=-1) @ layer["norm"])
        return jnp.tanh(scalars) @ jnp.asarray(self.readout)


def message_passing(
    hops: int,
    cutoff: float = 3.0,
    elements=("Si", "Ge"),
    seed: int = 0,
    width: int = 5,
    scale: float = 1.0,
    kind: type = MessagePassing,
):
    """A network with random weights of order one; `scale` multiplies its energies."""
    keys = iter(jax.random.split(jax.random.PRNGKey(seed), 100))

    def weights(*shape):
        return np.asarray(jax.random.normal(next(keys), shape, dtype=float)) / np.sqrt(shape[0])

    layers = tuple(
        {
            "center": weights(width, width),
            "other": weights(width, width),
            "radial": weights(4, width) * 2.0,
            "norm": weights(width, width),
        }
        for _ in range(hops)
    )
    return kind(
        layers, scale * weights(width), weights(len(elements), width), cutoff, hops, tuple(elements)
    )


class InBlocks(MessagePassing):
    """The same network, its messages summed by `Graph.sum_messages`."""

    def __call__(self, graph: Graph):
        def geometry(vectors):
            squares = jnp.sum(vectors**2, axis=1)
            inside = squares < self.cutoff**2
            r = jnp.sqrt(jnp.where(inside, squares, 0.25 * self.cutoff**2))
            envelope = jnp.where(inside, (1.0 - (r / self.cutoff) ** 2) ** 3, 0.0)
            waves = [jnp.sin((n + 1) * jnp.pi * r / self.cutoff) / r for n in range(4)]
            return envelope, vectors / jnp.where(inside, r, 1.0)[:, None], jnp.stack(waves, axis=1)

        scalars = jnp.asarray(self.embedding)[graph.species]
        moved = jnp.zeros((*scalars.shape, 3), scalars.dtype)
        for layer in self.layers:

            def message(vectors, others, center, layer=layer):
                envelope, directions, radial = geometry(vectors)
                gate = jnp.tanh(center @ layer["center"] + others["scalars"] @ layer["other"])
                filters = keep((radial @ layer["radial"]) * envelope[:, None])
                scalars = gate * filters
                carried = others["vectors"] * filters[..., None]
                return scalars, scalars[..., None] * directions[:, None, :] + carried

            sent = {"scalars": scalars, "vectors": moved}
            new_scalars, new_vectors = graph.sum_messages(message, sent, scalars)
            scalars, moved = scalars + new_scalars, moved + new_vectors
            scalars = scalars + jnp.tanh(jnp.sum(moved**2, axis=-1) @ layer["norm"])
        return jnp.tanh(scalars) @ jnp.asarray(self.readout)


class FailsOnRankOne(MessagePassing):
    """A network that rank 1 cannot evaluate, while the others wait for its features."""

    def __call__(self, graph: Graph):
        if graph.exchange is not None and MPI.COMM_WORLD.rank == 1:
            raise MemoryError("no memory is left here")
        return super().__call__(graph)


def plain_network(params, vectors, centers, others, species, mask):
    """Layers that index neighbours by themselves, as models that others wrote do."""
    cutoff = params["cutoff"]
    squared = jnp.sum(vectors**2, axis=1)
    inside = mask & (squared < cutoff**2)
    r = jnp.sqrt(jnp.where(inside, squared, 1.0))
    radial = jnp.where(inside, (1 - (r / cutoff) ** 2) ** 3, 0.0)[:, None] * jnp.cos(
        r[:, None] * jnp.arange(1, 5)
    )
    h = params["embedding"][species]
    for center, other, mix in zip(params["center"], params["other"], params["mix"], strict=True):
        gate = jnp.tanh(h[others] @ other + h[centers] @ center)
        h = h + jax.ops.segment_sum(gate * (radial @ mix), centers, len(h))
    return jnp.sum(jnp.sin(h), axis=1)


def function_network(
    layers: int, cutoff: float = 3.5, elements=("Si", "Ge"), seed: int = 0, units="any"
):
    """`plain_network` with random weights."""
    random = np.random.default_rng(seed)
    params = {name: random.normal(size=(layers, 4, 4)) / 2 for name in ("center", "other", "mix")}
    params |= {"embedding": random.normal(size=(len(elements), 4)), "cutoff": np.asarray(cutoff)}
    return from_function(plain_network, params, cutoff=cutoff, elements=elements, units=units)


def _radial(params, vectors, mask):
    """Radial functions [pairs, 4] that end smoothly at the cutoff, without a NaN at padding."""
    cutoff = params["cutoff"]
    squared = jnp.sum(vectors**2, axis=1)
    inside = mask & (squared < cutoff**2)
    r = jnp.sqrt(jnp.where(inside, squared, 1.0))
    envelope = jnp.where(inside, (1 - (r / cutoff) ** 2) ** 3, 0.0)[:, None]
    return envelope * jnp.cos(r[:, None] * jnp.arange(1, 5))


def scanned_network(params, vectors, centers, others, species, mask):
    """Layers in a scan, each of them recomputed in the reverse pass, heads under vmap, and a branch
    that a parameter decides.
    """
    radial = _radial(params, vectors, mask)

    def head(h, weights):
        return jnp.tanh(h[others] @ weights) * h[centers]

    @jax.checkpoint
    def layer(h, weights):
        gates = jax.vmap(head, in_axes=(None, 0))(h, weights["heads"])
        message = jnp.sum(gates, axis=0) * (radial @ weights["mix"])
        return h + 0.3 * jax.ops.segment_sum(message, centers, len(h))

    def step(h, weights):
        return jax.lax.cond(weights["skip"] > 0, lambda h, w: h, layer, h, weights), None

    h, _ = jax.lax.scan(step, params["embedding"][species], params["layers"])
    return jnp.sum(jnp.sin(h), axis=1)


def spreading_network(params, vectors, centers, others, species, mask):
    """Messages go to the other atom, weighed with how many neighbours either atom has: counts have
    no derivative, but other ranks know them alone.
    """
    radial = _radial(params, vectors, mask)
    count = jax.ops.segment_sum(jnp.where(mask, 1.0, 0.0), centers, len(species))
    received = jax.ops.segment_sum(jnp.where(mask, 1.0, 0.0), others, len(species))
    scale = 1.0 / (1.0 + count[others] + received[centers])
    h = params["embedding"][species]
    for weights in params["layers"]["mix"]:
        message = jnp.tanh(h[centers]) * (radial @ weights) * scale[:, None]
        h = h + jax.ops.segment_sum(message, others, len(h))
    return jnp.sum(jnp.sin(h), axis=1)


def other_network(function, cutoff: float = 3.0, elements=("Si", "Ge"), layers: int = 2):
    """`scanned_network` or `spreading_network` with random weights."""
    random = np.random.default_rng(1)
    params = {
        "cutoff": np.asarray(cutoff),
        "embedding": random.normal(size=(len(elements), 4)),
        "layers": {
            "heads": random.normal(size=(layers, 3, 4, 4)) / 2,
            "mix": random.normal(size=(layers, 4, 4)),
            "skip": np.zeros(layers),
        },
    }
    return from_function(function, params, cutoff=cutoff, elements=elements, units="any")
