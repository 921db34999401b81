"""How the pairs of a step come to the device on which JAX computes."""

import os

import jax
import numpy as np

from ..errors import AdfluxError
from ..process import device, note
from .buffers import PairBuffers
from .positions import DevicePairs
from .shared import SharedPairs

TRANSFER = "ADFLUX_TRANSFER"
WAYS = "pairs", "positions", "shared"


def buffers_for(data, known: PairBuffers) -> PairBuffers:
    """Empty buffers with the settings of `known`, of the way in which this rank's pairs travel.

    On an accelerator, where Kokkos has them on the same one, not at all (`SharedPairs`); else
    positions do (`DevicePairs`), where LAMMPS has patch 0012; else pairs do, through the host's
    memory. $ADFLUX_TRANSFER, `pairs`, `positions` or `shared`, says otherwise.
    """
    wanted = os.environ.get(TRANSFER)
    if wanted not in (None, *WAYS):
        raise AdfluxError(f"{TRANSFER} must be one of {', '.join(WAYS)}, but is {wanted!r}.")
    # differences of positions lose digits in float32
    possible = hasattr(data, "pack_neighbors") and jax.config.read("jax_enable_x64")
    if wanted == "positions" and not possible:
        raise AdfluxError(
            f"{TRANSFER}=positions needs a LAMMPS of `adflux build-lammps` without Kokkos, and "
            "float64 in JAX: leave it out, or unset JAX_ENABLE_X64."
        )
    if wanted == "shared" and hasattr(data, "pack_pairs"):
        raise AdfluxError(
            f"{TRANSFER}=shared needs pair_style mliap/kk, which has arrays of pairs: leave it out."
        )
    accelerated = device().platform != "cpu"
    if wanted == "positions" or (wanted is None and possible and accelerated):
        return DevicePairs.like(known)
    # without atoms nothing says where arrays will be: this is asked again
    if (wanted == "shared" and data.ntotal) or (wanted is None and accelerated and _here(data)):
        return SharedPairs.like(known, _module_of(data))
    return known


def _here(data) -> bool:
    """Are LAMMPS' arrays on the device on which JAX computes?"""
    if not (data.ntotal and hasattr(data.f, "get")):
        return False
    theirs, ours = data.f.device.id, device().local_hardware_id
    if theirs != ours:
        note(
            f"LAMMPS computes on GPU {theirs} and JAX on GPU {ours} of this node, so that pairs "
            "go through the host's memory: give each rank one GPU (CUDA_VISIBLE_DEVICES)."
        )
    return theirs == ours


def _module_of(data):
    """cupy where LAMMPS' arrays are cupy's, else numpy."""
    if hasattr(data.f, "get"):
        import cupy  # pyright: ignore[reportMissingImports]

        return cupy
    return np
