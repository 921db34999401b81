"""Forward and backward derivatives, columns, the dense route, the chain rule, preconditioners."""

import equinox as eqx
import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
from relaxed_systems import (
    along,
    direction,
    finish,
    found,
    in_cell_of,
    lennard_jones,
    parameters_of,
    relax_again,
    start,
    strain_of,
)

import lammps_adflux as adflux

potential, where = lennard_jones(), parameters_of("cubic")
values = where(potential)
change = direction(values)
relaxed = adflux.relax(start("hexagonal"), potential, 1e-11, "tri")
atoms = relaxed.system.atoms
random = np.random.default_rng(1)


def weighted(w, strains):
    return lambda x, strain, energy, parameters: jnp.sum(x * w) + strain @ strains + 0.3 * energy


for cell in (None, "iso", "aniso", "tri"):
    w, strains = random.normal(size=(atoms, 3)), random.normal(size=6)
    response = relaxed.jvp(change, where, cell)
    forward = np.sum(response.positions * w) + strains @ response.strain + 0.3 * response.energy1
    weights = adflux.Response(w, strains, 0.3, 0.0, 0.0)
    for name, found_gradient in (
        ("vjp", relaxed.vjp(weights, where, cell)),
        ("gradient", relaxed.gradient(weighted(w, strains), where, cell)),
    ):
        backward = sum(np.sum(a * b) for a, b in zip(found_gradient, change, strict=True))
        found[f"{name} {cell}"] = [forward, backward]
    jacobian = relaxed.jacobian(where, cell, progress=False)
    flat = jax.flatten_util.ravel_pytree(change)[0]
    found[f"columns positions {cell}"] = [
        np.tensordot(flat, jacobian.positions, 1),
        response.positions,
    ]
    found[f"columns strain {cell}"] = [flat @ jacobian.strain, response.strain]
    found[f"columns energy {cell}"] = [flat @ jacobian.energy, response.energy1]
    dense = relaxed.dense(where, cell)
    found[f"dense positions {cell}"] = [dense.positions, jacobian.positions]
    found[f"dense strain {cell}"] = [dense.strain, jacobian.strain]
    found[f"symmetry {cell}"] = [dense.hessian, dense.hessian.T]


def loss(x, strain, energy, parameters):
    moved = relaxed.cartesian(x, strain)
    epsilon, sigma = parameters
    return (
        jnp.sum(jnp.sin(3.0 * (moved - moved.mean(axis=0)))) * jnp.tanh(energy / 100.0)
        + 20.0 * jnp.sum(strain**2 + strain)
        + jnp.sum(epsilon**2 * sigma)
    )


def tied(values):
    sigma = (
        jnp.asarray(potential.sigma).at[0, 1].set(values["unlike"]).at[1, 0].set(values["unlike"])
    )
    return eqx.tree_at(where, potential, (jnp.exp(values["log"]) * potential.epsilon, sigma))


gradient = relaxed.gradient(loss, where)
logs = {"log": np.array(0.0), "unlike": np.array(potential.sigma[0, 1])}
few = relaxed.gradient(lambda x, e, u, p: loss(x, e, u, where(tied(p))), (logs, tied))
found["tied"] = [
    [few["log"], few["unlike"]],
    [np.sum(gradient[0] * potential.epsilon), gradient[1][0, 1] + gradient[1][1, 0]],
]
step = {"log": 0.7, "unlike": -0.2}
response = relaxed.jvp(step, (logs, tied))
unlike = np.array([[0.0, 1.0], [1.0, 0.0]])
other = relaxed.jvp((0.7 * potential.epsilon, -0.2 * unlike), where)
found["tied positions"] = [response.positions, other.positions]
found["tied energy1"] = [response.energy1, other.energy1]
# exp bends: half of d2 exp = 0.7**2 / 2 more along the slope by epsilon
slope = relaxed.jacobian(where, progress=False).energy[:4]
found["tied energy2"] = [
    response.energy2,
    other.energy2 + 0.7**2 / 2 * slope @ potential.epsilon.ravel(),
]
both = relaxed.gradient(lambda x, e, u, p: loss(x, e, u, where(p)))
found["where none"] = [np.ravel([both.epsilon, both.sigma]), np.ravel(gradient)]


def at(h):
    values_there = along(values, change, h)
    r = relax_again(relaxed, eqx.tree_at(where, potential, values_there))
    return float(
        loss(
            in_cell_of(relaxed, r),
            strain_of(r.system.cell, relaxed.system.cell),
            r.energy,
            values_there,
        )
    )


h = 1e-4
found["differences"] = [
    (at(h) - at(-h)) / (2 * h),
    sum(np.sum(a * b) for a, b in zip(gradient, change, strict=True)),
]
for name in ("none", "jacobi", "exp"):
    # other steps to the same structure, and the same response
    again = relax_again(relaxed, potential, preconditioner=name)
    again = again.jvp(change, where)
    first = relaxed.jvp(change, where)
    found[f"preconditioner {name}"] = [again.positions, first.positions]
    found[f"preconditioner strain {name}"] = [again.strain, first.strain]

finish()
