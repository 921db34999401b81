"""Thermal conductivity from the output of LAMMPS."""
