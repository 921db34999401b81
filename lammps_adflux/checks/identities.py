"""Is a potential what the flux and parallel runs take it for? A list of identities, on any
potential and structure.
"""

from collections.abc import Iterator

import ase
import jax
import numpy as np

from ..errors import AdfluxError
from ..potentials import Potential
from ..structures import graph_from_atoms
from .case import Case, Finding
from .cutoff import beyond, cutoff
from .flux import barycentre, reach, unfolded
from .forces import finite, forces, layers, virial
from .invariance import nfold, padding, single, symmetry
from .places import places
from .structures import disordered_crystal, with_symbols

TESTS = (
    layers, finite, places, forces, virial, cutoff, beyond, unfolded, barycentre, reach,
    symmetry, nfold, padding,
    single,
)  # fmt: skip


def check(potential: Potential, atoms: ase.Atoms | None = None, seed: int = 0) -> Iterator[Finding]:
    """The findings, one after the other, each as soon as it is known; float64 must be enabled in
    JAX.

    atoms: a structure that the potential is good for; without it, a disordered crystal of its
    elements. Velocities are random. Slow routes by design: explicitly unfolded cells and finite
    differences. A finding that is neither passed nor failed, but has an error, is a note: a step at
    the cutoff that the potential declares (`Potential.truncated`). AdfluxError where the structure
    is not one of the potential's elements.
    """
    if not jax.config.read("jax_enable_x64"):
        raise AdfluxError(
            'check needs float64: `jax.config.update("jax_enable_x64", True)` before anything else.'
        )
    potential = with_symbols(potential.astype(np.float64))
    atoms = disordered_crystal(potential, seed) if atoms is None else atoms
    # what is wrong with the structure is said once, here
    graph_from_atoms(atoms, potential, np.float64)
    velocities = np.random.default_rng(seed).normal(size=(len(atoms), 3))
    case = Case(potential, atoms, velocities)
    reasons: dict[str, str] = {}  # sentence → the check that said it first
    for test in TESTS:
        name = test.__doc__ or ""
        try:
            yield from test(case)
        except Exception as error:  # the potential is anybody's code
            kind = "" if isinstance(error, AdfluxError) else f"{type(error).__name__}: "
            says = kind + " ".join(str(error).split())[:500]
            first = reasons.setdefault(says, name)
            yield Finding(
                name,
                None,
                None,
                False,
                says if first == name else f"for the same reason as {first}",
            )
