"""The Graph of a domain, and the operations that models are built from."""

from .bodies import keep
from .graph import Exchange, Graph, pad, weigh_tangent

__all__ = ["Exchange", "Graph", "keep", "pad", "weigh_tangent"]
