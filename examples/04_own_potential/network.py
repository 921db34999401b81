"""A message-passing network as a potential of lammps_adflux: all that LAMMPS needs to know is in this file.

In each layer every atom sums up what its neighbours send: Σ_j m_j, Σ_j m_j r̂_j, Σ_j m_j r̂_j ⊗ r̂_j with messages m_j that
depend on the neighbour's features and its distance. The lengths of these sums do not change when the system is
rotated; a small perceptron makes the atom's next features of them, and in the end its energy.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

import lammps_adflux as adflux

WAVES = 8  # radial functions


class Layer(eqx.Module):
    """Features of the atoms [atoms, width] → new features, by one round of messages."""

    send: jax.Array  # what of its features an atom tells its neighbours
    radial: jax.Array  # how the message fades with distance
    inner: jax.Array
    outer: jax.Array

    def __init__(self, width: int, key: jax.Array):
        keys = jax.random.split(key, 4)
        shapes = ((width, width), (WAVES, width), (4 * width, 2 * width), (2 * width, width))
        weights = [jax.random.normal(k, s) / jnp.sqrt(s[0]) for k, s in zip(keys, shapes, strict=True)]
        self.send, self.radial, self.inner, self.outer = weights

    def __call__(self, graph, features, waves, tensors):
        messages = graph.hop(features @ self.send) * (waves @ self.radial)  # hop: what comes from the other atom
        sums = graph.sum_pairs(messages[:, :, None] * tensors[:, None, :])
        lengths = [jnp.sum(part**2, axis=-1) for part in jnp.split(sums, (1, 4), axis=-1)]
        known = jnp.concatenate([features, sums[..., 0], *lengths[1:]], axis=-1)
        return features + jax.nn.silu(known @ self.inner) @ self.outer


class Network(adflux.Potential):
    """`hops` layers of messages; the energy is smooth where neighbours come and go at the cutoff."""

    embedding: jax.Array  # [elements, width]
    layers: tuple[Layer, ...]
    readout: jax.Array
    offset: jax.Array  # energy per atom that the network starts from
    cutoff: float = eqx.field(static=True)
    hops: int = eqx.field(static=True)
    elements: tuple[str, ...] = eqx.field(static=True)

    def __init__(self, elements, cutoff: float, hops: int, width: int, offset: float, key: jax.Array):
        keys = jax.random.split(key, hops + 2)
        self.elements, self.cutoff, self.hops = tuple(elements), cutoff, hops
        self.embedding = jax.random.normal(keys[0], (len(elements), width))
        self.layers = tuple(Layer(width, k) for k in keys[2:])
        self.readout = jax.random.normal(keys[1], (width,)) / width
        self.offset = jnp.asarray(offset)

    def __call__(self, graph):
        inside = graph.mask & (graph.distances < self.cutoff)
        r = jnp.where(inside, graph.distances, 0.5 * self.cutoff)[:, None]  # harmless where nothing counts
        fade = jnp.where(inside[:, None], (1 - (r / self.cutoff) ** 2) ** 3, 0.0)  # to zero with two derivatives
        waves = fade * jnp.sin(jnp.pi / self.cutoff * jnp.arange(1, WAVES + 1) * r) / r
        unit = graph.vectors / r
        x, y, z = unit.T
        mixed = jnp.sqrt(2.0) * jnp.stack([x * y, x * z, y * z], axis=1)  # √2: each stands twice in r̂ ⊗ r̂
        tensors = jnp.concatenate([jnp.ones_like(r), unit, unit**2, mixed], axis=1)
        features = self.embedding[graph.species]
        for layer in self.layers:
            features = layer(graph, features, waves, tensors)
        return self.offset + features @ self.readout
