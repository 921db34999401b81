"""What a log shows of a flux that gives another number than κ."""

from ..errors import AdfluxError
from .flux_columns import FluxFile
from .flux_definition import native_fluxes
from .flux_styles import STRESSES, styles_of, verdict
from .log_state import Definition, State

# fixes that give the atoms other velocities than their forces do, by the beginning of their style
THERMOSTATS = (
    "brownian", "gjf", "gld", "langevin", "press/berendsen", "temp/berendsen", "temp/csld",
    "temp/csvr", "temp/rescale",
)  # fmt: skip


def doubts(file: FluxFile, masses: int | None) -> list[str]:
    """Notes; an AdfluxError where the log shows that the number would be wrong. masses: how many
    kinds of atoms the file's header tells.
    """
    states = [run.state for _, runs in file.witnesses for run in runs]
    notes = [_thermostat(file, state) for state in states]
    for state in states:
        columns = (*file.columns, *file.convective_columns)
        for column in columns:
            for name, flux in native_fluxes(column, state).items():
                notes += _native(file, state, name, flux)
    kinds = max([masses or 0, *(state.kinds for state in states)])
    if kinds > 1:
        notes.append(
            f"{file.name}: there are {kinds} kinds of atoms; where they diffuse, as in a melt, "
            "κ needs their mass fluxes as well, and this number moves with the zeros of their "
            "energies (docs/kappa.md)"
        )
    return [note for note in dict.fromkeys(notes) if note]


def _thermostat(file: FluxFile, state: State) -> str | None:
    for name, fix in state.fixes.items():
        if fix.style.startswith(THERMOSTATS):
            return (
                f"{file.name}: fix {name} {fix.style} (line {fix.line}) was at work while the flux "
                "was sampled; it disturbs the flux and κ, by tens of per cent where it is strong: "
                "sample in fix nve"
            )
    return None


def _native(file: FluxFile, state: State, name: str, flux: Definition) -> list[str]:
    """Of one compute heat/flux ID GROUP heat/flux KE PE STRESS."""
    notes = []
    where = f"compute {name} heat/flux (line {flux.line})"
    if flux.group != "all":
        notes.append(
            f"{file.name}: {where} holds the atoms of the group {flux.group} only, and κ was "
            "divided by the volume of the whole box"
        )
    stress_id = flux.words[2] if len(flux.words) > 2 else ""
    stress = state.computes.get(stress_id)
    if stress is None or stress.style not in STRESSES:
        return notes
    parts = stress.words[1:]
    if not parts or "ke" in parts:
        raise AdfluxError(
            f"{file.name}: {where} takes its stresses from compute {stress_id} {stress.style} "
            f"of line {stress.line}, which holds the kinetic part as well, so that the flux is "
            f"wrong: run again with `{stress.style} NULL virial`, or analyse another flux."
        )
    if "virial" not in parts:
        notes.append(
            f"{file.name}: {where} holds the part {' '.join(parts)} of the virial only (compute "
            f"{stress_id}, line {stress.line})"
        )
    for style in styles_of(list(state.pair_style)):
        found = verdict(style, stress.style)
        if found.exact is False:
            notes.append(
                f"{file.name}: {where} is not the heat flux of pair_style {style} "
                f"({found.says}): the exact flux is `adflux run` with heat_flux.lmp or "
                "rerun_flux.lmp (`adflux inspect` tells how)"
            )
    return notes
