"""Inverse design: `adflux.design`, and what losses are built from, `adflux.losses`."""

from . import losses as losses
from .constraints import Constraints as Constraints
from .constraints import Regularization as Regularization
from .driver import Design as Design
from .driver import design as design
