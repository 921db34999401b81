"""Energies and forces in the form that LAMMPS' setters want."""

import numpy as np


def add_forces(data, buffers, gradients) -> None:
    """Give LAMMPS the forces of ∂U/∂r_p [3, pairs], float64."""
    gradients = np.asarray(gradients)
    if hasattr(data, "add_pair_forces"):
        data.add_pair_forces(gradients, buffers.centers, buffers.partners, buffers.pairs)
    elif data.npairs:
        rows = np.zeros((data.npairs, 3))  # pairs that were left out have no force
        keep = slice(None) if buffers.keep is None else buffers.keep
        rows[keep] = gradients[:, : buffers.pairs].T
        data.update_pair_forces(_like(data.rij, rows))


def write_energies(data, energies: np.ndarray) -> None:
    """U_i in the order of LAMMPS' list."""
    if type(data).__module__.endswith("kokkos"):  # there a plain attribute, filled in place
        data.eatoms[...] = _like(data.eatoms, energies)
    else:
        data.eatoms = np.array(energies, np.float64)


def _like(array, values):
    if hasattr(array, "get"):
        import cupy  # pyright: ignore[reportMissingImports]

        return cupy.asarray(values)
    return values


def address(forces) -> int:
    """Of the array of forces."""
    return forces.data.ptr if hasattr(forces, "get") else forces.ctypes.data
