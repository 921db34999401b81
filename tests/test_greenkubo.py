"""Green–Kubo: exact identities of the estimator, known conductivities, calibrated error bars."""

import dataclasses
import json
import math
import subprocess
import sys

import numpy as np
import pytest

from lammps_adflux import AdfluxError, FluxSeries, green_kubo
from lammps_adflux.conductivity.correlation import (
    correlate,
    first_zero,
    noise_filter,
    oscillation_period,
    running_integral,
)
from lammps_adflux.conductivity.spectrum import fit_spectrum
from lammps_adflux.units import conductivity_prefactor


def gauss_markov(seeds, samples, step, terms, seed):
    """Sum of processes with ACF v·exp(−t/τ)·cos(ωt), and the trapezoidal integral of that ACF."""
    rng = np.random.default_rng(seed)
    flux, integral = np.zeros((samples, seeds, 3)), 0.0
    for variance, time, frequency in terms:
        factor = np.exp(-step / time + 1j * frequency * step)
        noise = rng.normal(size=(samples, seeds, 3, 2)) @ [1, 1j] * math.sqrt(variance)
        state = noise[0]
        flux[0] += state.real
        for index in range(1, samples):
            state = factor * state + math.sqrt(1 - abs(factor) ** 2) * noise[index]
            flux[index] += state.real
        integral += variance * step * (0.5 + (factor / (1 - factor)).real)
    return np.moveaxis(flux, 0, 1).copy(), integral


def series(flux, step=0.2, **options):
    given = {"sampling": step, "volume": 2.0, "temperature": 1.5, "units": "lj"} | options
    return FluxSeries(flux=flux, **given)


@pytest.fixture(scope="module")
def relaxing():
    """64 seeds of 1000 correlation times."""
    return gauss_markov(64, 5000, 0.2, [(1.0, 1.0, 0.0)], seed=1)


def quick(data, **options):
    return green_kubo(data, spectrum_model="none", **options)


@pytest.mark.parametrize("samples", [40, 41])
def test_fft_correlation_is_the_direct_sum(samples):
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 2, samples, 3))
    lags = samples
    direct = np.stack(
        [
            np.einsum("nsa,nsb->nab", one[:, : samples - t], other[:, t:]) / (samples - t)
            for t in range(lags)
        ],
        axis=1,
    )
    assert np.allclose(correlate(one, other, lags), direct, atol=1e-13)


def test_running_integral_is_exact_for_a_line():
    times = np.linspace(0, 3, 7)
    assert np.allclose(running_integral(2 * times, 0.5, axis=0), times**2, atol=1e-14)


def test_filter_removes_its_period_and_keeps_the_integral():
    lags = np.arange(2001)
    oscillation = np.cos(2 * np.pi * lags / 21)
    assert np.abs(noise_filter(oscillation, 21, axis=0)[:1900]).max() < 1e-13
    decay = np.exp(-lags / 30)
    total = running_integral(decay, 1.0, axis=0)[-1]
    assert running_integral(noise_filter(decay, 21, axis=0), 1.0, axis=0)[-1] == pytest.approx(
        total, rel=1e-12
    )


def test_a_given_cutoff_is_the_plain_trapezoid(relaxing):
    data = series(relaxing[0][:2])
    result = quick(data, cutoff=3.0)
    correlation = correlate(data.flux, data.flux, 16).mean(axis=0)
    expected = np.trapezoid(correlation, dx=0.2, axis=0) / (2.0 * 1.5**2)
    assert np.allclose(result.tensor, expected, rtol=1e-12, atol=1e-14)
    assert result.cutoff == pytest.approx(3.0)
    assert result.running_tensor[15] == pytest.approx(result.tensor, rel=1e-12)


def test_tensor_rotates_with_the_flux(relaxing):
    flux = relaxing[0][:2] * [1.0, 2.0, 3.0]
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    one, other = quick(series(flux)), quick(series(flux @ rotation.T))
    assert np.allclose(other.tensor, rotation @ one.tensor @ rotation.T, rtol=1e-10, atol=1e-12)
    assert other.mean == pytest.approx(one.mean, rel=1e-10)


@pytest.mark.parametrize("units", ["metal", "real", "lj"])
def test_kappa_scales_with_prefactor_volume_temperature(relaxing, units):
    flux = relaxing[0][:1]
    ratio = (
        quick(series(flux, units=units, volume=6.0, temperature=3.0)).mean
        / quick(series(flux)).mean
    )
    assert ratio == pytest.approx(conductivity_prefactor(units) / (3 * 4), rel=1e-12)


def test_a_correlation_gives_what_its_series_gives(relaxing):
    data = series(relaxing[0][:4])
    direct = quick(data)
    correlation = correlate(data.flux, data.flux, 400)
    again = green_kubo(
        dataclasses.replace(data, flux=None, correlation=correlation, correlation_samples=5000),
        cutoff=direct.cutoff,
    )
    plain = quick(data, cutoff=direct.cutoff)
    assert np.allclose(again.tensor, plain.tensor, rtol=1e-12, atol=1e-14)
    assert again.over_seeds.error == pytest.approx(plain.over_seeds.error, rel=1e-10)
    assert "series" in again.over_blocks.reason and "series" in again.stacie.reason
    assert again.over_blocks.error is None and again.stacie.mean is None


def test_error_bars_are_calibrated_at_a_given_cutoff(relaxing):
    """Over 64 seeds, the reported error is the scatter, and κ is right within it (the cutoff costs
    e⁻⁶).
    """
    flux, integral = relaxing
    exact = integral / (2.0 * 1.5**2)
    results = [quick(series(flux[seed : seed + 1]), cutoff=6.0) for seed in range(64)]
    means = np.array([result.mean for result in results])
    errors = np.array([result.over_blocks.error for result in results])
    # 64 seeds know their scatter to 9 %
    assert math.sqrt(np.mean(errors**2)) == pytest.approx(means.std(ddof=1), rel=0.25)
    assert abs(means.mean() - exact) < 3 * means.std(ddof=1) / 8 + 0.003 * exact
    pooled = quick(series(flux), cutoff=6.0)
    assert pooled.over_seeds.error == pytest.approx(means.std(ddof=1) / 8, rel=1e-10)
    assert pooled.over_blocks.error == pytest.approx(pooled.over_seeds.error, rel=0.25)


def test_error_bars_hold_with_the_automatic_cutoff(relaxing):
    """The zero is chosen from the same data, which the blocks do not see, and a few zeros come very
    late.
    """
    flux, integral = relaxing
    exact = integral / (2.0 * 1.5**2)
    results = [quick(series(flux[seed : seed + 1])) for seed in range(64)]
    means = np.array([result.mean for result in results])
    errors = np.array([result.over_blocks.error for result in results])
    low, middle, high = np.quantile(means, [0.16, 0.5, 0.84])
    assert 0.6 < np.median(errors) / ((high - low) / 2) < 1.3
    assert abs(middle - exact) < 0.5 * np.median(errors)
    pooled = quick(series(flux))
    assert abs(pooled.mean - exact) < 3 * pooled.over_seeds.error
    assert pooled.over_blocks.error == pytest.approx(pooled.over_seeds.error, rel=0.3)


@pytest.mark.slow
def test_stacie_finds_the_known_integral_with_its_error(relaxing):
    flux, integral = relaxing
    factor = 1 / (2.0 * 1.5**2)
    fit = fit_spectrum(flux[:8, :600], factor, 0.2)
    assert fit.reason is None, fit.reason
    assert abs(fit.mean - factor * integral) < 3.5 * fit.error
    assert 0.01 < fit.error / fit.mean < 0.1
    assert fit.correlation_time == pytest.approx(1.0, rel=0.25)
    assert len(fit.frequencies) == len(fit.fitted) == len(fit.amplitudes)


def test_the_filter_is_as_wide_as_the_oscillation():
    """A plain first zero would end at a quarter period, far from the integral."""
    period = 2.0
    terms = [(1.0, 2.0, 2 * math.pi / period), (0.1, 5.0, 0.0)]
    flux, integral = gauss_markov(8, 10000, 0.1, terms, seed=2)
    trace = np.einsum("ntaa->t", correlate(flux, flux, 5000)) / 24
    zero, width, warning = first_zero(trace, 3 * 8 * 10000)
    assert warning is None
    assert 0.6 * period < width * 0.1 < 1.5 * period
    assert zero * 0.1 > 10.0  # two decay times of the slow part
    result = quick(series(flux, step=0.1, volume=1.0, temperature=1.0))
    # 5 % statistical error, and the tail past the cutoff (4 % of the integral on average over such
    # data)
    assert result.mean == pytest.approx(integral, rel=0.15)


@pytest.fixture(scope="module")
def ionic():
    """Strong optical vibrations of period 0.2 over a slow decay that carries most of κ."""
    rate = 2 * math.pi / 0.2
    terms = [(1.0, 1.0, 0.0), (15.0, 0.15, rate), (10.0, 0.15, 1.4 * rate)]
    return gauss_markov(8, 6000, 0.01, terms, seed=4)


def test_an_integral_does_not_end_in_the_first_oscillation(ionic):
    """6 decay times hide the slow part in the noise: the first zero, after a quarter period, gave
    0.54 ± 0.05 of κ. Now at least three periods are integrated, and there is no error bar.
    """
    flux, integral = ionic
    short = flux[:, :3000].reshape(40, 600, 3)
    trace = np.einsum("ntaa->t", correlate(short, short, 300)) / 120
    period = oscillation_period(trace, 3 * 40 * 600)
    assert 0.15 < period * 0.01 < 0.25
    cutoffs = []
    for one in short:
        try:
            result = quick(series(one[None], step=0.01, volume=1.0, temperature=1.0))
        except AdfluxError as error:
            assert "run longer" in str(error)
            continue
        assert result.error is None
        assert any("run longer" in note for note in result.notes)
        cutoffs.append(result.cutoff)
    assert len(cutoffs) >= 20
    assert min(cutoffs) > 2 * 0.2
    pooled = quick(series(flux, step=0.01, volume=1.0, temperature=1.0))
    assert pooled.cutoff > 1.0 and abs(pooled.mean - integral) < 3 * pooled.error


def test_a_relaxing_flux_has_no_oscillation(relaxing):
    flux = relaxing[0][:8]
    trace = np.einsum("ntaa->t", correlate(flux, flux, 2500)) / 24
    assert oscillation_period(trace, 3 * 8 * 5000) == 0


def test_the_error_bar_holds_what_lies_past_the_cutoff(ionic):
    """A cutoff that was given too early: the bar grows to the missing part, and a note says so."""
    flux, integral = ionic
    data = series(flux, step=0.01, volume=1.0, temperature=1.0)
    early = quick(data, cutoff=0.4)
    assert early.over_seeds.error < (integral - early.mean) / 3
    assert early.error > (integral - early.mean) / 2
    assert early.error == pytest.approx(math.hypot(early.over_blocks.error, early.tail))
    assert any("goes on past its cutoff" in note for note in early.notes)
    assert json.loads(early.to_json())["tail"] == early.tail


def test_an_early_cutoff_of_an_oscillating_flux_has_a_bar_that_reaches_down():
    """The first lobe of a damped oscillation alone: the integral falls again after it."""
    flux, integral = gauss_markov(4, 4000, 0.02, [(1.0, 0.3, 2 * math.pi / 0.9)], seed=5)
    early = quick(series(flux, step=0.02, volume=1.0, temperature=1.0), cutoff=0.22)
    assert early.mean - integral > 3 * early.over_blocks.error
    assert early.mean - integral < 1.5 * early.error
    assert any("goes on past its cutoff" in note for note in early.notes)


def test_parts_add_up_to_the_whole(relaxing):
    potential = relaxing[0][:2]
    convective = 0.3 * relaxing[0][2:4] + 0.2 * potential
    result = quick(
        series(potential + convective, potential=potential, convective=convective), cutoff=4.0
    )
    assert set(result.parts) == {"potential", "convective", "cross"}
    assert np.allclose(sum(result.parts.values()), result.tensor, atol=1e-12)


def test_missing_error_bars_come_with_their_reason(relaxing):
    result = quick(series(relaxing[0][:1, :60]), cutoff=5.0)
    assert result.error is None
    assert result.over_seeds.reason and result.over_blocks.reason and result.stacie.reason


def test_coarse_sampling_is_noticed(relaxing):
    flux = relaxing[0][:4]
    assert quick(series(flux)).notes == ()
    assert any("far apart" in note for note in quick(series(flux[:, ::6], step=1.2)).notes)


def test_a_drift_is_noticed_and_can_be_removed(relaxing):
    flux = relaxing[0][:2] + np.array([0.0, 0.0, 2.0])
    assert any("subtract_mean=" in note for note in quick(series(flux), cutoff=4.0).notes)
    assert quick(series(flux), subtract_mean=True).notes == ()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"cutoff": 1e6}, "cutoff= must lie between"),
        ({"blocks": 1}, "blocks= must be from 2"),
        ({"blocks": 5000}, "blocks= must be from 2"),
        ({"method": "guess"}, "no cutoff method"),
    ],
)
def test_impossible_options_are_refused(relaxing, options, sentence):
    with pytest.raises(AdfluxError, match=sentence):
        quick(series(relaxing[0][:1]), **options)


def test_a_flux_that_never_decorrelates_is_refused():
    with pytest.raises(AdfluxError, match=r"does not reach zero.*cutoff="):
        quick(series(np.ones((1, 100, 3))))


def test_nan_is_refused():
    flux = np.zeros((1, 100, 3))
    flux[0, 50, 1] = np.nan
    with pytest.raises(AdfluxError, match="NaN"):
        series(flux)


def test_json_and_csv_hold_the_result(relaxing, tmp_path):
    result = quick(series(relaxing[0][:2]))
    data = json.loads(result.to_json(tmp_path / "k.json"))
    assert data == json.loads((tmp_path / "k.json").read_text())
    assert data["mean"] == result.mean and data["tensor"] == result.tensor.tolist()
    assert data["over_blocks"]["error"] == result.over_blocks.error and data["stacie"]["reason"]
    result.to_csv(tmp_path / "k.csv")
    table = np.genfromtxt(tmp_path / "k.csv", delimiter=",", names=True)
    assert np.allclose(table["kappa"], result.running, rtol=1e-8)
    assert np.allclose(table["kappa_yz"], result.running_tensor[:, 1, 2], rtol=1e-8, atol=1e-12)


def test_import_needs_numpy_only():
    code = (
        "import sys, lammps_adflux.conductivity.fluxseries, lammps_adflux.conductivity.greenkubo; "
        "print([m for m in ('jax', 'scipy', 'matplotlib', 'stacie', 'rich', 'lammps') if m in "
        "sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_a_fit_that_fails_its_own_test_is_no_result():
    """A flux with a strong oscillation at low frequencies is no Lorentz peak: STACIE's z-scores say
    so, or its earlier versions that there is no cutoff.
    """
    times = 0.1 * np.arange(4000)
    flux = (
        gauss_markov(1, 4000, 0.1, [(0.01, 0.3, 0.0)], seed=4)[0]
        + np.cos(0.2 * times)[None, :, None]
    )
    fit = fit_spectrum(flux, 1.0, 0.1)
    assert fit.model != "lorentz" and "lorentz: " in (fit.note or fit.reason)
    assert fit.mean is None or max(fit.cost_zscore, fit.criterion_zscore) <= 2
