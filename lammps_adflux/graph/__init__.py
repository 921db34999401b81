"""The Graph of a domain, and the operations that models are built from."""

from .bodies import keep
from .graph import Exchange, Graph, Neighbors, pad, places_for, room_for, slots_for, weigh_tangent

__all__ = [
    "Exchange",
    "Graph",
    "Neighbors",
    "keep",
    "pad",
    "places_for",
    "room_for",
    "slots_for",
    "weigh_tangent",
]
