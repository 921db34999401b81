"""Vacancies and an interstitial of tungsten; argv: the folder of the data."""

import sys
from pathlib import Path

import numpy as np
from relaxed_systems import finish, found

import lammps_adflux as adflux

data = Path(sys.argv[1])
potential = adflux.SNAP.from_lammps(data / "W.snapcoeff", data / "W.snapparam", ["W"])


def tungsten(cells, a, more):
    return [
        "units metal",
        "atom_modify map array sort 0 0.0",
        f"lattice bcc {a} origin 0.01 0.01 0.01",
        f"region box block 0 {cells} 0 {cells} 0 {cells}",
        "create_box 1 box",
        "create_atoms 1 box",
        *more,
        "mass 1 183.84",
        "min_style cg",
    ]


def where(p):
    return p.coefficients


for name, cells, a, gone in (("W15", 2, 3.163, "1"), ("Wdivac52", 3, 3.16316, "1 5")):
    exact = np.load(data / f"{name}_exact.npz")
    vacancies = [f"group gone id {gone}", "delete_atoms group gone compress no"]
    relaxed = adflux.relax(
        tungsten(cells, a, vacancies),
        potential,
        1e-11,
        options=adflux.RelaxOptions(cutoff_margin=0),
    )
    # the reference lists the same atoms in another order
    apart = relaxed.positions[:, None] - exact["X"].reshape(1, -1, 3)
    lengths = np.diag(relaxed.system.cell)
    apart = np.linalg.norm(apart - lengths * np.round(apart / lengths), axis=2)
    atoms = np.argmin(apart, axis=0)
    assert sorted(atoms) == list(range(len(relaxed.ids))) and apart.min(axis=0).max() < 1e-6
    rows = (3 * atoms[:, None] + np.arange(3)).ravel()
    dense = relaxed.dense(where)
    jacobian = relaxed.jacobian(where, progress=False)
    found[f"{name} E"] = [relaxed.energy, exact["E"]]
    found[f"{name} H"] = [dense.hessian[np.ix_(rows, rows)], exact["H"]]
    found[f"{name} mixed"] = [dense.mixed[:, rows], exact["mixed"][0]]
    found[f"{name} dX_dTheta"] = [
        jacobian.positions[:, atoms].reshape(55, -1),
        exact["dX_dTheta"][0],
    ]
    iso = relaxed.jacobian(where, "iso", progress=False)
    found[f"{name} dEps_coupled"] = [iso.strain[:, 0], exact["dEps_coupled"][0]]

try:
    adflux.relax(tungsten(2, 3.269, ["create_atoms 1 single 0.26 0.26 0.26"]), potential)
except adflux.AdfluxError as error:
    print("refused:", error)

finish()
