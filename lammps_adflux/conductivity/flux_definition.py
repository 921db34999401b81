"""What a flux column is, from the definitions that the log echoes: how much of the extensive flux
it holds.
"""

import ast
import math
import operator
import re
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import AdfluxError
from .log_state import Definition, State

_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Mod: math.fmod,
}
_FUNCTIONS = {"sqrt": math.sqrt, "exp": math.exp, "ln": math.log, "log": math.log10, "abs": abs}
_OUR_FLUX = re.compile(r"v_adflux_(native_)?j[pc]?[xyz]$")


class Unclear(Exception):
    """Why the share of the flux in a column cannot be found."""


class Meaning(NamedTuple):
    """A column is `share` times the extensive flux."""

    share: float
    text: str | None = None  # the definition, where it is not the flux itself
    line: int = 0
    doubt: str | None = None  # what had to be taken for the flux unseen


@dataclass(frozen=True)
class _Box:
    lengths: tuple[float, float, float]
    atoms: int | None
    dimension: int

    def value(self, name: str) -> float | None:
        values: dict[str, float | None] = dict(zip(("lx", "ly", "lz"), self.lengths, strict=True))
        values["vol"] = math.prod(self.lengths[: self.dimension])
        values["atoms"] = self.atoms
        return values.get(name)


def meaning(column: str, state: State, volume: float | None, dimension: int = 3) -> Meaning:
    """How much of the total flux `column` holds: 1, 1/V for a flux per volume, any number for other
    units.

    column: LAMMPS' name of it, v_NAME, c_ID[i] or f_ID[i]. volume: of the box, in LAMMPS' units;
    for dimension=2 its area. Raises Unclear where the definition is known and its share is not.
    """
    definition = _definition_of(column, state)
    try:
        share, sources = _share(column, state, volume, dimension)
    except Unclear as unclear:
        where = (
            f" ({definition.style} of line {definition.line}: {' '.join(definition.words)})"
            if definition
            else ""
        )
        raise Unclear(f"{column}{where}: {unclear}") from None
    opaque = sorted(source for source in sources if _source_kind(source, state) == "opaque")
    doubt = (
        f"{', '.join(opaque)} was taken for an extensive flux"
        if opaque and definition is not None
        else None
    )
    text = (
        " ".join(definition.words) if definition is not None and column.startswith("v_") else None
    )
    return Meaning(share, text, definition.line if definition else 0, doubt)


def is_defined(column: str, state: State | None) -> bool:
    """Is it known what the column is: by its name, our own or that of a compute, or by a variable
    that the log echoes?
    """
    if _OUR_FLUX.match(column) or not column.startswith("v_"):
        return True
    return state is not None and _definition_of(column, state) is not None


def native_fluxes(column: str, state: State) -> dict[str, Definition]:
    """The computes of LAMMPS' own heat flux that a column is made of, by their names."""
    sources: set[str] = set()
    try:
        # only the names count, so that any box will do
        _evaluate(column, state, _Box((1.0, 1.0, 1.0), 1, 3), {}, sources)
    except Unclear:
        return {}
    found = {source[2:].split("[")[0]: _definition_of(source, state) for source in sources}
    return {
        name: one for name, one in found.items() if one is not None and one.style == "heat/flux"
    }


def _definition_of(column: str, state: State) -> Definition | None:
    kinds = {"v_": state.variables, "c_": state.computes, "f_": state.fixes}
    return kinds.get(column[:2], {}).get(column[2:].split("[")[0])


def _share(
    column: str, state: State, volume: float | None, dimension: int
) -> tuple[float, set[str]]:
    atoms = state.atoms
    lengths = state.lengths.value if state.lengths is not None else None
    if volume is None:
        boxes = [None, None]
    else:
        # two boxes of the same volume: what depends on more than the volume differs between them
        if lengths is None:
            lengths_now = (*(volume ** (1 / dimension),) * dimension, 1.0)[:3]
        else:
            scale = (volume / math.prod(lengths[:dimension])) ** (1 / dimension)
            lengths_now = tuple(scale * length for length in lengths)
        x, y, z = lengths_now
        boxes = [_Box((x, y, z), atoms, dimension), _Box((2 * x, y / 2, z), atoms, dimension)]
    sources: set[str] = set()
    ones = [_evaluate(column, state, box, {}, sources) for box in boxes]
    none = _evaluate(column, state, boxes[0], dict.fromkeys(sources, 0.0), set())
    double = _evaluate(column, state, boxes[0], dict.fromkeys(sources, 2.0), set())
    if not sources:
        raise Unclear("no heat flux is in it")
    parts = []
    for source in sorted(sources):
        unit = dict.fromkeys(sources, 0.0) | {source: 1.0}
        parts.append(_evaluate(column, state, boxes[0], unit, set()))
    size = max(abs(part) for part in parts)
    if size == 0.0 or abs(none) > 1e-12 * size or abs(double - 2 * ones[0]) > 1e-9 * size:
        raise Unclear("it is not proportional to the heat flux")
    sizes = [abs(part) for part in parts if abs(part) > 1e-12 * size]
    if lengths is None and abs(ones[1] - ones[0]) > 1e-9 * size:
        raise Unclear("it depends on the edges of the box, which the log does not tell")
    if max(sizes) > (1 + 1e-9) * min(sizes):
        # parts of different weight: only their common dependence on the volume can be undone
        assert volume is not None or boxes[0] is None
        for share in (1.0, None if volume is None else 1.0 / volume):
            if share is not None and any(abs(s - share) < 1e-6 * share for s in sizes):
                return share, sources
        raise Unclear("it mixes fluxes with different weights")
    return (parts[0] if len(parts) == 1 else size), sources


def _source_kind(name: str, state: State) -> str:
    """flux: the extensive heat flux for certain; opaque: a number that the log does not explain."""
    if _OUR_FLUX.match(name):
        return "flux"
    definition = _definition_of(name, state)
    if definition is not None and definition.style.split("/")[:2] == ["heat", "flux"]:
        return "flux"
    return "opaque"


def _evaluate(
    name: str, state: State, box: _Box | None, values: dict[str, float], sources: set[str], depth=0
):
    """The value of a column if each flux has the value in `values`, 1 if it is not there."""
    if depth > 20:
        raise Unclear("its definition refers to itself")
    definition = _definition_of(name, state)
    if name.startswith("v_") and definition is not None and definition.style == "equal":
        return _formula(" ".join(definition.words), state, box, values, sources, depth + 1)
    if (
        name.startswith("v_")
        and definition is not None
        and definition.style not in ("python", "internal")
    ):
        value = _constant(definition)
        if value is None:
            raise Unclear(
                f"it uses the {definition.style}-style variable {name[2:]}, whose value the log "
                "does not tell"
            )
        return value
    if name.startswith("f_") and definition is not None and definition.style == "ave/time":
        inputs = [word for word in definition.words[3:] if re.match(r"[cvf]_", word)]
        place = re.search(r"\[(\d+)\]", name)
        index = int(place.group(1)) - 1 if place else 0
        if any("*" in word for word in inputs) or index >= len(inputs):
            raise Unclear(f"it reads fix {name[2:]} with wildcards")
        return _evaluate(inputs[index], state, box, values, sources, depth + 1)
    if (
        definition is not None
        and definition.style.startswith("reduce")
        and definition.words[:1]
        in (
            ("ave",),
            ("avesq",),
        )
    ):
        raise Unclear(
            f"compute {definition.style} {definition.words[0]} divides by the number of atoms"
        )
    sources.add(name)
    return values.get(name, 1.0)


def _constant(definition: Definition) -> float | None:
    """The number that a variable of style index or string holds, if the log can tell it."""
    if definition.style in ("string", "getenv") and len(definition.words) == 1:
        try:
            return float(definition.words[0])
        except ValueError:
            return None
    return None


def _formula(
    text: str, state: State, box: _Box | None, values, sources: set[str], depth: int
) -> float:
    names: dict[str, str] = {}

    def identifier(match: re.Match) -> str:
        names[key := f"_{len(names)}_"] = match.group(0)
        return key

    source = re.sub(r"[cvf]_\w+(?:\[\d+\])?", identifier, text.strip()).replace("^", "**")
    try:
        tree = ast.parse(source, mode="eval")
    except (SyntaxError, ValueError):
        raise Unclear("its formula could not be read") from None

    def value(node) -> float:
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            return float(node.value)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            return value(node.operand) * (-1.0 if isinstance(node.op, ast.USub) else 1.0)
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](value(node.left), value(node.right))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
            if node.func.id not in _FUNCTIONS:
                raise Unclear(f"it uses the function {node.func.id}")
            return _FUNCTIONS[node.func.id](value(node.args[0]))
        if isinstance(node, ast.Name):
            if node.id in names:
                return _evaluate(names[node.id], state, box, values, sources, depth)
            if node.id == "PI":
                return math.pi
            if node.id in ("vol", "lx", "ly", "lz", "atoms"):
                found = box.value(node.id) if box is not None else None
                if found is None:
                    raise Unclear(f"it uses {node.id}, which is not known: give volume=")
                return found
            raise Unclear(f"it uses {node.id}, from which the flux cannot be found")
        raise Unclear("its formula holds more than sums, products and powers")

    try:
        return value(tree.body)
    except (ZeroDivisionError, OverflowError, ValueError, TypeError):
        raise Unclear("its formula could not be evaluated") from None


def refuse(where: str, unclear: Unclear) -> AdfluxError:
    """The sentence about a column whose share of the flux cannot be found."""
    return AdfluxError(
        f"{where}: {unclear}; sample the flux itself (v_adflux_jx …, c_flux[1] …), or say by hand "
        "what the columns "
        "are, per_volume=False or per_volume=True."
    )
