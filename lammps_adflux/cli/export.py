"""`adflux export`: potentials as model files."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import AdfluxError
from .export_files import files
from .export_options import ModelFile, Precision
from .export_pairs import pairs

export = typer.Typer(
    no_args_is_help=True,
    invoke_without_command=True,
    help="Write a potential as a model file for `pair_style mliap unified FILE 0`.",
)
export.add_typer(pairs)
export.add_typer(files)


@export.callback()
def from_input(
    script: Annotated[
        Path | None,
        typer.Option(
            "--from-input", help="A LAMMPS input script, whose pair_style and pair_coeff are read."
        ),
    ] = None,
    elements: Annotated[
        str | None,
        typer.Option(help="Of the atom types, where pair_coeff does not name them, as 'Ar,Kr'."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The model file to write.")
    ] = None,
    var: Annotated[
        list[str] | None, typer.Option(help="A variable of the script, as 'NAME VALUE'.")
    ] = None,
    dtype: Precision = "float64",
) -> None:
    """Write a potential as a model file for `pair_style mliap unified FILE 0`: of a command below,
    or of an input script, adflux export --from-input in.lammps -o model.pkl
    """
    if script is None:
        if output is not None or elements is not None or var is not None:
            raise AdfluxError(
                "Options before a command belong to --from-input: name an input script, or put "
                "them behind the command."
            )
        return
    if output is None:
        raise AdfluxError("--from-input needs -o with the model file to write.")
    import tempfile

    from ..modelfile import export
    from .export_compared import compare

    words = tuple(word for one in var or [] for word in ("-var", *one.split(maxsplit=1)))
    potential, types = _of_script(script, elements, words)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.pkl"
        export(potential, model, dtype)
        reason = compare(script, model, types, words)
    export(potential, output, dtype)
    if reason is not None:
        print(f"The model's energy was not compared with that of {script}: {reason}.")
    print(
        f"In {script} replace pair_style, pair_coeff and pair_modify by\n"
        f"pair_style mliap unified {output} 0\n"
        f"pair_coeff * * {' '.join(types)}"
    )
    raise typer.Exit


@export.command("sum")
def total(
    models: Annotated[list[Path], typer.Argument(help="Model files of the same elements.")],
    output: ModelFile,
    dtype: Precision = "float64",
) -> None:
    """The sum of potentials, as LAMMPS' hybrid/overlay: adflux export sum sic.pkl core.pkl
    -o both.pkl
    """
    import jax

    from ..modelfile import export, load
    from ..potentials import Sum

    jax.config.update("jax_enable_x64", True)  # before a model is read

    export(Sum(*(load(path) for path in models)), output, dtype)


def _of_script(script: Path, elements: str | None, words: tuple[str, ...]):
    """The potential of an input script, and the elements of its atom types."""
    import tempfile

    from ..lmp.resolved import potential_commands
    from ..potentials import read_pair_style
    from ..potentials.pair_styles.reader import elements_of_types

    lines = potential_commands(script, words)
    with tempfile.TemporaryDirectory() as folder:
        read = Path(folder) / script.name
        read.write_text("\n".join(lines) + "\n")
        try:
            types = elements_of_types(read, elements)
            return read_pair_style(read, elements), types
        except AdfluxError as error:
            raise AdfluxError(
                str(error).replace(str(read), f"{script} as LAMMPS reads it")
            ) from None
