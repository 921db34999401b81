"""`taylor`: the expansion of a relaxed structure."""

import numpy as np

from .expansion import Taylor
from .model_record import model_record
from .parameters import choose, flatten, unflatten
from .relaxed import Relaxed


def taylor(relaxed: Relaxed, where=None, cell="relaxed", progress: bool = True) -> Taylor:
    """Expansion of a relaxed structure in the chosen parameters: energy to second order, structure
    to first order, by one solve for each parameter; collective, gathered on every rank.

    Parameters
    ----------
    relaxed
        What `relax` gave.
    where
        The parameters: None for all arrays of the potential, names of fields, a function that picks
        arrays, or (values, build); see `parameters.choose`.
    cell
        Strains that respond, as in `relax`; those that were relaxed where it is left out.
    progress
        Show a bar, on a terminal.

    Raises
    ------
    AdfluxError
        Where the structure does not depend on the parameters, or a solve does not converge.
    """
    choice = choose(relaxed.potential, where)
    jacobian, curvature = relaxed.expansion(where, cell, progress)
    system, order = relaxed.system, choice.order
    inverse = np.argsort(order)
    strains, loads = relaxed.loads(cell)
    species = np.asarray(system.graph.species)[: len(system.ids)][system.order]
    positions = np.swapaxes(relaxed.gather(np.swapaxes(jacobian.positions, 0, 1)), 0, 1)
    return Taylor(
        parameters=flatten(choice.values)[order],
        energy=relaxed.energy,
        gradient=jacobian.energy[order],
        curvature=curvature[np.ix_(order, order)],
        positions=relaxed.gather(relaxed.positions),
        position_jacobian=positions[order],
        strain_jacobian=jacobian.strain[order],
        cell=system.cell,
        origin=system.origin,
        periodic=system.periodic,
        dimension=system.dimension,
        ids=relaxed.gather(relaxed.ids),
        symbols=tuple(relaxed.potential.elements[s] for s in relaxed.gather(species)),
        names=tuple(choice.names[number] for number in order),
        build=lambda vector: choice.build(unflatten(choice.values, np.asarray(vector)[inverse])),
        units=relaxed.units,
        order=order,
        strains=strains,
        loads=loads,
        cutoff=float(relaxed.potential.cutoff),
        record=model_record(relaxed.potential, choice.varied),
    )
