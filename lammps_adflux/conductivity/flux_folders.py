"""Folders of runs as arguments: the flux series in each, and the log that shows how it
was written.
"""

from pathlib import Path

from ..errors import AdfluxError
from .flux_log import FILE_FIXES
from .lammps_log import read_log
from .lammps_tables import kind_of
from .text_files import opened, read_text, written

_HEAD = 4000  # characters that tell what a file is


def expand(paths: list[Path]) -> list[tuple[Path, Path | None]]:
    """Each file as it is; for each folder the flux series in it, and its log where the log names
    it.
    """
    return [_series_in(path) if path.is_dir() else (path, None) for path in paths]


def _series_in(folder: Path) -> tuple[Path, Path | None]:
    kinds: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and (kind := _kind(path)):
            kinds.setdefault(kind, []).append(path)
    logs = kinds.get("log", [])
    for kind in ("series", "correlation"):
        found = kinds.get(kind, [])
        if len(found) == 1:
            return found[0], _log_of(found[0], logs)
        if found:
            raise AdfluxError(
                f"{folder} holds {', '.join(path.name for path in found)}: name the one to analyse."
            )
    if len(logs) == 1:
        return logs[0], None
    if logs:
        raise AdfluxError(
            f"{folder} holds {', '.join(path.name for path in logs)}: name the one to analyse."
        )
    raise AdfluxError(
        f"{folder} holds no LAMMPS log and no file of fix ave/time or fix ave/correlate: name a "
        "run's folder or file."
    )


def _kind(path: Path) -> str | None:
    """series or correlation of a flux, log, or None for anything else."""
    try:
        with opened(path) as file:
            text = file.read(_HEAD)
    except AdfluxError:
        return None
    if "\0" in text or not text.strip():
        return None
    kind = kind_of(text)
    if kind in ("ave/time", "ave/correlate"):
        names = next(
            line
            for line in text.splitlines()
            if line.lower().startswith(("# timestep ", "# index "))
        )
        if any(name in names for name in ("v_adflux_jx", "v_jx", "v_Jx", "[1]")):
            return "series" if kind == "ave/time" else "correlation"
        return None
    return "log" if kind == "log" else None


def _log_of(file: Path, logs: list[Path]) -> Path | None:
    """The one log in which a fix writes `file`."""
    found = []
    for path in logs:
        runs = read_log(path, read_text(path)).runs
        fixes = [
            fix
            for run in runs
            for fix in run.state.fixes.values()
            if fix.style in FILE_FIXES and fix.file
        ]
        if any(Path(fix.file or "").name == written(file).name for fix in fixes):
            found.append(path)
    return found[0] if len(found) == 1 else logs[0] if len(logs) == 1 else None
