"""Flux series in the forms that other programs read: STACIE, SporTran, VASP's ML_HEAT."""

from pathlib import Path

import numpy as np

from ..errors import AdfluxError
from ..units import conductivity_prefactor, unit_system
from .fluxseries import FluxSeries

ENDINGS = {"stacie": ".stacie.npz", "sportran": ".sportran.dat", "vasp": ".ML_HEAT"}


def write_flux(series: FluxSeries, prefix: str | Path, form: str) -> list[Path]:
    """Write a flux series for another program; the files that were written.

    Parameters
    ----------
    series
        What `read_flux` read, not of a correlation file.
    prefix
        Of the files. Several seeds get numbers, PREFIX.1.ML_HEAT, where a file holds one.
    form
        "stacie": PREFIX.stacie.npz with `sequences` [3 · seeds, samples], `prefactors` and
        `timestep`, so that `stacie.compute_spectrum(**np.load(file))` has the unit W/(m K) (of `lj`
        k_B/(σ τ)). "sportran": PREFIX.sportran.dat, a table with the columns flux[1] flux[2]
        flux[3] and, in its first lines, the command that reads it; metal and real units. "vasp":
        PREFIX.ML_HEAT, J in eV Å/fs at each sample.

    Raises
    ------
    AdfluxError
        Where the series is a correlation, where the form or its units are not there, and where the
        files cannot be written.
    """
    if form not in ENDINGS:
        raise AdfluxError(f"The form must be one of {', '.join(ENDINGS)}, but is {form!r}.")
    flux = series.flux
    if flux is None:
        raise AdfluxError(
            f"{form} needs the flux at each sample, but a correlation was read: give the series of "
            "fix ave/time, or the log."
        )
    writer = {"stacie": _stacie, "sportran": _sportran, "vasp": _ml_heat}[form]
    whole = form == "stacie"
    parts = [flux] if whole else [flux[seed : seed + 1] for seed in range(len(flux))]
    written = []
    for number, part in enumerate(parts, 1):
        between = f".{number}" if len(parts) > 1 else ""
        path = Path(f"{prefix}{between}{ENDINGS[form]}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            writer(series, part, path)
        except OSError as error:
            raise AdfluxError(
                f"{path} could not be written ({error.strerror}): choose another --output."
            ) from None
        written.append(path)
    return written


def _stacie(series: FluxSeries, flux: np.ndarray, path: Path) -> None:
    scale = conductivity_prefactor(series.units, series.dimension)
    factor = scale / (series.volume * series.temperature**2)
    sequences = np.moveaxis(flux[..., : series.directions], 2, 1).reshape(-1, flux.shape[1])
    np.savez(path, sequences=sequences, prefactors=factor, timestep=series.sampling)


def _sportran(series: FluxSeries, flux: np.ndarray, path: Path) -> None:
    if series.units not in ("metal", "real") or series.dimension != 3:
        raise AdfluxError(
            "SporTran knows metal and real units in three dimensions, but the units are "
            f"{series.units} and the dimension is {series.dimension}."
        )
    step = series.sampling * unit_system(series.units).time / 1e-15
    command = (
        f"sportran-analysis {path.name} --input-format table -k flux -C heat -u {series.units} "
        f"-t {step:.10g} --VOLUME {series.volume:.10g} --TEMPERATURE {series.temperature:.10g}"
    )
    header = f"# {command}\nflux[1] flux[2] flux[3]"
    np.savetxt(path, flux[0], fmt="%.12g", header=header, comments="")


def _ml_heat(series: FluxSeries, flux: np.ndarray, path: Path) -> None:
    system, metal = unit_system(series.units), unit_system("metal")
    if system.is_reduced:
        raise AdfluxError(
            "ML_HEAT is in eV Å/fs, but the units lj are none: only real systems fit."
        )
    scale = (system.energy / metal.energy) * (system.length / metal.length)
    rows = flux[0] * scale / (system.time / 1e-15)
    with open(path, "w", encoding="utf-8") as file:
        for number, (x, y, z) in enumerate(rows, 1):
            file.write(f"NSTEP={number:10d} QXYZ={x:16.8E}{y:16.8E}{z:16.8E}\n")
