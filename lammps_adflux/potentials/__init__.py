"""The potentials, one file each."""

from .base import Potential
from .buckingham import Buckingham
from .eam.potential import EAM
from .function import FunctionPotential, from_function
from .lennard_jones import LennardJones
from .morse import Morse
from .nequix.network import Nequix
from .pair_styles.reader import read_pair_style
from .snap.potential import SNAP
from .so3krates.network import So3krates
from .stillinger_weber import StillingerWeber
from .tersoff.potential import Tersoff, TersoffMod
from .total import Sum
from .zbl import ZBL

__all__ = [
    "EAM",
    "SNAP",
    "ZBL",
    "Buckingham",
    "FunctionPotential",
    "LennardJones",
    "Morse",
    "Nequix",
    "Potential",
    "So3krates",
    "StillingerWeber",
    "Sum",
    "Tersoff",
    "TersoffMod",
    "from_function",
    "read_pair_style",
]
