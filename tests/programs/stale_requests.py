"""Requests for the flux after changes; argv: JSON with cases, templates, setup."""

import json
import sys
from pathlib import Path

from lammps import lammps
from lammps.mliap import activate_mliappy

given = json.loads(Path(sys.argv[1]).read_text())

for name, (changes, mend) in given["cases"].items():
    lmp = lammps(
        cmdargs=["-screen", "none", "-log", "none", "-nocite", "-var", "adflux", given["templates"]]
    )
    activate_mliappy(lmp)
    lmp.commands_string(given["setup"])
    for line in changes.splitlines():
        lmp.command(line)
    try:
        lmp.command('print "$(v_adflux_jx)"')
        print(name, "| answered")
    except Exception:
        print(name, "| refused")
    sys.stderr.flush()
    if mend:
        lmp.command(mend)
        lmp.command("variable answer equal $(v_adflux_jy:%.16g)")
        print(name, "| mended", lmp.extract_variable("answer"))
    lmp.close()
