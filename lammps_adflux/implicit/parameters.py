"""Which numbers of a potential are its parameters."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np

from ..errors import AdfluxError
from .parameter_names import file_order, parameter_names


class Choice(NamedTuple):
    """Values that are varied, and how a potential is built from them."""

    values: Any  # a tree of arrays
    build: Callable  # values → potential
    # where each array is: in the potential, or in `values` if `build` makes the potential of them
    paths: list
    potential: Any  # the one whose arrays are varied

    @property
    def names(self) -> tuple[str, ...]:
        """Of each parameter in the order of `flatten`: as sigma[0,0], and W:beta3 for coefficients
        of SNAP.
        """
        return tuple(name for name, _ in parameter_names(self.potential, self.paths, self.values))

    @property
    def plain_names(self) -> tuple[str, ...]:
        """The same, all as sigma[0,0]: by field and place."""
        return tuple(name for name, _ in parameter_names(None, self.paths, self.values))

    @property
    def varied(self) -> list | None:
        """Paths of the arrays in the potential; None where a function makes the potential of the
        values.
        """
        return None if self.potential is None else self.paths

    @property
    def order(self) -> np.ndarray:
        """Numbers of `flatten` in the order of the potential's file [parameters]: β₀ … β_K of one
        element after the other.
        """
        return file_order(
            [place for _, place in parameter_names(self.potential, self.paths, self.values)]
        )


def choose(potential, where=None) -> Choice:
    """The chosen parameters of a potential.

    where: None for all its floating-point arrays; a name of a field, or names; a function potential
    → array or tuple of arrays, as for `equinox.tree_at`; or (values, build) with a JAX function
    `build(values)` → potential, for some numbers of an array, and for parameters that are shared,
    tied, or transformed.
    """
    if isinstance(where, str) or (
        isinstance(where, (list, tuple)) and all(isinstance(name, str) for name in where)
    ):
        where = _fields(potential, where)
    if where is None:
        values, rest = eqx.partition(potential, eqx.is_inexact_array)
        return Choice(values, eqx.Partial(_combine, rest), _paths(values), potential)
    if callable(where):
        try:
            values = where(potential)
        except (AttributeError, TypeError, IndexError, KeyError) as error:
            raise AdfluxError(
                f"where does not apply to {type(potential).__name__}: {error}."
            ) from error
        leaves = jax.tree.leaves(values)
        if not leaves or not all(eqx.is_inexact_array(leaf) for leaf in leaves):
            raise AdfluxError(
                "where must pick arrays of floating-point numbers from the potential."
            )
        places, paths = _places(where, potential), _paths(potential)
        return Choice(
            values,
            eqx.Partial(_replace, places, potential),
            [paths[place] for place in places],
            potential,
        )
    if not isinstance(where, tuple) or len(where) != 2 or not callable(where[1]):
        raise AdfluxError(
            "where must be names of fields, a function of the potential, or (values, build)."
        )
    values, build = where
    values = jax.tree.map(lambda leaf: np.asarray(leaf, float), values)
    try:
        jax.eval_shape(build, values)
    except (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError) as error:
        raise AdfluxError(
            "build(values) must be a JAX function, but it asks for the numbers: change a "
            "potential that exists by equinox.tree_at."
        ) from error
    _same(potential, build(values))
    return Choice(
        values,
        build,
        [(jax.tree_util.GetAttrKey("values"), *path) for path in _paths(values)],
        None,
    )


def directions(values) -> Any:
    """One unit change per parameter, as values with one more axis: the rows of the Jacobian."""
    leaves, structure = jax.tree.flatten(values)
    total, start, blocks = sum(np.size(leaf) for leaf in leaves), 0, []
    for leaf in leaves:
        block = np.zeros((total, np.size(leaf)))
        block[start : start + np.size(leaf)] = np.eye(np.size(leaf))
        blocks.append(block.reshape(total, *np.shape(leaf)))
        start += np.size(leaf)
    return jax.tree.unflatten(structure, blocks)


def flatten(values) -> np.ndarray:
    """All numbers in one float64 vector, leaf by leaf (as `jax.flatten_util.ravel_pytree`, in any
    precision of JAX).
    """
    return np.concatenate([np.ravel(np.asarray(leaf, float)) for leaf in jax.tree.leaves(values)])


def unflatten(values, vector):
    """The inverse of `flatten`: the numbers of `vector` in the form of `values`; a JAX function."""
    leaves, structure = jax.tree.flatten(values)
    ends = np.cumsum([np.size(leaf) for leaf in leaves])
    parts = [vector[end - np.size(leaf) : end] for leaf, end in zip(leaves, ends, strict=True)]
    return jax.tree.unflatten(
        structure, [part.reshape(np.shape(leaf)) for part, leaf in zip(parts, leaves, strict=True)]
    )


def check_change(values, change, what: str):
    """The change as float64 arrays, if it has the form of the values."""
    if jax.tree.structure(values) != jax.tree.structure(change):
        raise AdfluxError(
            f"{what} must have the form of the parameters, {jax.tree.structure(values)}, but is "
            f"{jax.tree.structure(change)}."
        )

    def one(value, leaf):
        leaf = np.asarray(leaf, float)
        if leaf.shape != np.shape(value):
            raise AdfluxError(
                f"{what} has an array of shape {leaf.shape} where the parameter has "
                f"{np.shape(value)}."
            )
        if not np.isfinite(leaf).all():
            raise AdfluxError(f"{what} holds numbers that are not finite.")
        return leaf

    return jax.tree.map(one, values, change)


def _paths(tree) -> list:
    return [path for path, _ in jax.tree_util.tree_leaves_with_path(tree)]


def _combine(rest, values):
    return eqx.combine(values, rest)


def _places(where, potential) -> tuple[int, ...]:
    """Which leaves of the potential are picked: equal for equal choices, so that JAX compiles once
    for all of them.
    """
    leaves, structure = jax.tree.flatten(potential)
    try:
        places = tuple(
            jax.tree.leaves(where(jax.tree.unflatten(structure, list(range(len(leaves))))))
        )
    except TypeError:  # numbers of arrays were asked for, or something was computed
        places = ()
    if (
        not places
        or not all(isinstance(place, int) for place in places)
        or len(set(places)) != len(places)
    ):
        raise AdfluxError(
            "where must pick whole arrays of the potential, each once; for some numbers of an "
            "array, and for shared or transformed parameters, "
            "give (values, build)."
        )
    return places


def _fields(potential, names) -> Callable:
    one = isinstance(names, str) and names.isidentifier()
    names = names.replace(",", " ").split() if isinstance(names, str) else names
    unknown = [name for name in names if not hasattr(potential, name)]
    if unknown:
        known = [
            field.name
            for field in dataclasses.fields(potential)
            if any(
                eqx.is_inexact_array(leaf)
                for leaf in jax.tree.leaves(getattr(potential, field.name))
            )
        ]
        raise AdfluxError(
            f"{type(potential).__name__} has no field {', '.join(unknown)}: its parameters are "
            f"{', '.join(known)}."
        )
    return lambda potential: (
        getattr(potential, names[0]) if one else tuple(getattr(potential, n) for n in names)
    )


def _replace(places, potential, values):
    leaves, structure = jax.tree.flatten(potential)
    for place, value in zip(places, jax.tree.leaves(values), strict=True):
        leaves[place] = value
    return jax.tree.unflatten(structure, leaves)


def _same(potential, built) -> None:
    def arrays(tree):
        return [np.asarray(leaf) for leaf in jax.tree.leaves(tree) if eqx.is_array(leaf)]

    here, there = arrays(potential), arrays(built)
    if len(here) != len(there) or not all(
        a.shape == b.shape and np.allclose(a, b, rtol=1e-10, atol=1e-300)
        for a, b in zip(here, there, strict=True)
    ):
        raise AdfluxError(
            "build(values) must give the potential of the relaxed structure at the present values."
        )
