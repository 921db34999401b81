"""What `adflux check` prints: a line per identity as it is known, or JSON."""

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from ..errors import AdfluxError
from ..modelfile import read

MARKS = {True: "[green]pass[/]", False: "[red]FAIL[/]", None: "[yellow]not tried[/]"}
NOTE = "[yellow]note[/]"


def report(model: Path, structure: Path | None, as_json: bool) -> bool:
    """Check the model file on the structure; True if nothing failed: notes are no failures."""
    import jax

    jax.config.update("jax_enable_x64", True)
    from ..checks.identities import check

    found = read(model)  # too few layers are a finding here
    potential = found.potential
    if found.note is not None:
        print(f"adflux: {model}: {found.note}", file=sys.stderr)
    atoms = None if structure is None else _read(structure)
    findings = []
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task(f"checking {model}")
        for finding in check(potential, atoms):
            findings.append(finding)
            progress.update(task, description=f"checking {model}: {finding.name} done")
    if as_json:
        print(json.dumps([finding._asdict() for finding in findings], indent=1))
    else:
        about = (
            f"{type(potential).__name__}, cutoff {potential.cutoff:g}, hops {potential.hops}, "
            f"units {potential.units}"
        )
        table = Table(
            "identity",
            "error",
            "allowed",
            "",
            "",
            title=f"{model}: {about}",
            title_justify="left",
            box=None,
        )
        for name, error, bound, passed, says in findings:
            numbers = [f"{number:.1e}" if number is not None else "" for number in (error, bound)]
            table.add_row(
                name,
                *numbers,
                NOTE if passed is None and error is not None else MARKS[passed],
                says,
            )
        Console().print(table)
    return all(finding.passed is not False for finding in findings)


def _read(path: Path):
    import ase.io

    try:
        atoms = ase.io.read(path)
    except FileNotFoundError as error:
        raise AdfluxError(f"The structure {path} does not exist.") from error
    except Exception as error:  # ASE raises nearly anything on a file that it does not understand
        raise AdfluxError(
            f"The structure {path} cannot be read by ASE ({type(error).__name__}: {error})."
        ) from error
    return atoms[-1] if isinstance(atoms, list) else atoms
