"""`adflux export` of pair potentials, whose parameters are options."""

from typing import Annotated

import typer

from .export_options import (
    Cutoff,
    Elements,
    ModelFile,
    Onset,
    Precision,
    Shift,
    Units,
    names_of,
    numbers_of,
)

pairs = typer.Typer()


@pairs.command("lj")
def lj(
    epsilon: Annotated[float, typer.Option(help="Depth of the well (energy).")],
    sigma: Annotated[float, typer.Option(help="Where the pair energy is zero (length).")],
    cutoff: Cutoff,
    elements: Elements,
    output: ModelFile,
    onset: Onset = None,
    shift: Shift = False,
    units: Units = "any",
    dtype: Precision = "float64",
) -> None:
    """Lennard-Jones: adflux export lj --epsilon 1 --sigma 1 --cutoff 2.5 --elements Ar -o ar.pkl"""
    from ..modelfile import export
    from ..potentials import LennardJones

    names = names_of(elements)
    potential = LennardJones(
        epsilon=epsilon,
        sigma=sigma,
        cutoff=cutoff,
        elements=names,
        onset=onset,
        shift=shift,
        units=units,
    )
    export(potential, output, dtype)


@pairs.command("morse")
def morse(
    d0: Annotated[float, typer.Option(help="Depth of the well (energy).")],
    alpha: Annotated[float, typer.Option(help="Decay (1/length).")],
    r0: Annotated[float, typer.Option(help="Where the well is deepest (length).")],
    cutoff: Cutoff,
    elements: Elements,
    output: ModelFile,
    onset: Onset = None,
    shift: Shift = False,
    units: Units = "any",
    dtype: Precision = "float64",
) -> None:
    """Morse: adflux export morse --d0 0.34 --alpha 1.36 --r0 2.87 --cutoff 8 --elements Cu
    -o cu.pkl
    """
    from ..modelfile import export
    from ..potentials import Morse

    potential = Morse(
        d0=d0,
        alpha=alpha,
        r0=r0,
        cutoff=cutoff,
        elements=names_of(elements),
        onset=onset,
        shift=shift,
        units=units,
    )
    export(potential, output, dtype)


@pairs.command("buck")
def buck(
    a: Annotated[float, typer.Option("--a", help="Strength of the repulsion (energy).")],
    rho: Annotated[float, typer.Option(help="Its decay (length).")],
    c: Annotated[float, typer.Option("--c", help="Of the attraction c/r⁶ (energy · length⁶).")],
    cutoff: Cutoff,
    elements: Elements,
    output: ModelFile,
    onset: Onset = None,
    shift: Shift = False,
    units: Units = "any",
    dtype: Precision = "float64",
) -> None:
    """Buckingham: adflux export buck --a 1000 --rho 0.3 --c 10 --cutoff 8 --elements Ar
    -o ar.pkl
    """
    from ..modelfile import export
    from ..potentials import Buckingham

    potential = Buckingham(
        a=a,
        rho=rho,
        c=c,
        cutoff=cutoff,
        elements=names_of(elements),
        onset=onset,
        shift=shift,
        units=units,
    )
    export(potential, output, dtype)


@pairs.command("zbl")
def zbl(
    inner: Annotated[float, typer.Option(help="Where the switching begins (Å).")],
    outer: Annotated[float, typer.Option(help="Where it ends, the cutoff (Å).")],
    elements: Elements,
    output: ModelFile,
    numbers: Annotated[
        str | None,
        typer.Option(
            help=(
                "Nuclear charges of the elements, as '74,4'; those of the periodic table if left "
                "out."
            )
        ),
    ] = None,
    dtype: Precision = "float64",
) -> None:
    """Ziegler-Biersack-Littmark: adflux export zbl --inner 4.0 --outer 4.8 --elements W
    -o core.pkl
    """
    from ..modelfile import export
    from ..potentials import ZBL

    charges = None if numbers is None else numbers_of("--numbers", numbers)
    export(ZBL(inner, outer, elements=names_of(elements), numbers=charges), output, dtype)
