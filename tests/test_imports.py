"""The shape of the package: imports run one way, and `lammps` is imported in one folder only."""

import ast
import subprocess
import sys
from pathlib import Path

import lammps_adflux as adflux

PACKAGE = Path(adflux.__file__).parent


def imports_of(path: Path) -> set[str]:
    """Modules that are imported when this one is: imports inside functions and for type checking do not count."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            folder = path.parent if node.level == 1 else path.parent.parent
            base = (
                [*folder.relative_to(PACKAGE.parent).parts, *(node.module or "").split(".")]
                if node.level
                else [node.module]
            )
            name = ".".join(part for part in base if part)
            names |= {name} | {f"{name}.{alias.name}" for alias in node.names}
    return names


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): imports_of(path) for path in PACKAGE.rglob("*.py")}


def test_no_cycles():
    done: set[str] = set()

    def visit(name, trail):
        assert name not in trail, " → ".join([*trail, name])
        if name in done:
            return
        for other in sorted(MODULES[name] & set(MODULES) - {name}):
            visit(other, (*trail, name))
        done.add(name)

    for name in MODULES:
        visit(name, ())


def test_only_the_bridge_imports_lammps():
    users = {name for name, imported in MODULES.items() if any(i.split(".")[0] == "lammps" for i in imported)}
    assert users and all(name.startswith("lammps_adflux.mliap") for name in users)


def test_the_core_knows_nothing_of_the_bridge():
    core = ("graph", "potentials", "derivatives", "flux", "modelfile", "fluxseries", "greenkubo", "units")
    for name, imported in MODULES.items():
        if name.removeprefix("lammps_adflux.").split(".")[0] in core:
            assert not any(i.startswith("lammps_adflux.mliap") for i in imported), name


def test_import_sets_nothing_in_jax_and_costs_nothing():
    code = "import sys, lammps_adflux; assert 'jax' not in sys.modules; lammps_adflux.Graph; import jax; assert not jax.config.jax_enable_x64"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_all_public_names_exist():
    assert all(hasattr(adflux, name) for name in adflux.__all__)
