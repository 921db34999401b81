"""Checks of energies, forces and virial by themselves."""

from collections.abc import Iterator

import ase
import jax
import numpy as np

from ..derivatives import energy_forces_virial
from ..potentials.layers import influence_beyond, survey_of
from ..structures import graph_from_atoms
from .case import DIFFERENCES, Case, Finding, derivative, finding, relative


def layers(case: Case) -> Iterator[Finding]:
    """layers"""
    potential, found = case.potential, survey_of(case.potential)
    if found.hops > potential.hops:
        says = (
            f"its operations pass messages through {found.hops} layers, but it declares "
            f"hops={potential.hops}"
        )
        yield Finding("layers", None, None, False, f"{says}: declare hops={found.hops}")
    elif found.fault is not None and (beyond := influence_beyond(potential)) is not None:
        yield Finding("locality", None, None, False, f"energies depend on {beyond}: {found.fault}")
    elif found.fault is not None:
        says = (
            f"{potential.hops} declared; its operations cannot be followed, but the energies of a "
            "chain of atoms agree"
        )
        yield Finding("layers", None, None, True, says)
    else:
        more = "" if found.hops == potential.hops else f", where {found.hops} would do"
        yield Finding(
            "layers",
            None,
            None,
            True,
            f"{potential.hops} declared{more}; nothing mixes atoms otherwise",
        )


def finite(case: Case) -> Iterator[Finding]:
    """finite"""
    lonely = ase.Atoms(case.potential.elements[0], positions=[[0.0, 0.0, 0.0]])
    values = energy_forces_virial(
        case.potential, graph_from_atoms(lonely, case.potential, np.float64)
    )
    fine = all(bool(np.isfinite(value).all()) for value in values)
    yield Finding(
        "isolated atom",
        None,
        None,
        fine,
        "energy and forces finite" if fine else "gives NaN or infinity",
    )
    dtype = jax.eval_shape(case.potential, case.graph).dtype
    says = (
        "float64 in, float64 out"
        if dtype == np.float64
        else f"float64 in, but energies are {dtype}"
    )
    yield Finding("precision", None, None, dtype == np.float64, says)


def forces(case: Case) -> Iterator[Finding]:
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

        worst = max(worst, relative(-derivative(moved, 1e-4), np.sum(forces * direction)))
    yield finding("forces", worst, DIFFERENCES, "-∂U/∂r against finite differences")


def virial(case: Case) -> Iterator[Finding]:
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

            numerical[a, b] = -derivative(strained, 1e-5)
    yield finding(
        "virial", relative(virial, numerical), DIFFERENCES, "-∂U/∂ε against finite strains"
    )
