"""Tables on a regular grid, interpolated as LAMMPS' `pair_style eam` does."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

SHORTEST = 5  # points of a table


def coefficients(tables: Float[Array, "tables points"]) -> Float[Array, "tables intervals 4"]:
    """a, b, c, d of a x³ + b x² + c x + d in each interval of each table, 0 ≤ x ≤ 1.

    Values and slopes are continuous. Slopes at the points are central differences of fourth order,
    of second and first order at the second and first point of each end.
    """
    inner = (tables[:, :-4] - tables[:, 4:] + 8.0 * (tables[:, 3:-1] - tables[:, 1:-3])) / 12.0
    slopes = jnp.concatenate(
        [
            tables[:, 1:2] - tables[:, :1],
            0.5 * (tables[:, 2:3] - tables[:, :1]),
            inner,
            0.5 * (tables[:, -1:] - tables[:, -3:-2]),
            tables[:, -1:] - tables[:, -2:-1],
        ],
        axis=1,
    )
    rise = tables[:, 1:] - tables[:, :-1]
    left, right = slopes[:, :-1], slopes[:, 1:]
    return jnp.stack(
        [left + right - 2.0 * rise, 3.0 * rise - 2.0 * left - right, left, tables[:, :-1]], axis=-1
    )


def evaluate(
    tables: Float[Array, "tables points"],
    which: Int[Array, " n"],
    points: Float[Array, " n"],
    linear: bool = False,
) -> Float[Array, " n"]:
    """Table `which` at `points`, counted in intervals from the first point.

    Beyond the last point the last value, or with `linear` the tangent there.
    """
    intervals = tables.shape[1] - 1
    left = jnp.clip(points.astype(jnp.int32), 0, intervals - 1)
    x = jnp.minimum(points - left, 1.0)
    place = which * intervals + left
    # by columns: XLA needs half the time for them that rows of four take
    a, b, c, d = (column[place] for column in coefficients(tables).reshape(-1, 4).T)
    values = ((a * x + b) * x + c) * x + d
    if linear:
        slope = (3.0 * a * x + 2.0 * b) * x + c
        values = values + slope * jnp.maximum(points - intervals, 0.0)
    return values
