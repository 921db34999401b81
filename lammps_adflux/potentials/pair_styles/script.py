"""Commands of a LAMMPS input file without LAMMPS: lines joined, comments left out, variables put
in.
"""

import ast
import operator
import re
from pathlib import Path
from typing import NamedTuple

from ...errors import AdfluxError
from ..text_files import read_lines

OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
VARIABLE = re.compile(r"\$\{(\w+)\}|\$\(([^()]*(?:\([^()]*\)[^()]*)*)\)|\$(\w)")
KNOWN = "index, string, equal, internal and getenv variables of one value are read"


class Formula(NamedTuple):
    """Of an equal-style variable, which LAMMPS evaluates where it is used."""

    place: str
    text: str


Variables = dict[str, str | Formula]


def commands(path: Path) -> list[tuple[str, list[str]]]:
    """(place, words) of each command but `variable`; place is "FILE, line N" of the line where it
    starts.
    """
    found: list[tuple[str, list[str]]] = []
    variables: Variables = {}
    for number, line in _joined(read_lines(path, "LAMMPS input")):
        place = f"{path}, line {number}"
        words = _substituted(place, line, variables).split()
        if words[:1] == ["variable"]:
            _define(place, words, variables)
        elif words:
            found.append((place, [word.strip("\"'") for word in words]))
    return found


def value_of(place: str, word: str) -> float:
    """A word as a number."""
    try:
        return float(word)
    except ValueError:
        raise AdfluxError(f"{place}: a number was needed, but {word!r} was found.") from None


def _joined(lines: list[str]):
    """Commands over several lines as one; LAMMPS continues after & and inside no quotes here."""
    start, text = 0, ""
    for number, line in enumerate(lines, 1):
        start = start if text else number
        text += re.sub(r"#.*", "", line).rstrip()
        if text.endswith("&"):
            text = text[:-1] + " "
            continue
        if text.strip():
            yield start, text
        text = ""
    if text.strip():
        yield start, text


def _define(place: str, words: list[str], variables: Variables) -> None:
    name, style, values = (words + [""] * 3)[1], (words + [""] * 3)[2], words[3:]
    if style == "equal":
        variables[name] = Formula(place, "".join(values).strip("\"'"))
    elif style in ("index", "string", "internal") and len(values) == 1:
        if style == "index" and name in variables:
            return  # LAMMPS keeps the first
        variables[name] = values[0].strip("\"'")
    else:
        raise AdfluxError(
            f"{place}: `{' '.join(words)}` was found, but only {KNOWN}; write the numbers instead."
        )


def _substituted(place: str, line: str, variables: Variables) -> str:
    def value(match: re.Match) -> str:
        if match[2] is not None:
            return repr(_evaluate(place, match[2], variables))
        name = match[1] or match[3]
        if name not in variables:
            raise AdfluxError(
                f"{place}: the variable {name} is not defined before it is used; define it in "
                "this file."
            )
        found = variables[name]
        # LAMMPS' digits
        return found if isinstance(found, str) else f"{_number(place, name, variables):.15g}"

    return VARIABLE.sub(value, line)


def _number(place: str, name: str, variables: Variables) -> float:
    found = variables[name]
    if isinstance(found, str):
        return value_of(place, found)
    others = {other: value for other, value in variables.items() if other != name}
    return _evaluate(found.place, found.text, others)


def _evaluate(place: str, formula: str, variables: Variables) -> float:
    """Numbers, v_name, + - * / ^ and brackets."""

    def is_power(node) -> bool:
        return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow)

    def of(node) -> float:
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            return float(node.value)
        if isinstance(node, ast.Name) and node.id.startswith("v_") and node.id[2:] in variables:
            return _number(place, node.id[2:], variables)
        # LAMMPS' -2^2 is 4, and its 2^3^2 is 64
        if (isinstance(node, ast.UnaryOp) and is_power(node.operand)) or (
            isinstance(node, ast.BinOp) and is_power(node) and is_power(node.right)
        ):
            raise ValueError
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            return OPERATORS[type(node.op)](of(node.left), of(node.right))
        if isinstance(node, ast.UnaryOp) and type(node.op) in OPERATORS:
            return OPERATORS[type(node.op)](of(node.operand))
        raise ValueError

    try:
        return of(ast.parse(formula.replace("^", "**"), mode="eval").body)
    except (SyntaxError, ValueError, ArithmeticError):
        raise AdfluxError(
            f"{place}: numbers, v_NAME, + - * / and ^ are read in formulas, but {formula!r} was "
            "found; write its value."
        ) from None
