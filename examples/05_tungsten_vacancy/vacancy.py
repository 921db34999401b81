"""Vacancy of tungsten with SNAP: formation energy and volume, their derivatives by the
coefficients, and other potentials predicted.

    python vacancy.py [--samples 6] [--potential FILE | --coefficients FILE --parameters FILE]
    [--output FOLDER]

Bulk and vacancy are relaxed in LAMMPS, atoms and cell. Then the response to any change of the 55
coefficients is one linear solve.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from rich.progress import track

import lammps_adflux as adflux
from lammps_adflux.implicit.plots import plot_predictions
from lammps_adflux.lmp.programs import potentials_folder

# before the potential is made: second derivatives need float64
jax.config.update("jax_enable_x64", True)

HERE = Path(__file__).resolve().parent
SHARED = HERE / "../../../shared/data/implicit"
BULK, VACANCY = HERE / "in.bulk", HERE / "in.vacancy"
SHARE = 15 / 16  # atoms of the vacancy's cell per atoms of the bulk's
SIZES = 0.5, 1.0, 2.0, 4.0  # of the change to another potential, times that to the first one


def coefficients(potential):
    """The parameters that are varied: all of linear SNAP but the constant energy per atom."""
    return potential.coefficients


def changed(potential, values):
    """The same potential with other coefficients [1, 55]."""
    return eqx.tree_at(coefficients, potential, values)


def relax(script: Path, potential):
    return adflux.relax(script, potential, cell="iso")


def formation(bulk, vacancy):
    """Of energies, volumes, and anything else that grows with the atoms."""
    return vacancy - SHARE * bulk


def read_potential(arguments):
    """SNAP from LAMMPS' files: the ones that were named, those of the references, or those that
    LAMMPS comes with, which have a ZBL core.
    """
    files = arguments.coefficients, arguments.parameters
    if (files[0] is None) != (files[1] is None):
        raise adflux.AdfluxError("Give both --coefficients and --parameters, or neither.")
    script = arguments.potential
    if files[0] is None and script is None:
        if (SHARED / "W.snapcoeff").exists():
            files = SHARED / "W.snapcoeff", SHARED / "W.snapparam"
        else:
            script = potentials_folder() / "W_2940_2017_2.snap"
    print(f"potential                  {(script or files[0]).name}")
    if script is not None:
        return adflux.read_pair_style(script, elements=["W"])
    return adflux.SNAP.from_lammps(*files, elements=["W"])


def other_potentials(potential, samples: int):
    """Coefficients [samples, 1, 55] of similar potentials: an ensemble of fits where there is one,
    otherwise 0.1 % off at random.
    """
    file, present = SHARED / "W_ensemble.npz", np.asarray(coefficients(potential))
    ensemble = np.load(file)["samples"][:, None] if file.exists() else None
    if ensemble is not None and np.abs(ensemble - present).max() < np.abs(present).max():
        print(
            f"other potentials           {min(samples, len(ensemble))} of {len(ensemble)} in "
            f"{file.name}"
        )
        return ensemble[:samples]
    print(f"other potentials           {samples}, coefficients 0.1 % off at random")
    return present * (1.0 + 1e-3 * np.random.default_rng(0).normal(size=(samples, *present.shape)))


def derivatives(bulk, vacancy) -> adflux.Taylor:
    """By all coefficients: energies by one product, volumes by one adjoint solve each, positions by
    55 solves.
    """

    def volume(cell_volume):
        return lambda positions, strain, energy, values: cell_volume * jnp.sum(strain[:3])

    def energy(positions, strain, energy, values):
        return energy

    structures = bulk, vacancy
    by_energy = formation(*(s.gradient(energy, where=coefficients)[0] for s in structures))
    by_volume = formation(
        *(s.gradient(volume(s.volume), where=coefficients)[0] for s in structures)
    )
    expansion = adflux.taylor(vacancy, where=coefficients)
    print("dE_f/dΘ, first four        " + " ".join(f"{x:.6g}" for x in by_energy[:4]))
    print("dV_f/dΘ, first four        " + " ".join(f"{x:.6g}" for x in by_volume[:4]) + " Å³/eV")
    print(
        f"‖dX/dΘ‖, vacancy           {np.linalg.norm(expansion.position_jacobian):.6f} Å/eV in "
        "the relaxed cell"
    )
    print(f"‖dε/dΘ‖, vacancy           {np.linalg.norm(expansion.strain_jacobian[:, 0]):.6f} /eV")
    backward = by_volume + SHARE * bulk.gradient(volume(bulk.volume), where=coefficients)[0]
    forward = vacancy.volume * expansion.strain_jacobian[:, :3].sum(axis=1)
    print(
        "backward against forward   "
        f"{np.abs(backward - forward).max() / np.abs(forward).max():.0e} of dV/dΘ"
    )
    return expansion


def errors_by_size(potential, vacancy, expansion, other) -> dict[str, list[float]]:
    """Errors of the vacancy's energy on the way to another potential and beyond: by halves 4, 8, 16
    times smaller.
    """
    present = np.asarray(coefficients(potential))
    errors = {"first order": [], "second order": [], "U at the predicted structure": []}
    for size in SIZES:
        values = present + size * (other - present)
        prediction = expansion.predict(values)
        truth = adflux.relax(
            vacancy.lammps,
            changed(potential, values),
            cell="iso",
            options=adflux.RelaxOptions(minimize=False),
        ).energy
        found = prediction.energy_first, prediction.energy, prediction.energy_at_structure
        for label, energy in zip(errors, found, strict=True):
            errors[label].append(abs(energy - truth))
    print(f"\n| size of the change | {' | '.join(str(size) for size in SIZES)} |")
    print("|---|" + "---|" * len(SIZES))
    for label, values in errors.items():
        print(f"| {label}, error (eV) | {' | '.join(f'{value:.1e}' for value in values)} |")
    return errors


def compare(potential, bulk, vacancy, others) -> dict[str, np.ndarray]:
    """Formation energies and volumes of other potentials: predicted from the relaxed structures,
    and relaxed again.
    """
    rows = []
    for values in track(others, "re-relaxing"):
        change = values - np.asarray(coefficients(potential))
        start = time.perf_counter()
        responses = [structure.jvp(change, where=coefficients) for structure in (bulk, vacancy)]
        middle = time.perf_counter()
        again = [relax(script, changed(potential, values)) for script in (BULK, VACANCY)]
        end = time.perf_counter()
        first = formation(bulk.energy + responses[0].energy1, vacancy.energy + responses[1].energy1)
        second = first + formation(responses[0].energy2, responses[1].energy2)
        volume = formation(bulk.volume + responses[0].volume, vacancy.volume + responses[1].volume)
        truth = (
            formation(again[0].energy, again[1].energy),
            formation(again[0].volume, again[1].volume),
        )
        rows.append((first, second, truth[0], volume, truth[1], middle - start, end - middle))
    names = (
        "first",
        "second",
        "relaxed",
        "volume",
        "volume_relaxed",
        "seconds_predict",
        "seconds_relax",
    )
    return dict(zip(names, np.array(rows).T, strict=True))


def report(table: dict[str, np.ndarray]) -> None:
    relaxed = table["relaxed"]

    def rmse(name: str, truth: str) -> float:
        return float(np.sqrt(np.mean((table[name] - table[truth]) ** 2)))

    print(
        "\n| potential | E_f, first order | second order | re-relaxed (eV) | V_f, first order | "
        "re-relaxed (Å³) |"
    )
    print("|---|---|---|---|---|---|")
    for k in range(min(5, len(relaxed))):
        energies = " | ".join(f"{table[name][k]:.6f}" for name in ("first", "second", "relaxed"))
        print(f"| {k} | {energies} | {table['volume'][k]:.4f} | {table['volume_relaxed'][k]:.4f} |")
    print(f"\nspread of E_f              {relaxed.std():.4f} eV")
    print(
        f"RMSE, first order          {rmse('first', 'relaxed'):.1e} eV (the energy at the fixed "
        "structure)"
    )
    print(f"RMSE, second order         {rmse('second', 'relaxed'):.1e} eV")
    print(
        f"RMSE of V_f, first order   {rmse('volume', 'volume_relaxed'):.1e} Å³ of a spread of "
        f"{table['volume_relaxed'].std():.2f}"
    )
    times = [float(np.median(table[name])) for name in ("seconds_predict", "seconds_relax")]
    print(
        f"a prediction takes         {times[0]:.2f} s, a re-relaxation {times[1]:.1f} s: "
        f"{times[1] / times[0]:.0f} times (medians)"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--samples", type=int, default=6, help="other potentials that are predicted and re-relaxed"
    )
    parser.add_argument(
        "--potential",
        type=Path,
        help="a LAMMPS .snap file of tungsten, with or without ZBL (linear SNAP)",
    )
    parser.add_argument(
        "--coefficients", type=Path, help="LAMMPS' .snapcoeff file of tungsten (linear SNAP)"
    )
    parser.add_argument("--parameters", type=Path, help="its .snapparam file")
    parser.add_argument(
        "--output", type=Path, default=HERE / "out", help="folder for the figure and the numbers"
    )
    arguments = parser.parse_args()
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)

    potential = read_potential(arguments)
    bulk, vacancy = relax(BULK, potential), relax(VACANCY, potential)
    for name, structure in (("bulk", bulk), ("vacancy", vacancy)):
        checks = structure.checks
        print(
            f"a, {name:7s}                 {np.cbrt(structure.volume) / 2:.8f} Å, largest force "
            f"{checks.force:.0e} eV/Å, lowest "
            f"eigenvalue {checks.eigenvalues[0]:.3f} eV/Å²"
        )
    print(f"E_f                        {formation(bulk.energy, vacancy.energy):.6f} eV")
    print(f"V_f                        {formation(bulk.volume, vacancy.volume):.5f} Å³")
    expansion = derivatives(bulk, vacancy)
    if arguments.samples < 1:
        return 0
    others = other_potentials(potential, arguments.samples)
    table = compare(potential, bulk, vacancy, others)
    report(table)
    errors = errors_by_size(potential, vacancy, expansion, others[0])
    (folder / "vacancy.json").write_text(
        json.dumps(
            {name: values.tolist() for name, values in table.items()} | {"errors": errors}, indent=1
        )
    )
    predicted = {f"{order} order": table[order] for order in ("first", "second")}
    axis = "error of the vacancy's energy (eV)"
    plot_predictions(
        folder / "vacancy.png", table["relaxed"], predicted, SIZES, errors, error_name=axis
    )
    print(f"figure                     {folder / 'vacancy.png'}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except adflux.AdfluxError as error:
        sys.exit(f"adflux: {error}")
