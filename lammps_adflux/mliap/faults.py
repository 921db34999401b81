"""Why flux or per-atom virials cannot be given at a moment, in sentences."""

from typing import NamedTuple


class Asked(NamedTuple):
    """How sentences begin."""

    asked: str
    known: str


FLUX = Asked("The heat flux was", "The exact heat flux is")
DRIVING = Asked("The driving force was", "The driving force is")
ATOMIC_VIRIALS = Asked("Per-atom virials were", "Per-atom virials are")
UP_TO_DATE, NO_FORCES, CHANGED, REPLACED, NO_PLUGIN, OLD_VIEWS, LOST_WRITES = range(7)
ON_DEVICE = {
    OLD_VIEWS: (
        "{asked} asked for, but Kokkos keeps the atoms on a GPU, and this LAMMPS shows Python "
        "their old velocities: use LAMMPS 4 Jul 2026 or newer, or run it without Kokkos (JAX "
        "uses the GPU all the same)."
    ),
    LOST_WRITES: (
        "{asked} asked for, but Kokkos keeps the atoms on a GPU, where what Python writes for "
        "LAMMPS is lost: run LAMMPS without Kokkos (JAX uses the GPU all the same)."
    ),
}
FAULTS = {
    NO_FORCES: (
        "{asked} asked for before the first force call after the template was included: put `run "
        "0` first."
    ),
    CHANGED: (
        "{asked} asked for after atoms, types or the box were changed since the last force call: "
        "put `run 0` first."
    ),
    REPLACED: (
        "{asked} asked for after pair_style was changed: put `run 0` first, and for another style "
        "than mliap include the template once more."
    ),
    NO_PLUGIN: (
        "{asked} asked for, which needs the forces of a pair_style mliap unified with a model "
        "file of lammps_adflux, but none has computed any: put `run 0` first."
    ),
    **ON_DEVICE,
}
# in a run nobody can put `run 0` first
FAULTS_IN_RUN = {
    NO_FORCES: (
        "{asked} asked for before the first force call after the template was included: leave out "
        "`pre no` of the run."
    ),
    CHANGED: "{asked} asked for at atoms that are not those of the last force call, and not "
    "by a change of the box: leave out the command, fix or compute "
    "that moves atoms after the forces or evaluates forces elsewhere (the fixes here are "
    "{fixes}), or ask at other steps than it.",
    REPLACED: (
        "{asked} asked for after pair_style was changed: include the template once more, after "
        "the new pair_style mliap unified."
    ),
    NO_PLUGIN: (
        "{asked} asked for, which needs the forces of a pair_style mliap unified with a model "
        "file of lammps_adflux, but none computes any: use such a pair_style."
    ),
    **ON_DEVICE,
}


def sentence(status: int, what: Asked, fixes: list[str], in_run: bool) -> str:
    """What a user needs to know of a status other than UP_TO_DATE."""
    sentences = FAULTS_IN_RUN if in_run else FAULTS
    return sentences[status].format(asked=what.asked, fixes=", ".join(fixes) or "none")


def on_device(what: Asked, version: int) -> int:
    """The status where Kokkos keeps the atoms on a GPU.

    `extract_atom` brings them to the host since LAMMPS 4 Jul 2026 (version 20260704); what Python
    writes there does not go back.
    """
    if what is not FLUX:
        return LOST_WRITES
    return UP_TO_DATE if version >= 20260704 else OLD_VIEWS
