"""The potentials, one file each."""

from .base import Potential
from .function import FunctionPotential, from_function
from .lennard_jones import LennardJones
from .snap import SNAP
from .so3krates import So3krates
from .stillinger_weber import StillingerWeber

__all__ = [
    "SNAP",
    "FunctionPotential",
    "LennardJones",
    "Potential",
    "So3krates",
    "StillingerWeber",
    "from_function",
]
