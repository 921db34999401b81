"""Is a potential that of an expansion? Compared by parameters, and by what lies beside them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..errors import AdfluxError
from .model_record import described, difference, model_record
from .parameter_names import summary
from .parameters import choose, flatten


class Expanded(NamedTuple):
    """What an expansion knows of its potential."""

    names: Sequence[str]  # of the parameters
    record: Mapping[str, str] | None  # of what lies beside them; None: not known
    source: str  # the expansion's file, for sentences


def numbers_of(potential, names) -> dict[str, int] | None:
    """Which number of the potential each name is; None where some names are no numbers of it."""
    present = choose(potential)
    # files of the first version name the coefficients of SNAP by their arrays
    known = {
        name: k for listed in (present.plain_names, present.names) for k, name in enumerate(listed)
    }
    return known if all(name in known for name in names) else None


def check_model(expanded: Expanded, potential, vector, which: str) -> None:
    """An AdfluxError where a potential is not that of the parameters `vector`, in the order of the
    expansion; transformed parameters cannot be compared.

    which: what these parameters are, for the sentence.
    """
    present = choose(potential)
    values = flatten(present.values)
    there = dict(zip(present.plain_names, values, strict=True)) | dict(
        zip(present.names, values, strict=True)
    )
    names, source = expanded.names, expanded.source
    transformed = all(name.startswith("values") for name in names)
    for name, wanted in zip(names, vector, strict=True) if not transformed else ():
        if name not in there:
            raise AdfluxError(
                f"The potential is a {type(potential).__name__} without {name}, but {source} "
                f"expands in {summary(names)}: give the potential of {which}."
            )
        if not np.isclose(there[name], wanted, rtol=1e-6, atol=1e-12):
            raise AdfluxError(
                f"The potential is not that of {which}: its {name} is {there[name]:.8g}, but "
                f"{wanted:.8g} was given."
            )
    here = model_record(potential)
    field = difference(expanded.record or {}, here)
    if field is not None:
        raise AdfluxError(
            f"The potential is not the one of {source}: it has {described(here, field)} beside "
            "the parameters."
        )
