"""`adflux implicit`, `adflux predict`, `adflux propagate`: derivatives of relaxed structures on the
command line.
"""

import json as jsonlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import AdfluxError
from ..units import unit_system

LISTED = 12  # names of parameters that are printed
LONG = 0.02  # relative change of lengths: third order is then about 0.1 of second


def implicit(
    script: Annotated[Path, typer.Argument(help="A LAMMPS input script that makes box and atoms.")],
    potential: Annotated[Path, typer.Option(help="A model file of `adflux export`.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The expansion: .npz, or HDF5 as .h5.")
    ],
    cell: Annotated[
        str | None, typer.Option(help="Strains that relax: iso, aniso, tri; none if left out.")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(help="Fields of the potential, as 'coefficients'; all if left out."),
    ] = None,
    fixed: Annotated[str | None, typer.Option(help="A LAMMPS group that does not move.")] = None,
    types: Annotated[
        str | None, typer.Option(help="The element of each atom type, as 'W,Be'.")
    ] = None,
    pressure: Annotated[float, typer.Option(help="Target of the cell, in LAMMPS' units.")] = 0.0,
    force_tolerance: Annotated[
        float, typer.Option(help="Largest force of the relaxed structure.")
    ] = 1e-10,
    var: Annotated[
        list[str] | None, typer.Option(help="An index variable of the script, as 'name=value'.")
    ] = None,
    steps: Annotated[int, typer.Option(help="At most so many steps of LAMMPS' minimiser.")] = 10000,
    log: Annotated[Path | None, typer.Option(help="LAMMPS' log, with its reason to stop.")] = None,
    xyz: Annotated[
        Path | None, typer.Option(help="Also write the derivatives as vectors for OVITO.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Relax in LAMMPS, and expand structure and energy in the potential's parameters. Runs under
    mpiexec as well.

    Example: adflux implicit in.relax --potential w.pkl --cell iso -o w.npz
    """
    from ..parallel.failures import world
    from ..process import prepare

    prepare()
    from ..implicit.options import RelaxOptions
    from ..implicit.relaxation import relax
    from ..implicit.taylor import taylor
    from ..modelfile import load

    _check_files(output, xyz, log)
    if output.suffix not in (".npz", ".h5", ".hdf5"):
        raise AdfluxError(f"The output must be .npz, .h5 or .hdf5, but is {output}.")
    if any("=" not in word for word in var or ()):
        raise AdfluxError(f"--var needs name=value, but {' '.join(var or ())} was found.")
    model = load(potential)
    variables = {name: value for name, _, value in (word.partition("=") for word in var or ())}
    relaxed = relax(
        script,
        model,
        force_tolerance,
        cell,
        fixed,
        types=types.replace(",", " ").split() if types else None,
        pressure=pressure,
        variables=variables,
        log=log,
        options=RelaxOptions(steps=steps),
    )
    expansion = taylor(relaxed, where)
    if world().rank:
        return
    expansion.save(output)
    if xyz is not None:
        expansion.write_xyz(xyz)
    checks = relaxed.checks
    answer = {
        "units": relaxed.units,
        "dimension": expansion.dimension,
        "energy": relaxed.energy,
        "volume": relaxed.volume,
        "largest_force": checks.force,
        "lowest_eigenvalue": float(checks.eigenvalues[0]) if len(checks.eigenvalues) else None,
        "cutoff_distance": checks.cutoff_distance,
        "parameters": len(expansion.parameters),
        "names": list(expansion.names),
        "file": str(output),
    }
    _answer(answer, json)


def predict(
    file: Annotated[Path, typer.Argument(help="A file of `adflux implicit`.")],
    parameters: Annotated[
        Path | None,
        typer.Option(
            help="New parameters: .npy, text, or .npz with `parameters`; one row or several; by "
            "`names`, or in the order of `adflux implicit`. "
            "Those of --potential if left out."
        ),
    ] = None,
    potential: Annotated[
        Path | None,
        typer.Option(help="Model file of the new parameters, to evaluate its energy there."),
    ] = None,
    xyz: Annotated[
        Path | None, typer.Option(help="Also write the predicted structures, a frame for each row.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Energy, volume and structure at new parameters, without relaxing.

    Example: adflux predict w.npz --parameters new.txt --xyz new.xyz
    """
    from ..parallel.failures import world
    from ..process import prepare

    prepare()
    from ..implicit.ensembles import Wanted, read_rows
    from ..implicit.expansion import Taylor
    from ..modelfile import load

    if parameters is None and potential is None:
        raise AdfluxError("New parameters were needed: give --parameters, or --potential, or both.")
    _check_files(xyz)
    expansion = Taylor.load(file)
    model = None if potential is None else load(potential)
    if parameters is None:
        rows = [expansion.vector(model)]
    else:
        rows = read_rows(parameters, Wanted(expansion.names, expansion.parameters))
    if world().rank:  # one rank does it
        return
    predictions = [expansion.predict(row, model) for row in rows]
    names = "energy", "energy_first", "energy_at_structure", "volume", "doubt"
    answers = [
        {"units": expansion.units, "dimension": expansion.dimension}
        | {name: getattr(found, name) for name in names}
        | {"notes": notes}
        for found, notes in (
            (found, _doubts(expansion, row, found))
            for row, found in zip(rows, predictions, strict=True)
        )
    ]
    if xyz is not None:
        import ase.io

        ase.io.write(xyz, [expansion.atoms(found) for found in predictions], format="extxyz")
    for answer in answers if not json else ():
        _answer(answer, False)
    if json:
        print(jsonlib.dumps(answers))


def propagate(
    defect: Annotated[Path, typer.Argument(help="A file of `adflux implicit`: the defect.")],
    bulk: Annotated[Path, typer.Argument(help="The same of the bulk.")],
    ensemble: Annotated[
        Path,
        typer.Option(
            help=(
                ".npz with `samples`, or `mean` and `covariance`, and perhaps `names`; .h5; .npy; "
                "text with a row a line."
            )
        ),
    ],
    potential: Annotated[
        Path | None,
        typer.Option(help="Model file of the present parameters, to evaluate third order."),
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the distributions.")] = None,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Formation energy and volume of a defect over an ensemble of parameters: P(defect) - P(bulk) ·
    N(defect) / N(bulk).

    Example: adflux propagate vacancy.npz bulk.npz --ensemble ensemble.npz
    """
    from ..parallel.failures import world
    from ..process import prepare

    prepare()
    from ..implicit.expansion import Taylor
    from ..implicit.uncertainty import propagate as spread

    _check_files(plot)
    if plot is not None:
        from matplotlib.backend_bases import FigureCanvasBase

        kinds = FigureCanvasBase.get_supported_filetypes()
        if plot.suffix[1:] not in kinds:
            raise AdfluxError(
                f"The plot must end in one of {', '.join(sorted(kinds))}, but is {plot}."
            )
    structures = [Taylor.load(defect), Taylor.load(bulk)]
    if potential is not None:
        from ..modelfile import load

        model = load(potential)
        structures = [structure.with_potential(model) for structure in structures]
    if world().rank:  # one rank does it
        return
    found = spread(structures[0], structures[1], ensemble)
    if plot is not None:
        from ..implicit.plots import plot_distribution

        plot_distribution(plot, found)
    _answer(
        {
            "units": found.units,
            "samples": len(found.energy),
            "energy_present": found.energy_present,
            "energy_mean": found.mean,
            "energy_spread": found.spread,
            "volume_present": found.volume_present,
            "volume_mean": float(found.volume.mean()),
            "volume_spread": float(found.volume.std(ddof=1)),
            "doubt": found.doubt,
            "notes": list(found.notes),
        },
        json,
    )


def _doubts(expansion, row, found) -> list[str]:
    """Sentences on a prediction that may not be trusted."""
    from ..implicit.expansion import TRUST

    if found.doubt is not None:
        if found.doubt <= TRUST:
            return []
        return [
            "The change of the parameters is too large for this expansion: third order is "
            f"{found.doubt:.2g} of second, where {TRUST:g} may be trusted; "
            "relax again at the new parameters."
        ]
    change = float(expansion.lengths(row[None])[0])
    if change <= LONG:
        return []
    return [
        f"Lengths change by {100 * change:.2g} %, which is much for an expansion: --potential "
        "with the model of the new parameters says whether it may be trusted."
    ]


def _check_files(*files: Path | None) -> None:
    """Before anything is computed."""
    for path in files:
        if path is not None and not path.resolve().parent.is_dir():
            raise AdfluxError(f"The folder of {path} does not exist: make it first.")
        if path is not None and path.is_dir():
            raise AdfluxError(f"{path} is a folder: name a file.")


def _answer(values: dict, json: bool) -> None:
    """Name and value a line, with units where they are known; notes go to stderr."""
    if json:
        print(jsonlib.dumps(values))
        return
    for name, value in values.items():
        if name == "notes":
            for note in value:
                print(f"adflux: {note}", file=sys.stderr)
        elif value is not None and (name, value) != ("dimension", 3):
            if isinstance(value, list):
                value = " ".join(value[:LISTED]) + (" …" if len(value) > LISTED else "")
            elif isinstance(value, float):
                value = f"{value:.10g} {_unit(name, values)}".strip()
            print(f"{name.replace('_', ' '):24s}{value}")


def _unit(name: str, values: dict) -> str:
    """The unit of a printed number, of all that are printed."""
    if values.get("units") is None:
        return ""
    system = unit_system(values["units"])
    energy, length = system.energy_name, system.length_name
    known = {
        "energy": energy,
        "volume": f"{length}²" if values.get("dimension") == 2 else f"{length}³",
        "largest_force": f"{energy}/{length}",
        "lowest_eigenvalue": f"{energy}/{length}²",
        "cutoff_distance": length,
    }
    return known.get(name, known.get(name.split("_")[0], ""))
