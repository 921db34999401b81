"""Is a potential what the flux and parallel runs take it for? A list of identities, on any potential and structure."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import ase
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from ase.data import atomic_numbers, covalent_radii
from scipy.spatial.transform import Rotation

from .derivatives import energy_forces_virial
from .errors import AdfluxError
from .flux import heat_flux
from .graph import Graph, graph_from_atoms, pad
from .hops import survey
from .potentials import Potential
from .unfolded import unfold

ROUNDING = 1e-10  # of sums in another order, relative to the largest term
DIFFERENCES = 1e-6  # of finite differences with the steps below
SINGLE = 2e-3  # float32 against float64
LARGEST_CLUSTER = 20_000  # atoms


class Finding(NamedTuple):
    """One identity: how far it is from holding, and how far it may be."""

    name: str
    error: float | None  # relative to the largest component; None: not a number, or not tried
    bound: float | None
    passed: bool | None  # None: not tried
    says: str


def check(potential: Potential, atoms: ase.Atoms | None = None, seed: int = 0) -> Iterator[Finding]:
    """The findings, one after the other, each as soon as it is known; float64 must be enabled in JAX.

    atoms: a structure that the potential is good for; without it, a disordered crystal of its elements. Velocities
    are random. Slow routes by design: explicitly unfolded cells and finite differences.
    """
    if not jax.config.read("jax_enable_x64"):
        raise AdfluxError('check needs float64: `jax.config.update("jax_enable_x64", True)` before anything else.')
    potential = potential.astype(np.float64)
    atoms = disordered_crystal(potential, seed) if atoms is None else atoms
    velocities = np.random.default_rng(seed).normal(size=(len(atoms), 3))
    case = _Case(potential, atoms, velocities)
    for test in (
        _layers,
        _finite,
        _forces,
        _virial,
        _unfolded,
        _barycentre,
        _reach,
        _symmetry,
        _nfold,
        _padding,
        _single,
    ):
        try:
            yield from test(case)
        except AdfluxError as error:
            yield Finding(test.__doc__ or "", None, None, False, str(error))


class _Case(eqx.Module):
    potential: Potential
    atoms: ase.Atoms
    velocities: np.ndarray

    @property
    def graph(self) -> Graph:
        return graph_from_atoms(self.atoms, self.potential, np.float64)

    def energy(self, atoms: ase.Atoms) -> float:
        return float(jnp.sum(_energies(self.potential, graph_from_atoms(atoms, self.potential, np.float64))))


_energies = eqx.filter_jit(lambda potential, graph: potential(graph))


def _layers(case):
    """layers"""
    potential = case.potential

    def function(vectors, centers, others, species, mask):
        return potential(Graph(vectors, centers, others, species, mask, jnp.ones(len(species), bool)))

    found = survey(function, dtype=jnp.float64)
    if found.fault is not None:
        yield Finding("locality", None, None, False, found.fault)
    elif found.hops > potential.hops:
        says = f"its operations pass messages through {found.hops} layers, but it declares hops={potential.hops}"
        yield Finding("layers", None, None, False, f"{says}: declare hops={found.hops}")
    else:
        more = "" if found.hops == potential.hops else f", where {found.hops} would do"
        yield Finding("layers", None, None, True, f"{potential.hops} declared{more}; nothing mixes atoms otherwise")


def _finite(case):
    """finite"""
    lonely = ase.Atoms(case.potential.elements[0], positions=[[0.0, 0.0, 0.0]])
    values = energy_forces_virial(case.potential, graph_from_atoms(lonely, case.potential, np.float64))
    fine = all(bool(np.isfinite(value).all()) for value in values)
    yield Finding("isolated atom", None, None, fine, "energy and forces finite" if fine else "gives NaN or infinity")
    dtype = jax.eval_shape(case.potential, case.graph).dtype
    says = "float64 in, float64 out" if dtype == np.float64 else f"float64 in, but energies are {dtype}"
    yield Finding("precision", None, None, dtype == np.float64, says)


def _forces(case):
    """forces"""
    random = np.random.default_rng(1)
    forces = np.asarray(energy_forces_virial(case.potential, case.graph).forces)
    worst = 0.0
    for _ in range(3):
        direction = random.normal(size=forces.shape)

        def moved(step, direction=direction):
            atoms = case.atoms.copy()
            atoms.positions += step * direction
            return case.energy(atoms)

        worst = max(worst, _relative(-_derivative(moved, 1e-4), np.sum(forces * direction)))
    yield _finding("forces", worst, DIFFERENCES, "-∂U/∂r against finite differences")


def _virial(case):
    """virial"""
    virial = np.asarray(energy_forces_virial(case.potential, case.graph).virial)
    numerical = np.zeros((3, 3))
    for a in range(3):
        for b in range(3):

            def strained(step, a=a, b=b):
                strain = np.eye(3)
                strain[a, b] += step
                atoms = case.atoms.copy()
                atoms.set_cell(atoms.cell.array @ strain.T)
                atoms.positions = atoms.positions @ strain.T
                return case.energy(atoms)

            numerical[a, b] = -_derivative(strained, 1e-5)
    yield _finding("virial", _relative(virial, numerical), DIFFERENCES, "-∂U/∂ε against finite strains")


def _unfolded(case):
    """flux, unfolded"""
    cluster = unfold(case.atoms, case.potential, LARGEST_CLUSTER)
    if cluster is None:
        says = f"the unfolded cell has more than {LARGEST_CLUSTER} atoms: give a smaller structure"
        yield Finding("flux, unfolded", None, ROUNDING, None, says)
        return
    flux = np.asarray(heat_flux(case.potential, case.graph, case.velocities))
    expected = cluster.flux(case.potential, case.velocities)
    says = f"against the explicitly unfolded cell of {len(cluster.positions)} atoms"
    yield _finding("flux, unfolded", _relative(flux, expected), ROUNDING, says)


def _barycentre(case):
    """flux, barycentre"""
    atoms, v = case.atoms.copy(), case.velocities
    atoms.pbc = False
    masses = atoms.get_masses()
    graph = graph_from_atoms(atoms, case.potential, np.float64)
    result = energy_forces_virial(case.potential, graph)
    forces = np.asarray(result.forces)
    kinetic = 0.5 * masses * np.sum(v**2, axis=1)
    flux = np.asarray(heat_flux(case.potential, graph, v))
    flux = flux + (np.asarray(result.energies) + kinetic) @ v

    def barycentre(time):
        moved, speeds = atoms.copy(), v + time * forces / masses[:, None]
        moved.positions += time * v
        energies = _energies(case.potential, graph_from_atoms(moved, case.potential, np.float64))
        return moved.positions.T @ (np.asarray(energies) + 0.5 * masses * np.sum(speeds**2, axis=1))

    expected = _derivative(barycentre, 1e-4)
    yield _finding(
        "flux, barycentre", _relative(flux, expected), DIFFERENCES, "d/dt Σ r E of the same atoms as an open cluster"
    )


def _reach(case):
    """reach"""
    cluster = unfold(case.atoms, case.potential, LARGEST_CLUSTER, layers=case.potential.hops + 2)
    if cluster is None:
        yield Finding("reach", None, 0.0, None, "the cluster would be too large: give a smaller structure")
        return
    beyond = cluster.influence_beyond(case.potential, case.potential.hops)
    says = f"∂U_i/∂r_j is zero beyond {case.potential.hops} pairs"
    if beyond > 0.0:
        says = f"an energy depends on atoms more than {case.potential.hops} pairs away: hops is understated"
    yield _finding("reach", beyond, ROUNDING, says)


def _symmetry(case):
    """symmetry"""
    potential, atoms, v = case.potential, case.atoms, case.velocities
    rotation = Rotation.from_rotvec([0.3, -1.1, 0.7]).as_matrix()
    order = np.random.default_rng(2).permutation(len(atoms))
    flux = np.asarray(heat_flux(potential, case.graph, v))
    result = energy_forces_virial(potential, case.graph)
    shifted = atoms.copy()
    shifted.positions += [0.4, -1.3, 2.2]
    turned = atoms.copy()
    turned.set_cell(atoms.cell.array @ rotation.T)
    turned.positions = atoms.positions @ rotation.T
    for name, other, matrix, rows in (
        ("translation", shifted, np.eye(3), np.arange(len(atoms))),
        ("rotation", turned, rotation, np.arange(len(atoms))),
        ("permutation", atoms[order], np.eye(3), order),
    ):
        graph = graph_from_atoms(other, potential, np.float64)
        forces = np.asarray(energy_forces_virial(potential, graph).forces)
        there = np.asarray(heat_flux(potential, graph, jnp.asarray(v[rows] @ matrix.T)))
        error = max(_relative(forces, np.asarray(result.forces)[rows] @ matrix.T), _relative(there, matrix @ flux))
        yield _finding(name, error, 1e-8, "forces and flux follow")


def _nfold(case):
    """n-fold cell"""
    if not case.atoms.pbc.any():
        return
    times = np.where(
        case.atoms.pbc, (2, 1, 1) if case.atoms.pbc[0] else (1, 2, 1) if case.atoms.pbc[1] else (1, 1, 2), 1
    )
    twice = case.atoms.repeat(times)
    graph = graph_from_atoms(twice, case.potential, np.float64)
    flux = np.asarray(heat_flux(case.potential, graph, jnp.tile(case.velocities, (2, 1))))
    expected = 2.0 * np.asarray(heat_flux(case.potential, case.graph, case.velocities))
    yield _finding("twofold cell", _relative(flux, expected), ROUNDING, "J doubles")


def _padding(case):
    """padding"""
    graph, n = case.graph, len(case.atoms)
    padded = pad(graph, 2 * len(graph.centers), 2 * n, case.potential.cutoff)  # compiled for the twofold cell
    v = np.concatenate([case.velocities, np.zeros((n, 3))])
    error = 0.0
    for function in (
        lambda g, v: energy_forces_virial(case.potential, g).energies[:n],
        lambda g, v: energy_forces_virial(case.potential, g).forces[:n],
        lambda g, v: heat_flux(case.potential, g, v),
    ):
        error = max(error, _relative(np.asarray(function(padded, v)), np.asarray(function(graph, v[:n]))))
    yield _finding("padding", error, ROUNDING, "energies, forces and flux do not notice it")


def _single(case):
    """float32"""
    graph = case.graph
    small = graph_from_atoms(case.atoms, case.potential, np.float32)
    single = case.potential.astype(np.float32)
    double, less = energy_forces_virial(case.potential, graph), energy_forces_virial(single, small)
    yield _finding("float32 forces", _relative(less.forces, double.forces), SINGLE, "against float64")
    flux = heat_flux(case.potential, graph, case.velocities)
    rough = heat_flux(single, small, case.velocities.astype(np.float32))
    yield _finding("float32 flux", _relative(rough, flux), SINGLE, "against float64")


def disordered_crystal(potential: Potential, seed: int = 0) -> ase.Atoms:
    """Eight or more atoms of all elements, nearest neighbours about a bond length apart, in a slightly triclinic cell."""
    random = np.random.default_rng(seed)
    elements = potential.elements
    radii = [covalent_radii[atomic_numbers[e]] for e in elements if e in atomic_numbers]
    bond = 2.2 * float(np.mean(radii)) if radii else 0.5 * potential.cutoff
    bond = float(np.clip(bond, 0.35 * potential.cutoff, 0.75 * potential.cutoff))
    sites = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2.0
    scaled = np.concatenate([(sites + np.array([n, 0, 0])) / [2, 1, 1] for n in range(2)])
    scaled += random.uniform(-0.04, 0.04, scaled.shape)
    cell = np.sqrt(2.0) * bond * np.diag([2.0, 1.0, 1.0]) @ (np.eye(3) + random.uniform(-0.05, 0.05, (3, 3)))
    symbols = [elements[n % len(elements)] for n in random.permutation(len(scaled))]
    return ase.Atoms(symbols, scaled_positions=scaled, cell=cell, pbc=True)


def _derivative(function: Callable, step: float):
    """Five-point central difference at zero."""
    return (8.0 * (function(step) - function(-step)) - (function(2 * step) - function(-2 * step))) / (12.0 * step)


def _relative(found, expected) -> float:
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    scale = np.abs(expected).max()
    return float(np.abs(found - expected).max() / (scale if scale > 0.0 else 1.0))


def _finding(name: str, error: float, bound: float, says: str) -> Finding:
    return Finding(name, error, bound, bool(error <= bound), says)
