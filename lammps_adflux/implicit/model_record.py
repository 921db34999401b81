"""What of a potential is not among the parameters that are varied: two expansions belong together
if it is equal.
"""

import dataclasses
import hashlib
from collections.abc import Mapping

import equinox as eqx
import jax
import numpy as np


def model_record(potential, varied=()) -> dict[str, str]:
    """Kind, settings and arrays of a potential as field → text; arrays by a digest of ten figures
    each.

    varied: paths of arrays that are left out, as those of `parameters.Choice`; None leaves all of
    them out.
    """
    skipped = None if varied is None else {jax.tree_util.keystr(path) for path in varied}
    found: dict[str, str] = {}
    _add(found, potential, "", skipped)
    return found


def difference(one: Mapping[str, str], other: Mapping[str, str]) -> str | None:
    """The first field that two records have with other values; None where there is none."""
    for name in one:
        if name in other and one[name] != other[name]:
            return name
    return None


def described(record: Mapping[str, str], name: str) -> str:
    """A field and its value for a sentence."""
    if name == "kind":
        return record[name]
    return f"other {name}" if record[name].startswith("array ") else f"{name} {record[name]}"


def _add(found: dict[str, str], value, path: str, skipped: set[str] | None) -> None:
    name = path.lstrip(".") or "kind"
    if isinstance(value, eqx.Module):
        found[f"{name} kind" if path else name] = type(value).__name__
        for field in dataclasses.fields(value):
            _add(found, getattr(value, field.name), f"{path}.{field.name}", skipped)
    elif eqx.is_array(value) or isinstance(value, np.generic):
        numbers = np.asarray(value)
        inexact = np.issubdtype(numbers.dtype, np.inexact)
        if inexact and (skipped is None or path in skipped):
            return
        text = (
            " ".join(f"{number + 0.0:.10g}" for number in numbers.ravel())
            if inexact
            else str(numbers.tolist())
        )
        found[name] = f"array {numbers.shape} {hashlib.sha256(text.encode()).hexdigest()[:16]}"
    elif isinstance(value, Mapping):
        for key in value:
            _add(found, value[key], f"{path}[{key!r}]", skipped)
    elif isinstance(value, (bool, int, str)) or value is None:
        found[name] = str(value)
    elif isinstance(value, float):
        found[name] = f"{value:.10g}"
    elif isinstance(value, (list, tuple)):
        if all(isinstance(item, (bool, int, float, str)) for item in value):
            found[name] = " ".join(
                f"{item:.10g}" if isinstance(item, float) else str(item) for item in value
            )
        else:
            for number, item in enumerate(value):
                _add(found, item, f"{path}[{number}]", skipped)
