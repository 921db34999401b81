"""The side of Python of green_kubo.lmp's `restart`: which state a run goes on from, and its flux
file up to there.

A state is a frame of a dump with all digits, PREFIX.state.STEP. LAMMPS keeps the newest two: one of
them is complete, whenever the run is killed.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from lammps import lammps

from ..parallel.failures import fail, fail_together, world
from .attach import attachment
from .facts import adflux_seed_header
from .registry import registry

HEADER = 9  # lines of a frame before its atoms
READING = "ADFLUX_READING"  # set in the environment where LAMMPS only reads a script
ROUNDING = {True: 1e-6, False: 1e-3}  # of a flux, in double precision or not
SAME = "go on with the script, the number of ranks and the settings that it began with"


class _State(NamedTuple):
    """A complete frame."""

    step: int
    ids: np.ndarray
    types: np.ndarray


def adflux_state(pointer, prefix: str, restart: str) -> int:
    """The step to go on from: that of the newest complete PREFIX.state.STEP that PREFIX.flux
    reaches; -1 to begin anew, where there is none or `restart` is no.
    """
    lmp = lammps(ptr=pointer)
    comm = lmp.get_mpi_comm() or world()
    if restart not in ("yes", "no"):
        fail_together(comm, f"green_kubo.lmp takes restart yes or no, but {restart} was found.")
    if restart == "no":
        return -1
    state = _on_first(comm, lambda: _newest(Path(prefix)))
    if state is None:
        return -1
    count = int(lmp.get_natoms())
    if len(state.ids) != count:
        fail_together(
            comm,
            f"{prefix}.state.{state.step} holds {len(state.ids)} atoms, but the script made "
            f"{count}: {SAME}, or remove it to begin anew.",
        )
    own = lmp.extract_setting("nlocal")
    ids, types = (np.asarray(lmp.numpy.extract_atom(name))[:own] for name in ("id", "type"))
    order = np.argsort(state.ids)
    rows = np.minimum(np.searchsorted(state.ids, ids, sorter=order), count - 1)
    rows = order[rows]
    agree = np.array_equal(state.ids[rows], ids) and np.array_equal(state.types[rows], types)
    if not all(comm.allgather(bool(agree))):
        fail_together(
            comm,
            f"Atoms of {prefix}.state.{state.step} have other types than the script gave them: "
            f"{SAME}, or remove it to begin anew.",
        )
    return state.step


def adflux_same_flux(pointer, prefix: str, step: int, x: float, y: float, z: float) -> None:
    """End the run where the flux (x, y, z) of the state at `step` is not what PREFIX.flux has for
    that step: then the model or the masses are not those of before.
    """
    if READING in os.environ:
        return
    here = attachment(pointer)
    known = _on_first(here.comm, lambda: _fluxes(Path(prefix)))
    now, before = np.array([x, y, z]), known[step]
    size = max(np.abs(row).max() for row in known.values())
    double = all(p.buffers.dtype == float for p in registry.plugins() if here.serves(p))
    # written so that a NaN is refused
    if not np.abs(now - before).max() <= ROUNDING[double] * size:
        fail_together(
            here.comm,
            f"{prefix}.flux has the flux {_digits(before)} at step {step}, but the state of that "
            f"step has {_digits(now)} with this model and these masses: {SAME}, or remove "
            f"{prefix}.state.* to begin anew.",
        )


def adflux_output(
    pointer, prefix: str, step: int, every: int, temperature: float, seed: int
) -> str:
    """The words of `fix ave/time` with which it opens PREFIX.flux, which then holds what was
    sampled before `step`; for -1 a new file, and states of earlier runs are removed.
    """
    lmp = lammps(ptr=pointer)
    comm = lmp.get_mpi_comm() or world()
    quoted = adflux_seed_header(pointer, temperature, seed)
    header = quoted.strip('"')
    if READING not in os.environ and (
        reason := _on_first(comm, lambda: _prepare(Path(prefix), step, every, header))
    ):
        fail_together(comm, reason)
    return f"title1 {quoted} {'file' if step < 0 else 'append'} {prefix}.flux"


def _on_first(comm, function: Callable):
    """What a function finds on the first rank, on all; where it fails there, all end."""
    found = None
    if comm.rank == 0:
        try:
            found = function()
        except OSError as error:
            fail(f"{error.filename} cannot be used ({error.strerror}): choose another prefix.")
        except (ValueError, IndexError) as error:
            fail(f"The files of the run cannot be read ({error}): remove them to begin anew.")
    return comm.bcast(found)


def _states(prefix: Path) -> dict[int, Path]:
    """Files of states by step, the newest first."""
    start = f"{prefix.name}.state."
    found = {
        int(path.name.removeprefix(start)): path
        for path in prefix.parent.iterdir()
        if path.name.startswith(start) and path.name.removeprefix(start).isdigit()
    }
    return dict(sorted(found.items(), reverse=True))


def _newest(prefix: Path) -> _State | None:
    steps = set(_rows(prefix)[0])
    later = []
    for step, path in _states(prefix).items():
        if (state := _complete(step, path)) is None:
            continue
        # a machine that fails may lose the last rows
        if step in steps:
            return state
        later.append(step)
    if any(later):
        raise ValueError(
            f"{prefix}.flux has no sample at the steps of {prefix}.state.*, "
            f"{', '.join(map(str, later))}"
        )
    return None


def _complete(step: int, path: Path) -> _State | None:
    """None for a frame whose end is missing."""
    with path.open("rb") as file:
        head = [file.readline() for _ in range(HEADER)]
        count = int(head[3]) if head[3].strip().isdigit() else -1
        lines, last = 0, b""
        while chunk := file.read(1 << 24):
            lines, last = lines + chunk.count(b"\n"), chunk[-1:]
    if lines != count or last != b"\n":
        return None
    ids, types = np.loadtxt(path, int, skiprows=HEADER, usecols=(0, 1), ndmin=2).T
    return _State(step, ids, types)


def _rows(prefix: Path) -> tuple[list[int], list[str]]:
    """Steps and lines of the samples in PREFIX.flux; the last is dropped if it has no end."""
    path = Path(f"{prefix}.flux")
    if not path.exists():
        return [], []
    lines = path.read_text().split("\n")[:-1]
    rows = [line for line in lines if line.strip() and not line.startswith("#")]
    return [int(row.split()[0]) for row in rows], rows


def _fluxes(prefix: Path) -> dict[int, np.ndarray]:
    """J [3] by step."""
    steps, rows = _rows(prefix)
    return {step: np.array(row.split()[1:4], float) for step, row in zip(steps, rows, strict=True)}


def _digits(flux: np.ndarray) -> str:
    return f"({', '.join(f'{value:.6g}' for value in flux)})"


def _prepare(prefix: Path, step: int, every: int, header: str) -> str | None:
    """PREFIX.flux and the states as the run needs them; or why that cannot be."""
    states = _states(prefix)
    if step < 0:
        for path in states.values():
            path.unlink()
        return None
    flux = Path(f"{prefix}.flux")
    steps, rows = _rows(prefix)
    comments = [line for line in flux.read_text().split("\n") if line.startswith("#")]
    if comments and _facts(comments[0]) != _facts(header):
        return (
            f"{flux} was sampled with `{comments[0].lstrip('# ')}`, but this run has "
            f"`{header.lstrip('# ')}`: {SAME}."
        )
    kept = [row for number, row in zip(steps, rows, strict=True) if number < step]
    if [number for number in steps if number < step] != list(range(0, step, every)):
        return (
            f"{flux} does not hold a sample at every {every} steps before step {step}: {SAME}, or "
            f"remove {prefix}.state.* to begin anew."
        )
    new = Path(f"{flux}.new")
    # fix ave/time writes its two lines of header once more
    new.write_text("\n".join([*comments[:2], *kept]) + "\n")
    new.replace(flux)
    older = [number for number in states if number < step][:1]
    for number, path in states.items():
        if number not in (step, *older):
            path.unlink()
    return None


def _facts(header: str) -> dict[str, str]:
    """The facts of a header; numbers to twelve digits, since boxes are read back from text."""

    def rounded(value: str) -> str:
        try:
            return f"{float(value):.12g}"
        except ValueError:
            return value

    pairs = (pair.split("=") for pair in header.split()[-1].split(","))
    return {name: rounded(value) for name, value in pairs}
