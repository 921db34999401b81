"""Arrays of LAMMPS to NumPy, and in the form that LAMMPS' setters want."""

import numpy as np


def to_host(array) -> np.ndarray:
    """NumPy array of LAMMPS' array, which is a cupy array where Kokkos runs on a GPU."""
    return array.get() if hasattr(array, "get") else array


def write_energies(data, energies: np.ndarray) -> None:
    """U_i in the order of LAMMPS' list."""
    if type(data).__module__.endswith("kokkos"):  # there a plain attribute, filled in place
        data.eatoms[...] = like(data.eatoms, energies)
    else:
        data.eatoms = np.array(energies, np.float64)


def like(array, values):
    """The values in an array of the other one's kind."""
    if hasattr(array, "get"):
        import cupy  # pyright: ignore[reportMissingImports]

        return cupy.asarray(values)
    return values


def address(forces) -> int:
    """Of the array of forces."""
    return forces.data.ptr if hasattr(forces, "get") else forces.ctypes.data
