"""The potentials, one file each."""

from .base import Potential
from .lennard_jones import LennardJones
from .stillinger_weber import StillingerWeber

__all__ = ["LennardJones", "Potential", "StillingerWeber"]
