# As adflux-cpu.cmake, with Kokkos on OpenMP threads: lmp -k on t 4 -sf kk.
# Newer LAMMPS needs a compiler with C++20 for this.

set(PKG_KOKKOS ON CACHE BOOL "")
set(Kokkos_ENABLE_SERIAL ON CACHE BOOL "")
set(Kokkos_ENABLE_OPENMP ON CACHE BOOL "")
set(Kokkos_ENABLE_DEPRECATION_WARNINGS OFF CACHE BOOL "")
set(BUILD_OMP ON CACHE BOOL "")

# ML-IAP computes in double precision; LAMMPS of 2025 and older knows no other and ignores these
set(KOKKOS_PREC double CACHE STRING "")
set(KOKKOS_LAYOUT legacy CACHE STRING "")

include(${CMAKE_CURRENT_LIST_DIR}/adflux-cpu.cmake)  # last: the first `set` of a cache entry stands
