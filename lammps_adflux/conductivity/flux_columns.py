"""The flux of one file, and which of its columns hold it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import AdfluxError
from .lammps_log import Log, Run
from .lammps_tables import Table

# tried in this order when `columns` is not given; anything less specific has to be named by the
# user
TOTAL = [
    tuple(f"v_{stem}{axis}" for axis in "xyz") for stem in ("adflux_j", "adflux_native_j", "j", "J")
]
POTENTIAL = tuple(f"v_adflux_jp{axis}" for axis in "xyz")
CONVECTIVE = tuple(f"v_adflux_jc{axis}" for axis in "xyz")
TEMPERATURE = "c_thermo_temp"
ENOUGH = 16  # samples


@dataclass
class FluxFile:
    """One file's data, before the seeds are put together."""

    name: str
    steps: np.ndarray
    total: np.ndarray  # [samples, 3], or [lags, 3, 3] for a correlation
    columns: tuple[str, ...]  # LAMMPS' own names of the flux columns
    headings: tuple[str, ...]  # what the file calls them
    notes: list[str] = field(default_factory=list)
    potential: np.ndarray | None = None
    convective: np.ndarray | None = None
    convective_columns: tuple[str, ...] = ()
    temperatures: np.ndarray | None = None  # of the samples, where the file has them
    header: dict[str, str] = field(default_factory=dict)  # facts that our templates write
    # logs, and their runs that wrote the file; what the first says, holds
    witnesses: list[tuple[Log, list[Run]]] = field(default_factory=list)
    where: str = ""  # which run, in words
    named: bool = False  # the user named the columns
    windows: np.ndarray | None = None  # [windows, lags, 3, 3], independent pieces of a correlation
    ends: np.ndarray | None = None  # steps at which the windows of a correlation end
    counts: np.ndarray | None = None  # samples behind each lag of a correlation

    @property
    def is_correlation(self) -> bool:
        return self.counts is not None


def pick(
    table: Table, columns: tuple[str, ...] | None, computes: Sequence[str] = ()
) -> tuple[str, ...] | None:
    """The names of the total flux, None where they are not there."""
    fluxes = [tuple(f"c_{name}[{place}]" for place in (1, 2, 3)) for name in computes]
    for names in [columns[:3]] if columns else [*TOTAL, *fluxes]:
        if all(table.place(name) is not None for name in names):
            return names
    return None


def flux_computes(run: Run) -> list[str]:
    """Computes of the heat flux: their columns need no name from the user."""
    return [name for name, one in run.state.computes.items() if one.style == "heat/flux"]


def no_columns(
    path: Path, available: Sequence[str], columns: tuple[str, ...] | None
) -> AdfluxError:
    wanted = ", ".join(columns or TOTAL[0])
    return AdfluxError(
        f"{path}: the heat flux columns {wanted} were needed, found "
        f"{', '.join(available) or 'none'}; "
        "name the three with columns=."
    )
