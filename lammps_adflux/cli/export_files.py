"""`adflux export` of potentials that files define."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import AdfluxError
from .export_options import NAMES, Elements, ModelFile, Precision, Units, names_of, numbers_of

files = typer.Typer()
SCRIPTS = (".snap", ".mod")


@files.command("sw")
def sw(
    file: Annotated[Path, typer.Argument(help="A LAMMPS .sw file.")],
    elements: Elements,
    output: ModelFile,
    dtype: Precision = "float64",
) -> None:
    """Stillinger-Weber: adflux export sw Si.sw --elements Si -o si.pkl"""
    from ..modelfile import export
    from ..potentials import StillingerWeber

    export(StillingerWeber.from_lammps(file, elements=names_of(elements)), output, dtype)


@files.command("eam")
def eam(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="A file of LAMMPS' eam/alloy or eam/fs; of eam one for each element, in order."
        ),
    ],
    elements: Elements,
    output: ModelFile,
    style: Annotated[
        str | None, typer.Option(help="eam, eam/alloy or eam/fs; the file shows it if left out.")
    ] = None,
    dtype: Precision = "float64",
) -> None:
    """Embedded-atom method: adflux export eam AlCu.eam.alloy --elements Al,Cu -o alcu.pkl"""
    from ..modelfile import export
    from ..potentials import EAM

    path = files[0] if len(files) == 1 else files
    export(EAM.from_lammps(path, elements=names_of(elements), style=style), output, dtype)


@files.command("tersoff")
def tersoff(
    file: Annotated[
        Path, typer.Argument(help="A file of LAMMPS' tersoff, tersoff/mod or tersoff/zbl.")
    ],
    elements: Elements,
    output: ModelFile,
    style: Annotated[
        str | None, typer.Option(help="One of the three; the file shows it if left out.")
    ] = None,
    dtype: Precision = "float64",
) -> None:
    """Tersoff: adflux export tersoff SiC.tersoff --elements Si,C -o sic.pkl"""
    from ..modelfile import export
    from ..potentials import Tersoff

    export(Tersoff.from_lammps(file, elements=names_of(elements), style=style), output, dtype)


@files.command("snap")
def snap(
    coefficients: Annotated[
        Path,
        typer.Argument(
            help="A LAMMPS .snapcoeff file, or the .snap or .mod file that includes it."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="The model file; or .snapcoeff, for LAMMPS' own files of SNAP."
        ),
    ],
    parameters: Annotated[
        Path | None, typer.Argument(help="Its .snapparam file; none for a .snap or .mod file.")
    ] = None,
    elements: Annotated[
        str | None, typer.Option(help=f"{NAMES} A .snap or .mod file knows them.")
    ] = None,
    zbl: Annotated[
        str | None,
        typer.Option(help="Add ZBL: 'INNER OUTER', or with nuclear charges as '4.0 4.8 74'."),
    ] = None,
    new: Annotated[
        Path | None,
        typer.Option(
            "--coefficients",
            help=(
                "New coefficients: numbers in the order of `adflux implicit`, or lines of NAME "
                "VALUE."
            ),
        ),
    ] = None,
    dtype: Precision = "float64",
) -> None:
    """SNAP, alone or with what holds atoms apart. Examples:

    adflux export snap W.snapcoeff W.snapparam --elements W -o w.pkl

    adflux export snap W_2940_2017_2.snap -o w.pkl

    adflux export snap W.snapcoeff W.snapparam --elements W --zbl "4.0 4.8" -o w.pkl

    adflux export snap W.snap --coefficients new.txt -o new.snapcoeff
    """
    from ..modelfile import export

    potential = _snap(coefficients, parameters, elements, zbl)
    if new is not None:
        from ..implicit.new_parameters import with_parameters

        potential = with_parameters(potential, new)
    if output.suffix != ".snapcoeff":
        export(potential, output, dtype)
        return
    from ..potentials import SNAP
    from ..potentials.total import parts_of

    parts = parts_of(potential)
    (part,) = (part for part in parts if isinstance(part, SNAP))
    part.to_lammps(output)
    print(f"{output} and {output.with_suffix('.snapparam').name}: SNAP for `pair_style snap`")
    if len(parts) > 1:
        print(
            f"the other parts ({', '.join(type(p).__name__ for p in parts if p is not part)}) "
            "stay in your pair_style"
        )


@files.command("so3krates")
def so3krates(
    folder: Annotated[Path, typer.Argument(help="The folder of a model that mlff wrote.")],
    elements: Elements,
    output: ModelFile,
    units: Units = "metal",
    dtype: Precision = "float64",
) -> None:
    """So3krates: adflux export so3krates model_folder --elements Sn,Se -o snse.pkl"""
    from ..modelfile import export
    from ..potentials import So3krates

    export(So3krates.from_mlff(folder, elements=names_of(elements), units=units), output, dtype)


@files.command("nequix")
def nequix(
    file: Annotated[Path, typer.Argument(help="A file of nequix (.nqx), from its authors.")],
    elements: Elements,
    output: ModelFile,
    dtype: Precision = "float64",
) -> None:
    """Nequix: adflux export nequix nequix-oam-1-pft.nqx --elements Na,Cl -o nacl.pkl"""
    from ..modelfile import export
    from ..potentials import Nequix

    export(Nequix.from_file(file, elements=names_of(elements)), output, dtype)


def _snap(coefficients: Path, parameters: Path | None, elements: str | None, zbl: str | None):
    from ..potentials import SNAP, ZBL, read_pair_style
    from ..potentials.total import parts_of

    names = None if elements is None else names_of(elements)
    if parameters is None:
        if coefficients.suffix not in SCRIPTS:
            raise AdfluxError(
                f"Coefficients need their parameters, but {coefficients} stands alone: name the "
                ".snapparam file as well, or a .snap or .mod file."
            )
        potential = read_pair_style(coefficients, names)
        parts = parts_of(potential)
        if [isinstance(part, SNAP) for part in parts].count(True) != 1:
            raise AdfluxError(
                f"{coefficients} has no pair_style snap: `adflux export` has commands of other "
                "potentials."
            )
        if zbl is not None and any(isinstance(part, ZBL) for part in parts):
            raise AdfluxError(f"{coefficients} has a pair_style zbl already: leave out --zbl.")
    elif names is None:
        raise AdfluxError(f"The elements were not given: add --elements, names of {coefficients}.")
    elif zbl is None:
        potential = SNAP.from_lammps(coefficients, parameters, names)
    else:
        potential = SNAP.from_files(coefficients, parameters, names)
    if zbl is not None:
        numbers = numbers_of("--zbl", zbl)
        if len(numbers) not in (2, 2 + len(potential.elements)):
            raise AdfluxError(
                "--zbl needs the inner and the outer cutoff, and nuclear charges of "
                f"{', '.join(potential.elements)} or none, but {zbl!r} was found."
            )
        potential = potential + ZBL(
            *numbers[:2], elements=potential.elements, numbers=numbers[2:] or None
        )
    return potential
