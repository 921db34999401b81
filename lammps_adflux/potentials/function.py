"""Any JAX function of the pair list as a potential."""

from collections.abc import Callable, Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ..errors import AdfluxError
from ..graph import Graph
from ..hop_rule.jaxpr_pass import survey, with_hop_rule
from .base import Potential, check_elements, check_units

MISSING = object()


class FunctionPotential(Potential):
    """A function that somebody else wrote; the hop rule is added from outside. Made by
    `from_function`.
    """

    parameters: PyTree
    function: Callable = eqx.field(static=True)
    cutoff: float = eqx.field(static=True)
    hops: int = eqx.field(static=True)
    elements: tuple[str, ...] = eqx.field(static=True)
    units: str = eqx.field(static=True, default="metal")

    @property
    def params(self) -> PyTree:
        """`parameters`, as they were called formerly."""
        return self.parameters

    def __call__(self, graph: Graph) -> Float[Array, " atoms"]:
        """The function's energies; its gathers carry the hop rule under a flux evaluation, and
        exchange with other ranks where there are some.
        """

        parameters = jax.tree.map(jnp.asarray, self.parameters)

        def energies(*arrays):
            return self.function(parameters, *arrays)

        if graph.probe is not None or graph.exchange is not None:
            return with_hop_rule(energies, graph)
        return energies(graph.vectors, graph.centers, graph.others, graph.species, graph.mask)


def from_function(
    function: Callable,
    parameters: PyTree = MISSING,
    *,
    cutoff: float,
    elements,
    hops: int | None = None,
    units: str = "metal",
    params: PyTree = MISSING,
) -> FunctionPotential:
    """A potential from a JAX function of the pair list.

    Parameters
    ----------
    function
        function(parameters, vectors, centers, others, species, mask) → energies [atoms]. vectors
        [pairs, 3] are r_j - r_i; centers i and others j index the atoms; species [atoms] indexes
        `elements`; mask [pairs] is False for padding, whose vectors are longer than the cutoff. The
        number of atoms is len(species). Energies must go to zero smoothly at the cutoff, leave
        padding out, and depend on positions through the pair list alone.
    parameters
        A pytree; its array leaves are the parameters of the potential.
    cutoff
        Of the pairs.
    elements
        Chemical symbols, in a list, or in a string as "Ga,N".
    hops
        Layers of messages, each one a cutoff farther; a sum over pairs into `others` counts as one.
        Default: counted in the function's operations.
    units
        Of energies and lengths: "metal" (eV, Å), "real", "any" (those of the LAMMPS that it runs
        in), or another style of LAMMPS.
    params
        Earlier name of `parameters`.

    Raises
    ------
    AdfluxError
        By name, for what mixes atoms otherwise: a sum over all atoms, dense attention, Ewald sums.

    Notes
    -----
    A model file refers to the function by module and name, so `export` wants one that Python can
    import.
    """
    if (parameters is MISSING) == (params is MISSING):
        raise AdfluxError("from_function needs the function's parameters once, as `parameters`.")
    names = check_elements(elements, chemical=True)
    parameters = jax.tree.map(_array, _plain(params if parameters is MISSING else parameters))
    found = survey(lambda *arrays: function(jax.tree.map(jnp.asarray, parameters), *arrays))
    if found.fault is not None:
        raise AdfluxError(found.fault)
    if hops is not None and hops < found.hops:
        raise AdfluxError(
            f"The function passes messages through {found.hops} layers, but hops={hops} was "
            f"given: give hops={found.hops}, "
            "or leave it out."
        )
    return FunctionPotential(
        parameters=parameters,
        function=function,
        cutoff=float(cutoff),
        hops=hops or found.hops,
        elements=names,
        units=check_units(units),
    )


def _plain(tree):
    return (
        {key: _plain(value) for key, value in tree.items()} if isinstance(tree, Mapping) else tree
    )


def _array(leaf):
    array = np.asarray(leaf)
    if array.dtype == object:
        raise AdfluxError(
            "The parameters of a potential are arrays in nested dicts, lists and tuples, but "
            f"found a {type(leaf).__name__}: "
            "bind settings to the function with a module-level def instead."
        )
    return array.astype(np.float64) if np.issubdtype(array.dtype, np.floating) else array
