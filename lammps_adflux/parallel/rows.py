"""Which row of a rank's arrays each of its atoms has, where images of one atom share a row."""

from typing import NamedTuple

import numpy as np


class Rows(NamedTuple):
    """First the atoms that this rank owns, in LAMMPS' order, then one row for each other id.

    Images of owned atoms have their owner's row, so that a domain without atoms of other ranks has
    as many rows as owned atoms.
    """

    row: np.ndarray  # of each atom, owned or ghost [atoms]
    member: np.ndarray  # an atom of each row [rows]
    owned: int

    @classmethod
    def of(cls, ids: np.ndarray, owned: int) -> "Rows":
        """From the ids of owned and ghost atoms, in this order; owned ids must differ."""
        own, first = np.unique(ids[:owned], return_index=True)
        ghosts, index, inverse = np.unique(ids[owned:], return_index=True, return_inverse=True)
        place = np.minimum(np.searchsorted(own, ghosts), max(len(own) - 1, 0))
        here = own[place] == ghosts if len(own) else np.zeros(len(ghosts), bool)
        row = np.where(here, first[place] if len(own) else 0, owned + np.cumsum(~here) - 1)
        return cls(
            np.concatenate([np.arange(owned), row[inverse]]).astype(np.int32),
            np.concatenate([np.arange(owned), owned + index[~here]]),
            owned,
        )

    @property
    def remote(self) -> int:
        """How many rows are of other ranks' atoms."""
        return len(self.member) - self.owned
