"""From an uncertainty of the parameters to that of a difference between two relaxed structures."""

from dataclasses import replace
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from ..errors import AdfluxError
from .defects import check_pair
from .ensembles import Wanted, read_ensemble
from .expansion import TRUST, Taylor
from .relaxed import Relaxed
from .taylor import taylor

TOO_WIDE = 0.5  # doubt above which the distribution is known to be wrong
EVALUATED = 8  # samples of which third order is evaluated
ANHARMONIC = (
    6.0  # second order beside first for a relative change of 1 of a length, of Lennard-Jones
)


class Differences(NamedTuple):
    """P(defect) - P(bulk) · N(defect) / N(bulk) of energy and volume for each sample of the
    parameters, in LAMMPS' units.
    """

    energy: Float[np.ndarray, " samples"]  # to second order, structures respond
    energy_first: Float[np.ndarray, " samples"]  # to first order: structures as they were
    volume: Float[np.ndarray, " samples"]
    # U(Θ′) of the predicted structures, where asked for
    energy_at_structure: Float[np.ndarray, " samples"] | None
    energy_present: float  # at the parameters of the relaxed structures
    volume_present: float
    doubt: (
        float  # error of the expansion beside the spread: below 0.1 the distribution may be trusted
    )
    units: str | None  # LAMMPS' unit style; None where the files do not say it
    notes: tuple[str, ...]  # sentences of what is doubtful

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

    `Differences.doubt` is the larger of two numbers: third order of the energy beside its spread,
    and six times the relative change of lengths (about second order of a volume beside first); both
    are root mean squares over samples. Third order is evaluated for eight samples where the
    potential is at hand (relaxed structures, `Taylor.with_potential`), and estimated as second
    order squared beside first order otherwise.

    Parameters
    ----------
    defect, bulk
        Relaxed structures, or their expansions by `taylor` in the same parameters.
    ensemble
        Rows of parameters [samples, parameters]; a covariance as (mean, covariance); or a dict or a
        file with `samples`, or with `mean` and `covariance`, and perhaps with `names` (then in any
        order, see `ensembles.read_ensemble`).
    where
        The parameters, as in `taylor`, for relaxed structures.
    structures
        Also evaluate U(Θ′) at the predicted structures, one energy each.

    Raises
    ------
    AdfluxError
        Where the doubt is above 0.5, and where the two are no defect and bulk of one potential.
    """
    one, two = (
        part if isinstance(part, Taylor) else replace(taylor(part, where), source=name)
        for part, name in ((defect, "the defect"), (bulk, "the bulk"))
    )
    notes = check_pair(one, two)
    notes += [
        f"{part.source} was written by an earlier version, which did not store units, pressure "
        "and potential: they were not compared."
        for part in (one, two)
        if part.units is None
    ]
    samples = read_ensemble(ensemble, Wanted(one.names, one.parameters))
    ratio = len(one.ids) / len(two.ids)

    def difference(function):
        return function(one) - function(two) * ratio

    def at_structures(rows):
        return difference(
            lambda part: np.array([part.predict(row).energy_at_structure for row in rows])
        )

    energy, first = (
        difference(lambda part, order=order: part.energies(samples, order)) for order in (2, 1)
    )
    volume = difference(lambda part: part.volumes(samples))
    present = difference(lambda part: part.energy), difference(lambda part: part.volume)
    evaluable = one.build is not None and two.build is not None
    if structures and not evaluable:
        raise AdfluxError(
            "U at the predicted structures needs the potential: give relaxed structures, not files."
        )
    found = at_structures(samples) if structures else None
    second = energy - first
    if evaluable:
        some = np.unique(np.linspace(0, len(samples) - 1, EVALUATED).astype(int))
        third = _size(
            (at_structures(samples[some]) if found is None else found[some]) - energy[some]
        )
    else:
        third = _size(second) ** 2 / max(_size(first - present[0]), 1e-300)
    rounding = (1e-9 if jax.config.jax_enable_x64 else 1e-5) * abs(one.energy)  # pyright: ignore[reportAttributeAccessIssue]
    orders = (
        0.0 if min(third, _size(second)) <= rounding else third / max(float(energy.std()), 1e-300)
    )
    lengths = max(_size(part.lengths(samples)) for part in (one, two))
    doubt = max(orders, ANHARMONIC * lengths)
    if not doubt <= TRUST:
        reason = f"lengths change by {100 * lengths:.2g} %"
        if not orders <= ANHARMONIC * lengths:
            about = "is" if evaluable else "is about"
            reason = (
                f"third order of the formation energy {about} {orders:.2g} of the spread, where "
                f"{TRUST:g} may be trusted"
            )
        notes.append(_doubtful(doubt, reason, second, one, evaluable))
    return Differences(
        energy, first, volume, found, *present, doubt, one.units or two.units, tuple(notes)
    )


def _size(values) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _doubtful(doubt: float, reason: str, second, one: Taylor, evaluated: bool) -> str:
    """A sentence on a doubt above 0.1; an error where it is above 0.5. second: order, of each
    sample.
    """
    worst = int(np.argmax(np.abs(second)))
    alone = (
        f" (row {worst + 1} makes most of it)"
        if second[worst] ** 2 > 0.5 * np.sum(np.square(second))
        else ""
    )
    mend = f"narrow it{alone}, or relax {one.source} and its bulk at parameters in its middle"
    more = "" if evaluated else "; --potential evaluates third order"
    if not doubt <= TOO_WIDE:
        raise AdfluxError(f"The ensemble is too wide for an expansion: {reason}; {mend}{more}.")
    return f"The ensemble is wide for an expansion: {reason}; {mend}{more}."
