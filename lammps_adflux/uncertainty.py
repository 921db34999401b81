"""From an uncertainty of the parameters to that of a difference between two relaxed structures."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .errors import AdfluxError
from .expansion import Taylor, taylor
from .implicit import Relaxed

DRAWN = 1000  # samples where a covariance is given


class Differences(NamedTuple):
    """P(defect) - P(bulk) · N(defect) / N(bulk) of energy and volume for each sample of the parameters."""

    energy: Float[np.ndarray, " samples"]  # to second order, structures respond
    energy_first: Float[np.ndarray, " samples"]  # to first order: structures as they were
    volume: Float[np.ndarray, " samples"]
    energy_at_structure: Float[np.ndarray, " samples"] | None  # U(Θ′) of the predicted structures, where asked for

    @property
    def mean(self) -> float:
        """Of the energy."""
        return float(np.mean(self.energy))

    @property
    def spread(self) -> float:
        """Standard deviation of the energy."""
        return float(np.std(self.energy, ddof=1))


def propagate(
    defect: Relaxed | Taylor, bulk: Relaxed | Taylor, ensemble, where=None, structures: bool = False
) -> Differences:
    """Distribution of the formation energy and volume of a defect over an ensemble of parameters.

    defect, bulk: relaxed structures, or their expansions by `taylor` in the same parameters. ensemble: rows of parameters [samples,
    parameters], a covariance as (mean, covariance), or a .npz with `samples`, or with `mean` and `covariance`. structures: also
    evaluate U(Θ′) at the predicted structures, one energy each.
    """
    one, two = (part if isinstance(part, Taylor) else taylor(part, where) for part in (defect, bulk))
    if len(one.parameters) != len(two.parameters) or not np.allclose(one.parameters, two.parameters, rtol=1e-10):
        raise AdfluxError("The two structures must have been relaxed with the same potential and the same parameters.")
    samples = read_ensemble(ensemble, len(one.parameters))
    ratio = len(one.ids) / len(two.ids)

    def difference(function):
        return function(one) - function(two) * ratio

    found = None
    if structures:
        if one.build is None or two.build is None:
            raise AdfluxError("U at the predicted structures needs the potential: give relaxed structures, not files.")
        found = difference(lambda part: np.array([part.predict(sample).energy_at_structure for sample in samples]))
    return Differences(
        energy=difference(lambda part: part.energies(samples)),
        energy_first=difference(lambda part: part.energies(samples, 1)),
        volume=difference(lambda part: part.volumes(samples)),
        energy_at_structure=found,
    )


def read_ensemble(ensemble, parameters: int) -> Float[np.ndarray, "samples parameters"]:
    """Rows of parameters from an array, a (mean, covariance), or a file (.npz, .npy, text)."""
    name = "The ensemble"
    if isinstance(ensemble, (str, Path)):
        name, ensemble = str(ensemble), _read(Path(ensemble))
    if isinstance(ensemble, tuple):
        mean, covariance = (np.asarray(part, float) for part in ensemble)
        if mean.shape != (parameters,) or covariance.shape != (parameters, parameters):
            raise AdfluxError(
                f"{name}: a mean of {parameters} numbers and a {parameters} × {parameters} covariance were needed, but {mean.shape} and {covariance.shape} were found."
            )
        samples = np.random.default_rng(0).multivariate_normal(mean, covariance, DRAWN)
    else:
        samples = np.asarray(ensemble, float)
    if samples.ndim != 2 or samples.shape[1] != parameters:
        raise AdfluxError(
            f"{name}: rows of {parameters} parameters were needed, but the shape {samples.shape} was found."
        )
    if not np.isfinite(samples).all():
        raise AdfluxError(f"{name} holds numbers that are not finite.")
    return samples


def _read(path: Path):
    try:
        if path.suffix == ".npz":
            with np.load(path) as archive:
                if "samples" in archive:
                    return archive["samples"]
                return archive["mean"], archive["covariance"]
        return np.load(path) if path.suffix == ".npy" else np.loadtxt(path, ndmin=2)
    except KeyError as error:
        raise AdfluxError(f"{path} needs `samples`, or `mean` and `covariance`, but {error} is missing.") from error
    except (OSError, ValueError) as error:
        raise AdfluxError(f"The ensemble {path} cannot be read: {error}.") from error
