"""Many structures in one Graph: each gives what it gives alone, and JAX compiles seldom."""

import ase
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from comparing import close
from networks import message_passing
from systems import cluster, random_crystal, silicon

import lammps_adflux as adflux
from lammps_adflux.lmp.programs import potentials_folder


def tersoff():
    return adflux.Tersoff.from_lammps(potentials_folder() / "Si.tersoff", elements="Si")


POTENTIALS = {
    "two layers": (lambda: message_passing(2), ("Si", "Ge")),
    "triplets": (tersoff, ("Si",)),
}


def structures(elements=("Si", "Ge")) -> list[ase.Atoms]:
    """Crystals, a cluster, an atom by itself, and a cell smaller than the cutoff."""
    return [
        random_crystal(5, elements=elements, seed=1),
        ase.Atoms(elements[-1], positions=[[0.0, 0.0, 0.0]]),
        cluster(13, elements=elements),
        random_crystal(1, elements=elements, seed=2),
        silicon(1),
    ]


@pytest.mark.parametrize("padded", (False, True))
@pytest.mark.parametrize("name", ("two layers", pytest.param("triplets", marks=pytest.mark.lammps)))
def test_each_structure_of_a_batch_is_as_it_is_alone(name, padded):
    maker, elements = POTENTIALS[name]
    potential, given = maker(), structures(elements)
    assert (potential.triplet_cutoff is not None) == (name == "triplets")
    room = adflux.Room() if padded else None
    batch = adflux.batch_from_atoms(given, potential, room=room)
    found = adflux.energies_forces_virials(potential, batch)
    start = 0
    for number, atoms in enumerate(given):
        alone = adflux.energy_forces_virial(potential, adflux.graph_from_atoms(atoms, potential))
        mine = slice(start, start + len(atoms))
        close(found.energies[number], alone.energy, 1e-12, floor=1.0)
        close(found.atom_energies[mine], alone.energies, 1e-12, floor=1.0)
        close(found.forces[mine], alone.forces, 1e-11, floor=1.0)
        close(found.virials[number], alone.virial, 1e-11, floor=1.0)
        start += len(atoms)
    assert not np.asarray(found.energies)[len(given) :].any()
    assert not np.asarray(found.forces)[start:].any()


def test_a_fit_sees_all_structures():
    """The gradient of a loss by the weights is that of the structures one by one."""
    potential, given = message_passing(1), structures()
    targets = jnp.arange(1.0, len(given) + 1.0)

    def loss(potential, batch, targets):
        found = adflux.energies_forces_virials(potential, batch)
        return jnp.sum((found.energies - targets) ** 2) + jnp.sum(found.forces**2)

    together = eqx.filter_grad(loss)(potential, adflux.batch_from_atoms(given, potential), targets)
    alone = [
        eqx.filter_grad(loss)(potential, adflux.batch_from_atoms([atoms], potential), target)
        for atoms, target in zip(given, targets, strict=True)
    ]
    leaves = zip(jax.tree.leaves(together), *map(jax.tree.leaves, alone), strict=True)
    for whole, *parts in leaves:
        close(whole, sum(parts), 1e-11)


def test_batches_that_share_a_room_compile_once(caplog):
    potential, room = message_passing(1), adflux.Room()
    given = [random_crystal(4 + seed % 5, seed=seed) for seed in range(60)]
    sizes = set()
    with jax.log_compiles(True), caplog.at_level("WARNING"):
        for first in range(0, 60, 6):
            batch = adflux.batch_from_atoms(given[first : first + 6], potential, room=room)
            adflux.energies_forces_virials(potential, batch)
            sizes.add(int(batch.graph.mask.sum()))
    compiled = [
        record.getMessage()
        for record in caplog.records
        if "Finished XLA compilation of jit(energies_forces_virials)" in record.getMessage()
    ]
    assert len(sizes) > 5 and 1 <= len(compiled) <= 2


def test_the_structure_that_has_no_graph_is_named():
    potential = message_passing(1)
    with pytest.raises(adflux.AdfluxError, match="Structure 1: The structure holds Ne"):
        adflux.batch_from_atoms([cluster(3), ase.Atoms("Ne")], potential)
