"""Which styles add to the energy besides the JAX potentials."""

import os
import tempfile

PARTIAL = "adflux_partial"  # variable of the user's script
ANOTHER = "a pair_style mliap that is not a model of lammps_adflux"


def substyles(lmp, root: bool) -> list[str]:
    """Names of a hybrid pair style's sub-styles on the first rank; a command, so between runs only,
    by all ranks.
    """
    handle, path = tempfile.mkstemp(prefix="adflux", suffix=".info")
    os.close(handle)
    try:
        lmp.command(f"info system out overwrite {path}")
        with open(path) as file:
            lines = file.read().splitlines() if root else []
    finally:
        os.unlink(path)
    return next(
        (line.split(":")[1].split() for line in lines if line.startswith("Hybrid sub-styles:")), []
    )


def others(lmp, pair_substyles: list[str], ours: int) -> list[str]:
    """Styles that add to the energy besides `ours` JAX potentials, as the user wrote them.

    LAMMPS' own models are `mliap` as well, so sub-styles of that name are counted.
    """
    found = [
        f"pair_style {name}"
        for name in pair_substyles
        if name.split("/")[0] not in ("mliap", "zero", "none")
    ]
    if sum(name.split("/")[0] == "mliap" for name in pair_substyles) > ours:
        found.append(ANOTHER)
    for kind in ("bond", "angle", "dihedral", "improper", "kspace"):
        style = lmp.extract_global(f"{kind}_style")
        if style and str(style) not in ("none", "zero"):
            found.append(f"{kind}_style {style}")
    return found


def partial_wanted(lmp) -> bool:
    """Does the script ask for the part of the JAX potential alone?"""
    if not lmp.has_id("variable", PARTIAL):
        return False
    return str(lmp.extract_variable(PARTIAL)) in ("yes", "on", "1", "1.0")
