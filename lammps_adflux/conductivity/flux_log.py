"""Which runs of a log wrote a file of `fix ave/time` or `fix ave/correlate`."""

from pathlib import Path

from ..errors import AdfluxError
from .lammps_log import Log, Run
from .log_state import Definition
from .text_files import written

FILE_FIXES = "ave/time", "ave/correlate"


def writers(
    log: Log, file: Path, first: float, last: float, run: int | str | None
) -> tuple[list[Run], Definition | None, list[str]]:
    """The runs that wrote `file`, which holds steps from `first` to `last`; the fix that did;
    notes.

    run: which run of the log, given by the user.
    """
    runs = [one for one in log.runs if one.dynamics and len(one.table.rows)]
    if not runs:
        raise AdfluxError(
            f"{log.path} holds no finished row of a run: name the log of the run that wrote {file}."
        )
    found = _by_fix(log, runs, file)
    fix = found[-1][1] if found else None
    if run is not None and run != "all":
        try:
            chosen = runs[int(run)]
        except (IndexError, ValueError):
            raise AdfluxError(f"{log.path} has {len(runs)} runs: there is no run {run}.") from None
        own = next((one for one_run, one in found if one_run is chosen), None)
        return (
            [chosen],
            own,
            [f"{file}: the run of {log.path}, line {chosen.line}, was taken, as given (run=)"],
        )
    if fix is not None:
        every = fix.after("append") is not None
        # pieces of one run: a fix that LAMMPS was given again begins the file anew
        mine = [
            one for one, its in found if its is fix or (every and its.after("append") is not None)
        ]
        notes = []
        if len({id(its) for _, its in found}) > 1 and not every:
            notes.append(
                f"{file}: {log.path} writes it more than once; the fix of line {fix.line} was the "
                "last"
            )
        return mine, fix, notes
    covering = [one for one in runs if _covers(one, first, last)]
    if len(covering) == 1:
        one = covering[0]
        notes = []
        if len(runs) > 1 or any(state.style in FILE_FIXES for state in one.state.fixes.values()):
            notes.append(
                f"{file}: no fix in {log.path} writes this name; the run of line {one.line} has "
                "its steps and was taken (run=)"
            )
        return [one], None, notes
    if not covering:
        raise AdfluxError(
            f"{file} holds steps {first:.0f} to {last:.0f}, but no run of {log.path} has them: "
            "name the log of the run that wrote "
            "it, or the run with run=."
        )
    raise AdfluxError(
        f"{file}: no fix in {log.path} writes this name, and {len(covering)} of its {len(runs)} "
        f"runs have steps {first:.0f} to "
        f"{last:.0f}: say which with run= (0 the first, -1 the last), or give temperature=, "
        "volume=, timestep= and units= without log=."
    )


def _covers(run: Run, first: float, last: float) -> bool:
    steps = run.table.column("Step")
    slack = max(run.state.interval or 0, steps[-1] - steps[-2] if len(steps) > 1 else 0)
    return bool(steps[0] <= first and last <= steps[-1] + slack)


def _by_fix(log: Log, runs: list[Run], file: Path) -> list[tuple[Run, Definition]]:
    """Runs with a fix that writes `file`, by the longest part of its path that agrees."""
    named = [
        (run, fix, _agreement(log.path, fix.file, written(file)))
        for run in runs
        for fix in run.state.fixes.values()
        if fix.style in FILE_FIXES and fix.file is not None
    ]
    best = max((agreement for *_, agreement in named), default=0)
    found = [(run, fix) for run, fix, agreement in named if agreement == best > 0]
    names = {fix.file for _, fix in found}
    if len(names) > 1:
        raise AdfluxError(
            f"{file}: {log.path} writes {', '.join(sorted(map(str, names)))}, and which of them "
            "this is is not known: keep "
            "their folders, or say which run with run=."
        )
    return found


def _agreement(log: Path, name: str, file: Path) -> int:
    """How many last parts of the path are the same; a thousand more where it is the very file."""
    if (log.parent / name).resolve() == file.resolve():
        return 1000
    count = 0
    for one, other in zip(reversed(Path(name).parts), reversed(file.resolve().parts), strict=False):
        if one != other:
            break
        count += 1
    return count
