"""ASE structures: their graphs, and a calculator for them."""

from .graphs import graph_from_atoms

__all__ = ["graph_from_atoms"]
