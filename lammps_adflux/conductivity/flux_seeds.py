"""From a file to a seed: facts and options settled, equilibration left out, columns turned into the
extensive flux.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import AdfluxError
from ..units import unit_system
from .flux_columns import ENOUGH, FluxFile
from .flux_definition import Unclear, is_defined, meaning, refuse
from .run_facts import FACTS, Facts, facts_of


@dataclass
class Seed:
    """One run's flux with all that κ needs, in LAMMPS' units."""

    name: str
    sampling: float
    volume: float
    temperature: float
    units: str
    dimension: int
    total: np.ndarray
    potential: np.ndarray | None
    convective: np.ndarray | None
    windows: np.ndarray | None
    counts: np.ndarray | None
    atoms: int | None
    notes: list[str]
    used: list[str]
    field: tuple[float, ...] | None = None  # F_e that drives the run [1/length]

    @property
    def is_correlation(self) -> bool:
        return self.counts is not None


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


def settle(file: FluxFile, options: Options, first: bool = True) -> Seed:
    """One file with its facts; `first`: it is the beginning of a run, where equilibration is left
    out.
    """
    everything = _facts(file, options, -np.inf, np.inf)
    spacing = float(file.steps[1] - file.steps[0]) if len(file.steps) > 1 else 1.0
    drop = options.skip
    if options.discard and "timestep" in everything.values:
        drop = max(
            drop, int(np.ceil(options.discard / (everything.values["timestep"] * spacing) - 1e-9))
        )
    drop = drop if first else 0
    if drop and file.is_correlation:
        raise AdfluxError(
            f"{file.name} holds correlations: skip= and discard= need the time series."
        )
    left = max(len(file.total) - drop, 0)
    if left < (2 if file.is_correlation else ENOUGH):
        raise AdfluxError(f"{file.name}: {ENOUGH} samples or more were needed, {left} are left.")
    if file.is_correlation:
        facts = everything
    else:
        facts = _facts(file, options, float(file.steps[drop]), float(file.steps[-1]))
        if file.temperatures is not None and options.temperature is None:
            facts.put(
                "temperature",
                float(file.temperatures[drop:].mean()),
                f"mean of the samples' {left} in the file",
            )
    _ask(file, facts)
    values = facts.values
    dimension = int(values.get("dimension", 3))
    sampling = float(values["timestep"]) * spacing
    if not sampling > 0:
        raise AdfluxError(f"timestep= must be a positive number, got {values['timestep']}.")
    shares, convective_shares, notes, used = _shares(
        file, options, float(values["volume"]), dimension
    )

    def seed(data: np.ndarray | None, share: np.ndarray) -> np.ndarray | None:
        return None if data is None else data[drop:] / share

    outer = shares[:, None] * shares
    total = seed(file.total, outer if file.is_correlation else shares)
    assert total is not None
    convective = seed(file.convective, convective_shares)
    potential = seed(file.potential, shares)
    if file.convective_columns and convective is not None:
        potential = total - convective
    result = Seed(
        name=file.name,
        sampling=sampling,
        volume=float(values["volume"]),
        temperature=float(values["temperature"]),
        units=values["units"],
        dimension=dimension,
        total=total,
        potential=potential,
        convective=convective,
        windows=None if file.windows is None else file.windows / outer,
        counts=file.counts,
        atoms=facts.atoms,
        notes=[*file.notes, *dict.fromkeys(facts.notes), *notes],
        used=[
            *used,
            *(_used(name, values[name], facts.sources[name]) for name in FACTS if name in values),
        ],
        field=field_of(file),
    )
    _check_dimension(file, result, "dimension" in values)
    return result


def field_of(file: FluxFile) -> tuple[float, ...] | None:
    """The field F_e that the header of a driven run names."""
    names = [f"field{a}" for a in "xyz"]
    if not set(names) <= set(file.header):
        return None
    return tuple(float(file.header[name]) for name in names)


def _used(name: str, value, source: str) -> str:
    return f"{name} {value if isinstance(value, str) else format(value, '.6g')}: {source}"


def _facts(file: FluxFile, options: Options, first: float, last: float) -> Facts:
    """Options over the file's header over the logs."""
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
        facts.put(name, value, f"header of {file.name}")
    for name in FACTS:
        given = getattr(options, name)
        if given is not None:
            if name == "units":
                unit_system(given)
            facts.put(name, given, f"{name}=")
            facts.notes = [note for note in facts.notes if f"({name}=)" not in note]
    return facts


def _ask(file: FluxFile, facts: Facts) -> None:
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


def _shares(file: FluxFile, options: Options, volume: float, dimension: int):
    """How much of the extensive flux each column holds, and what was found out about it."""
    notes, used = [], []
    state = file.witnesses[0][1][-1].state if file.witnesses else None
    where = f" of the {file.where}" if file.where else ""
    listed = ", ".join(file.headings)

    unseen = [column for column in file.columns if not is_defined(column, state)]
    if unseen and options.per_volume is None:
        what = (
            f"{', '.join(unseen)}: no log shows whether this is the heat flux or the flux per "
            "volume"
        )
        if not file.named:
            raise AdfluxError(
                f"{file.name}: {what}: name the log of the run with log=, or say "
                "per_volume=False or per_volume=True."
            )
        notes.append(
            f"{file.name}: {what}; it was taken for the flux itself "
            "(per_volume=False, per_volume=True)"
        )

    def share(column: str) -> float:
        if options.per_volume is not None:
            return 1.0 / volume if options.per_volume else 1.0
        if state is None:
            return 1.0
        try:
            found = meaning(column, state, volume, dimension)
        except Unclear as unclear:
            raise refuse(file.name, unclear) from None
        if found.doubt:
            notes.append(
                f"{file.name}: {found.doubt} in {column} (line {found.line}); "
                "per_volume=True if it is not"
            )
        if abs(found.share - 1.0) > 1e-12:
            meanings.append(
                f"{column} is {found.text or 'defined'} (line {found.line}), {found.share:.6g} of "
                "the flux"
            )
        return found.share

    meanings: list[str] = []
    shares = np.array([share(column) for column in file.columns])
    convective = np.array([share(column) for column in file.convective_columns[:3]] or shares)
    if options.per_volume:
        meanings = ["flux per volume, as given (per_volume=True)"]
    used.append(f"flux {listed}{where}" + (f"; {'; '.join(meanings)}: undone" if meanings else ""))
    if meanings and options.per_volume is None:
        notes.append(f"{file.name}: {meanings[0]}; the columns were divided by that")
    return shares, convective, list(dict.fromkeys(notes)), used


def _check_dimension(file: FluxFile, seed: Seed, stated: bool) -> None:
    flat = not np.any(seed.total[:, 2, 2] if seed.is_correlation else seed.total[:, 2])
    if flat and not stated and seed.dimension == 3:
        raise AdfluxError(
            f"{file.name}: the flux along z is zero in every sample: say with dimension=2 that "
            "the system is two-dimensional (V is its "
            "area), or dimension=3."
        )


def magnitude_note(seed: Seed) -> str | None:
    """A flux far below the smallest that equipartition allows is hardly an extensive flux.

    ⟨J_x²⟩ is at least of the order N (k_B T)² ⟨v_x²⟩ with ⟨v_x²⟩ = k_B T / m; m is taken as 300 u,
    in `lj` as 1.
    """
    system = unit_system(seed.units)
    if seed.atoms is None:
        return None
    energy = system.boltzmann * seed.temperature
    mass = 1.0 if system.is_reduced else 300 * 1.66053906660e-27 / system.mass
    scale = seed.atoms * energy**3 / (mass * system.mvv2e)
    axes = range(seed.dimension)
    if seed.is_correlation:
        square = float(np.mean([seed.total[0, a, a] for a in axes]))
    else:
        square = float(np.mean(np.var(seed.total[:, : seed.dimension], axis=0)))
    if square > 0.03 * scale:
        return None
    return (
        f"{seed.name}: the flux is {math.sqrt(square / scale):.1e} of the least that {seed.atoms} "
        "atoms at this temperature have: is it "
        "per volume (per_volume=True), per atom, or in other units?"
    )
