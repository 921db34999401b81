"""Checks at places of high symmetry, where roots and angles of a potential may have no slope:
pairs, lines, perfect crystals.
"""

from collections.abc import Iterator
from itertools import combinations_with_replacement, islice

import ase
import ase.build
import jax.numpy as jnp
import numpy as np

from ..derivatives import energy_forces_virial
from ..flux import heat_flux
from ..graph import pad
from ..potentials import Potential
from ..structures import graph_from_atoms
from .case import Case, Finding
from .structures import bond_length

PAIRS = 3  # of elements
SHOWN = 4  # names in a sentence
DIRECTIONS = {"x": (1, 0, 0), "y": (0, 1, 0), "z": (0, 0, 1), "a diagonal": (1, 1, 1)}


def places(case: Case) -> Iterator[Finding]:
    """symmetric places"""
    potential = case.potential
    structures = list(
        _structures(potential, list(dict.fromkeys(case.atoms.get_chemical_symbols())))
    )
    graphs = [graph_from_atoms(atoms, potential, np.float64) for _, atoms in structures]
    pairs, atoms = (
        max(len(part) for part in parts)
        for parts in zip(*((g.centers, g.species) for g in graphs), strict=True)
    )
    # of one capacity, so that JAX compiles once
    graphs = [pad(graph, pairs, atoms + 1, potential.cutoff) for graph in graphs]
    velocities = np.random.default_rng(0).normal(size=(atoms + 1, 3))
    bad: dict[str, list[str]] = {}
    for (name, _), graph in zip(structures, graphs, strict=True):
        result = energy_forces_virial(potential, graph)
        for what, value in (
            ("energies", result.energies),
            ("forces", result.forces),
            ("virial", result.virial),
            ("heat flux", heat_flux(potential, graph, jnp.asarray(velocities))),
        ):
            if not np.isfinite(np.asarray(value)).all():
                bad.setdefault(what, []).append(name)
                break
    says = "; ".join(f"{what} not finite for {_listed(names)}" for what, names in bad.items())
    good = (
        "energies, forces, virial and flux are finite for pairs, lines, triangles and perfect "
        "crystals"
    )
    yield Finding("symmetric places", None, None, not bad, says or good)


def _listed(names: list[str]) -> str:
    """The simplest ones first: each kind once, whatever its direction."""
    kinds = list({name.split(" along ")[0]: name for name in reversed(names)}.values())[::-1]
    return ", ".join(kinds[:SHOWN]) + (
        f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    )


def _structures(potential: Potential, elements) -> Iterator[tuple[str, ase.Atoms]]:
    for a, b in islice(combinations_with_replacement(elements, 2), PAIRS):
        bond = bond_length(potential, (a, b))
        for name, direction in DIRECTIONS.items():
            unit = bond * np.array(direction) / np.linalg.norm(direction)
            yield f"a pair {a} {b} along {name}", ase.Atoms([a, b], positions=[0 * unit, unit])
            yield (
                f"three atoms in line along {name}",
                ase.Atoms([a, b, a], positions=[-unit, 0 * unit, unit]),
            )
        third = [0.5 * bond, np.sqrt(0.75) * bond, 0.0]
        yield (
            "an equilateral triangle",
            ase.Atoms([a, b, a], positions=[[0, 0, 0], [bond, 0, 0], third]),
        )
        corner = [[0, 0, 0], [bond, 0, 0], [0, bond, 0]]
        yield "a right angle", ase.Atoms([a, b, b], positions=corner)
        for kind, constant in (
            ("cesiumchloride", bond * 2.0 / np.sqrt(3.0)),
            ("rocksalt", 2.0 * bond),
            ("zincblende", bond * 4.0 / np.sqrt(3.0)),
        ):
            name = f"the perfect crystal {kind} of {a} {b}"
            yield name, ase.build.bulk(a + b, kind, a=constant)
        yield f"the perfect crystal fcc of {a}", ase.build.bulk(a, "fcc", a=np.sqrt(2.0) * bond)
