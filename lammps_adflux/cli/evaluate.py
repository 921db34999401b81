"""`adflux evaluate`: a potential beside the energies, forces and stresses of a file."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import AdfluxError


def evaluate(
    file: Annotated[Path, typer.Argument(help="Structures, in any format that ASE reads.")],
    potential: Annotated[Path, typer.Option(help="A model file of `adflux export`.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Structures with the potential's values (extxyz)."),
    ] = Path("evaluated.extxyz"),
    dtype: Annotated[str, typer.Option(help="Precision: float64 or float32.")] = "float64",
    json: Annotated[bool, typer.Option("--json", help="Print the errors as JSON.")] = False,
) -> None:
    """Energies, forces and stresses of many structures, with the errors beside those that the file
    holds, and a parity plot: adflux evaluate test.extxyz --potential model.pkl
    """
    import jax

    jax.config.update("jax_enable_x64", True)  # before a model is read
    import json as texts

    import ase.io
    from rich.progress import track

    from ..modelfile import load
    from ..structures.evaluation import Errors, read_structures
    from ..structures.evaluation import evaluate as each

    structures, errors, evaluated = read_structures(file), Errors(), []
    model = load(potential)
    done = track(
        each(model, structures, dtype),
        "evaluate",
        total=len(structures),
        disable=json,
        transient=True,
    )
    for atoms, known in done:
        assert atoms.calc is not None
        errors.add(known, atoms.calc.results, len(atoms))
        evaluated.append(atoms)
    figure = output.with_suffix(".png")
    found = errors.summary()
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        ase.io.write(output, evaluated, format="extxyz")
        if found:
            from ..structures.plots import plot_parity

            plot_parity(errors, figure)
    except OSError as error:
        raise AdfluxError(
            f"{output} could not be written ({error.strerror}); choose another --output."
        ) from None
    if json:
        print(texts.dumps({"structures": errors.structures, **found}, indent=1))
        return
    _print(errors, found)
    print(f"written: {output}" + (f", {figure}" if found else ""))


def _print(errors, found: dict) -> None:
    from rich.console import Console
    from rich.table import Table

    from ..structures.evaluation import PROPERTIES

    print(f"{errors.structures} structures")
    if not found:
        print("the file holds no energies, forces or stresses to compare with")
        return
    table = Table("", "unit", "RMSE", "MAE", box=None)
    for name, values in found.items():
        table.add_row(name, PROPERTIES[name], f"{values['rmse']:.4g}", f"{values['mae']:.4g}")
        if "rmse without the mean" in values:
            table.add_row("… without the mean", "eV", f"{values['rmse without the mean']:.4g}", "")
    Console().print(table)
