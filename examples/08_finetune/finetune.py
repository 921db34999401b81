"""Fine-tune a network: move its vacancy formation energy, and keep lattice and elastic constants.

    python finetune.py [--model network.pkl] [--shift 0.3] [--steps 20] [--output FOLDER]

The network is that of ../04_own_potential, trained there or here. Each step relaxes silicon and
silicon with a vacancy in LAMMPS and takes one adjoint solve for each of them, and one for the
elastic constants, whatever the number of parameters.
"""

import argparse
import sys
import time
from pathlib import Path

import jax
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

HERE = Path(__file__).resolve().parent
OWN = HERE.parent / "04_own_potential"
sys.path.insert(0, str(OWN))  # network.py and fit.py

import lammps_adflux as adflux  # noqa: E402

# before the potential is made: second derivatives need float64
jax.config.update("jax_enable_x64", True)

BULK = """units metal
atom_modify map array
lattice diamond 5.431
region box block 0 2 0 2 0 2
create_box 1 box
create_atoms 1 box
mass 1 28.06
min_style cg"""
VACANCY = f"{BULK}\ngroup gone id 1\ndelete_atoms group gone compress no"
SETUPS = {"bulk": BULK.split("\n"), "vacancy": VACANCY.split("\n")}
INDEPENDENT = (0, 0), (0, 1), (3, 3)  # C11, C12, C44 of a cubic crystal
GPA = 1e-4  # of a bar


def properties(structures) -> dict:
    """What is fitted: formation energy (eV), lattice constant (Å), elastic constants (GPa)."""
    bulk, vacancy = structures["bulk"], structures["vacancy"]
    constants = adflux.losses.elastic_constants(bulk)
    return {
        "formation energy": adflux.losses.formation_energy(vacancy, bulk),
        "lattice constant": bulk.volume ** (1 / 3) / 2.0,
        **{f"C{i + 1}{j + 1}": GPA * constants[i, j] for i, j in INDEPENDENT},
    }


def scales() -> dict:
    """Errors that count as much as one another."""
    return {"formation energy": 0.05, "lattice constant": 0.01, "C11": 3.0, "C12": 3.0, "C44": 3.0}


def trained(arguments) -> Path:
    """The model file: the one that was named, or one that is trained now."""
    if arguments.model is not None:
        return arguments.model
    import fit  # pyright: ignore[reportMissingImports]

    fit.main(steps=arguments.training, width=arguments.width, output=arguments.output)
    return arguments.output / "network.pkl"


def draw(path: Path, losses, before: dict, after: dict, target: dict) -> None:
    """The loss, and what each property was, is, and should be."""
    figure = Figure(figsize=(9.5, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    left.semilogy(losses, "o-", ms=3)
    left.set(xlabel="accepted steps", ylabel="loss", title="structures relaxed again in each step")
    names, size = list(target), scales()
    for found, label, marker in ((before, "before", "o"), (after, "after", "s")):
        errors = [(found[name] - target[name]) / size[name] for name in names]
        right.plot(errors, np.arange(len(names)), marker, label=label)
    right.axvline(0.0, color="0.5", lw=0.8)
    right.set_yticks(np.arange(len(names)), names)
    right.set(xlabel="error / what counts as one", title="properties")
    right.legend(frameon=False)
    figure.savefig(path, dpi=150)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="model file; without it a network is trained")
    parser.add_argument("--training", type=int, default=4000, help="steps of that training")
    parser.add_argument("--width", type=int, default=8, help="of the network that is trained")
    parser.add_argument(
        "--shift", type=float, default=0.3, help="of the vacancy formation energy (eV)"
    )
    parser.add_argument("--steps", type=int, default=20, help="accepted steps, at most")
    parser.add_argument("--output", type=Path, default=HERE / "out", help="folder for all files")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    model = trained(arguments)
    potential = adflux.load(model).astype("float64")

    size, target = scales(), {}

    def loss(structures, parameters):
        found = properties(structures)
        return sum(((found[name] - target[name]) / size[name]) ** 2 for name in target)

    begun = time.perf_counter()
    relaxed = {name: adflux.relax(SETUPS[name], potential, cell="iso") for name in SETUPS}
    relaxing = time.perf_counter() - begun
    structures = {name: adflux.losses.structure_of(found) for name, found in relaxed.items()}
    constants = relaxed["bulk"].elastic_constants()
    before = {
        "formation energy": float(
            adflux.losses.formation_energy(structures["vacancy"], structures["bulk"])
        ),
        "lattice constant": float(structures["bulk"].volume ** (1 / 3) / 2.0),
        **{f"C{i + 1}{j + 1}": GPA * float(constants[i, j]) for i, j in INDEPENDENT},
    }
    target |= before | {"formation energy": before["formation energy"] + arguments.shift}

    result = adflux.design(
        SETUPS,
        potential,
        loss,
        cell="iso",
        steps=arguments.steps,
        checkpoint=arguments.output / "finetune.npz",
    )
    after = {name: float(value) for name, value in properties(result.structures).items()}
    adflux.export(result.potential, arguments.output / "finetuned.pkl")
    draw(arguments.output / "finetune.png", result.losses, before, after, target)

    seconds = [entry["seconds"] for entry in result.history[1:]]
    count = result.vectors.shape[1]
    print(f"parameters                 {count}")
    for name, value in target.items():
        print(f"{name:<26} {before[name]:.4f} -> {after[name]:.4f}, wanted {value:.4f}")
    print(f"loss                       {result.losses[0]:.3g} -> {result.losses[-1]:.3g}")
    print(f"                           {result.message}")
    if seconds:
        print(
            f"a step                     {np.median(seconds):.1f} s; both relaxations at the "
            f"start took {relaxing:.1f} s,"
        )
        print(
            f"                           and finite differences would take {count} of them a step"
        )
    print(f"figure                     {arguments.output / 'finetune.png'}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except adflux.AdfluxError as error:
        sys.exit(f"adflux: {error}")
