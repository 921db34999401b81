"""What holds for every model of another library: laws that the tests of the adapters share."""

import subprocess
import sys

import ase
import ase.io
import equinox as eqx
import numpy as np
from lammps_runner import run_python
from reference import unfolded_flux
from systems import random_crystal, velocities

from lammps_adflux import export, graph_from_atoms, heat_flux
from lammps_adflux.derivatives import energies_and_pair_gradients, pair_forces
from lammps_adflux.graph import pad

evaluate = eqx.filter_jit(lambda potential, graph: potential(graph))
differentiate = eqx.filter_jit(energies_and_pair_gradients)


def test_the_package_imports_none_of_the_libraries():
    libraries = "'nequix', 'mlip', 'ace_jax', 'jax_md', 'flax'"
    code = (
        f"import sys, lammps_adflux.potentials.external; print([n for n in ({libraries}) if n in "
        "sys.modules])"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        == "[]\n"
    )


def check_laws(potential, hops, tmp_path, crystal=None, rounding=1e-10):
    """Reach, padding, an isolated atom, the heat flux and the model file of a potential for Si and
    Ge.

    rounding: relative, of sums of some thousand terms through several layers.
    """
    crystal = crystal or random_crystal(4)
    assert potential.hops == hops
    check_padding(potential, crystal, rounding)
    flux = heat_flux(potential, graph_from_atoms(crystal, potential), velocities(crystal))
    expected = unfolded_flux(crystal, potential, velocities(crystal))
    assert np.linalg.norm(expected) > 1e-4  # else the comparison would be worth nothing
    np.testing.assert_allclose(flux, expected, atol=rounding * np.linalg.norm(expected))
    check_model_file(potential, crystal, tmp_path)


def check_padding(potential, crystal, rounding):
    """Padding changes nothing, and a lonely atom feels no force."""
    lonely = ase.Atoms([*crystal.get_chemical_symbols(), "Ge"], pbc=False)
    lonely.positions[:-1], lonely.positions[-1] = crystal.positions, (0, 0, 60)
    for atoms in (crystal, lonely):
        graph = graph_from_atoms(atoms, potential)
        padded = pad(graph, len(graph.centers) + 9, len(atoms) + 3, potential.cutoff)
        energies, gradients = differentiate(potential, graph)
        padded_energies, padded_gradients = differentiate(potential, padded)
        np.testing.assert_allclose(padded_energies[: len(atoms)], energies, rtol=rounding)
        scale = np.abs(gradients).max()
        np.testing.assert_allclose(
            padded_gradients[: len(gradients)], gradients, atol=rounding * scale
        )
        assert not np.any(padded_gradients[len(gradients) :])  # in particular no NaN
        assert np.isfinite(pair_forces(padded, padded_gradients)).all()


def check_model_file(potential, crystal, tmp_path):
    """Exported, and loaded by another process, the potential gives the same energies."""
    model, structure, result = (
        tmp_path / name for name in ("model.pkl", "structure.xyz", "energies.npy")
    )
    export(potential, model)
    crystal.write(structure)
    run_python(tmp_path, "energies_of_a_file", model, structure, result)
    expected = evaluate(potential, graph_from_atoms(ase.io.read(structure), potential))
    assert expected.dtype == np.float64
    np.testing.assert_allclose(np.load(result), expected, rtol=1e-12)
