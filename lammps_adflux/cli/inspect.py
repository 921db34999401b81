"""`adflux inspect`: is LAMMPS' heat flux of this script exact?"""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from ..errors import AdfluxError

COMMANDS = ("units", "pair_style", "pair_coeff", "pair_modify", "kspace_style")
RESTART = b"LammpS RestartT"  # how such a file begins
BONDED = ("angle_style", "dihedral_style", "improper_style")


def inspect(
    script: Annotated[Path, typer.Argument(help="A LAMMPS input script, or a restart file.")],
    var: Annotated[
        list[str] | None, typer.Option(help="A variable of the script, as 'NAME VALUE'.")
    ] = None,
) -> None:
    """Is LAMMPS' compute heat/flux exact for the pair styles of a script? Exit code 1 where it is
    not. LAMMPS itself reads the script, without running it: adflux inspect in.flux
    """
    from rich.console import Console
    from rich.table import Table

    from ..conductivity.flux_styles import STRESSES, Verdict, styles_of, verdict

    words = tuple(word for one in var or [] for word in ("-var", *one.split(maxsplit=1)))
    lines = _commands(script, words)
    styles = next(
        (line[1:] for line in reversed(lines) if line[0] in ("pair_style", "restored")), []
    )
    if not styles:
        raise AdfluxError(f"{script} has no pair_style before its first run.")
    if styles[0].startswith("hybrid") and len(styles) == 1:
        raise AdfluxError(
            f"{script}: a restart file does not say what {styles[0]} is made of: give the input "
            "script with its pair_style."
        )
    names = styles_of(styles)
    ours = [name for name in names if name == "mliap" and "unified" in styles]
    computes = {line[1]: line[3:] for line in lines if line[0] == "compute" and len(line) > 3}
    fluxes = {name: rest for name, rest in computes.items() if rest[0] == "heat/flux"}
    asked = [(name, computes.get(rest[-1], [""])[0]) for name, rest in fluxes.items()]
    found: list[tuple[str, Verdict]] = [
        (flux, verdict(name, stress))
        for flux, stress in asked or [("(none yet)", stress) for stress in STRESSES]
        for name in names
        if name not in ours
    ]
    if any(line[0] in BONDED and line[1:2] != ["none"] for line in lines):
        says = "angles, dihedrals: exact with centroid/stress/atom only"
        found += [
            (flux, Verdict("bonded", stress, stress == STRESSES[1], says)) for flux, stress in asked
        ]
    if any(line[0] == "kspace_style" and line[1:2] != ["none"] for line in lines):
        found += [
            (flux, Verdict("kspace", stress, None, "the part of kspace is not judged"))
            for flux, stress in asked
        ]
    table = Table("compute heat/flux", "stress", "style", "exact", "why", box=None)
    for flux, one in found:
        exact = {True: "yes", False: "NO", None: "?"}[one.exact]
        table.add_row(flux, one.stress or "?", one.style, exact, one.says)
    console = Console(width=None if Console().is_terminal else 160)
    if found:
        console.print(table)
    if ours:
        console.print("mliap unified: its flux is exact through ${adflux}/heat_flux.lmp.")
    wrong = [one for _, one in found if one.exact is False]
    if wrong:
        _advise(
            "YOUR_SCRIPT" if is_restart(script) else script,
            [name for name in names if name not in ours],
            fluxes,
        )
        if asked:
            raise typer.Exit(1)


def _advise(script: Path | str, styles: list[str], fluxes: dict[str, list[str]]) -> None:
    """Which lines to replace."""
    from ..potentials.pair_styles.commands import READ

    missing = [style for style in styles if style not in READ]
    if missing:
        print(
            f"No potential here for {', '.join(missing)}; there are {', '.join(READ)}, networks, "
            "and functions of yours (adflux.from_function)."
        )
        return
    print(
        f"Run `adflux export --from-input {script} -o model.pkl`, and put the lines that it prints"
    )
    print("in place of pair_style, pair_coeff and pair_modify; behind them")
    print("include ${adflux}/heat_flux.lmp")
    for name in fluxes:
        print(f"and v_adflux_jx, v_adflux_jy, v_adflux_jz in place of c_{name}[1], [2], [3].")


def _commands(script: Path, words: tuple[str, ...]) -> list[list[str]]:
    """The commands that decide, of a script or a restart file."""
    from ..lmp.resolved import resolved_commands

    wanted = (*COMMANDS, *BONDED, "restored")
    if not is_restart(script):
        return [line.split() for line in resolved_commands(script, wanted, words, ("compute",))]
    with tempfile.TemporaryDirectory() as folder:
        reads = Path(folder) / "in.restart"
        reads.write_text(f"read_restart {script.resolve()}\n")
        return [line.split() for line in resolved_commands(reads, wanted, words)]


def is_restart(path: Path) -> bool:
    """Is it a restart file of LAMMPS?"""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return file.read(len(RESTART)) == RESTART
