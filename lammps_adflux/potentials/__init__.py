"""The potentials, one file each."""

from .base import Potential
from .function import FunctionPotential, from_function
from .lennard_jones import LennardJones
from .stillinger_weber import StillingerWeber

__all__ = ["FunctionPotential", "LennardJones", "Potential", "StillingerWeber", "from_function"]
