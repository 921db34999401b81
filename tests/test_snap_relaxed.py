"""Relaxed metals with SNAP: the potentials and numbers of ../shared/data/implicit."""

import numpy as np
import pytest
from lammps_runner import ROOT, run_python
from relaxing import COMMON, close, found

DATA = ROOT.parent / "shared" / "data" / "implicit"
pytestmark = [
    pytest.mark.lammps,
    pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data/implicit"),
]

SNAP = """
from pathlib import Path

data = Path({data!r})
potential = adflux.SNAP.from_lammps(data / "W.snapcoeff", data / "W.snapparam", ["W"])


def tungsten(cells, a, more):
    return ["units metal", "atom_modify map array sort 0 0.0", f"lattice bcc {{a}} origin 0.01 0.01 0.01",
            f"region box block 0 {{cells}} 0 {{cells}} 0 {{cells}}", "create_box 1 box", "create_atoms 1 box", *more, "mass 1 183.84",
            "min_style cg"]


def where(p):
    return p.coefficients
"""
VACANCIES = """
for name, cells, a, gone in (("W15", 2, 3.163, "1"), ("Wdivac52", 3, 3.16316, "1 5")):
    exact = np.load(data / f"{name}_exact.npz")
    vacancies = [f"group gone id {gone}", "delete_atoms group gone compress no"]
    relaxed = adflux.relax(tungsten(cells, a, vacancies), potential, 1e-11, options=adflux.RelaxOptions(cutoff_margin=0))
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
    found[f"{name} dX_dTheta"] = [jacobian.positions[:, atoms].reshape(55, -1), exact["dX_dTheta"][0]]
    iso = relaxed.jacobian(where, "iso", progress=False)
    found[f"{name} dEps_coupled"] = [iso.strain[:, 0], exact["dEps_coupled"][0]]
"""
INTERSTITIAL = """
try:
    adflux.relax(tungsten(2, 3.269, ["create_atoms 1 single 0.26 0.26 0.26"]), potential)
except adflux.AdfluxError as error:
    print("refused:", error)
"""


ALLOY = """
potential = adflux.SNAP.from_lammps(data / "NiMo.snapcoeff", data / "NiMo.snapparam", ["Ni", "Mo"])
relaxed = adflux.relax(["units metal", "atom_modify map array", "lattice bcc 3.0", "region box block 0 2 0 2 0 2", "create_box 2 box",
    "create_atoms 1 box", "set type 1 type/fraction 2 0.3 77", "group gone id 1", "delete_atoms group gone", "mass * 50",
    "displace_atoms all random 0.03 0.03 0.03 3", "min_style cg"], potential, 1e-11, "tri")
values = potential.coefficients
change = 1e-2 * np.random.default_rng(0).normal(size=values.shape) * np.abs(values)


def build(values):
    return eqx.tree_at(where, potential, values)


slopes, *_ = differences(relaxed, build, values, change, h=1e-2)
keep("alloy", relaxed, relaxed.jvp(change, where), slopes)
expansion = adflux.taylor(relaxed, progress=False)
found["names"], found["symbols"] = expansion.names, expansion.symbols
found["slopes"], found["parameters"], found["energy"] = expansion.gradient, expansion.parameters, expansion.energy
"""


def test_a_disordered_alloy(starts):
    """Atoms and all six strains of nickel and molybdenum, one atom missing, respond as relaxation
    again finds them.
    """
    all_found = found(starts, SNAP.format(data=str(DATA)) + ALLOY, time_limit=200)
    for what, tolerance in (
        ("positions", 1e-6),
        ("strain", 1e-6),
        ("volume", 1e-6),
        ("energy1", 1e-6),
        ("energy2", 1e-5),
    ):
        close(all_found[f"alloy {what}"], all_found[f"alloy {what} again"], tolerance)
    assert np.abs(all_found["alloy strain"]).min() > 0.0
    # by all coefficients, in the order of the file: an energy per atom counts the atoms, and U is
    # linear in all of them
    names, slopes = all_found["names"].tolist(), all_found["slopes"]
    assert names == [f"{element}:beta{k}" for element in ("Ni", "Mo") for k in range(31)]
    for element in ("Ni", "Mo"):
        count = np.count_nonzero(all_found["symbols"] == element)
        assert abs(slopes[names.index(f"{element}:beta0")] - count) < 1e-9
    close(slopes @ all_found["parameters"], all_found["energy"], 1e-9)


def test_tungsten(starts):
    """Vacancies are as finite differences of LAMMPS' own SNAP found them; an interstitial does not
    relax to a minimum.
    """
    script = COMMON + SNAP.format(data=str(DATA)) + VACANCIES + INTERSTITIAL + "\nfinish()\n"
    run = run_python(starts, script, time_limit=400)
    with np.load(starts / "found.npz") as file:
        assert len(file) == 10
        for name, (ours, theirs) in file.items():
            assert np.linalg.norm(ours - theirs) <= 1e-6 * np.linalg.norm(theirs), name
    (refused,) = (line for line in run.stdout.splitlines() if line.startswith("refused:"))
    assert "saddle point of index 3" in refused, refused
