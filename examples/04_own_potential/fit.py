"""Fit the network in network.py to Stillinger-Weber silicon, with data that LAMMPS makes, and export it for LAMMPS.

    python fit.py [--steps 4000] [--width 8] [--output FOLDER]

Prints the errors on a trajectory that was not trained on. Writes network.pkl, teacher.pkl to compare with, and
melt.data to start from.
"""

import argparse
import sys
import time
from pathlib import Path

import ase.io
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from network import Network
from rich.progress import track

import lammps_adflux as adflux
from lammps_adflux.build import potentials_folder
from lammps_adflux.graph import pad
from lammps_adflux.run import run_lammps

HERE = Path(__file__).resolve().parent
CUTOFF, LAYERS = 3.8, 2
ATOMS = 64


def frames(folder: Path, name: str, potential, **variables):
    """A trajectory of the teacher as (graphs, energies, forces), stacked along the first axis."""
    variables |= {"file": name, "potential": potentials_folder() / "Si.sw"}
    options = [word for key, value in variables.items() for word in ("-var", key, str(value))]
    if run_lammps(HERE / "in.teacher", 1, (*options, "-log", f"log.{name}"), folder=folder):
        raise adflux.AdfluxError("LAMMPS could not make the training data.")
    structures = ase.io.read(folder / name, ":", format="lammps-dump-text")
    graphs = [adflux.graph_from_atoms(atoms, potential) for atoms in structures]
    room = max(len(graph.centers) for graph in graphs)  # all of one shape, so that JAX compiles once
    graphs = [pad(graph, room, ATOMS + 1, CUTOFF) for graph in graphs]
    energies = jnp.asarray([atoms.arrays["c_energy"].sum() for atoms in structures])
    forces = jnp.asarray([atoms.get_forces() for atoms in structures])
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *graphs), energies, forces


def errors(network, data):
    """Root mean square errors of the energy per atom [eV] and of a force component [eV/Å]."""
    graphs, energies, forces = data
    found = jax.vmap(lambda graph: adflux.energy_forces_virial(network, graph))(graphs)
    by_atom = (found.energy - energies) / ATOMS
    by_component = found.forces[:, :ATOMS] - forces
    return jnp.sqrt(jnp.mean(by_atom**2)), jnp.sqrt(jnp.mean(by_component**2))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4000, help="training steps")
    parser.add_argument("--width", type=int, default=8, help="features of an atom")
    parser.add_argument("--output", type=Path, default=HERE / "out", help="folder for all files")
    arguments = parser.parse_args()
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)

    teacher = adflux.StillingerWeber.from_lammps(potentials_folder() / "Si.sw", elements="Si")
    network = Network(["Si"], CUTOFF, LAYERS, arguments.width, offset=0.0, key=jax.random.key(0))
    training = frames(folder, "train.dump", network, seed=1, melt=200)
    held_out = frames(folder, "test.dump", network, seed=2, melt=5000, hot=2000, cold=2000, steps=10000)
    network = eqx.tree_at(lambda n: n.offset, network, training[1].mean() / ATOMS)

    rate = optax.warmup_cosine_decay_schedule(0.0, 3e-3, arguments.steps // 20, arguments.steps)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rate))
    state = optimizer.init(eqx.filter(network, eqx.is_array))

    @eqx.filter_jit
    def step(network, state, data, frame):
        def loss(network):
            energy_error, force_error = errors(network, jax.tree.map(lambda leaf: leaf[frame][None], data))
            return (3 * energy_error) ** 2 + force_error**2

        change, state = optimizer.update(eqx.filter_grad(loss)(network), state)
        return eqx.apply_updates(network, change), state

    start, count = time.perf_counter(), len(training[1])
    for frame in track(np.random.default_rng(0).integers(count, size=arguments.steps), "training"):
        network, state = step(network, state, training, frame)

    energy_error, force_error = eqx.filter_jit(errors)(network, held_out)
    spread = jnp.sqrt(jnp.mean(held_out[2] ** 2))
    print(f"{arguments.steps} training steps in {time.perf_counter() - start:.0f} s")
    print("root mean square errors on a trajectory at 2000 K that was not trained on:")
    print(f"force       {force_error:.3f} eV/Å a component, {force_error / spread:.1%} of the forces' {spread:.2f}")
    print(f"energy      {1000 * energy_error:.1f} meV an atom")
    adflux.export(network, folder / "network.pkl")
    adflux.export(teacher, folder / "teacher.pkl")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except adflux.AdfluxError as error:
        sys.exit(f"adflux: {error}")
