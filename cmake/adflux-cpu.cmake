# LAMMPS as lammps_adflux needs it, on CPUs. For your own build of LAMMPS:
#
#   cmake -C adflux-cpu.cmake -S lammps/cmake -B build -D Python_EXECUTABLE=$(command -v python3)
#
# run where cython (PyPI) is on PATH: `cythonize` makes the Python part of ML-IAP.

# the coupling to Python: pair_style mliap unified, python command, `from lammps import lammps`
set(PKG_ML-IAP ON CACHE BOOL "")
set(PKG_ML-SNAP ON CACHE BOOL "")        # ML-IAP does not build without it
set(PKG_PYTHON ON CACHE BOOL "")
set(MLIAP_ENABLE_PYTHON ON CACHE BOOL "")
set(MLIAP_ENABLE_ACE OFF CACHE BOOL "")  # would download ML-PACE
set(BUILD_SHARED_LIBS ON CACHE BOOL "")
set(BUILD_MPI ON CACHE BOOL "")

# what the input templates, the examples and the tests use
set(PKG_MANYBODY ON CACHE BOOL "")       # native sw and tersoff, to compare with
set(PKG_EXTRA-COMPUTE ON CACHE BOOL "")
set(PKG_EXTRA-FIX ON CACHE BOOL "")
set(PKG_PLUGIN ON CACHE BOOL "")
set(PKG_MISC ON CACHE BOOL "")
set(PKG_MOLECULE ON CACHE BOOL "")       # bonds

set(CMAKE_BUILD_TYPE Release CACHE STRING "")

# nothing that would be found by chance on one machine and not on another
foreach(option BUILD_OMP WITH_JPEG WITH_PNG WITH_FFMPEG WITH_GZIP WITH_CURL DOWNLOAD_POTENTIALS)
  set(${option} OFF CACHE BOOL "")
endforeach()
