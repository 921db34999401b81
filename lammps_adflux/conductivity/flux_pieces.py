"""Several files of one system: pieces of one run are joined, seeds are compared."""

import itertools
import math

import numpy as np

from ..errors import AdfluxError
from .flux_columns import FluxFile
from .flux_facts import Options
from .flux_seeds import Seed, settle

_SAME_STRUCTURE = 1e-3  # of the flux: two files hold the same step of one trajectory
_BEGINNING, _COPIES = 16, 1e-6  # samples in which runs of one beginning agree, and how well
_TEMPERATURES = 3.0  # standard deviations of the energy between seeds that count as one system


def join_pieces(files: list[FluxFile]) -> list[list[FluxFile]]:
    """Files of one run that was restarted are one seed: their steps go on, and where they overlap
    the flux is the same.
    """
    groups: list[list[FluxFile]] = []
    order = sorted(range(len(files)), key=lambda number: float(files[number].steps[0]))
    for number in order:
        file = files[number]
        home = next((group for group in groups if _continues(group[-1], file)), None)
        if home is None:
            groups.append([file])
        else:
            home.append(file)
    return sorted(groups, key=lambda group: min(files.index(file) for file in group))


def _continues(earlier: FluxFile, later: FluxFile) -> bool:
    if (
        earlier.is_correlation
        or later.is_correlation
        or len(earlier.steps) < 2
        or len(later.steps) < 2
    ):
        return False
    spacing = earlier.steps[1] - earlier.steps[0]
    start, end = later.steps[0], earlier.steps[-1]
    if (
        later.steps[1] - start != spacing
        or (start - end) % spacing
        or earlier.columns != later.columns
    ):
        return False
    if not (earlier.steps[0] < start <= end + spacing and later.steps[-1] > end):
        return False
    if start > end:
        return True
    there = earlier.total[earlier.steps == start][0]
    return bool(
        np.abs(there - later.total[0]).max() <= _SAME_STRUCTURE * np.sqrt(np.mean(earlier.total**2))
    )


def settle_pieces(files: list[FluxFile], options: Options) -> Seed:
    """The seed of one or several files that are one run."""
    for earlier, later in itertools.pairwise(files):
        keep = earlier.steps < later.steps[0]
        for name in ("steps", "total", "potential", "convective", "temperatures"):
            if getattr(earlier, name) is not None:
                setattr(earlier, name, getattr(earlier, name)[keep])
    seeds = [settle(file, options, first=number == 0) for number, file in enumerate(files)]
    one = seeds[0]
    if len(seeds) == 1:
        return one
    compare(seeds)
    weights = [len(seed.total) for seed in seeds]
    one.temperature = float(np.average([seed.temperature for seed in seeds], weights=weights))
    for name in ("total", "potential", "convective"):
        parts = [getattr(seed, name) for seed in seeds]
        setattr(one, name, None if any(part is None for part in parts) else np.concatenate(parts))
    one.notes = [note for seed in seeds for note in seed.notes]
    one.used = [line for seed in seeds for line in seed.used]
    names = " and ".join(seed.name for seed in seeds)
    one.notes.append(
        f"{names} are pieces of one run, whose steps go on, and were joined into one seed"
    )
    one.name = " + ".join(seed.name for seed in seeds)
    return one


def compare(seeds: list[Seed]) -> None:
    """Seeds must be of one system; mean temperatures may differ as the energies of a canonical
    ensemble do.

    Runs at constant energy that start from one canonical ensemble have mean temperatures with the
    standard deviation T √(k_B/C), where C ≈ 3 N k_B is the heat capacity.
    """
    first = seeds[0]
    for other in seeds[1:]:
        if _native(first) != _native(other):
            raise AdfluxError(
                f"{first.name} has the flux {first.columns[0]} … and {other.name} "
                f"{other.columns[0]} …, LAMMPS' own and the exact one: analyse them separately."
            )
        atoms = first.atoms or other.atoms
        width = max(5e-2, _TEMPERATURES * math.sqrt(2 / (3 * atoms))) if atoms else 5e-2
        bounds = {"sampling": 1e-9, "volume": 1e-2, "temperature": width}
        if first.field != other.field:
            raise _differ("field", first, other, "")
        for what in ("units", "dimension", "atoms"):
            one, two = getattr(first, what), getattr(other, what)
            if one != two and None not in (one, two):
                raise _differ(what, first, other, "")
        for what, bound in bounds.items():
            one, two = getattr(first, what), getattr(other, what)
            if abs(one - two) > bound * one:
                remedy = ", or give one temperature= for all" if what == "temperature" else ""
                raise _differ(what, first, other, remedy)


def _native(seed: Seed) -> bool:
    return any(column.startswith("v_adflux_native_j") for column in seed.columns)


def refuse_copies(seeds: list[Seed]) -> None:
    """Seeds must be independent: runs from the same velocities begin alike."""
    for one, other in itertools.combinations(seeds, 2):
        count = min(len(one.total), len(other.total), _BEGINNING)
        if one.is_correlation or count < _BEGINNING:
            continue
        apart = np.abs(one.total[:count] - other.total[:count]).max()
        if apart <= _COPIES * np.abs(one.total[:count]).max():
            raise AdfluxError(
                f"{one.name} and {other.name} begin with the same {count} samples, but seeds "
                "must be independent: begin runs with velocities of other seeds (variable seed), "
                "or name one of the files."
            )


def _differ(what: str, first: Seed, other: Seed, remedy: str) -> AdfluxError:
    return AdfluxError(
        f"Seeds must be of one system, but {what} is {getattr(first, what)} in {first.name} and "
        f"{getattr(other, what)} in "
        f"{other.name}: analyse them separately{remedy}."
    )


def same_kind(files: list[FluxFile]) -> None:
    """Time series and correlations cannot be put together."""
    for other in files[1:]:
        if files[0].is_correlation != other.is_correlation:
            raise AdfluxError(
                f"{files[0].name} and {other.name} are a time series and a correlation: give one "
                "kind."
            )
