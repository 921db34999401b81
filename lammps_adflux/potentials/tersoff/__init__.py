"""Tersoff's bond order, as LAMMPS' `pair_style tersoff`, `tersoff/mod` and `tersoff/zbl`."""

from .potential import Tersoff as Tersoff
