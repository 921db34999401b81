"""From a file to a seed: facts and options settled, equilibration left out, columns turned into the
extensive flux.
"""

import math
from dataclasses import dataclass

import numpy as np

from ..errors import AdfluxError
from ..units import unit_system
from .flux_columns import ENOUGH, FluxFile
from .flux_definition import Unclear, is_defined, meaning, refuse
from .flux_doubts import doubts
from .flux_facts import Options, ask, file_facts
from .run_facts import FACTS


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
    columns: tuple[str, ...] = ()  # LAMMPS' own names of them
    field: tuple[float, ...] | None = None  # F_e that drives the run [1/length]

    @property
    def is_correlation(self) -> bool:
        return self.counts is not None


def settle(file: FluxFile, options: Options, first: bool = True) -> Seed:
    """One file with its facts; `first`: it is the beginning of a run, where equilibration is left
    out.
    """
    everything = file_facts(file, options, -np.inf, np.inf)
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
        first_step, last_step = float(file.steps[drop]), float(file.steps[-1])
        facts = file_facts(file, options, first_step, last_step, drop)
    ask(file, facts)
    values = facts.values
    dimension = int(values.get("dimension", 3))
    sampling = float(values["timestep"]) * spacing
    if not sampling > 0:
        raise AdfluxError(f"timestep= must be a positive number, got {values['timestep']}.")
    # an option may be another volume than that of the box, by which a column was divided
    box = facts.own.get("volume", values["volume"]), facts.own.get("dimension", dimension)
    shares, convective_shares, notes, used = _shares(file, options, float(box[0]), int(box[1]))

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
        notes=[*file.notes, *dict.fromkeys(facts.notes), *notes, *doubts(file, facts.masses)],
        used=[
            *used,
            *(_used(name, values[name], facts.sources[name]) for name in FACTS if name in values),
        ],
        columns=file.columns,
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
