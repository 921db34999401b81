"""The `adflux` command: one thin function per subcommand."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import AdfluxError
from . import doctor as cli_doctor
from . import evaluate as cli_evaluate
from . import export as cli_export
from . import implicit as cli_implicit
from . import inspect as cli_inspect
from . import kappa as cli_kappa
from .options import as_options

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=(
        "JAX potentials in LAMMPS: heat flux, thermal conductivity, derivatives of relaxed "
        "structures."
    ),
)


@app.command()
def path() -> None:
    """Print the folder of the input templates, for `lmp -var adflux $(adflux path)`."""
    from ..paths import template_path

    print(template_path())


app.add_typer(cli_export.export, name="export")
app.command("inspect")(cli_inspect.inspect)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(
    context: typer.Context,
    script: Annotated[Path, typer.Argument(help="A LAMMPS input script.")],
    ranks: Annotated[int, typer.Option("--ranks", "-np", help="MPI ranks; -n as well.")] = 1,
    lmp: Annotated[Path | None, typer.Option(help="Another lmp than this environment's.")] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show all that LAMMPS prints.")
    ] = False,
    dry: Annotated[
        bool,
        typer.Option(
            "--dry", help="Only say what the script lacks; LAMMPS reads it up to its first run."
        ),
    ] = False,
) -> None:
    """Run LAMMPS with the templates at hand (${adflux}); what follows the script goes to lmp:
    adflux run in.lj -n 2 -var seed 3
    """
    from ..lmp.run import run_lammps

    extra = list(context.args)
    # not declared above: the parser would find it inside LAMMPS' own -partition
    if "-n" in extra[:-1]:
        place = extra.index("-n")
        ranks = int(extra[place + 1]) if extra[place + 1].isdigit() else 0
        del extra[place : place + 2]
    if dry:
        from ..lmp.findings import healthy, print_findings
        from .dry_run import examine

        findings = examine(script, tuple(extra))
        print_findings(findings)
        raise typer.Exit(0 if healthy(findings) else 1)
    raise typer.Exit(run_lammps(script, ranks, tuple(extra), lmp, verbose))


@app.command("build-lammps")
def build_lammps(
    version: Annotated[
        str, typer.Option(help="20260704 or 20250204, also as LAMMPS writes it: '4 Feb 2025'.")
    ] = "20260704",
    source: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a LAMMPS source of yours; it stays as it is.", envvar="LAMMPS_SOURCE"
        ),
    ] = None,
    mpi_cxx: Annotated[str | None, typer.Option(help="MPI compiler; default: mpicxx.")] = None,
    jobs: Annotated[
        int | None, typer.Option(help="Files compiled at once; default: all cores.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Build again, even if the cache has it.")] = False,
    exchange_only: Annotated[
        bool,
        typer.Option(
            "--exchange-only",
            help="Only the exchange of features between ranks, for a LAMMPS of yours.",
        ),
    ] = False,
) -> None:
    """Build LAMMPS with Python ML-IAP into this environment: 3 to 7 minutes on 2 cores, then
    seconds.
    """
    if exchange_only:
        from ..lmp.exchange import build_exchange

        build_exchange(mpi_cxx)
        return
    from ..lmp.build import build_lammps

    build_lammps(version, source, mpi_cxx, jobs, force)


app.command()(cli_kappa.kappa)


@app.command()
def check(
    model: Annotated[Path, typer.Argument(help="A model file of `adflux export`.")],
    structure: Annotated[
        Path | None,
        typer.Argument(
            help="A small structure in any format that ASE reads; default: a disordered crystal."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Test a potential: forces, virial, flux against the unfolded cell and the energy barycentre,
    symmetries, reach, cutoff, precision.

    Exit code 1 if anything fails; a note (a step at the cutoff that the potential declares, as
    lj/cut has it) is no failure. Examples:

        adflux check model.pkl

        adflux check model.pkl SnSe.cif
    """
    from .check import report

    raise typer.Exit(0 if report(model, structure, json) else 1)


app.command()(cli_evaluate.evaluate)


app.command()(cli_doctor.doctor)
app.command()(cli_implicit.implicit)
app.command()(cli_implicit.predict)
app.command()(cli_implicit.propagate)


def arguments_of(words: list[str]) -> list[str]:
    """The arguments of the command that `words`, those after `adflux`, name."""
    command = typer.main.get_command(app)
    for word in words:
        inner = getattr(command, "commands", {})
        if word not in inner:
            break
        command = inner[word]
    return [parameter.name for parameter in command.params if parameter.name]


def main() -> None:
    """Entry point: an AdfluxError is one sentence on stderr and exit code 1."""
    try:
        app()
    except AdfluxError as error:
        sentence = as_options(str(error), arguments_of(sys.argv[1:]))
        if "mpi4py.MPI" in sys.modules:
            from ..parallel.failures import fail, world

            if world().size > 1:  # one rank speaks, and ends them all
                fail(sentence)
                sys.exit(1)  # MPI_Abort may return before the process ends
        print(f"adflux: {sentence}", file=sys.stderr)
        sys.exit(1)
