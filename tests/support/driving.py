"""A Lennard-Jones crystal that a field drives, for tests of hnemd.lmp."""

TEMPLATE = """units lj
lattice fcc 0.8442
region box block 0 3 0 3 0 3
create_box 1 box
create_atoms 1 box
mass * 1.0
pair_style mliap unified lj.pkl 0
pair_coeff * * Ar
variable dt index 0.003
variable temperature index 0.9
variable n_equilibrate index 200
variable n_settle index 100
variable n_sample index 400
variable every index 4
include ${adflux}/hnemd.lmp
"""
