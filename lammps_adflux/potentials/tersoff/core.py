"""The repulsion of nuclei that `tersoff/zbl` joins to Tersoff's potential."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ...errors import AdfluxError

# LAMMPS' digits; ε₀ by the units of energies
BOHR, VACUUM = 0.529, {"metal": 0.00552635, "real": 0.00552635 * 0.043365121}
SHARES = (0.02817, 0.2802, 0.5099, 0.1818)
DECAYS = (0.2016, 0.4029, 0.9423, 3.2)
POWER, SCREENING = 0.23, 0.8854

COLUMNS = "Z_i", "Z_j", "inner", "steepness"  # of the file

Table = tuple[tuple[float, ...], ...]


class Core(eqx.Module):
    """φ = Z_i Z_j e²/(4πε₀ r) Σ_k c_k exp(-d_k r/a), a = 0.8854 · 0.529 Å / (Z_i^0.23 + Z_j^0.23),
    of which a pair has the share 1 - F, F = 1 / (1 + exp(-steepness (r - inner))); energies in eV
    or kcal/mol, lengths in Å.
    """

    charges: Table = eqx.field(static=True)  # Z_i
    others: Table = eqx.field(static=True)  # Z_j
    inner: Table = eqx.field(static=True)
    steepness: Table = eqx.field(static=True)
    units: str = eqx.field(static=True, default="metal")

    @classmethod
    def of(cls, *columns: np.ndarray, units: str) -> "Core":
        """From matrices over the elements."""
        if units not in VACUUM:
            raise AdfluxError(
                f"tersoff/zbl needs metal or real units, but {units} was found: use one of them."
            )
        return cls(*(tuple(map(tuple, column.tolist())) for column in columns), units=units)

    def share(self, r, of_pair):
        """1 - F."""
        return 1.0 / (1.0 + jnp.exp(of_pair(self.steepness) * (r - of_pair(self.inner))))

    def energy(self, r, of_pair):
        """φ."""
        first, second = np.array(self.charges), np.array(self.others)
        length = SCREENING * BOHR / (first**POWER + second**POWER)
        strength = first * second / (4.0 * np.pi * VACUUM[self.units])
        scaled = r / of_pair(length)
        screened = sum(
            share * jnp.exp(-decay * scaled) for share, decay in zip(SHARES, DECAYS, strict=True)
        )
        return of_pair(strength) * screened / r
