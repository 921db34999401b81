"""`adflux run --dry`: what an input script still lacks, before it runs for hours."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import AdfluxError
from ..lmp.findings import Finding
from ..lmp.resolved import read_script
from ..units import unit_system

if TYPE_CHECKING:
    import ase

WANTED = ("units", "boundary", "pair_style", "pair_coeff", "python", "restored")
LATER = ("fix", "thermo_style", "timestep", "variable")
FLUX = re.compile(r"v_adflux_j[pc]?[xyz]")
MISSING = re.compile(r"Substitution for illegal variable (\w+)|needs the variable (\w+)")
# the time is over from the start, by -skiprun
AT_RUN = "timer timeout off", "run 0 post no", "write_data {data} nocoeff"
ENOUGH = 2.0  # samples in a period of the fastest vibration, at least


def examine(script: Path, arguments: tuple[str, ...]) -> list[Finding]:
    """What LAMMPS and the templates need, in the order of the script. LAMMPS reads it up to the
    first run, and evaluates the forces of the start.

    arguments: of `lmp`, such as ("-var", "seed", "2").
    """
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "start.data"
        at_run = [line.format(data=data) for line in AT_RUN]
        return list(_findings(script, arguments, at_run, data))


def _findings(script: Path, arguments, at_run, data: Path) -> Iterator[Finding]:
    wanted = {*WANTED, *LATER}
    given, dummies = _variables(arguments), 0
    while True:
        read = read_script(script, wanted, given, at_run)
        missing = MISSING.search(read.reason or "")
        name = missing and (missing[1] or missing[2])
        if not name or name in given:
            break
        yield Finding("variable", False, f"{name} is not set", f"add -var {name} VALUE")
        given, dummies = (*given, "-var", name, "1"), dummies + 1  # what else is missing?
    if dummies and read.reason:
        # a value that is not the user's may be the reason
        yield Finding("the rest", None, "not looked at, because of ✗ above")
        return
    lines = [line.split() for line in read.commands]
    styles = [line[1:] for line in lines if line[0] in ("pair_style", "restored")]
    style = styles[-1] if styles else []
    ours = "unified" in style
    reason = (read.reason or "").removeprefix("ERROR: ")
    if style or not reason:
        yield from _pair_style(script, style, ours)
    if not read.reached:
        no_run = Finding("run", False, f"{script} has no run", "end it with run N")
        yield Finding("script", False, reason, "mend this line") if reason else no_run
        return
    if reason:
        yield Finding("first forces", False, reason, "mend the script")
    else:
        yield Finding("first forces", True, "LAMMPS evaluates the start")
    if ours:
        yield from _flux(lines, None if reason else data)


def _variables(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """The arguments of `lmp` that set variables; others say where it writes."""
    kept, inside = [], False
    for word in arguments:
        if re.match(r"-[a-zA-Z]", word):
            inside = word in ("-var", "-v")
        if inside:
            kept.append(word)
    return tuple(kept)


def _pair_style(script: Path, style: list[str], ours: bool) -> Iterator[Finding]:
    if not style:
        yield Finding(
            "pair style", False, f"{script} sets none before its first run", "add pair_style"
        )
    elif ours:
        yield Finding("pair style", True, " ".join(style))
    else:
        advice = f"`adflux export --from-input {script}` writes the lines that have it"
        text = f"{' '.join(style)} is LAMMPS' own: no exact flux; {advice}"
        yield Finding("pair style", None, text)


def _flux(lines: list[list[str]], data: Path | None) -> Iterator[Finding]:
    """Is the flux written, and often enough?"""
    attached = [line for line in lines if line[:2] == ["python", "adflux_attach"]]
    if not attached:
        yield Finding(
            "template", None, "no heat_flux.lmp, green_kubo.lmp or the like: no flux is computed"
        )
        return
    yield Finding("template", True, "the flux has variables v_adflux_jx, v_adflux_jy, v_adflux_jz")
    asking = [line for line in lines if line[0] == "fix" and FLUX.search(" ".join(line))]
    series = [line for line in asking if line[3:4] == ["ave/time"] and len(line) > 6]
    if not asking:
        printed = any(line[0] == "thermo_style" and FLUX.search(" ".join(line)) for line in lines)
        where = "only thermo output" if printed else "nothing"
        yield Finding(
            "flux", False, f"{where} asks for v_adflux_jx, v_adflux_jy, v_adflux_jz",
            "fix flux all ave/time 10 1 10 v_adflux_jx v_adflux_jy v_adflux_jz file my.flux",
        )  # fmt: skip
        return
    if not any("file" in line for line in asking):
        yield Finding(
            "flux", False, f"fix {asking[0][1]} writes no file", "add `file my.flux` to it"
        )
    for line in series:
        every, repeat = (int(word) if word.isdigit() else 0 for word in line[4:6])
        if repeat != 1:
            yield Finding(
                "flux", False, f"fix {line[1]} averages {repeat} samples of the flux in each row",
                f"fix {line[1]} {line[2]} ave/time {every} 1 {every} …",
            )  # fmt: skip
        else:
            yield Finding("flux", True, f"fix {line[1]} writes it every {every} steps")
        yield from _sampling(lines, every, data)


def _sampling(lines: list[list[str]], every: int, data: Path | None) -> Iterator[Finding]:
    """Samples in a period of the fastest vibration of the start."""
    units = next((line[1] for line in lines if line[0] == "units"), "lj")
    system = unit_system(units)
    steps = [float(line[1]) for line in lines if line[0] == "timestep"]
    step = steps[-1] if steps else system.default_timestep
    if data is None:
        yield Finding("sampling", None, "not looked at, because of ✗ above")
        return
    try:
        square = _fastest_square(lines, units, data)
    except AdfluxError as error:
        yield Finding("sampling", None, f"the fastest vibration is not known: {error}")
        return
    if square <= 0.0:
        yield Finding("sampling", None, "the start has no vibrations")
        return
    period = 2.0 * np.pi / np.sqrt(square / system.mvv2e)
    text = (
        f"every {every * step:.3g} {system.time_name}; the fastest vibration of the start takes "
        f"{period:.3g} {system.time_name}"
    )
    most = int(period / (ENOUGH * step))
    if step > period / 10.0:
        yield Finding(
            "time step", None, f"{step:g} {system.time_name} are more than a tenth of the fastest "
            "vibration of the start",
        )  # fmt: skip
    good = every <= most
    yield Finding("sampling", good, text, f"sample every {max(most, 1)} steps or more often")


def _fastest_square(lines: list[list[str]], units: str, data: Path) -> float:
    """ω² in energy per mass and length² of LAMMPS."""
    import jax

    jax.config.update("jax_enable_x64", True)  # before a model is read
    from ..modelfile import load
    from ..potentials.conversion import in_units
    from ..structures import graph_from_atoms
    from ..structures.vibrations import fastest_square

    style = next(line[1:] for line in reversed(lines) if line[0] == "pair_style")
    if style[0] != "mliap":
        raise AdfluxError(f"pair_style {style[0]} has more than one part")
    model = load(style[style.index("unified") + 1])
    coefficients = next(line for line in reversed(lines) if line[0] == "pair_coeff")
    atoms, masses = _structure(data, coefficients[3:])
    boundary = next((line[1:4] for line in reversed(lines) if line[0] == "boundary"), "ppp")
    atoms.pbc = [letters == "p" for letters in boundary]
    potential = in_units(model, units)
    return fastest_square(potential, graph_from_atoms(atoms, potential), masses)


def _structure(data: Path, elements: list[str]) -> "tuple[ase.Atoms, np.ndarray]":
    """The atoms of a data file, in LAMMPS' units."""
    import ase
    import ase.io

    # "metal" leaves lengths as they are
    atoms = ase.io.read(data, format="lammps-data", units="metal")
    assert isinstance(atoms, ase.Atoms)
    types = np.asarray(atoms.arrays["type"])
    if any(elements[kind - 1] == "NULL" for kind in set(types.tolist())):
        raise AdfluxError("atoms of a type NULL belong to another pair style")
    atoms.symbols = [elements[kind - 1] for kind in types]
    section = re.search(r"^Masses\b.*\n\s*\n((?:\s*\d+ .*\n)+)", data.read_text(), re.MULTILINE)
    if section is None:
        raise AdfluxError("masses of single atoms")
    known = dict(line.split()[:2] for line in section[1].splitlines())
    return atoms, np.array([float(known[str(kind)]) for kind in types])
