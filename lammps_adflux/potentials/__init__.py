"""The potentials, one file each."""

from .base import Potential
from .function import FunctionPotential, from_function
from .lennard_jones import LennardJones
from .nequix.network import Nequix
from .pair_style_file import read_pair_style
from .snap.potential import SNAP
from .so3krates.network import So3krates
from .stillinger_weber import StillingerWeber
from .total import Sum
from .zbl import ZBL

__all__ = [
    "SNAP",
    "ZBL",
    "FunctionPotential",
    "LennardJones",
    "Nequix",
    "Potential",
    "So3krates",
    "StillingerWeber",
    "Sum",
    "from_function",
    "read_pair_style",
]
