"""What XLA makes of a step for an NVIDIA H100, where there is none.

    python -m venv gpu && gpu/bin/pip install -e . jax-cuda12-plugin==V jax-cuda12-pjrt==V
    gpu/bin/python benchmarks/gpu_programs.py [--atoms 100000] [--models lj sw …] [--blocks cpu]

V is the version of jaxlib; no driver and no CUDA toolkit are needed. Every program of a step is
compiled, and nothing is run or timed: kernels that a force call starts, and memory, are what the
compiler says. `--blocks cpu`: with the blocks of atoms and pairs that suit a CPU.
"""

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ["JAX_SKIP_CUDA_CONSTRAINTS_CHECK"] = "1"  # of libraries that running needs
# tuning needs the device
os.environ["XLA_FLAGS"] = "--xla_gpu_autotune_level=0 --xla_gpu_enable_triton_gemm=false"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"  # what it reads back needs the device, too
from lammps_adflux.process import prepare

prepare()
import jax  # noqa: E402
import numpy as np  # noqa: E402
from ase import Atoms  # noqa: E402
from ase.build import bulk  # noqa: E402
from jax._src import xla_bridge  # noqa: E402
from jax.experimental import topologies  # noqa: E402

import lammps_adflux as adflux  # noqa: E402
from lammps_adflux.lmp.programs import potentials_folder  # noqa: E402
from lammps_adflux.mliap import positions, programs  # noqa: E402

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "examples" / "03_snse"))
SNSE = HERE.parents[1] / "shared" / "data" / "snse_so3krates"
LISTED = 1.4  # pairs of LAMMPS' list over those within the cutoff: (2.8 / 2.5)³
# as XLA prints it on such a machine
H100 = """
gpu_device_info {
  threads_per_block_limit: 1024  threads_per_warp: 32
  shared_memory_per_block: 49152  shared_memory_per_core: 233472
  threads_per_core_limit: 2048  core_count: 132  fpus_per_core: 128
  block_dim_limit_x: 2147483647  block_dim_limit_y: 65535  block_dim_limit_z: 65535
  memory_bandwidth: 3352320000000  l2_cache_size: 52428800  clock_rate_ghz: 1.98
  device_memory_size: 84929347584  shared_memory_per_block_optin: 232448
  cuda_compute_capability { major: 9 }
  registers_per_core_limit: 65536  registers_per_block_limit: 65536
}
platform_name: "CUDA"
dnn_version_info { major: 9  minor: 7 }
runtime_version { major: 12  minor: 9  patch: 0 }
device_description_str: "NVIDIA H100 80GB HBM3"
"""
# in HLO: what starts no kernel
FREE = {
    "parameter",
    "constant",
    "tuple",
    "get-tuple-element",
    "bitcast",
    "while",
    "conditional",
    "call",
    "after-all",
}


def device():
    """An H100 that can be compiled for."""
    # JAX calls the platform gpu, and then does not find it without one (jax#23971)
    plain = xla_bridge.canonicalize_platform
    xla_bridge.canonicalize_platform = lambda name: "cuda" if name == "gpu" else plain(name)
    jax.devices()
    topology = topologies.get_topology_desc(platform="cuda", target_config=H100, topology="1x1x1")
    return topology.devices[0]


def kernels(text: str) -> int:
    """How many a program starts, from its optimised HLO; of a conditional the longer branch."""
    bodies, name = {}, ""
    for line in text.splitlines():
        if head := re.match(r"(ENTRY )?%?([\w.\-]+) \(.*\{$", line):
            name = "ENTRY" if head[1] else head[2]
            bodies[name] = []
        elif operation := re.match(r"\s+(?:ROOT )?%?[\w.\-]+ = .*?[\])}] ([a-z][\w\-]*)\(", line):
            bodies[name].append((operation[1], line))

    def count(name: str) -> int:
        total = 0
        for operation, line in bodies[name]:
            total += operation not in FREE
            if operation == "while":
                times = re.search(r'"known_trip_count":\{"n":"(\d+)"', line)
                total += count(re.search(r"body=%?([\w.\-]+)", line)[1]) * int(times[1])
            elif operation == "conditional":
                branches = r"(?:branch_computations=\{|true_computation=|false_computation=)([^}]*)"
                names = re.findall(r"%?([\w.\-]+)", " ".join(re.findall(branches, line)))
                total += max(count(name) for name in names if name in bodies)
            elif operation == "call":
                total += count(re.search(r"to_apply=%?([\w.\-]+)", line)[1])
        return total

    return count("ENTRY")


def tin_selenide(layers: int):
    from snse import write_crystal
    from snse_in_lammps import crystal, deeper

    with tempfile.TemporaryDirectory() as folder:
        write_crystal(Path(folder) / "snse.data")
        structure = crystal(Path(folder), 256)
    return deeper(adflux.So3krates.from_mlff(SNSE / "model_m1"), layers), structure


def of_file(kind, *files: str, atoms: Atoms):
    names = [potentials_folder() / file for file in files]
    return kind.from_lammps(*names, elements=(atoms.symbols[0],)), atoms


silicon = bulk("Si", a=5.431)
MODELS: dict[str, Callable] = {
    "lj": lambda: (
        adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar"),
        bulk("Ar", "fcc", a=(4 / 0.8442) ** (1 / 3)),
    ),
    "eam/alloy": lambda: of_file(adflux.EAM, "Cu_mishin1.eam.alloy", atoms=bulk("Cu", a=3.615)),
    "sw": lambda: of_file(adflux.StillingerWeber, "Si.sw", atoms=silicon),
    "tersoff": lambda: of_file(adflux.Tersoff, "Si.tersoff", atoms=silicon),
    "snap": lambda: of_file(
        adflux.SNAP,
        "W_2940_2017_2.snapcoeff",
        "W_2940_2017_2.snapparam",
        atoms=bulk("W", a=3.1803),
    ),
    "so3krates": lambda: tin_selenide(1),
    "so3krates, 2 layers": lambda: tin_selenide(2),
}


def row(name: str, atoms: int, target) -> str:
    """Of the table."""
    potential, structure = MODELS[name]()
    graph = adflux.graph_from_atoms(structure, potential)
    pairs = int(atoms * len(graph.centers) / len(structure))
    there = jax.sharding.SingleDeviceSharding(target)

    def array(shape, dtype=np.float64):
        return jax.ShapeDtypeStruct(shape, dtype, sharding=there)

    def like(x):
        return array(np.shape(x), np.asarray(x).dtype)

    dtype = np.float32 if "so3krates" in name else np.float64
    static, parameters = programs.parts_of(potential.astype(np.dtype(dtype).name))
    index, whole = array((pairs,), np.int32), array((), np.int32)
    slots = None if graph.slots is None else like(graph.slots)
    arrays = (array((3, pairs), dtype), index, index, array((atoms,), np.int32))
    arrays += (array((atoms,), bool), whole, slots)
    listed = array((int(LISTED * pairs),), np.int32)
    list_ = listed, listed, whole, array((2 * atoms,), np.int32)  # as many ghosts as atoms
    many = potential.hops > 1
    compiled = {
        "pairs": positions.select.lower(
            list_,
            array((2 * atoms, 3)),
            potential.cutoff,
            potential.triplet_cutoff,
            whole,
            pairs,
            np.dtype(dtype),
        ),
        "gradients": programs.pair_gradients.lower(
            static, jax.tree.map(like, parameters), None, *arrays
        ),
        "with flux": (programs.flux_map if many else programs.flux).lower(
            static,
            jax.tree.map(like, parameters),
            None,
            *arrays,
            *(() if many else (array((3, pairs)), array((atoms, 3)))),
        ),
        "forces": positions.atom_forces.lower(
            array((3, pairs)), index, index, whole, atoms=2 * atoms
        ),
    }
    compiled = {part: lowered.compile() for part, lowered in compiled.items()}
    started = {part: kernels(program.as_text()) for part, program in compiled.items()}
    memory = max(
        program.memory_analysis().temp_size_in_bytes
        + program.memory_analysis().argument_size_in_bytes
        + program.memory_analysis().output_size_in_bytes
        for part, program in compiled.items()
        if part != "with flux"
    )
    step = sum(started[part] for part in ("pairs", "gradients", "forces"))
    return (
        f"| {name} | {np.dtype(dtype).name} | {pairs / atoms:.0f} | {step} "
        f"({started['pairs']}, {started['gradients']}, {started['forces']}) | "
        f"{started['with flux']} | {1e-3 * memory / atoms:.1f} kB |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--atoms", type=float, default=1e5)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--blocks", choices=("gpu", "cpu"), default="gpu")
    arguments = parser.parse_args()
    target = device()
    jax.default_backend = lambda: arguments.blocks  # what potentials ask
    print(
        "| model | | pairs of an atom | kernels of a force call (pairs, gradients, forces) | "
        "… of the flux | memory of an atom |"
    )
    print("|---|---|---|---|---|---|")
    for name in arguments.models:
        print(row(name, int(arguments.atoms), target), flush=True)


if __name__ == "__main__":
    main()
