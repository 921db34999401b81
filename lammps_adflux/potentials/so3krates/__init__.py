"""So3krates, the equivariant message-passing network of mlff."""

from .network import So3krates as So3krates
