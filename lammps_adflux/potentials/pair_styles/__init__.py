"""Potentials from the `pair_style` and `pair_coeff` commands of LAMMPS."""
