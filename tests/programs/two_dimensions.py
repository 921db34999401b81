"""A sheet with a vacancy in LAMMPS' two dimensions."""

import numpy as np
from relaxed_systems import attempt, finish, found, in_cell_of

import lammps_adflux as adflux

lj = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar", onset=2.0)
SHEET = [
    "units lj",
    "dimension 2",
    "atom_modify map array",
    "lattice hex 0.9",
    "region box block 0 6 0 4 -0.25 0.25",
    "create_box 1 box",
    "create_atoms 1 box",
    "group gone id 5",
    "delete_atoms group gone",
    "mass 1 1.0",
    "neighbor 0.3 bin",
    "min_style cg",
]


def relax(**options):
    return adflux.relax(SHEET, lj, **options)


def with_sigma(sigma):
    return adflux.LennardJones(epsilon=1.0, sigma=sigma, cutoff=2.5, elements="Ar", onset=2.0)


relaxed = relax()
found["volume"] = relaxed.volume, relaxed.lammps.get_thermo("vol")
found["moving"] = (~relaxed.system.held).sum(axis=0)
found["atoms"] = len(relaxed.ids)
found["modes"] = len(relaxed.phonons().squares)
one = np.ones((1, 1))
response = relaxed.jvp(one, "sigma")
expansion = adflux.taylor(relaxed, "sigma", progress=False)
expansion.save("sheet.npz")
found["predicted"] = expansion.predict(1.001 * one).energy_at_structure
options = adflux.RelaxOptions(minimize=False)
plus, minus, far = (
    adflux.relax(relaxed.lammps, with_sigma(sigma), options=options)
    for sigma in (1.0001, 0.9999, 1.001)
)
found["again"] = far.energy
found["moved"] = relaxed.gather(response.positions)
found["moved again"] = (in_cell_of(relaxed, plus) - in_cell_of(relaxed, minus)) / 2e-4
attempt("cell", lambda: relax(cell="iso"))
attempt("pressure", lambda: relax(pressure=1.0))
attempt("constants", relaxed.elastic_constants)
attempt("response", lambda: relaxed.jvp(one, "sigma", cell="iso"))
attempt("loads", lambda: relaxed.loads("tri"))
finish()
