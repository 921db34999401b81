"""Flux series for STACIE, SporTran and VASP's tools: what is written is the same flux."""

import numpy as np
import pytest
from comparing import close
from lammps_runner import run_adflux

from lammps_adflux import AdfluxError, FluxSeries, write_flux
from lammps_adflux.conductivity.spectrum import fit_spectrum
from lammps_adflux.units import conductivity_prefactor

SHAPE = (2, 400, 3)  # seeds, samples, axes


def series(units="metal", **options) -> FluxSeries:
    flux = np.random.default_rng(3).normal(size=SHAPE)
    for index in range(1, SHAPE[1]):
        flux[:, index] = 0.8 * flux[:, index - 1] + 0.6 * flux[:, index]
    return FluxSeries(
        sampling=0.02, volume=1e4, temperature=300.0, units=units, flux=flux, **options
    )


@pytest.mark.parametrize("dimension", (2, 3))
def test_stacie_reads_the_spectrum_in_the_unit_of_the_conductivity(tmp_path, dimension):
    import stacie

    known = series(dimension=dimension)
    (path,) = write_flux(known, tmp_path / "si", "stacie")
    with np.load(path) as file:
        spectrum = stacie.compute_spectrum(**file)
    factor = conductivity_prefactor("metal", dimension) / (1e4 * 300.0**2)
    flux = known.flux
    assert flux is not None and path.name == "si.stacie.npz"
    used = np.moveaxis(flux[..., :dimension], 2, 1).reshape(-1, SHAPE[1])
    # C_k = F·h/(2N) |FFT|², the mean over sequences
    expected = factor * 0.02 / (2 * SHAPE[1]) * (np.abs(np.fft.rfft(used)) ** 2).mean(axis=0)
    close(spectrum.amplitudes, expected, 1e-12)
    fit = fit_spectrum(flux[..., :dimension], factor, 0.02, "lorentz")
    close(stacie.estimate_acint(spectrum, stacie.LorentzModel()).acint, fit.mean, 1e-6)


def test_sportrans_table_names_its_own_command(tmp_path):
    paths = write_flux(series(), tmp_path / "si", "sportran")
    assert [path.name for path in paths] == ["si.1.sportran.dat", "si.2.sportran.dat"]
    flux = series().flux
    assert flux is not None
    for path, seed in zip(paths, flux, strict=True):
        command, names, *rows = path.read_text().splitlines()
        assert command.startswith(f"# sportran-analysis {path.name} --input-format table -k flux")
        # fs
        assert "-u metal -t 20 --VOLUME 10000 --TEMPERATURE 300" in command
        assert names.split() == ["flux[1]", "flux[2]", "flux[3]"]
        close(np.array([row.split() for row in rows], float), seed, 1e-11, floor=1.0)


@pytest.mark.parametrize("units", ("metal", "real"))
def test_ml_heat_is_in_electronvolt_angstrom_per_femtosecond(tmp_path, units):
    path = write_flux(series(units), tmp_path / "si", "vasp")[1]
    assert path.name == "si.2.ML_HEAT"
    lines = path.read_text().splitlines()
    assert lines[0].startswith("NSTEP=         1 QXYZ=") and len(lines) == SHAPE[1]
    values = np.array([line.split("QXYZ=")[1].split() for line in lines], float)
    # eV/ps, or kcal/mol/fs
    scale = 1e-3 if units == "metal" else 1 / 23.0605478
    flux = series(units).flux
    assert flux is not None
    close(values, scale * flux[1], 1e-7, floor=1e-3)


def test_what_has_no_such_form_is_refused(tmp_path):
    correlation = FluxSeries(
        sampling=0.02,
        volume=1e4,
        temperature=300.0,
        units="metal",
        correlation=np.ones((1, 9, 3, 3)),
    )
    for data, form, sentence in (
        (series(), "csv", "must be one of stacie, sportran, vasp"),
        (series("lj"), "vasp", "ML_HEAT is in eV Å/fs"),
        (series("lj"), "sportran", "SporTran knows metal and real units"),
        (series(dimension=2), "sportran", "the dimension is 2"),
        (correlation, "stacie", "a correlation was read"),
    ):
        with pytest.raises(AdfluxError, match=sentence):
            write_flux(data, tmp_path / "x", form)
    (tmp_path / "file").write_text("")
    with pytest.raises(AdfluxError, match="could not be written"):
        write_flux(series(), tmp_path / "file" / "x", "stacie")


@pytest.mark.slow
def test_kappa_writes_them(tmp_path):
    flux = series().flux
    assert flux is not None
    rows = "".join(f"{10 * i} {x:.9g} {y:.9g} {z:.9g}\n" for i, (x, y, z) in enumerate(flux[0]))
    (tmp_path / "si.flux").write_text(
        "# a run\n# TimeStep v_adflux_jx v_adflux_jy v_adflux_jz\n" + rows
    )
    words = (
        "kappa si.flux --units metal --volume 1e4 --temperature 300 --timestep 0.002 --cutoff 0.5 "
        "--stacie-model none -o out/si"
    )
    done = run_adflux(tmp_path, *words.split(), "--write", "stacie", "--write", "vasp", fails=False)
    assert "out/si.stacie.npz, out/si.ML_HEAT" in done.stdout.replace("\n", " ")
    assert (tmp_path / "out/si.stacie.npz").exists() and (tmp_path / "out/si.ML_HEAT").exists()
    done = run_adflux(tmp_path, *words.split(), "--write", "csv", fails=True)
    assert "must be one of stacie, sportran, vasp" in done.stderr
