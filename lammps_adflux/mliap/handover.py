"""Energies and forces in the form that LAMMPS' setters want."""

import ctypes

import numpy as np


def pair_forces_for(data, gradients, keep):
    """∂U/∂r_p as LAMMPS' setter wants it: float64, C-contiguous, writable; on the GPU where LAMMPS
    is there.
    """
    array = np.asarray(gradients)
    if keep is not None:  # pairs that were left out have no force
        array = np.zeros((data.npairs, 3))
        array[keep] = np.asarray(gradients)[: np.count_nonzero(keep)]
    if hasattr(data.rij, "get"):
        import cupy  # pyright: ignore[reportMissingImports]

        return cupy.asarray(array)
    if array.flags.writeable:
        return array
    if array.ctypes.data % 8 or not array.flags.c_contiguous:
        return np.array(array, np.float64, order="C")
    # LAMMPS only reads, but its Cython code asks for a writable array, and a copy would cost a
    # tenth of the step;
    # the plugin keeps the gradients, and with them this memory, until the next step
    pointer = ctypes.cast(array.ctypes.data, ctypes.POINTER(ctypes.c_double))
    return np.ctypeslib.as_array(pointer, shape=array.shape)


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
