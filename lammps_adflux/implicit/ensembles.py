"""Parameters of an ensemble, or new ones, in the order of an expansion."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from ..errors import AdfluxError
from .array_files import ONLY, read_arrays_of, real_numbers
from .parameter_names import plain_name, summary

DRAWN = 1000  # samples where a covariance is given
SYMMETRIC = 1e-8  # of the larger of two variances


class Wanted(NamedTuple):
    """The parameters that are needed: those of an expansion."""

    names: tuple[str, ...]
    values: Float[np.ndarray, " parameters"]  # at present


def read_ensemble(ensemble, wanted: Wanted) -> Float[np.ndarray, "samples parameters"]:
    """Rows of parameters from an array, a (mean, covariance), a dict of arrays, or a file.

    A dict, .npz or HDF5 file has `samples`, or `mean` and `covariance`, and may have `names`: the
    parameters are then taken by name, whatever their order. Without names they must be in the order
    of the expansion.
    """
    label = "The ensemble"
    if isinstance(ensemble, (str, Path)):
        label, ensemble = str(ensemble), read_arrays_of(Path(ensemble))
    arrays: dict[str, Any]
    if isinstance(ensemble, Mapping):
        arrays = dict(ensemble)
    elif isinstance(ensemble, tuple) and len(ensemble) == 2:
        arrays = {"mean": ensemble[0], "covariance": ensemble[1]}
    else:
        arrays = {ONLY: ensemble}
    names = arrays.get("names")
    if ONLY in arrays or "samples" in arrays:
        samples = real_numbers(arrays.get("samples", arrays.get(ONLY)), label)
        _check_rows(samples, wanted, label, names)
        if len(samples) < 2:
            raise AdfluxError(
                f"{label}: a distribution needs at least two rows of parameters, but "
                f"{len(samples)} were found."
            )
        if _is_covariance(samples, wanted):
            raise AdfluxError(
                f"{label}: {len(samples)} rows that are symmetric are a covariance and no "
                "samples: write it to .npz as `covariance`, beside `mean`."
            )
        samples = samples[:, _order(names, samples.shape[1], wanted, label)]
        mean, spread = samples.mean(axis=0), samples.std(axis=0)
    else:
        _check_keys(arrays, ("mean", "covariance"), label, "`samples`, or `mean` and `covariance`")
        mean, covariance = (real_numbers(arrays[name], label) for name in ("mean", "covariance"))
        order = _check_covariance(mean, covariance, wanted, label, names)
        mean, covariance = mean[order], covariance[np.ix_(order, order)]
        samples, spread = _draw(mean, covariance, label), np.sqrt(np.diag(covariance))
    _check_place(mean, spread, wanted, label, named=names is not None)
    return samples


def read_rows(path: Path, wanted: Wanted) -> Float[np.ndarray, "rows parameters"]:
    """New parameters from .npz or HDF5 with `parameters`, .npy or text: one row or several, or one
    parameter a line.
    """
    arrays, count, label = read_arrays_of(path), len(wanted.names), str(path)
    if ONLY not in arrays:
        _check_keys(arrays, ("parameters",), label, "`parameters`")
        if "position_jacobian" in arrays:
            raise AdfluxError(
                f"{path} is an expansion of `adflux implicit`: new parameters were needed."
            )
    values = real_numbers(arrays.get(ONLY, arrays.get("parameters")), label)
    if values.ndim > 2:
        raise AdfluxError(
            f"{path}: rows of {count} numbers were needed, but the shape {values.shape} was found."
        )
    if values.ndim < 2 or (values.shape[1] == 1 and count > 1):
        values = values.reshape(-1, 1) if count == 1 else values.reshape(1, -1)
    _check_rows(values, wanted, label, arrays.get("names"), "numbers")
    return values[:, _order(arrays.get("names"), values.shape[1], wanted, label)]


def _check_keys(arrays: Mapping, needed: tuple[str, ...], label: str, words: str) -> None:
    missing = [name for name in needed if name not in arrays]
    if not missing:
        return
    held = ", ".join(sorted(map(str, arrays))) or "nothing"
    listed = " and ".join(f"`{name}`" for name in missing)
    verb = "are" if len(missing) > 1 else "is"
    raise AdfluxError(f"{label} needs {words}, but {listed} {verb} missing: it holds {held}.")


def _check_rows(
    rows: np.ndarray, wanted: Wanted, label: str, names, what: str = "parameters"
) -> None:
    count = len(wanted.names)
    if names is not None and rows.ndim == 2 and rows.shape[1] == len(np.atleast_1d(names)):
        return
    if rows.ndim == 2 and rows.shape[1] == count:
        return
    found = f"the shape {rows.shape} was found"
    if rows.ndim == 2 and rows.shape[0] == count:
        found += "; transpose it"
    elif rows.ndim == 2:
        found += _hint(rows.shape[1], wanted)
    raise AdfluxError(
        f"{label}: rows of {count} {what} were needed, {summary(wanted.names)}, but {found}."
    )


def _check_covariance(mean, covariance, wanted: Wanted, label: str, names) -> np.ndarray:
    """The numbers of both in the expansion's order."""
    count = len(wanted.names)
    size = len(np.atleast_1d(names)) if names is not None else count
    if mean.shape != (size,) or covariance.shape != (size, size):
        hint = _hint(len(covariance), wanted) if covariance.ndim == 2 and names is None else ""
        raise AdfluxError(
            f"{label}: a mean of {size} numbers and a {size} × {size} covariance were needed, "
            f"{summary(wanted.names)}, but {mean.shape} and "
            f"{covariance.shape} were found{hint}."
        )
    variances = np.abs(np.diag(covariance))
    apart = np.abs(covariance - covariance.T)
    allowed = SYMMETRIC * np.maximum.outer(variances, variances) + 1e-300
    if np.any(apart > allowed):
        i, j = np.unravel_index(np.argmax(apart - allowed), apart.shape)
        raise AdfluxError(
            f"{label}: a covariance is symmetric, but row {i + 1}, column {j + 1} has "
            f"{covariance[i, j]:.6g} and row {j + 1}, column {i + 1} has "
            f"{covariance[j, i]:.6g}."
        )
    return _order(names, size, wanted, label)


def _draw(mean, covariance, label: str) -> np.ndarray:
    if np.any(np.diag(covariance) < 0.0):
        k = int(np.argmin(np.diag(covariance)))
        raise AdfluxError(
            f"{label}: a covariance has no negative eigenvalue and no negative variance, but "
            f"{covariance[k, k]:.2g} was found in row {k + 1}."
        )
    values, vectors = np.linalg.eigh(0.5 * (covariance + covariance.T))
    if values[0] < -1e-8 * abs(values[-1]):
        raise AdfluxError(
            f"{label}: a covariance has no negative eigenvalue, but {values[0]:.2g} was found."
        )
    # the symmetric root: the same on every processor, whatever the signs of the eigenvectors
    root = (vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T
    return mean + np.random.default_rng(0).normal(size=(DRAWN, len(mean))) @ root


def _order(names, size: int, wanted: Wanted, label: str) -> np.ndarray:
    """Which of the named numbers is each parameter of the expansion."""
    if names is None:
        return np.arange(size)
    texts = [
        x.decode() if isinstance(x, bytes) else str(x)
        for x in np.atleast_1d(names).ravel().tolist()
    ]
    found = [plain_name(name, wanted.names) for name in texts]
    repeated = sorted({name for name in found if found.count(name) > 1})
    if len(found) != size:
        raise AdfluxError(f"{label} has {len(found)} names for {size} parameters: each needs one.")
    if repeated:
        raise AdfluxError(
            f"{label} names {summary(repeated)} twice: each parameter needs a name of its own."
        )
    unknown, missing = _without(found, wanted.names), _without(wanted.names, found)
    if unknown:
        raise AdfluxError(
            f"{label} has the parameters {summary(unknown)}, which are not the expansion's, "
            f"{summary(wanted.names)}: leave them out, or expand in "
            "them as well (`adflux implicit --where`)."
        )
    if missing:
        raise AdfluxError(
            f"{label} has no {summary(missing)}, but the expansion's parameters are "
            f"{summary(wanted.names)}: add them, or leave them out of "
            "the expansion (`adflux implicit --where`)."
        )
    return np.array([found.index(name) for name in wanted.names])


def _hint(size: int, wanted: Wanted) -> str:
    """Why a size may be another one: the energies of single atoms are often left out."""
    elements = {name.split(":")[0] for name in wanted.names if ":" in name}
    constants = [name for name in wanted.names if name.endswith(":beta0")]
    if constants and size == len(wanted.names) - len(constants):
        return (
            f"; {summary(constants)} {'is' if len(constants) == 1 else 'are'} among the "
            "expansion's parameters: add them, "
            "or expand without (`adflux implicit --where coefficients`)"
        )
    if elements and not constants and size == len(wanted.names) + len(elements):
        names = summary([f"{element}:beta0" for element in sorted(elements)])
        return (
            f"; {names} {'is' if len(elements) == 1 else 'are'} not among the expansion's "
            "parameters: leave them out, or expand in all"
        )
    return ""


def _check_place(mean, spread, wanted: Wanted, label: str, named: bool) -> None:
    """An error where the present parameters lie far outside of the ensemble, and for a reason that
    can be seen.
    """
    present = wanted.values
    apart = np.abs(mean - present)
    if not np.any(apart > 5.0 * spread + 1e-9 * np.abs(present)):
        return
    distance = np.linalg.norm(apart)
    if np.linalg.norm(mean) < 0.1 * np.linalg.norm(present):
        raise AdfluxError(
            f"{label}: parameters were needed, but their mean is near zero where the expansion's "
            "are not: are these changes? Add "
            f"the expansion's parameters to them ({wanted.names[0]} is {present[0]:.6g})."
        )
    if named:
        return
    here, there = np.argsort(present, kind="stable"), np.argsort(mean, kind="stable")
    if np.linalg.norm(mean[there] - present[here]) < 0.1 * distance:
        moved = there[np.argsort(here)]
        k = int(np.argmax(apart))
        raise AdfluxError(
            f"{label}: its parameters are in another order than the expansion's, "
            f"{summary(wanted.names)}: {wanted.names[k]} is {present[k]:.6g}, which its number "
            f"{moved[k] + 1} seems to be and number {k + 1} ({mean[k]:.6g}) is not; sort them, or "
            "give their `names`."
        )


def _is_covariance(rows: np.ndarray, wanted: Wanted) -> bool:
    """A symmetric matrix; one of two rows only where these are far from the parameters."""
    if (
        rows.shape[0] != rows.shape[1]
        or np.abs(rows - rows.T).max() > 1e-12 * np.abs(rows).max()
        or not np.ptp(rows)
    ):
        return False
    far = np.linalg.norm(rows.mean(axis=0) - wanted.values) > 0.5 * np.linalg.norm(wanted.values)
    return len(rows) > 2 or bool(far)


def _without(names, others) -> list[str]:
    others = set(others)
    return [name for name in names if name not in others]
