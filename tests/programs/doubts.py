"""The doubt of `propagate` beside the error that it has."""

import jax
import numpy as np

import lammps_adflux as adflux

jax.config.update("jax_enable_x64", True)


pair = [
    adflux.Taylor.load(f"held {name}".removesuffix(" bulk") + ".npz")
    for name in ("vacancy", "bulk")
]
assert all(part.build is not None for part in pair)
truth, found = np.load("truth.npz"), {}
for size, energies in zip(truth["sizes"], truth["held"], strict=True):
    samples = np.array([[1.0, 1.0 + size], [1.0, 1.0 - size]])
    spread = adflux.propagate(*pair, samples)
    error = np.sqrt(np.mean((spread.energy - energies) ** 2)) / energies.std()
    note = spread.notes[0] if spread.notes else ""
    print("doubt", size, spread.doubt, error, note, sep=" | ")
