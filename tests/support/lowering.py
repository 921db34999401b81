"""What XLA gets of a program on a machine with a GPU, which need not be at hand for it."""

import re

import numpy as np
import pytest
from jax._src.interpreters import mlir

from lammps_adflux import graph_from_atoms
from lammps_adflux.graph import pad
from lammps_adflux.mliap import programs

GPUS = "cuda", "rocm"


def calls_on(platform: str, function, *arguments, **options) -> set[str]:
    """Names of the functions outside of XLA that the jitted `function` calls on the platform; an
    error where it calls what has no translation for it.
    """
    with pytest.MonkeyPatch.context() as patch:
        # calls of Python ask for the platform's client, and need it on TPUs only
        patch.setattr(mlir.ModuleContext, "get_backend", lambda *_, **__: None)
        lowered = function.trace(*arguments, **options).lower(lowering_platforms=(platform,))
    return set(re.findall(r"stablehlo\.custom_call @(\w+)", lowered.as_text()))


def programs_of(potential, atoms, exchange=None) -> dict[str, tuple]:
    """Each function that a running LAMMPS calls of the potential, with its arguments."""
    graph = graph_from_atoms(atoms, potential)
    pairs, rows = len(graph.centers), len(graph.species)
    graph = pad(graph, pairs + 8, rows + 4, potential.cutoff)
    columns = np.asarray(graph.vectors.T)
    arrays = (
        *programs.parts_of(potential),
        exchange,
        columns,
        graph.centers,
        graph.others,
        graph.species,
        graph.owned,
        np.int32(pairs),
        graph.slots,
    )
    velocities, field = np.ones((rows + 4, 3)), np.ones(3)
    called = {name: () for name in ("pair_gradients", "energies_and_gradients", "energies")}
    called["virials"] = (columns,)
    if potential.hops == 1:
        called |= {"flux": (columns, velocities), "driving_forces": (columns, field)}
    else:
        called["flux_map"] = ()
    return {name: (getattr(programs, name), *arrays, *more) for name, more in called.items()}
