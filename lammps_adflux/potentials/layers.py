"""Does a potential declare as many layers of messages as its energies need?

Too few are wrong numbers on several ranks, and a wrong flux, without any sign. The operations of
the potential are followed (hops.py), which costs a tenth of a second. Where they cannot be
followed, the potential is tried: the energies of a chain of atoms must not depend on pairs farther
along it, nor on atoms elsewhere.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..errors import AdfluxError
from ..graph import Graph
from ..hop_rule.jaxpr_pass import Survey, survey
from . import FunctionPotential, Potential

SPACING = 0.65  # of the chain, in cutoffs: only next atoms are pairs


def survey_of(potential: Potential) -> Survey:
    """Layers and faults of the potential's operations; AdfluxError where JAX cannot trace it."""
    dtype = jnp.result_type(float)
    potential = jax.tree.map(
        lambda leaf: jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf, potential
    )

    def function(vectors, centers, others, species, mask):
        return potential(
            Graph(
                vectors,
                centers,
                others,
                species,
                mask,
                jnp.ones(len(species), bool),
                slots=None if potential.triplet_cutoff is None else jnp.arange(2),
            )
        )

    try:
        return survey(function, dtype=dtype)
    except AdfluxError:
        raise
    except Exception as error:  # of the user's class
        reason = " ".join(str(error).split())[:300]
        raise AdfluxError(
            f"JAX cannot trace the potential {type(potential).__name__} ({type(error).__name__}: "
            f"{reason}): mend its __call__."
        ) from error


def require_layers(potential: Potential) -> None:
    """AdfluxError where energies depend on more than `hops` layers of messages along
    the pair list.
    """
    found = survey_of(potential)
    name = type(potential).__name__
    if found.hops > potential.hops:
        raise AdfluxError(
            f"The potential {name} passes messages through {found.hops} layers, but it declares "
            f"hops={potential.hops}: declare hops={found.hops}."
        )
    if found.fault is None:
        return
    if isinstance(potential, FunctionPotential):
        raise AdfluxError(found.fault)
    if (beyond := influence_beyond(potential)) is not None:
        raise AdfluxError(
            f"The energies of the potential {name} depend on {beyond}, but it declares "
            f"hops={potential.hops}: {found.fault}"
        )


def influence_beyond(potential: Potential) -> str | None:
    """What the energies of a chain of atoms depend on, more than `hops` pairs away; None if on
    nothing.
    """
    graph, length = _chain(potential)
    centers = np.asarray(graph.centers)
    for atom in (0, length // 2):
        slopes = np.abs(np.asarray(_slopes(potential, graph, jnp.asarray(atom)))).max(axis=1)
        here, aside = slopes.max(initial=0.0), centers >= length
        if not np.isfinite(slopes).all():
            return "atoms in a way that gives no finite forces for a chain of atoms"
        if slopes[aside].max(initial=0.0) > 1e-12 * here:
            return "atoms that no chain of pairs leads to"
        if (
            slopes[~aside & (np.abs(centers - atom) >= potential.hops)].max(initial=0.0)
            > 1e-12 * here
        ):
            return f"atoms more than {potential.hops} pairs away"
    return None


@eqx.filter_jit
def _slopes(potential, graph: Graph, atom):
    def energy(vectors):
        return potential(eqx.tree_at(lambda g: g.vectors, graph, vectors))[atom]

    return jax.grad(energy)(graph.vectors)


def _chain(potential: Potential) -> tuple[Graph, int]:
    """A chain, its pairs leading to the next atoms, and its length; the last two atoms
    stand aside.
    """
    cutoffs = np.asarray(potential.pair_cutoffs)
    kinds = np.unravel_index(np.argmax(cutoffs), cutoffs.shape)
    length, random = 2 * potential.hops + 6, np.random.default_rng(0)
    vectors = random.normal(size=(length, 3)) * 0.1
    vectors[:, 0] += 1.0
    vectors *= SPACING * cutoffs.max() / np.linalg.norm(vectors, axis=1)[:, None]
    bonds = [(n, n + 1, vectors[n]) for n in range(length - 1)] + [
        (length, length + 1, vectors[-1])
    ]
    pairs = sorted(bonds + [(j, i, -r) for i, j, r in bonds], key=lambda pair: pair[:2])
    centers = np.array([i for i, _, _ in pairs], np.int32)
    species = np.append(np.resize(kinds, length), kinds)
    graph = Graph(
        vectors=jnp.asarray(np.array([r for _, _, r in pairs]), jnp.result_type(float)),
        centers=jnp.asarray(centers),
        others=jnp.asarray(np.array([j for _, j, _ in pairs], np.int32)),
        species=jnp.asarray(species, jnp.int32),
        mask=jnp.ones(len(pairs), bool),
        owned=jnp.ones(len(species), bool),
        # each atom of a chain has two neighbours
        slots=None if potential.triplet_cutoff is None else jnp.arange(2),
    )
    return graph, length
