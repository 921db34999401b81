"""Runs of LAMMPS' own pair styles with a heat flux in their logs, as people write them."""

from lammps_runner import find_program, run_program

BOX = """
lattice fcc 0.9
region box block 0 3 0 3 0 3
create_box 1 box
create_atoms 1 box
mass 1 1.0
velocity all create 1.6 30917 mom yes
"""
POTENTIAL = """
pair_style lj/cut 2.5
pair_coeff * * 1.0 1.0
"""
FLUX = """
compute ke all ke/atom
compute pe all pe/atom
compute st all stress/atom NULL virial
compute flux all heat/flux ke pe st
variable jx equal c_flux[1]
variable jy equal c_flux[2]
variable jz equal c_flux[3]
fix move all nve
"""
START = "units lj\n" + BOX + POTENTIAL + FLUX
THERMO = "thermo 4\nthermo_style custom step temp vol v_jx v_jy v_jz\n"
EXACT = 'format " %.14g"'


def lmp(folder, script, log="log", *options):
    """Run a script there."""
    folder.mkdir(exist_ok=True)
    (folder / "in.test").write_text(script)
    command = [find_program("lmp"), "-in", "in.test", "-log", log, "-screen", "none", *options]
    run_program(folder, command)
    return folder / log
