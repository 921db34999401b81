"""The potentials, one file each."""

from .base import Potential
from .function import FunctionPotential, from_function
from .lennard_jones import LennardJones
from .so3krates import So3krates
from .stillinger_weber import StillingerWeber

__all__ = ["FunctionPotential", "LennardJones", "Potential", "So3krates", "StillingerWeber", "from_function"]
