"""The styles, coefficients and settings that `pair_*` commands define."""

from pathlib import Path
from typing import NamedTuple

from ...errors import AdfluxError
from ..text_files import is_number
from .script import commands

OVERLAY = "hybrid/overlay"
# how many numbers each style has after its name
OPTIONS = {
    "zbl": 2,
    "snap": 0,
    "sw": 0,
    "eam": 0,
    "eam/alloy": 0,
    "eam/fs": 0,
    "tersoff": 0,
    "tersoff/mod": 0,
    "tersoff/zbl": 0,
    "lj/cut": 1,
    "morse": 1,
    "buck": 1,
}
READ = tuple(OPTIONS)  # and zero, which adds nothing
# how many numbers pair_coeff has before a cutoff
NUMBERS = {"lj/cut": 2, "morse": 3, "buck": 3}
RESTORED = (*NUMBERS, "zbl")  # a restart file holds their settings and coefficients
MIXINGS = "geometric", "arithmetic", "sixthpower"
WITHOUT_MEANING = (
    "print", "echo", "log", "mass", "neighbor", "neigh_modify", "comm_modify", "newton",
    "boundary", "atom_style", "atom_modify",
    "thermo",
)  # fmt: skip


class Style(NamedTuple):
    """One of the styles of a pair_style command."""

    name: str
    options: list[str]


class Coefficients(NamedTuple):
    """A pair_coeff command for one style."""

    place: str
    types: tuple[str, str]
    words: list[str]


class Commands(NamedTuple):
    """What the commands of a file say in the end."""

    path: Path
    styles: list[Style]
    coefficients: dict[str, list[Coefficients]]  # by style
    settings: dict[str, dict[str, str]]  # of pair_modify, by style: shift, mix
    units: tuple[str, str] | None  # where they are named, and which


def read_commands(path: Path) -> Commands:
    """The last pair_style, and what follows it."""
    styles: list[Style] = []
    found: dict[str, list[Coefficients]] = {}
    settings: dict[str, dict[str, str]] = {}
    units, hybrid, restored = None, False, ""
    for place, words in commands(path):
        if words[0] == "pair_style":
            before, styles = styles, _split(place, words[1:])
            again = not hybrid and words[1:2] == [style.name for style in before]
            hybrid = words[1:2] == [OVERLAY]
            if words[1] == restored:
                raise AdfluxError(
                    f"{place}: LAMMPS goes on with what a restart file holds of pair_style "
                    f"{restored}, which is not read: write its commands into a script without "
                    "read_restart."
                )
            restored = ""
            if again:
                # LAMMPS keeps all but the cutoffs
                found = {name: _without_cutoffs(name, lines) for name, lines in found.items()}
            else:
                found = {style.name: [] for style in styles}
                settings = {style.name: {} for style in styles}
        elif words[0] == "pair_coeff" and styles and len(words) > 3:
            name = words[3] if hybrid else styles[0].name
            if name not in found:
                raise AdfluxError(
                    f"{place}: {name} is no style of the pair_style command before, "
                    f"{', '.join(found)}."
                )
            found[name].append(
                Coefficients(place, (words[1], words[2]), words[4 if hybrid else 3 :])
            )
        elif words[0] == "pair_coeff" and [style.name for style in styles] != ["zero"]:
            raise AdfluxError(
                f"{place}: `{' '.join(words)}` has no coefficients, or stands before pair_style."
            )
        elif words[0] == "pair_modify":
            _modify(place, words[1:], settings)
        elif words[0] == "units":
            units = place, " ".join(words[1:])
        elif words[0] in ("clear", "restored"):  # see lmp/resolved.py
            restored = words[1] if words[1:] and words[1] in RESTORED else ""
            styles, found, settings, hybrid = [], {}, {}, False
            units = units if words[0] == "restored" else None
        elif words[0] not in ("pair_coeff", *WITHOUT_MEANING):
            raise AdfluxError(
                f"{place}: variable, pair_style and pair_coeff are read, but the command "
                f"{words[0]} was found; put the pair style into a file of its own."
            )
    if not styles:
        raise AdfluxError(
            f"{path} has no pair_style command: name a file that LAMMPS would include for the "
            "potential."
        )
    return Commands(path, styles, found, settings, units)


def _without_cutoffs(style: str, lines: list[Coefficients]) -> list[Coefficients]:
    return [line._replace(words=line.words[: NUMBERS.get(style)]) for line in lines]


def _split(place: str, words: list[str]) -> list[Style]:
    """The styles of a pair_style command with their options."""
    hybrid = words[:1] == [OVERLAY]
    styles: list[Style] = []
    for word in words[1:] if hybrid else words:
        if styles and (
            is_number(word) or (styles[-1].name == "zero" and word in ("nocoeff", "full"))
        ):
            styles[-1].options.append(word)
        elif word in (*READ, "zero"):
            styles.append(Style(word, []))
        else:
            raise AdfluxError(
                f"{place}: pair_style {word} has no potential here; {', '.join(READ)} and "
                f"{OVERLAY} of them are read."
            )
    names = [style.name for style in styles]
    if not names or len(set(names)) != len(names) or (not hybrid and len(names) > 1):
        raise AdfluxError(
            f"{place}: one style, or {OVERLAY} of different ones, was needed, but "
            f"`{' '.join(words)}` was found."
        )
    for style in styles:
        wanted = OPTIONS.get(style.name, len(style.options))
        if len(style.options) != wanted:
            raise AdfluxError(
                f"{place}: {style.name} has {wanted} number{'s' * (wanted != 1)}, but "
                f"`{' '.join(style.options)}` was found."
            )
    return styles


def _modify(place: str, words: list[str], settings: dict[str, dict[str, str]]) -> None:
    """The settings of pair_modify that change energies."""
    chosen = list(settings)
    if words[:1] == ["pair"] and words[1:2] and words[1] in settings:
        chosen, words = [words[1]], words[2:]
    if not settings or len(words) % 2:
        raise AdfluxError(
            f"{place}: settings and their values were needed after a pair_style, but "
            f"`pair_modify {' '.join(words)}` was found."
        )
    for name, value in zip(words[::2], words[1::2], strict=True):
        if (name, value) == ("tail", "no") or name.startswith("tab"):
            continue
        if (name == "shift" and value in ("yes", "no")) or (name == "mix" and value in MIXINGS):
            for style in chosen:
                settings[style][name] = value
            continue
        raise AdfluxError(
            f"{place}: shift and mix are read, but pair_modify {name} {value} was found."
        )
