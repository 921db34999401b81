"""The facts of one flux file: options over its header over the logs, and where they disagree."""

import math
from dataclasses import dataclass
from typing import Any

from ..errors import AdfluxError
from ..units import unit_system
from .flux_columns import FluxFile
from .run_facts import FACTS, Facts, facts_of

# what an option may differ from what the files say, without a note
CLOSE = {"volume": 0.01, "temperature": 0.05, "timestep": 0.01}


@dataclass
class Options:
    """What the user gives, None where it is left to the files."""

    units: str | None = None
    volume: float | None = None
    temperature: float | None = None
    timestep: float | None = None
    dimension: int | None = None
    per_volume: bool | None = None
    skip: int = 0
    discard: float = 0.0


def file_facts(
    file: FluxFile, options: Options, first: float, last: float, drop: int | None = None
) -> Facts:
    """Options over the file's samples from number `drop` on, over its header, over the logs between
    two steps.
    """
    facts = Facts()
    for log, runs in reversed(file.witnesses):
        found = facts_of(log, runs, first, last)
        for name, value in found.values.items():
            facts.put(name, value, found.sources[name])
        facts.missing = found.missing | facts.missing
        facts.notes = found.notes + facts.notes
        facts.atoms = found.atoms or facts.atoms
    for name, text in file.header.items():
        if name == "atoms":
            facts.atoms = int(text)
        if name == "masses":
            facts.masses = int(text)
        if name not in FACTS:
            continue
        value: Any = text if name == "units" else int(text) if name == "dimension" else float(text)
        known = facts.values.get(name)
        if (
            known is not None
            and known != value
            and not (name != "units" and math.isclose(known, value, rel_tol=1e-3))
        ):
            raise AdfluxError(
                f"{file.name}: {name} is {text} by its own header, but {known} by "
                f"{facts.sources[name]}: name the log of the run "
                "that wrote it."
            )
        facts.put(name, value, header_of(file))
    if file.temperatures is not None and drop is not None:
        kept = file.temperatures[drop:]
        facts.notes = [note for note in facts.notes if "(temperature=)" not in note]
        source = f"mean of the samples' {len(kept)} in the file"
        facts.put("temperature", float(kept.mean()), source)
    facts.own = dict(facts.values)
    for name in FACTS:
        given = getattr(options, name)
        if given is None:
            continue
        if name == "units":
            unit_system(given)
        facts.notes = [note for note in facts.notes if f"({name}=)" not in note]
        if note := _disagreement(file, facts, name, given):
            facts.notes.append(note)
        facts.put(name, given, f"{name}=")
    if "volume" in facts.own and options.volume is None:
        dimensions = facts.own.get("dimension", 3), options.dimension
        if dimensions[1] not in (None, dimensions[0]):
            raise AdfluxError(
                f"{file.name}: its volume {facts.own['volume']:.6g} "
                f"({facts.sources['volume']}) is that of {dimensions[0]} dimensions, but "
                f"dimension={dimensions[1]} was given: give volume= as well, the "
                f"{'area' if dimensions[1] == 2 else 'area times the thickness'}."
            )
    return facts


def _disagreement(file: FluxFile, facts: Facts, name: str, given) -> str | None:
    """A note where an option is not what the file says; units that its header names are no matter
    of choice.
    """
    own, source = facts.own.get(name), facts.sources.get(name)
    if own is None:
        return None
    if name == "units" and own != given and source == header_of(file):
        raise AdfluxError(
            f"{file.name}: units={given} was given, but the run was in units {own} by the "
            "file's own header: leave it out."
        )
    if name in CLOSE:
        if abs(given - own) <= CLOSE[name] * abs(own):
            return None
        own, given = f"{own:.6g}", f"{given:.6g}"
    elif own == given:
        return None
    return f"{file.name}: {name}={given} was taken as given, though it is {own} by {source}"


def header_of(file: FluxFile) -> str:
    """The source of what the header says, in words."""
    return f"header of {file.name}"


def ask(file: FluxFile, facts: Facts) -> None:
    names = [
        name for name in ("units", "volume", "temperature", "timestep") if name not in facts.values
    ]
    if not names:
        return
    known = ", ".join(f"{name} {value}" for name, value in facts.values.items())
    reasons = "; ".join(
        f"{name}=: {facts.missing[name]}" for name in names if name in facts.missing
    )
    log = "or name the run's log with log=" if not file.witnesses else "since no log says so"
    raise AdfluxError(
        f"{file.name}: {' and '.join(name + '=' for name in names)} "
        f"{'is' if len(names) == 1 else 'are'} needed and not in "
        f"{'the file' if not file.witnesses else 'the file or its log'} "
        f"({known or 'none of units, volume, temperature, timestep'} "
        f"found{'; ' + reasons if reasons else ''}): pass {'it' if len(names) == 1 else 'them'}, "
        f"{log}."
    )
