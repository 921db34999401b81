"""How far a result is from what it should be, relative to the largest component of the latter."""

import numpy as np


def relative_error(ours, theirs, floor: float = 0.0) -> float:
    """The largest |ours - theirs| over the largest |theirs|, or over `floor` where that is more."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    scale = max(float(np.abs(theirs).max()), floor)
    assert scale > 0.0, "a comparison with zeros is worth nothing: give a floor"
    return float(np.abs(ours - theirs).max()) / scale


def close(ours, theirs, tolerance: float, what: object = None, floor: float = 0.0) -> None:
    """Assert that the relative error is at most `tolerance`; `what` names it where it is not."""
    error = relative_error(ours, theirs, floor)
    # written so that NaN fails
    assert error <= tolerance, (what, error, tolerance, ours, theirs)
