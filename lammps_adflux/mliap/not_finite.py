"""Why the energy or the forces of a potential are not finite."""

import numpy as np

# of the cutoff: no atoms of a sound structure are so close
OVERLAP = 0.05


def explain(buffers, what: str) -> str:
    """A sentence that begins with `what`, "its energy is" or the like; from the pairs of the force
    call.
    """
    found = f"The JAX potential failed: {what} not finite"
    distances = np.linalg.norm(buffers.columns(), axis=0)
    if len(distances) == 0:
        return f"{found} although no atom has a neighbour; check its parameters."
    closest = float(distances.min())
    if not np.isfinite(distances).all():
        return f"{found}, because positions are not: shorten the time step, or mend the structure."
    if closest < OVERLAP * buffers.cutoff:
        return (
            f"{found}, and the closest pair of atoms is {closest:.3g} apart; mend overlapping "
            "atoms, or shorten the time step."
        )
    return (
        f"{found}, although the closest pair of atoms is {closest:.3g} apart; check the "
        "potential's parameters with `adflux check`."
    )
