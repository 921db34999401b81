"""A potential as JSON and arrays, and back: names of classes and functions, never their code."""

import dataclasses
import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import numpy as np

from ..errors import AdfluxError


def encode(value, where: str, arrays: dict[str, np.ndarray], dtype: np.dtype):
    """JSON for `value`; its arrays go into `arrays`, floating-point ones in `dtype`, named by where
    they stand.

    Knows numbers, strings, arrays, tuples, lists, dicts, equinox modules, and functions and classes
    that Python can import by name. A module with methods `to_saved() -> dict` and
    `from_saved(dict)` is stored as that dict.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (np.ndarray, np.generic, jax.Array)):
        array = np.asarray(value)
        arrays[where] = array.astype(dtype) if np.issubdtype(array.dtype, np.inexact) else array
        return {"array": where}
    if isinstance(value, (tuple, list)) and type(value) in (tuple, list):
        items = [
            encode(item, f"{where}/{number}", arrays, dtype) for number, item in enumerate(value)
        ]
        return {type(value).__name__: items}
    if isinstance(value, Mapping) and all(isinstance(key, (str, int)) for key in value):
        return {
            "dict": [
                [key, encode(item, f"{where}/{key}", arrays, dtype)] for key, item in value.items()
            ]
        }
    if isinstance(value, eqx.Module):
        name = import_name(type(value), where)
        if hasattr(value, "to_saved"):
            return {"module": name, "saved": encode(value.to_saved(), where, arrays, dtype)}  # pyright: ignore[reportAttributeAccessIssue]
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        prefix = f"{where}/" if where else ""
        return {
            "module": name,
            "fields": {
                key: {"default": [name, key]}
                if _is_default(value, key, item)
                else encode(item, prefix + key, arrays, dtype)
                for key, item in fields.items()
            },
        }
    if isinstance(value, Callable):
        return {"name": import_name(value, where)}
    raise AdfluxError(
        f"The field {where} of the potential is a {type(value).__name__}: a model file holds "
        "arrays, numbers and strings, in "
        "nested dicts, lists, tuples and equinox modules."
    )


def decode(node, arrays: Mapping[str, np.ndarray]):
    """The inverse of `encode`."""
    if not isinstance(node, dict):
        return node
    if "array" in node:
        return arrays[node["array"]]
    if "tuple" in node:
        return tuple(decode(item, arrays) for item in node["tuple"])
    if "list" in node:
        return [decode(item, arrays) for item in node["list"]]
    if "dict" in node:
        return {key: decode(item, arrays) for key, item in node["dict"]}
    if "name" in node:
        return imported(node["name"])
    if "default" in node:
        kind, parameter = node["default"]
        return inspect.signature(imported(kind)).parameters[parameter].default
    kind = imported(node["module"])
    if not (isinstance(kind, type) and issubclass(kind, eqx.Module)):
        raise AdfluxError(
            f"{node['module']} is not an equinox module: the model file is damaged or not ours."
        )
    if "saved" in node:
        return kind.from_saved(decode(node["saved"], arrays))  # pyright: ignore[reportAttributeAccessIssue]
    module = object.__new__(kind)
    saved, fields = node["fields"], dataclasses.fields(kind)
    if unknown := set(saved) - {field.name for field in fields}:
        raise AdfluxError(
            f"{node['module']} has no field {', '.join(sorted(unknown))}: the model file is "
            "damaged, or its class was changed since."
        )
    for field in fields:
        # a field that the class has got since the file was written has its default
        value = decode(saved[field.name], arrays) if field.name in saved else _default(field)
        object.__setattr__(module, field.name, value)
    return module


def _default(field: dataclasses.Field):
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    raise KeyError(field.name)


def _is_default(module: eqx.Module, field: str, value) -> bool:
    """A function without a name that is the default of the module's own parameter, as in
    eqx.nn.MLP.
    """
    if not isinstance(value, Callable) or "<lambda>" not in getattr(value, "__qualname__", ""):
        return False
    parameter = inspect.signature(type(module)).parameters.get(field)
    return parameter is not None and parameter.default is value


def import_name(value, where: str = "") -> str:
    """module:name of a class or function, under which Python finds the same object again."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    what = f"The potential {name}" if not where else f"{where} of the potential"
    if not module or not name:
        raise AdfluxError(
            f"{what} is {value!r}, which has no name to import it by: use a function defined with "
            "`def`."
        )
    if "<" in name or module == "__main__":
        raise AdfluxError(
            f"{what} is {name}, defined in {module}, where LAMMPS cannot import it: put it into a "
            "module of its own on "
            "the Python path."
        )
    try:
        same = imported(f"{module}:{name}") is value
    except AdfluxError:
        same = False
    if not same:
        raise AdfluxError(
            f"{what} is not what Python imports as {module}:{name}: use a function defined with "
            "`def`."
        )
    return f"{module}:{name}"


def imported(name: str) -> Any:
    """The class or function that `name`, module:name, stands for."""
    module, _, qualified = name.partition(":")
    try:
        found = importlib.import_module(module)
        for part in qualified.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise AdfluxError(
            f"{name} of this model file cannot be imported ({error}): install the package that "
            "defines it, or name the "
            "folder of its module in PYTHONPATH."
        ) from error
    return found
