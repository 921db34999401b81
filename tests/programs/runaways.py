"""Relaxations that run away, and what goes on after them."""

import jax
import jax.numpy as jnp
import numpy as np
from lammps import lammps
from relaxed_systems import attempt, report

import lammps_adflux as adflux


def box(*more, size=4, spacing=1.1, ranks="* * *"):
    return [
        "units lj",
        "atom_modify map array",
        f"processors {ranks}",
        f"lattice sc {spacing**-3:.17g}",
        f"region box block 0 {size} 0 3 0 3",
        "create_box 1 box",
        "region filled block 0 2.9 0 3 0 3",
        "create_atoms 1 region filled",
        "mass 1 1",
        "displace_atoms all random 0.05 0.05 0.05 3",
        *more,
        "min_style cg",
    ]


def well(parameters, vectors, centers, others, species, mask):
    # attraction without a core
    squared = jnp.sum(vectors**2, axis=1)
    inside = mask & (squared < 4.0)
    energies = jnp.where(
        inside, -0.5 * parameters["depth"] * (1.0 - jnp.where(inside, squared, 0.0) / 4.0) ** 3, 0.0
    )
    return jax.ops.segment_sum(energies, centers, len(species))


falling = adflux.LennardJones(epsilon=-0.01, sigma=1.5, cutoff=2.0, elements="Ar", units="any")
collapsing = adflux.from_function(
    well, {"depth": np.array(1.0)}, cutoff=2.0, elements="Ar", units="any"
)
bursting = adflux.LennardJones(epsilon=1.0, sigma=1.9, cutoff=2.0, elements="Ar", units="any")


attempt("falls", adflux.relax, box(), falling)
# the second rank's half is empty
attempt("falls in a half", adflux.relax, box(size=8, ranks="* 1 1"), falling)
attempt("collapses", adflux.relax, box("thermo 1", size=3), collapsing, cell="iso")
attempt("bursts", adflux.relax, box(size=3), bursting, cell="iso")
# the same process goes on
good = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.0, onset=1.6, elements="Ar")
attempt(
    "good",
    adflux.relax,
    [
        "units lj",
        "atom_modify map array",
        "lattice fcc 1.1",
        "region box block 0 3 0 3 0 3",
        "create_box 1 box",
        "create_atoms 1 box",
        "mass 1 1",
        "displace_atoms all random 0.05 0.05 0.05 3",
        "min_style cg",
    ],
    good,
    cell="iso",
)
live = lammps(cmdargs=["-screen", "none", "-log", "none"])
live.commands_list(box())
attempt("live", adflux.relax, live, falling)
# after a forced end the user's own runs are not cut short
before = live.extract_global("ntimestep")
live.commands_list(["pair_style zero 2.0", "pair_coeff * *", "fix move all nve", "run 3"])
report("steps", live.extract_global("ntimestep") - before)
