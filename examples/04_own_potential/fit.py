"""Fit the network in network.py to Stillinger-Weber silicon, with data that LAMMPS makes, and
export both for LAMMPS.

Prints the errors on a trajectory that was not trained on. Writes network.pkl, teacher.pkl, and
melt.data to start from.
"""

from pathlib import Path

import ase.io
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import typer
from network import Network
from rich.progress import track

import lammps_adflux as adflux
from lammps_adflux.graph import pad
from lammps_adflux.lmp.programs import potentials_folder
from lammps_adflux.lmp.run import run_lammps

HERE = Path(__file__).resolve().parent
ATOMS, CUTOFF, LAYERS = 64, 3.8, 2


def frames(folder: Path, name: str, potential, options: str):
    """A trajectory of the teacher as (graphs, energies, forces), stacked along the first axis."""
    options += f" -var file {name} -log log.{name} -var potential"
    if run_lammps(
        HERE / "in.teacher",
        1,
        (*options.split(), str(potentials_folder() / "Si.sw")),
        folder=folder,
    ):
        raise SystemExit("LAMMPS could not make the training data.")
    structures = list(ase.io.iread(folder / name, format="lammps-dump-text"))
    graphs = [adflux.graph_from_atoms(atoms, potential) for atoms in structures]
    # all of one shape, so that JAX compiles once
    room = max(len(graph.centers) for graph in graphs)
    graphs = jax.tree.map(
        lambda *leaves: jnp.stack(leaves),
        *[pad(graph, room, ATOMS + 1, CUTOFF) for graph in graphs],
    )
    energies = jnp.asarray([atoms.arrays["c_energy"].sum() for atoms in structures])
    return graphs, energies, jnp.asarray([atoms.get_forces() for atoms in structures])


@eqx.filter_jit
def errors(network, data):
    """Root mean square errors of the energy per atom [eV] and of a force component [eV/Å]."""
    graphs, energies, forces = data
    found = jax.vmap(lambda graph: adflux.energy_forces_virial(network, graph))(graphs)
    by_atom, by_component = (found.energy - energies) / ATOMS, found.forces[:, :ATOMS] - forces
    return jnp.sqrt(jnp.mean(by_atom**2)), jnp.sqrt(jnp.mean(by_component**2))


def main(steps: int = 4000, width: int = 8, output: Path = HERE / "out"):
    output.mkdir(parents=True, exist_ok=True)
    network = Network(["Si"], CUTOFF, LAYERS, width, key=jax.random.key(0))
    training = frames(output, "train.dump", network, "-var seed 1 -var melt 200")
    other = "-var seed 2 -var melt 5000 -var hot 2000 -var cold 2000 -var steps 10000"
    held_out = frames(output, "test.dump", network, other)
    network = eqx.tree_at(lambda n: n.offset, network, training[1].mean() / ATOMS)
    rate = optax.warmup_cosine_decay_schedule(0.0, 1e-2, steps // 20, steps)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rate))
    state = optimizer.init(eqx.filter(network, eqx.is_inexact_array))

    @eqx.filter_jit
    def step(network, state, frame):
        def loss(network):
            energy_error, force_error = errors(network, frame)
            return (3 * energy_error) ** 2 + force_error**2

        change, state = optimizer.update(eqx.filter_grad(loss)(network), state)
        return eqx.apply_updates(network, change), state

    for number in track(
        np.random.default_rng(0).integers(len(training[1]), size=steps), "training"
    ):
        network, state = step(
            network, state, jax.tree.map(lambda leaf, number=number: leaf[number][None], training)
        )
    energy_error, force_error = errors(network, held_out)
    print("root mean square errors on a trajectory at 2000 K that was not trained on:")
    print(
        f"force       {force_error:.3f} eV/Å, "
        f"{force_error / jnp.sqrt(jnp.mean(held_out[2] ** 2)):.1%} of the forces'"
    )
    print(f"energy      {1000 * energy_error:.1f} meV an atom")
    adflux.export(network, output / "network.pkl")
    teacher = adflux.StillingerWeber.from_lammps(potentials_folder() / "Si.sw", elements="Si")
    adflux.export(teacher, output / "teacher.pkl")


if __name__ == "__main__":
    typer.run(main)
