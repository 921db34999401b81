"""The fastest vibration of a structure, which says how often its flux must be sampled."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

from ..derivatives import energies_and_pair_gradients, pair_forces
from ..errors import AdfluxError
from ..graph import Graph
from ..potentials import Potential

ACCURACY = 1e-2  # of ω²


def fastest_square(
    potential: Potential, graph: Graph, masses: Float[np.ndarray, " atoms"]
) -> float:
    """The largest ω², of M^-1/2 H M^-1/2 with the Hessian H = ∂²U/∂r∂r, in energy per mass and
    length².

    Any structure, relaxed or not; Lanczos steps, each one product with H. graph: one row per atom.
    Zero where no pair has a force. Raises AdfluxError where the steps do not converge.
    """

    def forces(displacements: Float[Array, "atoms 3"]) -> Float[Array, "atoms 3"]:
        moved = displacements[graph.others] - displacements[graph.centers]
        moved_graph = graph.with_vectors(graph.vectors + moved)
        return pair_forces(graph, energies_and_pair_gradients(potential, moved_graph)[1])

    scale = 1.0 / np.sqrt(np.repeat(masses, 3))
    still = jnp.zeros((len(masses), 3), graph.vectors.dtype)

    @jax.jit
    def product(direction: Float[Array, "atoms 3"]) -> Float[Array, "atoms 3"]:
        return -jax.jvp(forces, (still,), (direction,))[1]

    class Scaled(LinearOperator):
        """M^-1/2 H M^-1/2."""

        def __init__(self):
            super().__init__(np.dtype(float), (len(scale),) * 2)

        def _matvec(self, x):
            direction = jnp.asarray((scale * x.ravel()).reshape(-1, 3), graph.vectors.dtype)
            return scale * np.asarray(product(direction), float).ravel()

    hessian, start = Scaled(), np.random.default_rng(0).normal(size=len(scale))
    if not hessian.matvec(start).any():
        return 0.0  # no forces, as without pairs
    try:
        largest = eigsh(
            hessian, 1, which="LA", v0=start, return_eigenvectors=False,
            tol=ACCURACY,  # pyright: ignore[reportArgumentType]
        )  # fmt: skip
    except ArpackError as error:
        raise AdfluxError(f"its Lanczos steps did not end ({error})") from None
    return np.asarray(largest).item()
