"""JAX potentials in LAMMPS, with the exact heat flux by automatic differentiation.

Names are imported when they are first used, so that `adflux kappa` does not wait for JAX and
`fluxseries`/`greenkubo` need NumPy only.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.2.0"

_HOME = {
    "AdfluxError": "errors",
    "Graph": "graph",
    "graph_from_atoms": "structures",
    "ASECalculator": "structures.calculator",
    "Batch": "structures.batches",
    "Room": "structures.batches",
    "batch_from_atoms": "structures.batches",
    "energies_forces_virials": "structures.batches",
    "evaluate": "structures.evaluation",
    "Potential": "potentials",
    "Buckingham": "potentials",
    "EAM": "potentials",
    "LennardJones": "potentials",
    "Morse": "potentials",
    "Nequix": "potentials",
    "SNAP": "potentials",
    "ZBL": "potentials",
    "So3krates": "potentials",
    "StillingerWeber": "potentials",
    "Tersoff": "potentials",
    "from_function": "potentials",
    "read_pair_style": "potentials",
    "energy_forces_virial": "derivatives",
    "heat_flux": "flux",
    "atomic_virials": "flux",
    "export": "modelfile",
    "load": "modelfile",
    "relax": "implicit.relaxation",
    "Relaxed": "implicit.relaxed",
    "RelaxOptions": "implicit.relaxation",
    "Response": "implicit.responses",
    "Taylor": "implicit.expansion",
    "taylor": "implicit.taylor",
    "propagate": "implicit.uncertainty",
    "design": "implicit.design",
    "Design": "implicit.design",
    "Constraints": "implicit.design",
    "Regularization": "implicit.design",
    "losses": "implicit.design",
    "FluxSeries": "conductivity.fluxseries",
    "read_flux": "conductivity.fluxseries",
    "write_flux": "conductivity.flux_writers",
    "Conductivity": "conductivity.result",
    "green_kubo": "conductivity.greenkubo",
    "hnemd": "conductivity.hnemd",
    "spectral_conductivity": "conductivity.spectral",
    "driving_forces": "flux",
    "template_path": "paths",
}
__all__ = [
    "EAM",
    "SNAP",
    "ZBL",
    "ASECalculator",
    "AdfluxError",
    "Batch",
    "Buckingham",
    "Conductivity",
    "Constraints",
    "Design",
    "FluxSeries",
    "Graph",
    "LennardJones",
    "Morse",
    "Nequix",
    "Potential",
    "Regularization",
    "RelaxOptions",
    "Relaxed",
    "Response",
    "Room",
    "So3krates",
    "StillingerWeber",
    "Taylor",
    "Tersoff",
    "__version__",
    "atomic_virials",
    "batch_from_atoms",
    "design",
    "driving_forces",
    "energies_forces_virials",
    "energy_forces_virial",
    "evaluate",
    "export",
    "from_function",
    "graph_from_atoms",
    "green_kubo",
    "heat_flux",
    "hnemd",
    "load",
    "losses",
    "propagate",
    "read_flux",
    "read_pair_style",
    "relax",
    "spectral_conductivity",
    "taylor",
    "template_path",
    "write_flux",
]

if TYPE_CHECKING:
    from .conductivity.flux_writers import write_flux
    from .conductivity.fluxseries import FluxSeries, read_flux
    from .conductivity.greenkubo import green_kubo
    from .conductivity.hnemd import hnemd
    from .conductivity.result import Conductivity
    from .conductivity.spectral import spectral_conductivity
    from .derivatives import energy_forces_virial
    from .errors import AdfluxError
    from .flux import atomic_virials, driving_forces, heat_flux
    from .graph import Graph
    from .implicit.design import Constraints, Design, Regularization, design, losses
    from .implicit.expansion import Taylor
    from .implicit.options import RelaxOptions
    from .implicit.relaxation import relax
    from .implicit.relaxed import Relaxed
    from .implicit.responses import Response
    from .implicit.taylor import taylor
    from .implicit.uncertainty import propagate
    from .modelfile import export, load
    from .paths import template_path
    from .potentials import (
        EAM,
        SNAP,
        ZBL,
        Buckingham,
        LennardJones,
        Morse,
        Nequix,
        Potential,
        So3krates,
        StillingerWeber,
        Tersoff,
        from_function,
        read_pair_style,
    )
    from .structures import graph_from_atoms
    from .structures.batches import Batch, Room, batch_from_atoms, energies_forces_virials
    from .structures.calculator import ASECalculator
    from .structures.evaluation import evaluate


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
