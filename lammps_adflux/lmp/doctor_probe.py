"""Runs inside `lmp` for `adflux doctor`: prints one line of JSON with what the embedded Python
sees.
"""

import json
import os
import re
import sys

# a text that the library contains once the patch is applied: of an allocation, a function, a system
# call
PATCHES = {
    "0001": b"MLIAPData:lmp_neigh\0",
    "0002": b"stop_if_not_loaded",
    "0004": b"/proc/self/exe\0",
}


def patches() -> list[str] | None:
    """The patches of cmake/patches that the running LAMMPS has; None where LAMMPS does not say."""
    try:
        with open("/proc/self/maps") as maps:
            files = {
                line.split()[-1] for line in maps if re.search(r"/(lib)?(lammps|lmp)[^/]*$", line)
            }
    except OSError:
        return None
    found = set()
    for name in files:
        with open(name, "rb") as file:
            content = file.read()
        found |= {patch for patch, text in PATCHES.items() if text in content}
    import mliap_unified_couple  # pyright: ignore[reportMissingImports]  (a part of lmp, not a file)

    if hasattr(mliap_unified_couple.MLIAPUnifiedInterface, "lmp"):
        found.add("0003")
    if hasattr(mliap_unified_couple.MLIAPUnifiedInterface, "extract_peratom"):
        found.add("0010")
    if hasattr(mliap_unified_couple.MLIAPDataPy, "pack_pairs"):
        found.add("0011")
    if hasattr(mliap_unified_couple.MLIAPDataPy, "pack_neighbors"):
        found.add("0012")
    from mpi4py import MPI

    if MPI.Query_thread() >= MPI.THREAD_SERIALIZED:
        found.add("0008")
    return sorted(found)


def look() -> dict:
    """Each part apart, so that one fault does not hide the others."""
    answer: dict = {
        "prefix": sys.prefix,
        "mliap": "mliap_unified_couple" in sys.builtin_module_names,
    }

    def part(name, function):
        try:
            answer[name] = function()
        except Exception as error:
            answer[name + "_error"] = f"{type(error).__name__}: {error}"

    def adflux() -> str:
        import lammps_adflux

        return os.path.dirname(lammps_adflux.__file__)

    def mpi() -> dict:
        from mpi4py import MPI

        return {"ranks": MPI.COMM_WORLD.size, "library": MPI.Get_library_version().strip("\0 \n")}

    def jax() -> dict:
        from lammps_adflux.process import prepare

        prepare()
        import jax

        return {
            "version": jax.__version__,
            "devices": [str(device) for device in jax.devices()],
            "dtype": str((jax.numpy.ones(2, "float64") / 3).sum().dtype),
            "threads": os.environ.get("PJRT_NPROC"),
        }

    def exchange() -> dict:
        from lammps_adflux.parallel.handler import missing_handler
        from lammps_adflux.paths import exchange_library

        return {"path": str(exchange_library()), "missing": missing_handler()}

    part("adflux", adflux)
    part("mpi", mpi)
    if os.environ.get("ADFLUX_DOCTOR") == "all":
        part("patches", patches)
        part("jax", jax)
        part("exchange", exchange)
    return answer


if __name__ == "__main__":
    print("\nadflux doctor: " + json.dumps(look()), flush=True)
