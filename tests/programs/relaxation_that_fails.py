"""One mistake that ends the program; argv: which."""

import sys

import equinox as eqx
import numpy as np

import lammps_adflux as adflux

lj = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar", onset=2.0)
crystal = [
    "units lj",
    "atom_modify map array",
    "lattice fcc 1.0",
    "region box block 0 2 0 2 0 2",
    "create_box 1 box",
    "create_atoms 1 box",
    "mass * 1",
]
DISPLACE = "displace_atoms all random 0.2 0.2 0.2 7"


def unconverged():
    adflux.relax([*crystal, DISPLACE], lj, options=adflux.RelaxOptions(steps=1))


def command():
    adflux.relax([*crystal, "fix broken all nonsense"], lj)


def nan():
    adflux.relax(crystal, eqx.tree_at(lambda p: p.sigma, lj, np.array([[np.nan]])))


{"unconverged": unconverged, "command": command, "nan": nan}[sys.argv[1]]()
