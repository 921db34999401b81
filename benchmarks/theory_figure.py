"""The figure of docs/theory.md: error and cost of three routes to the heat flux, for 1 to 4 layers
of messages.

    python benchmarks/theory_figure.py [--atoms 256] [--repeat 7] [--output benchmarks/out]

Left: error of the edge form and of the hop rule, for a few disordered 8-atom cells of
tests/support/systems.py, against the explicitly unfolded flux, whose pairs come from the
brute-force search of tests/support/reference.py. Right: processor time of each route in force calls
of the same model and cell, medians of interleaved calls on one core; pair lists and copies of the
cell are made beforehand and not counted. Prints a Markdown table and writes docs/theory.png and
JSON.
"""

import argparse
import ctypes
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/support"))

import ase
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from networks import message_passing
from reference import unfolded_graph
from systems import random_crystal, velocities

import lammps_adflux as adflux
from lammps_adflux import Graph, process
from lammps_adflux.derivatives import energies_and_pair_gradients, owned_energies
from lammps_adflux.flux import edge_flux, hop_flux
from lammps_adflux.graph import pad

HERE = Path(__file__).resolve().parent
LAYERS = (1, 2, 3, 4)
ROUTES = {"edge": "edge form", "hop": "hop rule", "unfolded": "unfolded"}
STYLES = {"edge": ("C3", "s"), "hop": ("C0", "o"), "unfolded": ("0.35", "^")}


@eqx.filter_jit
def edge_route(potential, graph, speeds):
    """Pair gradients, and -Σ_p r_p (g_p · v_j) from them."""
    return edge_flux(graph, energies_and_pair_gradients(potential, graph)[1], speeds)


@eqx.filter_jit
def hop_route(potential, graph, speeds):
    return hop_flux(potential, graph, speeds)


@eqx.filter_jit
def unfolded_route(potential, graph, speeds, positions):
    """Σ_i r_i U̇_i - Σ_j r_j (∂U/∂r_j · v_j) over explicit copies: one jvp and one gradient."""

    def energies(displacements):
        vectors = graph.vectors + displacements[graph.others] - displacements[graph.centers]
        return owned_energies(potential, graph.with_vectors(vectors))

    still = jnp.zeros_like(positions)
    rates = jax.jvp(energies, (still,), (speeds,))[1]
    gradient = jax.grad(lambda displacements: jnp.sum(energies(displacements)))(still)
    return positions.T @ (rates - jnp.sum(gradient * speeds, axis=1))


def errors(layers: int, structures: int) -> dict[str, list[float]]:
    """max |J - J_unfolded| / max |J_unfolded| of the edge form and the hop rule, for each
    structure.
    """
    potential = jax.device_put(message_passing(layers))
    crystals = [random_crystal(8, seed=seed) for seed in range(structures)]
    small = [adflux.graph_from_atoms(crystal, potential) for crystal in crystals]
    large = []
    for crystal in crystals:
        graph, positions, origin = unfolded_graph(crystal, potential)
        large.append((graph(jnp.asarray(positions)), positions, origin))
    # the same for all structures: each route compiles once
    room = [
        (max(len(g.centers) for g in graphs), max(len(g.species) for g in graphs) + 1)
        for graphs in (small, [g for g, _, _ in large])
    ]
    found: dict[str, list[float]] = {"edge": [], "hop": []}
    for seed, (crystal, graph, (unfolded, positions, origin)) in enumerate(
        zip(crystals, small, large, strict=True)
    ):
        speeds = velocities(crystal, seed=100 + seed)
        reference = unfolded_route(
            potential,
            pad(unfolded, *room[1], potential.cutoff),
            _rows(speeds[origin], room[1][1]),
            _rows(positions, room[1][1]),
        )
        folded = pad(graph, *room[0], potential.cutoff)
        for name, route in (("edge", edge_route), ("hop", hop_route)):
            flux = route(potential, folded, _rows(speeds, room[0][1]))
            found[name].append(float(jnp.abs(flux - reference).max() / jnp.abs(reference).max()))
    return found


def _rows(values, count: int):
    return jnp.asarray(np.concatenate([values, np.zeros((count - len(values), 3))]))


def copies(crystal: ase.Atoms, potential, speeds):
    """The cell with explicit copies within hops · cutoff, and no more pairs than its energies
    depend on.
    """
    cell, reach = crystal.cell.array, potential.reach + 1e-6
    heights = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    # one more: atoms may lie anywhere in their cell
    counts = np.ceil(reach / heights).astype(int) + 1
    images = np.array(list(np.ndindex(*(2 * counts + 1)))) - counts
    images = images[np.argsort(np.abs(images).sum(axis=1), kind="stable")]  # the cell itself first
    positions, origin = [], []
    for image in images:
        shifted = crystal.positions + image @ cell
        distances = np.linalg.norm(shifted[:, None] - crystal.positions[None], axis=-1).min(axis=1)
        positions.append(shifted[distances < reach])
        origin.append(np.flatnonzero(distances < reach))
    positions, origin = np.concatenate(positions), np.concatenate(origin)
    symbols = np.array(crystal.get_chemical_symbols())[origin]
    graph = adflux.graph_from_atoms(ase.Atoms(symbols, positions, pbc=False), potential)
    passing = owned = np.arange(len(positions)) < len(crystal)
    centers, others = np.asarray(graph.centers), np.asarray(graph.others)
    for _ in range(potential.hops - 1):  # atoms that are fewer than `hops` steps away
        passing = passing.copy()
        passing[others[passing[centers]]] = True
    keep = passing[centers]
    graph = Graph(
        vectors=graph.vectors[keep],
        centers=graph.centers[keep],
        others=graph.others[keep],
        species=graph.species,
        mask=graph.mask[keep],
        owned=jnp.asarray(owned),
    )
    return graph, jnp.asarray(speeds[origin]), jnp.asarray(positions)


def times(layers: int, atoms: int, repeat: int) -> dict:
    """Milliseconds of a force call and of each route, call by call, with the sizes of
    both graphs.
    """
    potential = jax.device_put(message_passing(layers, cutoff=5.0, width=16))
    crystal = random_crystal(atoms)
    speeds = velocities(crystal)
    graph, unfolded = (
        adflux.graph_from_atoms(crystal, potential),
        copies(crystal, potential, speeds),
    )
    moving = jnp.asarray(speeds)
    calls = {
        "force": lambda: adflux.energy_forces_virial(potential, graph),
        "edge": lambda: edge_route(potential, graph, moving),
        "hop": lambda: hop_route(potential, graph, moving),
        "unfolded": lambda: unfolded_route(potential, *unfolded),
    }
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeat):
        for name, call in calls.items():
            # untimed: the first compiles, and none starts with the caches of another
            jax.block_until_ready(call())
            # on one core that of the clock, but not that of other users
            start = time.process_time()
            jax.block_until_ready(call())
            spent[name].append(1e3 * (time.process_time() - start))
    exact = np.asarray(calls["unfolded"]())
    assert np.allclose(calls["hop"](), exact, rtol=0.0, atol=1e-10 * np.abs(exact).max())
    return {
        "milliseconds": spent,
        "pairs": {"folded": len(graph.centers), "unfolded": len(unfolded[0].centers)},
        "atoms": {"folded": atoms, "unfolded": len(unfolded[0].species)},
    }


def draw(results: list[dict], path: Path) -> None:
    """Error beside cost, both against the number of layers."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 3.9), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    layers = [row["layers"] for row in results]
    for name in ("edge", "hop"):
        color, marker = STYLES[name]
        middle = [statistics.median(row["errors"][name]) for row in results]
        for row in results:
            left.plot(
                [row["layers"]] * len(row["errors"][name]),
                row["errors"][name],
                ".",
                color=color,
                alpha=0.4,
            )
        left.plot(layers, middle, marker=marker, color=color, lw=1.5, label=ROUTES[name])
    left.set_yscale("log")
    left.set_ylim(1e-17, 10.0)
    left.axhline(np.finfo(float).eps, color="0.6", ls=":", lw=1.0)
    left.text(
        4.3,
        0.6 * np.finfo(float).eps,
        "float64 ε",
        color="0.4",
        ha="right",
        va="top",
        fontsize="small",
    )
    left.set(
        ylabel=r"relative error of $\mathbf{J}_\mathrm{pot}$",
        title="error against the unfolded flux",
    )
    left.legend(frameon=False, loc="center right")
    for name in ROUTES:
        color, marker = STYLES[name]
        cost = [row["cost"][name] for row in results]
        right.plot(layers, cost, marker=marker, color=color, lw=1.5, label=ROUTES[name])
        for number, value in zip(layers, cost, strict=True):
            if name != "edge":  # too close to the hop rule for a number of its own
                offset = -16 if name == "hop" and number == 1 else 7
                right.annotate(
                    f"{value:.2g}",
                    (number, value),
                    (0, offset),
                    textcoords="offset points",
                    ha="center",
                )
    right.set_yscale("log")
    right.set_ylim(0.5, 2.5 * max(row["cost"]["unfolded"] for row in results))
    right.axhline(1.0, color="0.6", ls=":", lw=1.0)
    right.set(ylabel="time of a flux sample / force call", title="cost")
    right.legend(frameon=False, loc="upper left")
    for axes in (left, right):
        axes.set_xticks(layers)
        axes.set_xlim(0.6, 4.4)
        axes.set_xlabel("layers of messages")
    figure.savefig(path, dpi=150)


def _one_arena() -> None:
    """Arrays of XLA's thread beside all others: an arena of its own would give back what is larger
    than 64 MB.

    Fresh pages for each call would double the time of a large graph, and the comparison would be
    one of page faults.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(-8, 1)  # M_ARENA_MAX


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--atoms", type=int, default=256)
    parser.add_argument("--structures", type=int, default=6)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--output", type=Path, default=HERE / "out")
    parser.add_argument("--figure", type=Path, default=HERE.parent / "docs" / "theory.png")
    arguments = parser.parse_args()
    process.prepare()  # as in LAMMPS: one core, float64, freed memory is kept
    _one_arena()
    print(
        "| layers | error, edge form | error, hop rule | pairs | unfolded | force call (ms) | "
        "edge form | hop rule | unfolded |\n"
        "|---|---|---|---|---|---|---|---|---|"
    )
    results = []
    for layers in LAYERS:
        row = {"layers": layers, "errors": errors(layers, arguments.structures)}
        row |= times(layers, arguments.atoms, arguments.repeat)
        middle = {name: statistics.median(values) for name, values in row["milliseconds"].items()}
        row["cost"] = {name: middle[name] / middle["force"] for name in ROUTES}
        results.append(row)
        cells = (
            layers,
            *(f"{statistics.median(row['errors'][name]):.1e}" for name in ("edge", "hop")),
            *(row["pairs"][name] for name in ("folded", "unfolded")),
            f"{middle['force']:.1f}",
            *(f"{row['cost'][name]:.2f}" for name in ROUTES),
        )
        print(f"| {' | '.join(map(str, cells))} |", flush=True)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "theory_figure.json").write_text(json.dumps(results, indent=1))
    draw(results, arguments.figure)
    print(f"\nwritten: {arguments.figure}, {arguments.output / 'theory_figure.json'}")


if __name__ == "__main__":
    main()
