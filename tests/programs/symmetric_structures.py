"""What fixes do to structures in which symmetry makes forces zero; and displaced atoms, which go
back to their places. Some ranks have no atoms.
"""

import numpy as np
from mpi4py import MPI
from relaxed_systems import attempt, finish, found, report

import lammps_adflux as adflux
from lammps_adflux.mliap.displaced import displaced
from lammps_adflux.mliap.session import Session

comm = MPI.COMM_WORLD
lj = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar", onset=2.0)
L = 1.16
SHEET = [
    "units lj",
    "boundary p p f",
    "atom_modify map array",
    f"region box block 0 {4 * L:.17g} 0 {2 * L * 3**0.5:.17g} -3 3",
    "create_box 1 box",
    *[
        f"create_atoms 1 single {(i + k / 2) * L + 0.1:.17g} "
        f"{(2 * j + k) * L * 3**0.5 / 2 + 0.1:.17g} 0.0"
        for i in range(4)
        for j in range(2)
        for k in range(2)
    ],
    "mass 1 1.0",
    "neighbor 0.3 bin",
    "group edge id 1 2 3",
]
CRYSTAL = [
    "units lj",
    "atom_modify map array",
    "lattice fcc 1.1",
    "region box block 0 2 0 2 0 2",
    "create_box 1 box",
    "create_atoms 1 box",
    "mass 1 1.0",
    "neighbor 0.3 bin",
]
# the upper half of x is empty, atoms lie on the open boundary and near the periodic ones
CORNER = [
    "units lj",
    "atom_modify map array",
    "processors * 1 1",
    "boundary f p p",
    "region box prism 0 12 0 4 0 4 0 0 0.5",
    "create_box 1 box",
    "create_atoms 1 single 0.0 0.0625001 0.5",
    "create_atoms 1 single 1.1 4.0749999 0.6",
    "create_atoms 1 single 2.2 0.0500001 0.4",
    "create_atoms 1 single 3.0000001 1.0 3.9999999",
    "create_atoms 1 single 0.0 2.0 0.0",
    "create_atoms 1 single 0.0 1.3 1.2",
    "mass 1 1.0",
    "set group all image NULL 3 -2",
]


def relax(script, *fixes):
    return adflux.relax([*script, *fixes], lj)


held = relax(SHEET, "fix hold edge setforce 0.0 NULL NULL").system
found["held"] = held.gather(held.held[held.order])
attempt("spring", relax, CRYSTAL, "fix tie all spring/self 20.0")
# velocities of dynamics before are none of the minimiser's forces
attempt("thermostat", relax, CRYSTAL, "fix heat all langevin 1.0 1.0 1.0 5", "fix move all nve")


def now(session):
    """Positions and images of all atoms by id, and what else must stay."""
    count, numpy = session.lammps.extract_setting("nlocal"), session.lammps.numpy
    rows = np.zeros((0, 5))
    if count:
        columns = [numpy.extract_atom(name, nelem=count) for name in ("id", "x", "image")]
        rows = np.column_stack([np.array(column, float) for column in columns])
    rows = np.concatenate(comm.allgather(rows))
    fixes = session.lammps.available_ids("fix")
    return rows[np.argsort(rows[:, 0])], [session.lammps.extract_global("ntimestep"), len(fixes)]


session = Session(CORNER, lj, None, comm, None)
energy = session.lammps.get_thermo("pe")
for minimizing in (True, False):
    before, rest = now(session)
    with displaced(session, minimizing):
        there, _ = now(session)
    after, rest_after = now(session)
    found[f"moved {minimizing}"] = np.sum(there[:, 1:4] != before[:, 1:4])
    found[f"wrapped {minimizing}"] = np.sum(there[:, 4] != before[:, 4])
    found[f"back {minimizing}"] = np.array_equal(before, after) and rest == rest_after
found["energy"] = abs(session.lammps.get_thermo("pe") - energy) / abs(energy)
report("empty", comm.allreduce(session.lammps.extract_setting("nlocal"), MPI.MIN))
finish()
