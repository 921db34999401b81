"""The energy of an exported model beside that of the script's own pair style, in LAMMPS."""

import math
from pathlib import Path

from ..errors import AdfluxError

MOST = 5000  # atoms: more take long on one rank
# relative: LAMMPS takes entries of five digits as its lists are ordered, and a model may be float32
TOLERANCE = 1e-3
ENERGY = "adflux_energy"  # begins a printed line
# in place of the first run, with the time that -skiprun takes; displaced, so that no pair is just
# as long as a cutoff
AT_RUN = f"""\
if "$(atoms) > {MOST}" then "print '{ENERGY} too much'" quit
timer timeout off
displace_atoms all random 0.001 0.001 0.001 7 units box
run 0 post no
print "{ENERGY} $(epair:%.17g)"
pair_style mliap unified {{model}} 0
pair_coeff * * {{types}}
run 0 post no
print "{ENERGY} $(epair:%.17g)"
quit"""


def compare(script: Path, model: Path, types: list[str], variables: tuple[str, ...]) -> str | None:
    """Evaluate the start of the script with both; returns why, where that can't be done.

    AdfluxError where the energies differ. variables: arguments of `lmp`.
    """
    from ..lmp.resolved import read_script

    lines = AT_RUN.format(model=model, types=" ".join(types)).splitlines()
    read = read_script(script, {ENERGY}, variables, lines)
    found = [line.split()[1:] for line in read.commands]
    if not read.reached:
        return "it has no run"
    if found == [["too", "much"]]:
        return f"it has more than {MOST} atoms"
    if len(found) < 2:
        return (read.reason or "LAMMPS ended early").removeprefix("ERROR: ").rstrip(".")
    own, ours = (float(energy) for (energy,) in found)
    if not math.isfinite(own):
        return "the energy of its start is not finite"
    # written so that NaN fails
    if not abs(ours - own) <= TOLERANCE * abs(own):
        raise AdfluxError(
            f"LAMMPS' energy of the start of {script} was needed, {own:.10g}, but the model has "
            f"{ours:.10g} and was not written: report the script, and use another command of "
            "`adflux export`."
        )
    return None
