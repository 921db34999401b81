# As adflux-cpu.cmake, with Kokkos on NVIDIA GPUs: lmp -k on g 1 -sf kk. Say which GPU, for example
#
#   cmake -C adflux-kokkos-cuda.cmake -S lammps/cmake -B build -D Kokkos_ARCH_HOPPER90=ON
#
# (AMPERE80: A100, ADA89: L40 and RTX 40, HOPPER90: H100 and H200; newer Kokkos detects it). The Python environment needs
# `pip install "jax[cuda12]" cupy-cuda12x`: LAMMPS hands its arrays to the model as cupy arrays.
# Use a CUDA-aware MPI on several GPUs, or `-pk kokkos gpu/aware off`.

set(PKG_KOKKOS ON CACHE BOOL "")
set(Kokkos_ENABLE_SERIAL ON CACHE BOOL "")
set(Kokkos_ENABLE_CUDA ON CACHE BOOL "")
set(Kokkos_ENABLE_DEPRECATION_WARNINGS OFF CACHE BOOL "")

# -C runs before LAMMPS' own CMakeLists.txt, where CMAKE_SOURCE_DIR is lammps/cmake already
set(CMAKE_CXX_COMPILER ${CMAKE_SOURCE_DIR}/../lib/kokkos/bin/nvcc_wrapper CACHE FILEPATH "")

# ML-IAP computes in double precision; LAMMPS of 2025 and older knows no other and ignores these
set(KOKKOS_PREC double CACHE STRING "")
set(KOKKOS_LAYOUT legacy CACHE STRING "")

include(${CMAKE_CURRENT_LIST_DIR}/adflux-cpu.cmake)  # last: the first `set` of a cache entry stands
