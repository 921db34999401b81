"""The order of the rooms: every import, wherever it stands in a file, leads to the left.

`ROOMS` is the order as data, `LATE` names the imports that may stand inside a function. A module
that breaks the order, or a new import inside a function, fails here with its name.
"""

import ast
import os
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import lammps_adflux as adflux

PACKAGE = Path(adflux.__file__).parent
NAME = "lammps_adflux"

# a room sees itself, the rooms left of its column, and no other
ROOMS = (
    ("errors", "paths", "graph", "units"),
    ("hop_rule", "parallel"),
    ("process",),
    ("potentials",),
    ("derivatives",),
    ("flux",),
    ("structures",),
    ("checks", "mliap"),
    ("modelfile",),
    ("implicit",),
    ("conductivity", "lmp"),
    ("cli",),
)
# rooms that see less than their column does
ONLY = {
    "errors": set(),
    "paths": {"errors"},
    "graph": {"errors"},
    "units": {"errors"},
    "conductivity": {"errors", "units"},
    "lmp": {"errors", "paths"},
}
# (module, module imported inside a function) and why not at its top
LATE = {
    ("modelfile", "process"): "settings come before JAX",
    (
        "modelfile",
        "mliap.plugin",
    ): "JAX comes after the settings, and a checkout without LAMMPS can export",
    ("modelfile", "potentials"): "JAX comes after the settings",
    ("modelfile", "potentials.base"): "JAX comes after the settings",
    ("modelfile", "potentials.encoding"): "JAX comes after the settings",
    ("modelfile", "potentials.layers"): "JAX comes after the settings",
    ("implicit.relaxation", "mliap.session"): "a structure that was relaxed before needs no LAMMPS",
    ("potentials.base", "potentials.total"): "a + b is a Sum, and a Sum is a Potential",
    ("lmp.doctor_probe", ""): "runs inside lmp, which may lack the package",
    ("lmp.doctor_probe", "process"): "runs inside lmp, which may lack the package",
    ("lmp.doctor_probe", "paths"): "runs inside lmp, which may lack the package",
    ("lmp.doctor_probe", "parallel.handler"): "runs inside lmp, which may lack the package",
}
# a subcommand imports what it needs, so that `adflux --help` does not wait for JAX
LATE_ROOMS = ("cli",)
PUBLIC = ""  # lammps_adflux/__init__.py: its names are imported when they are first used


class Import(NamedTuple):
    """One import statement's name, relative to the package where it is ours."""

    module: str
    late: bool  # inside a function
    ours: bool


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


PATHS = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports_of(path: Path, source: str | None = None) -> list[Import]:
    """All imports of a file: at its top, in functions, in `if TYPE_CHECKING`, in `try`."""
    package = list(path.relative_to(PACKAGE).parent.parts)
    found: list[Import] = []

    def visit(node: ast.AST, late: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    add(alias.name, late)
            elif isinstance(child, ast.ImportFrom):
                base = child.module or ""
                if child.level:
                    above = package[: len(package) - (child.level - 1)]
                    base = ".".join([NAME, *above, *([child.module] if child.module else [])])
                for alias in child.names:
                    inner = f"{base}.{alias.name}"
                    add(inner if inner.removeprefix(NAME + ".") in PATHS else base, late)
            inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            visit(child, late or inside)

    def add(name: str, late: bool) -> None:
        ours = name == NAME or name.startswith(NAME + ".")
        found.append(
            Import(name.removeprefix(NAME).removeprefix(".") if ours else name, late, ours)
        )

    visit(ast.parse(path.read_text() if source is None else source), False)
    return found


IMPORTS = {name: imports_of(path) for name, path in PATHS.items()}
COLUMN = {room: number for number, column in enumerate(ROOMS) for room in column}


def room_of(module: str) -> str:
    return module.split(".")[0]


def may_see(room: str, other: str) -> bool:
    if room == other:
        return True
    return other in ONLY[room] if room in ONLY else COLUMN[other] < COLUMN[room]


def test_an_import_is_found_wherever_it_stands():
    source = (
        "import os\n"
        "from ...graph import Graph\n"
        "from . import files\n"
        "if TYPE_CHECKING:\n    from ..base import Potential\n"
        "try:\n    import lammps_adflux.mliap.plugin\nexcept ImportError:\n    pass\n"
        "def f():\n    from ...mliap import attach\n"
        "class A:\n    def g(self):\n        return lambda: __import__('x')\n"
    )
    found = imports_of(PACKAGE / "potentials/snap/potential.py", source)
    assert [(one.module, one.late) for one in found] == [
        ("os", False),
        ("graph", False),
        ("potentials.snap.files", False),
        ("potentials.base", False),
        ("mliap.plugin", False),
        ("mliap.attach", True),
    ]


def test_every_module_is_in_a_room():
    assert {room_of(name) for name in PATHS} - {PUBLIC} == set(COLUMN)


@pytest.mark.parametrize("name", [name for name in PATHS if name != PUBLIC])
def test_imports_lead_to_the_left(name):
    for one in IMPORTS[name]:
        if one.ours and (name, one.module) not in LATE:
            assert may_see(room_of(name), room_of(one.module)), f"{name} imports {one.module}"


@pytest.mark.parametrize("name", [name for name in PATHS if name != PUBLIC])
def test_imports_inside_functions_are_named(name):
    late = {(name, one.module) for one in IMPORTS[name] if one.ours and one.late}
    if room_of(name) not in LATE_ROOMS:
        assert late <= set(LATE)


def test_no_named_exception_is_left_over():
    late = {(name, one.module) for name, found in IMPORTS.items() for one in found if one.late}
    assert set(LATE) <= late


def test_modules_import_each_other_in_no_circle():
    graph = {
        name: {one.module for one in found if one.ours and (name, one.module) not in LATE}
        - {PUBLIC}
        for name, found in IMPORTS.items()
        if name != PUBLIC
    }
    # a package's __init__ that re-exports its parts is one with them for who imports it
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise AssertionError(" → ".join(error.args[1])) from None


def test_only_the_bridge_imports_lammps():
    users = {
        name
        for name, found in IMPORTS.items()
        if any(one.module.split(".")[0] == "lammps" for one in found)
    }
    assert users and all(room_of(name) == "mliap" for name in users)


def test_the_top_shows_the_idea():
    entries = [entry.name for entry in PACKAGE.iterdir() if entry.name != "__pycache__"]
    assert len(entries) <= 20, sorted(entries)


def test_no_module_is_long():
    lengths = {name: len(path.read_text().splitlines()) for name, path in PATHS.items()}
    assert not {name: length for name, length in lengths.items() if length > 300}


def fresh_python(code: str) -> None:
    """Run `code` in an interpreter whose JAX nobody has set up."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "XLA_"))
    }
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, env=environment)


def test_import_does_not_wait_for_jax():
    fresh_python("import sys, lammps_adflux; assert 'jax' not in sys.modules")


def test_import_changes_nothing_in_the_process():
    fresh_python(
        "import os, signal, sys; before = dict(os.environ), signal.getsignal(signal.SIGINT), "
        "sys.excepthook; "
        "import ctypes; called = []; load = ctypes.CDLL; ctypes.CDLL = lambda *a, **k: "
        "called.append(a) or load(*a, **k); "
        "import lammps_adflux; assert called == []; lammps_adflux.Graph; lammps_adflux.relax; "
        "ctypes.CDLL = load; "
        "assert (None,) not in called, called; "
        "assert before == (dict(os.environ), signal.getsignal(signal.SIGINT), sys.excepthook); "
        "import jax; assert not jax.config.jax_enable_x64"
    )


def test_all_public_names_exist():
    assert {*adflux._HOME, "__version__"} == set(adflux.__all__)
    assert all(hasattr(adflux, name) for name in adflux.__all__)
