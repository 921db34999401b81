"""κ with its uncertainty from the low-frequency spectrum of the flux, by STACIE."""

import warnings
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..errors import AdfluxError

_MODELS = ("lorentz", "exppoly")  # or "none": not asked for
_WORST_SCORE = 2.0  # STACIE's own test: a fit with larger z-scores does not describe the spectrum


@dataclass(frozen=True)
class SpectrumFit:
    """κ = lim_{f→0} C(f) of the flux spectrum, or the reason why there is none."""

    mean: float | None = None
    error: float | None = None
    model: str | None = None
    frequency_cutoff: float | None = None
    effective_points: float | None = None
    cost_zscore: float | None = None  # both are below 2, or the fit is not taken
    criterion_zscore: float | None = None
    correlation_time: float | None = None  # of the Lorentz peak
    frequencies: Float[np.ndarray, " frequencies"] | None = None
    amplitudes: Float[np.ndarray, " frequencies"] | None = None  # in the unit of κ
    fitted: Float[np.ndarray, " frequencies"] | None = None
    fitted_error: Float[np.ndarray, " frequencies"] | None = None
    note: str | None = None
    reason: str | None = None


def fit_spectrum(
    flux: Float[np.ndarray, "seeds samples axes"],
    factor: float,
    sampling: float,
    model: str = "lorentz",
) -> SpectrumFit:
    """Fit the pooled spectrum of all seeds and components; κ has the unit of factor·flux²·time.

    STACIE: Toraman, Fauconnier, Verstraelen, J. Chem. Inf. Model. 65, 10445 (2025). Its prefactor F
    gives C_k = F·h/(2N)·|Σ_n x_n e^{-2πikn/N}|², whose zero-frequency limit is F ∫₀^∞⟨x(0)x(t)⟩dt,
    so that F = f/(V T²). "lorentz" has a white background under a Lorentz peak; "exppoly" is exp(a₀
    + a₂f²), without a model of the decay; it is also tried where the Lorentz peak cannot be fitted.
    The components are taken as independent and equivalent: for an anisotropic system the value is
    still tr κ / 3, the error bar is not exact.
    """
    if model == "none":
        return SpectrumFit(reason="not asked for")
    if model not in _MODELS:
        raise AdfluxError(
            f"STACIE's model must be one of {', '.join(_MODELS)}, none; got '{model}'."
        )
    try:
        import stacie
    except ImportError as error:
        return SpectrumFit(reason=f"STACIE is not installed ({error}): pip install stacie")
    sequences = np.ascontiguousarray(np.moveaxis(flux, 2, 1)).reshape(-1, flux.shape[1])
    failures = []
    for name in (model,) if model == "exppoly" else _MODELS:
        choice = stacie.LorentzModel() if name == "lorentz" else stacie.ExpPolyModel([0, 2])
        try:
            with warnings.catch_warnings():
                # overflows of trial parameters, judged by the z-scores
                warnings.simplefilter("ignore")
                spectrum = stacie.compute_spectrum(sequences, prefactors=factor, timestep=sampling)
                result = stacie.estimate_acint(spectrum, choice)
        except (
            Exception
        ) as error:  # STACIE raises several kinds for data it cannot fit; the reason is reported
            failures.append(f"{name}: {error or type(error).__name__}")
            continue
        scores = [float(result.props[score]) for score in ("cost_zscore", "criterion_zscore")]
        if not max(scores) <= _WORST_SCORE:
            failures.append(
                f"{name}: z-scores {scores[0]:.1f} and {scores[1]:.1f}, {_WORST_SCORE:g} or less "
                "was needed"
            )
            continue
        return _summary(result, name, scores, failures)
    return SpectrumFit(
        reason="STACIE found no fit (" + "; ".join(failures) + "): a longer run is needed"
    )


def _summary(result, name: str, scores: list[float], failures: list[str]) -> SpectrumFit:
    used = result.ncut
    fitted, slopes = result.props["amplitudes_model"][:2]
    variance = np.einsum("ij,ik,jk->k", result.props["pars_covar"], slopes, slopes)
    notes = [f"the Lorentz peak was not taken ({'; '.join(failures)})"] if failures else []
    return SpectrumFit(
        mean=float(result.acint),
        error=float(result.acint_std),
        model=name,
        frequency_cutoff=float(result.fcut),
        effective_points=float(result.neff),
        cost_zscore=scores[0],
        criterion_zscore=scores[1],
        correlation_time=float(result.corrtime_exp) if "corrtime_exp" in result.props else None,
        frequencies=np.array(result.spectrum.freqs[:used], float),
        amplitudes=np.array(result.spectrum.amplitudes[:used], float),
        fitted=np.array(fitted[:used], float),
        fitted_error=np.sqrt(np.maximum(variance[:used], 0.0)),
        note="; ".join(notes) or None,
    )
