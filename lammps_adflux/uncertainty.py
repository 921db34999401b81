"""From an uncertainty of the parameters to that of a difference between two relaxed structures."""

import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .errors import AdfluxError
from .expansion import UNREADABLE, Taylor, taylor
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
        mean, covariance = (_numbers(part, name) for part in ensemble)
        if mean.shape != (parameters,) or covariance.shape != (parameters, parameters):
            raise AdfluxError(
                f"{name}: a mean of {parameters} numbers and a {parameters} × {parameters} covariance were needed, but {mean.shape} and {covariance.shape} were found."
            )
        values = np.linalg.eigvalsh(covariance)
        if values[0] < -1e-8 * abs(values[-1]) or not np.allclose(covariance, covariance.T):
            raise AdfluxError(
                f"{name}: a covariance is symmetric and has no negative eigenvalue, but {values[0]:.2g} was found."
            )
        samples = np.random.default_rng(0).multivariate_normal(mean, covariance, DRAWN)
    else:
        samples = _numbers(ensemble, name)
    if samples.ndim != 2 or samples.shape[1] != parameters:
        raise AdfluxError(
            f"{name}: rows of {parameters} parameters were needed, but the shape {samples.shape} was found."
        )
    if len(samples) < 2:
        raise AdfluxError(
            f"{name}: a distribution needs at least two rows of parameters, but {len(samples)} were found."
        )
    return samples


def read_rows(path: Path, parameters: int) -> Float[np.ndarray, "rows parameters"]:
    """New parameters from .npz with `parameters`, .npy or text: one row or several, or one parameter a line."""
    try:
        (found,) = _arrays(path, ("parameters",))
    except KeyError as error:
        raise AdfluxError(f"{path} needs `parameters`, but {error} is missing.") from error
    values = _numbers(found, str(path))
    if values.ndim < 2 or values.shape[1] == 1:
        values = (
            values.reshape(-1, parameters) if values.size % parameters == 0 and values.size else values.reshape(1, -1)
        )
    return values


def _numbers(values, name: str) -> np.ndarray:
    try:
        numbers = np.asarray(values)
        if np.iscomplexobj(numbers):
            raise ValueError("complex")
        numbers = numbers.astype(float)
    except ValueError as error:
        raise AdfluxError(f"{name}: an array of real numbers was needed, but it holds something else.") from error
    if not np.isfinite(numbers).all():
        raise AdfluxError(f"{name} holds numbers that are not finite.")
    return numbers


def _read(path: Path):
    try:
        return _arrays(path, ("samples",))[0]
    except KeyError:
        pass
    try:
        return _arrays(path, ("mean", "covariance"))
    except KeyError as error:
        raise AdfluxError(f"{path} needs `samples`, or `mean` and `covariance`, but {error} is missing.") from error


def _arrays(path: Path, names: tuple[str, ...]) -> tuple[np.ndarray, ...]:
    """Named arrays of a .npz; the one of a .npy or text file."""
    try:
        if path.suffix == ".npz":
            with np.load(path) as archive:
                return tuple(archive[name] for name in names)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of empty text files: the shape says it
            return (np.load(path) if path.suffix == ".npy" else np.loadtxt(path, ndmin=2),)
    except FileNotFoundError:
        raise AdfluxError(f"{path} was not found.") from None
    except KeyError:
        raise
    except UNREADABLE as error:
        raise AdfluxError(f"{path} cannot be read: .npz, .npy, or rows of numbers as text were needed.") from error
