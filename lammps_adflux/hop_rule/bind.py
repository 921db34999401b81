"""One operation of a jaxpr, applied to values."""

import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, jaxpr_as_fun


def evaluate(eqn, values, debug_info) -> list:
    """One operation by itself, as a jaxpr of one line: how operations are bound differs between
    versions of JAX.
    """
    given = {
        var: value
        for var, value in zip(eqn.invars, values, strict=True)
        if not isinstance(var, Literal)
    }
    line = Jaxpr((), list(given), list(eqn.outvars), [eqn], eqn.effects, debug_info)
    return jaxpr_as_fun(ClosedJaxpr(line, ()))(*given.values())


def along(operation, values, axes):
    """An operation on rows of atoms, wherever the axis of the atoms is."""
    axis = axes.index("atoms")
    return jnp.moveaxis(operation(jnp.moveaxis(values, axis, 0)), 0, axis)


def closed_jaxpr(jaxpr) -> ClosedJaxpr:
    """A jaxpr with its constants; JAX keeps those of some operations without."""
    return jaxpr if isinstance(jaxpr, ClosedJaxpr) else ClosedJaxpr(jaxpr, ())
