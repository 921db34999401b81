"""`adflux kappa`: thermal conductivity from what LAMMPS wrote."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import AdfluxError


def kappa(
    files: Annotated[
        list[Path],
        typer.Argument(
            help=(
                "LAMMPS logs, fix ave/time or fix ave/correlate files, or folders with one, for "
                "each seed."
            )
        ),
    ],
    log: Annotated[
        list[Path] | None,
        typer.Option(help="Log of the run, or one per file, for what files do not say."),
    ] = None,
    units: Annotated[str | None, typer.Option(help="LAMMPS units: metal, real, lj, …")] = None,
    volume: Annotated[float | None, typer.Option(help="Volume of the box (length³).")] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Default: mean of the log's Temp.")
    ] = None,
    timestep: Annotated[float | None, typer.Option(help="MD time step (time).")] = None,
    columns: Annotated[
        str | None,
        typer.Option(help="The flux columns, such as 'v_qx v_qy v_qz'; default v_adflux_j*."),
    ] = None,
    skip: Annotated[int, typer.Option(help="Samples to leave out at the beginning.")] = 0,
    discard: Annotated[float, typer.Option(help="Time to leave out at the beginning.")] = 0.0,
    run: Annotated[
        str | None,
        typer.Option(
            help=(
                "Which run of a log: 0 the first, -1 the last, all; default: the last with samples."
            )
        ),
    ] = None,
    per_volume: Annotated[
        bool | None,
        typer.Option(
            "--per-volume/--extensive",
            help="Columns are J/V, or J; default: as the log defines them.",
        ),
    ] = None,
    dimension: Annotated[
        int | None,
        typer.Option(
            help="2 where the volume is an area, with --volume; default: as the log says."
        ),
    ] = None,
    cutoff: Annotated[
        float | None, typer.Option(help="End of the integral; default automatic.")
    ] = None,
    filter_window: Annotated[
        float | None, typer.Option(help="Width of the noise filter (time); default automatic.")
    ] = None,
    blocks: Annotated[int | None, typer.Option(help="Blocks per seed; default automatic.")] = None,
    hnemd: Annotated[
        bool, typer.Option("--hnemd", help="Runs that a field drove, as hnemd.lmp does.")
    ] = False,
    field: Annotated[
        str | None,
        typer.Option(help="That field, as '1e-4 0 0' [1/length]; default: as the files say."),
    ] = None,
    spectrum: Annotated[
        list[Path] | None,
        typer.Option(help="Dumps of hnemd.lmp (-var spectrum yes): which frequencies carry κ."),
    ] = None,
    lags: Annotated[
        int, typer.Option(help="Samples in the longest correlation of --spectrum.")
    ] = 500,
    subtract_mean: Annotated[
        bool, typer.Option(help="Remove the mean flux of a drifting system.")
    ] = False,
    stacie_model: Annotated[
        str, typer.Option(help="STACIE's model: lorentz, exppoly or none.")
    ] = "lorentz",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="PREFIX of the files written: .json, .csv, .png.")
    ] = Path("kappa"),
    write: Annotated[
        list[str] | None,
        typer.Option(help="The series for another program as well: stacie, sportran or vasp."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the JSON on stdout and nothing else.")
    ] = False,
) -> None:
    """Thermal conductivity by Green–Kubo, with errors over seeds, over blocks and from STACIE; or
    from driven runs, --hnemd.

    Examples:

        adflux kappa log.lammps

        adflux kappa seed*/ --discard 50 -o si

        adflux kappa flux.dat --log log.lammps

        adflux kappa J0Jt.dat --units metal --volume 20000 --temperature 300 --timestep 0.001

        adflux kappa --hnemd driven.flux

        adflux kappa --hnemd driven.flux --spectrum driven.dump

        adflux kappa si.flux --write stacie --write sportran
    """
    from .kappa_report import driven_report, kappa_report

    reading = {
        "log": log or None,
        "units": units,
        "volume": volume,
        "temperature": temperature,
        "timestep": timestep,
        "columns": columns.replace(",", " ").split() if columns else None,
        "skip": skip,
        "discard": discard,
        "run": run,
        "per_volume": per_volume,
        "dimension": dimension,
    }
    if hnemd or field is not None or spectrum:
        if not hnemd or cutoff is not None or filter_window is not None or subtract_mean:
            raise AdfluxError(
                "--field and --spectrum belong to --hnemd, and --hnemd takes no --cutoff, "
                "--filter-window or --subtract-mean: a driven run has a mean, and no integral."
            )
        if write:
            raise AdfluxError("--write is for series at equilibrium: leave --hnemd or --write out.")
        driven_report(files, reading, field, blocks, output, json, spectrum or [], lags)
        return
    kappa_report(
        files,
        reading=reading,
        analysing={
            "cutoff": cutoff,
            "filter_window": filter_window,
            "blocks": blocks,
            "subtract_mean": subtract_mean,
            "spectrum_model": stacie_model,
        },
        prefix=output,
        as_json=json,
        forms=tuple(write or ()),
    )
