"""The `adflux` command: one thin function per subcommand."""

import sys

import typer

from .errors import AdfluxError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="JAX potentials in LAMMPS: heat flux, thermal conductivity.",
)


@app.command()
def path() -> None:
    """Print the folder of the input templates, for `lmp -var adflux $(adflux path)`."""
    from .paths import template_path

    print(template_path())


def main() -> None:
    """Entry point: an AdfluxError is one sentence on stderr and exit code 1."""
    try:
        app()
    except AdfluxError as error:
        print(f"adflux: {error}", file=sys.stderr)
        sys.exit(1)
