"""One crystal with a vacancy, in units lj and si, in units of σ and ε."""

import numpy as np
from relaxed_systems import attempt, finish, found

import lammps_adflux as adflux


def setup(units, length, mass, more=()):
    return [
        f"units {units}",
        "atom_modify map array",
        f"lattice fcc {1.1 if units == 'lj' else (4 / 1.1) ** (1 / 3) * length:.17g}",
        "region box block 0 3 0 3 0 3",
        "create_box 1 box",
        "create_atoms 1 box",
        "group gone id 1",
        "delete_atoms group gone",
        f"mass 1 {mass}",
        f"neighbor {0.3 * length} bin",
        *more,
    ]


for units, energy, length, mass in (
    ("lj", 1.0, 1.0, 1.0),
    ("si", 1.65e-21, 3.405e-10, 6.6e-26),
):
    potential = adflux.LennardJones(
        epsilon=energy, sigma=length, cutoff=2.5 * length, onset=2.0 * length, elements="Ar"
    )
    relaxed = adflux.relax(setup(units, length, mass), potential)
    response = relaxed.jvp(np.full((1, 1), 0.01 * length), "sigma")
    found[units] = (
        relaxed.energy / energy,
        response.energy2 / energy,
        np.abs(response.positions).max() / length,
    )
    found[f"{units} force"] = relaxed.checks.force * length / energy
    # small beside the potential's forces, and far above rounding
    push = f"fix push one addforce {1e-4 * energy / length:.17g} 0 0"
    attempt(units, adflux.relax, setup(units, length, mass, ["group one id 2", push]), potential)
finish()
