"""Distances at which derivatives are wrong: atoms in one place, and shells at the cutoff."""

import numpy as np

from ..errors import AdfluxError
from ..parallel.reductions import smallest
from ..parallel.system import System
from ..potentials import Sum

COLLAPSED = 0.02  # of the cutoff: no bond is so short


def check_apart(potential, system: System) -> None:
    """An AdfluxError where two atoms lie in one place; collective."""
    vectors = np.asarray(system.graph.vectors)[np.asarray(system.graph.mask)]
    lengths = np.linalg.norm(vectors, axis=1)
    closest = smallest(system.comm, float(lengths.min(initial=np.inf)))
    if closest < COLLAPSED * potential.cutoff:
        raise AdfluxError(
            f"Two atoms lie {closest:.1e} apart after `minimize`: the potential does not keep "
            "them apart there (SNAP is often "
            "used with a ZBL core); start from a structure near its minimum, or use a potential "
            "with a core."
        )


def check_cutoff(potential, system: System, margin: float) -> float:
    """Distance of the nearest pair to its cutoff, among the pairs within it; collective.

    Raises AdfluxError where a shell of pairs lies within `margin` cutoffs of it; 0 leaves that out.
    """
    if isinstance(potential, Sum):
        return min(check_cutoff(part, system, margin) for part in potential.parts)
    graph = system.graph
    cutoffs = np.asarray(potential.pair_cutoffs)
    species, centers, others = (np.asarray(a) for a in (graph.species, graph.centers, graph.others))
    lengths = np.linalg.norm(np.asarray(graph.vectors), axis=1)
    reach = cutoffs[species[centers], species[others]]
    here = np.asarray(graph.mask) & (lengths < reach) & (centers < len(system.ids))
    gaps = (reach - lengths)[here]
    width = margin * potential.cutoff
    closest = smallest(system.comm, float(gaps.min(initial=np.inf)))
    crowd = int(system.comm.allreduce(int((gaps < width).sum())))
    # as many as in a fluid of this density are no shell
    density = system.atoms / system.volume
    r = potential.cutoff
    shell = 4.0 * np.pi * r**2 if system.dimension == 3 else 2.0 * np.pi * r
    expected = system.atoms * shell * density * width
    if margin > 0.0 and crowd >= 2 and crowd > 10.0 * expected + 1:
        raise AdfluxError(
            f"{crowd} pairs lie within {width:.1e} of the cutoff, the nearest {closest:.1e} "
            "inside it: the energy is not smooth there, and derivatives would "
            "be wrong by percents; change the structure or the cutoff a little, or give "
            "RelaxOptions(cutoff_margin=0) if the potential is smooth at its cutoff."
        )
    return closest
