"""What `adflux kappa` prints and writes: a table, PREFIX.json, PREFIX.csv, PREFIX.png."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ..conductivity.flux_writers import write_flux
from ..conductivity.fluxseries import read_flux
from ..conductivity.greenkubo import green_kubo
from ..conductivity.hnemd import Driven, hnemd
from ..conductivity.result import Conductivity, Estimate
from ..conductivity.spectral import spectral_conductivity
from ..errors import AdfluxError
from ..units import unit_system
from .options import as_options

# of read_flux and green_kubo, in what is printed of their results
ARGUMENTS = (
    "log", "units", "volume", "temperature", "timestep", "columns", "skip", "discard", "run",
    "dimension", "cutoff", "filter_window", "blocks", "subtract_mean", "field",
)  # fmt: skip


def kappa_report(
    files: list[Path],
    reading: dict,
    analysing: dict,
    prefix: Path,
    as_json: bool,
    forms: tuple[str, ...] = (),
) -> Conductivity:
    """Read, analyse, write PREFIX.json, PREFIX.csv, PREFIX.png and the series in other programs'
    forms, and print the table (or only the JSON).
    """
    series = read_flux(files, **reading)
    others = [path for form in forms for path in write_flux(series, prefix, form)]
    result = green_kubo(series, **analysing)
    folder = prefix.parent
    paths = [folder / (prefix.name + ending) for ending in (".json", ".csv", ".png")]
    with _writing(prefix):
        text = result.to_json(paths[0])
        result.to_csv(paths[1])
        from ..conductivity.plots import plot_conductivity

        plot_conductivity(result, paths[2])
    if as_json:
        print(text)
    else:
        print_conductivity(result)
        print("written: " + ", ".join(str(path) for path in [*paths, *others]))
    return result


def driven_report(
    files: list[Path],
    reading: dict,
    field: str | None,
    blocks: int | None,
    prefix: Path,
    as_json: bool,
    dumps: list[Path],
    lags: int,
) -> Driven:
    """Read driven runs, write PREFIX.json and PREFIX.png, and print κ along the field; of dumps
    PREFIX.spectrum.csv and PREFIX.spectrum.png as well.
    """
    vector = None
    if field is not None:
        try:
            vector = [float(word) for word in field.replace(",", " ").split()]
        except ValueError:
            raise AdfluxError(f"--field needs three numbers, but {field!r} was found.") from None
    result = hnemd(read_flux(files, **reading), field=vector, blocks=blocks)
    spectrum = spectral_conductivity(dumps, result, lags=lags) if dumps else None
    endings = (".json", ".png", *((".spectrum.csv", ".spectrum.png") if dumps else ()))
    paths = [prefix.parent / (prefix.name + ending) for ending in endings]
    with _writing(prefix):
        text = result.to_json(paths[0])
        from ..conductivity.plots import plot_driven, plot_spectral

        plot_driven(result, paths[1])
        if spectrum is not None:
            spectrum.to_csv(paths[2])
            plot_spectral(spectrum, paths[3])
    if as_json:
        print(text)
        return result
    system, unit = unit_system(result.units), result.conductivity_unit
    print(
        f"{result.seeds} run{'s' if result.seeds > 1 else ''} of {result.times[-1]:.6g} "
        f"{system.time_name}, driven by F = {' '.join(f'{x:g}' for x in result.field)} "
        f"1/{system.length_name}; T = {result.temperature:.6g}, V = {result.volume:.8g}"
    )
    print(
        f"κ along the field     {result.mean:.4g} ± {result.error:.2g} {unit}   "
        f"(error over {result.blocks} blocks)"
    )
    row = zip("xyz", result.tensor_row, result.row_error, strict=True)
    print("⟨J⟩ / (T V F)         " + ", ".join(f"{a} {v:.4g} ± {e:.2g}" for a, v, e in row))
    print("right in the limit of a small field: halve it, and see that κ stays")
    if spectrum is not None:
        print(
            f"its potential part     {spectrum.mean:.4g} {unit}, the integral of κ(ν) over "
            f"{spectrum.frames} frames"
        )
    for note in result.notes:
        print(f"note: {as_options(note, ARGUMENTS)}")
    print("written: " + ", ".join(str(path) for path in paths))
    return result


@contextmanager
def _writing(prefix: Path) -> Iterator[None]:
    """Files with this prefix are written inside."""
    try:
        prefix.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise AdfluxError(
            f"{prefix}: the results could not be written ({error.strerror}); choose another "
            "--output."
        ) from None


def print_conductivity(result: Conductivity) -> None:
    """The tensor, the mean with its three error bars, and what to know about them."""
    # piped output gets plain text of a fixed width, whatever the terminal that started it
    console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 100)

    def say(sentence: str | None) -> str:
        return as_options(sentence or "", ARGUMENTS)

    time, unit = unit_system(result.units).time_name, result.conductivity_unit
    console.print(
        f"{result.seeds} seed{'s' if result.seeds > 1 else ''}, {result.samples} samples or lags "
        "each, "
        f"every {result.sampling:.6g} {time}; T = {result.temperature:.6g}, V = "
        f"{result.volume:.8g}; "
        f"integral to {result.cutoff:.4g} {time} ({result.method})",
        markup=False,
    )
    for line in result.used:
        console.print(f"used: {say(line)}", markup=False, soft_wrap=True)
    tensor = Table(title=f"κ [{unit}]", title_justify="left")
    tensor.add_column("")
    for axis in "xyz"[: result.dimension]:
        tensor.add_column(axis, justify="right")
    errors = result.tensor_error
    for a, axis in enumerate("xyz"[: result.dimension]):
        cells = []
        for b in range(result.dimension):
            value = result.tensor[a, b]
            spread = "" if errors is None else f" ± {errors[a, b]:.2g}"
            cells.append(f"{value:.4g}{spread}" if value == value else "–")
        tensor.add_row(axis, *cells)
    console.print(tensor)
    means = Table(title=f"isotropic mean [{unit}]", title_justify="left")
    for name in ("route", "κ", "error", "from"):
        means.add_column(name, justify="right" if name in ("κ", "error") else "left")
    means.add_row(
        f"integral, all {result.seeds} seeds" if result.seeds > 1 else "integral",
        f"{result.mean:.4g}",
        "none" if result.error is None else f"{result.error:.2g}",
        ""
        if result.error is None
        else f"error over {'seeds' if result.standard is result.over_seeds else 'blocks'}"
        + (" and past the cutoff" if result.tail else ""),
    )
    for name, estimate in (("over seeds", result.over_seeds), ("over blocks", result.over_blocks)):
        means.add_row(name, *_cells(estimate, name[5:]))
    fit = result.stacie
    if fit.mean is None:
        means.add_row("STACIE", "–", "–", say(fit.reason))
    else:
        means.add_row("STACIE", f"{fit.mean:.4g}", f"{fit.error:.2g}", f"spectrum, {fit.model}")
    console.print(means)
    if result.parts is not None:
        axes = result.dimension
        parts = ", ".join(
            f"{name} {value[:axes, :axes].trace() / axes:.4g}"
            for name, value in result.parts.items()
        )
        console.print(f"parts of the mean: {parts}", markup=False)
    if result.without_error:
        console.print(say(result.without_error), markup=False)
    for note in (*result.notes, *([f"STACIE: {fit.note}"] if fit.note else [])):
        console.print(f"note: {say(note)}", markup=False)


def _cells(estimate: Estimate, pieces: str) -> tuple[str, str, str]:
    if estimate.error is None:
        return "–", "–", as_options(estimate.reason or "", ARGUMENTS)
    return f"{estimate.mean:.4g}", f"{estimate.error:.2g}", f"{estimate.count} {pieces}"
