"""Nequix, a foundation model for materials, with weights as its authors publish them."""

from .network import Nequix

__all__ = ["Nequix"]
