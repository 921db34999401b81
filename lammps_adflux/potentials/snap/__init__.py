"""Spectral neighbour analysis potentials, as LAMMPS' `pair_style snap`."""

from .potential import SNAP as SNAP
