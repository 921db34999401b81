"""A message-passing network as a potential of lammps_adflux: all that LAMMPS needs to know is in
this file.

In each layer every atom sums up what its neighbours send: Σ_j m_j, Σ_j m_j r̂_j, Σ_j m_j r̂_j ⊗
r̂_j with messages m_j that depend on the neighbour's features and its distance. The lengths of
these sums do not change when the system is rotated; a small perceptron makes the atom's next
features of them, and in the end its energy.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

import lammps_adflux as adflux

WAVES = 8  # radial functions


class Layer(eqx.Module):
    """Features of the atoms [atoms, width] → new features, by one round of messages."""

    send: eqx.nn.Linear  # what of its features an atom tells its neighbours
    fade: eqx.nn.Linear  # how the message changes with distance
    update: eqx.nn.MLP

    def __init__(self, width: int, key: jax.Array):
        keys = jax.random.split(key, 3)
        self.send = eqx.nn.Linear(width, width, use_bias=False, key=keys[0])
        self.fade = eqx.nn.Linear(WAVES, width, use_bias=False, key=keys[1])
        self.update = eqx.nn.MLP(4 * width, width, 2 * width, 1, jax.nn.silu, key=keys[2])

    def __call__(self, graph, features, waves, tensors):
        # hop: from the other atom
        messages = graph.hop(jax.vmap(self.send)(features)) * jax.vmap(self.fade)(waves)
        sums = graph.sum_pairs(messages[:, :, None] * tensors[:, None, :])
        lengths = [jnp.sum(part**2, axis=-1) for part in (sums[..., 1:4], sums[..., 4:])]
        return features + jax.vmap(self.update)(
            jnp.concatenate([features, sums[..., 0], *lengths], axis=-1)
        )


class Network(adflux.Potential):
    """`hops` layers of messages; the energy is smooth where neighbours come and go at
    the cutoff.
    """

    embedding: jax.Array  # [elements, width]
    layers: list[Layer]
    readout: jax.Array
    offset: jax.Array  # energy per atom that the network starts from
    cutoff: float = eqx.field(static=True)
    hops: int = eqx.field(static=True)
    elements: tuple[str, ...] = eqx.field(static=True)

    def __init__(self, elements, cutoff: float, hops: int, width: int, key: jax.Array):
        keys = jax.random.split(key, hops + 2)
        self.elements, self.cutoff, self.hops = tuple(elements), cutoff, hops
        self.embedding = jax.random.normal(keys[0], (len(elements), width))
        self.layers = [Layer(width, k) for k in keys[2:]]
        self.readout, self.offset = jax.random.normal(keys[1], (width,)) / width, jnp.zeros(())

    def __call__(self, graph):
        inside = graph.mask & (graph.distances < self.cutoff)
        # harmless where nothing counts
        r = jnp.where(inside, graph.distances, 0.5 * self.cutoff)[:, None]
        # to zero with two derivatives
        fade = jnp.where(inside[:, None], (1 - (r / self.cutoff) ** 2) ** 3, 0.0)
        waves = fade * jnp.sin(jnp.pi / self.cutoff * jnp.arange(1, WAVES + 1) * r) / r
        unit = graph.vectors / r
        products = (unit[:, :, None] * unit[:, None, :]).reshape(-1, 9)
        tensors = jnp.concatenate([jnp.ones_like(r), unit, products], axis=1)
        features = self.embedding[graph.species]
        for layer in self.layers:
            features = layer(graph, features, waves, tensors)
        return self.offset + features @ self.readout
