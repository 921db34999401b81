"""Set-ups with pair styles of their own."""

import sys

from mpi4py import MPI
from relaxed_systems import report

import lammps_adflux as adflux

good = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.0, onset=1.6, elements="Ar")
adflux.export(good, f"{MPI.COMM_WORLD.rank}.pkl")
model = f"{MPI.COMM_WORLD.rank}.pkl"
crystal = [
    "units lj",
    "atom_modify map array",
    "lattice fcc 1.1",
    "region box block 0 3 0 3 0 3",
    "create_box 1 box",
    "create_atoms 1 box",
    "mass 1 1",
    "displace_atoms all random 0.05 0.05 0.05 3",
    "min_style cg",
]
ADDED = {
    "none": [],
    "native": ["pair_style lj/cut 2.0", "pair_coeff * * 1 1", "minimize 0 1e-4 100 100"],
    "zero": ["pair_style zero 2.0", "pair_coeff * *"],
    "overlay": [
        "pair_style hybrid/overlay lj/cut 2.0 zbl 0.5 0.8",
        "pair_coeff * * lj/cut 1 1",
        "pair_coeff * * zbl 1 1",
    ],
    "beside": [
        f"pair_style hybrid/overlay mliap unified {model} 0 zbl 0.5 0.8",
        "pair_coeff * * mliap Ar",
        "pair_coeff * * zbl 1 1",
    ],
    "mliap": [f"pair_style mliap unified {model} 0", "pair_coeff * * Ar"],
}
for name in ADDED:
    if MPI.COMM_WORLD.rank == 0:
        print(f"begin {name}", file=sys.stderr, flush=True)
    try:
        relaxed = adflux.relax([*crystal, *ADDED[name]], good)
        if name == "mliap":
            adflux.relax(relaxed.lammps, good)  # nothing new to say
        said = f"{relaxed.energy:.8f}"
    except adflux.AdfluxError as error:
        said = str(error)
    report(name, said)
