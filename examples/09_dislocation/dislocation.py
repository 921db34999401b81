"""Inverse design of a solute that turns the core of a screw dislocation in tungsten.

    python dislocation.py --start EASY --target HARD --coefficients FILE --parameters FILE
        [--radius 49.9] [--steps 10] [--solutes 3] [--output FOLDER]

The columns of atoms at the hard core are a solute X, which starts as tungsten. Its SNAP
coefficients are looked for with which the atoms relax to the hard core, from the easy one. Files of
the reference are found by themselves.
"""

import argparse
import json
import sys
from pathlib import Path

import ase
import ase.io
import jax
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import lammps_adflux as adflux

# before the potential is made: second derivatives need float64
jax.config.update("jax_enable_x64", True)

HERE = Path(__file__).resolve().parent
SHARED = HERE / "../../../shared/data/implicit"
SCRIPT = HERE / "in.dislocation"
CENTRE = 70.2259, 72.0799  # Å, of the cylinder, and of the easy core: x and y
HARD = 71.549, 72.844  # Å, of the hard core: the triangle of columns beside
RIM = 2.0  # cutoffs of atoms that are held around those that move
PUBLISHED = (
    0.610,
    0.255,
    0.214,
    0.180,
    0.152,
    0.134,
)  # Å², approximate relaxations, another potential
NEIGHBOUR = 3.2  # Å in the plane: columns that touch
FARTHEST = 0.05  # of a distance between atoms, in one step: a core may jump where it goes further
SEEN = 9.0  # Å from the axis, of the figure


def coefficients(potential):
    """All of linear SNAP but the constant energy per atom."""
    return potential.coefficients


def read(path: Path, within: float) -> ase.Atoms:
    """The atoms of a data file within a distance of the centre, in the order of their ids."""
    atoms = ase.io.read(path, format="lammps-data", atom_style="atomic", units="metal")
    return atoms[distances(atoms) < within]


def distances(atoms: ase.Atoms, point=CENTRE) -> np.ndarray:
    """From an axis along z, that of the cylinder if not given."""
    return np.hypot(*(atoms.positions[:, :2] - point).T)


def write(path: Path, atoms: ase.Atoms, solutes: list[int]) -> None:
    """A data file with the solutes as type 2."""
    symbols = ["X" if i in solutes else "W" for i in range(len(atoms))]
    marked = ase.Atoms(symbols, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    ase.io.write(path, marked, format="lammps-data", specorder=["W", "X"])


def phases(atoms: np.ndarray, length: float) -> np.ndarray:
    """Which third of b each column lies at in the perfect crystal: 0, 1 or 2.

    Columns form a triangular lattice; going round one of its triangles, they rise by b / 3 each.
    """
    side = length * np.sqrt(8.0) / 3.0
    basis = side * np.array([[1.0, 0.0], [0.5, np.sqrt(0.75)]])
    place = np.round((atoms[:, :2] - atoms[0, :2]) @ np.linalg.inv(basis)).astype(int)
    return (place[:, 0] - place[:, 1]) % 3


def differential(axis, atoms: np.ndarray, length: float, solutes: list[int], title: str) -> None:
    """A differential displacement map (Vitek, Perrin, Bowen, Phil. Mag. 21, 1049 (1970)): how far
    neighbouring columns are displaced along z against each other; b / 3 spans their distance.
    """
    thirds = phases(atoms, length)
    kept = np.flatnonzero(np.hypot(*(atoms[:, :2] - CENTRE).T) < SEEN)
    pairs = [
        (i, j)
        for number, i in enumerate(kept)
        for j in kept[number + 1 :]
        if np.hypot(*(atoms[j, :2] - atoms[i, :2])) < NEIGHBOUR
    ]

    def slips(sign):
        rises = np.array([atoms[j, 2] - atoms[i, 2] for i, j in pairs])
        perfect = sign * length / 3.0 * np.array([thirds[j] - thirds[i] for i, j in pairs])
        slip = rises - perfect
        return slip - length * np.round(slip / length)

    found = min(slips(1), slips(-1), key=lambda slip: np.abs(slip).sum())
    for (i, j), slip in zip(pairs, found, strict=True):
        middle = 0.5 * (atoms[i, :2] + atoms[j, :2])
        arrow = (atoms[j, :2] - atoms[i, :2]) * slip / (length / 3.0)
        if np.hypot(*arrow) > 0.1:
            axis.annotate(
                "",
                middle + 0.5 * arrow,
                middle - 0.5 * arrow,
                arrowprops={
                    "arrowstyle": "-|>",
                    "mutation_scale": 7,
                    "lw": 1.0,
                    "shrinkA": 0,
                    "shrinkB": 0,
                },
            )
    heights = atoms[kept, 2] % length
    axis.scatter(*atoms[kept, :2].T, c=heights, cmap="twilight", vmin=0, vmax=length, s=40)
    axis.scatter(*atoms[solutes, :2].T, s=140, facecolors="none", edgecolors="C3", label="X")
    axis.set(title=title, aspect="equal", xlabel="x (Å)", ylabel="y (Å)")
    axis.legend(loc="upper right", fontsize=7)


def draw(path: Path, result, pictures: dict[str, np.ndarray], length: float, solutes) -> None:
    """Loss against accepted steps, and the core before, after and as wanted."""
    figure = Figure(figsize=(15.0, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    left, *maps = figure.subplots(1, 1 + len(pictures))
    left.plot(result.losses, "o-", ms=3, label="relaxed again (this run)")
    left.plot(PUBLISHED, "s--", ms=3, label="published, another potential")
    left.set(xlabel="updates", ylabel="squared distance to the hard core (Å²)", yscale="log")
    left.legend()
    for axis, (title, atoms) in zip(maps, pictures.items(), strict=True):
        differential(axis, atoms, length, solutes, title)
    figure.savefig(path, dpi=150)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = "dislo_relaxed_easy_core.lammps-data", "dislo_hard_core.lammps-data"
    for option, name, what in (
        ("start", names[0], "data file of the easy core"),
        ("target", names[1], "data file of the hard core, with the same atoms"),
        ("coefficients", "WX.snapcoeff", "a .snapcoeff file of W and X"),
        ("parameters", "WX.snapparam", "its .snapparam file"),
    ):
        parser.add_argument(f"--{option}", type=Path, default=SHARED / name, help=what)
    parser.add_argument("--radius", type=float, default=49.9, help="of what moves (Å)")
    parser.add_argument("--steps", type=int, default=10, help="accepted steps at most")
    parser.add_argument("--solutes", type=int, default=3, help="columns of X, nearest to --at")
    parser.add_argument(
        "--at", type=float, nargs=2, default=HARD, help="x and y (Å); default: the hard core's"
    )
    parser.add_argument("--output", type=Path, default=HERE / "out", help="folder for all files")
    arguments = parser.parse_args()
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    potential = adflux.SNAP.from_lammps(
        arguments.coefficients, arguments.parameters, elements=["W", "X"]
    )
    reach = arguments.radius + RIM * potential.cutoff
    start, target = (read(path, reach) for path in (arguments.start, arguments.target))
    if len(start) != len(target):
        raise adflux.AdfluxError(
            f"Start and target must have the same atoms within {reach:.1f} Å of the axis, but have "
            f"{len(start)} and {len(target)}."
        )
    solutes = [int(i) for i in np.argsort(distances(start, arguments.at))[: arguments.solutes]]
    data, length = folder / "dislocation.data", float(start.cell.array[2, 2])
    write(data, start, solutes)
    inside = np.flatnonzero(distances(start) < arguments.radius)
    print(f"atoms                      {len(start)}, of which {len(inside)} move")

    def loss(structure, parameters):
        return adflux.losses.squared_distance(structure, target.positions)

    result = adflux.design(
        SCRIPT,
        potential,
        loss,
        coefficients,
        steps=arguments.steps,
        fixed="rim",
        variables={"data": data, "x": CENTRE[0], "y": CENTRE[1], "radius": arguments.radius},
        farthest=FARTHEST,
        jumps=True,
        constraints=adflux.Constraints(keep=lambda values: values[0]),
        checkpoint=folder / "design.npz",
    )
    # of all steps, those before a restart as well
    seconds = [row["seconds"] for row in result.history]
    print(f"parameters                 {result.parameters[1].size} of X")
    print(f"squared distances (Å²)     {', '.join(f'{value:.4f}' for value in result.losses)}")
    print(f"published                  {', '.join(f'{value:.3f}' for value in PUBLISHED)}")
    print(f"end                        {result.message}")
    print(f"time                       {', '.join(f'{one:.0f}' for one in seconds)} s")
    (structure,) = result.structures.values()
    pictures = {
        "before": start.positions,
        "after": np.asarray(structure.positions),
        "target": target.positions,
    }
    draw(folder / "dislocation.png", result, pictures, length, solutes)
    (folder / "dislocation.json").write_text(
        json.dumps({"losses": list(map(float, result.losses)), "seconds": seconds}, indent=1)
    )
    print(f"figure                     {folder / 'dislocation.png'}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except adflux.AdfluxError as error:
        sys.exit(f"adflux: {error}")
