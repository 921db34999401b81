"""The embedded-atom method, as LAMMPS' `pair_style eam`, `eam/alloy` and `eam/fs`."""

from .potential import EAM as EAM
