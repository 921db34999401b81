"""What few relaxations need to say."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RelaxOptions:
    """What few relaxations need to say.

    Attributes
    ----------
    index
        Of the stationary point: 0 for a minimum, 1 for a saddle of first order, and so on.
    preconditioner
        Of the linear solves: "none", "jacobi", "exp", or "exact" (small systems).
    cutoff_margin
        In cutoffs: a shell of neighbours that lies nearer to the cutoff is an error, since energies
        are hardly ever smooth there; 0 leaves the check out.
    steps
        At most so many steps of LAMMPS' minimiser.
    minimize
        Let LAMMPS minimise first; without it Newton steps alone lead to the stationary point.
    precision
        Of the linear solves of derivatives: residuals relative to the right-hand sides, 1e-3 at
        most.
    """

    index: int = 0
    preconditioner: str = "exp"
    cutoff_margin: float = 1e-4
    steps: int = 10000
    minimize: bool = True
    precision: float = 1e-11
