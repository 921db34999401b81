"""Do two expansions belong together as a defect and its bulk?"""

from collections import Counter

import numpy as np
from scipy.spatial import KDTree

from ..errors import AdfluxError
from .expansion import Taylor
from .model_record import difference
from .parameter_names import summary

CANDIDATES = 60  # translations that are tried
MATCHING = (
    0.1  # of the distance between neighbours: atoms of a crystal that a translation brings together
)
# of the distance between neighbours: no layers of a crystal are so far apart if the others are near
WIDE = 1.6
ALIKE = 1e-6


def check_pair(defect: Taylor, bulk: Taylor) -> list[str]:
    """Sentences of what is doubtful; an AdfluxError where the difference of the two would be no
    property of a defect.

    The two must have been relaxed with one potential, in equal units, with equal strains and
    pressures; the bulk must be periodic and without vacuum, have the defect's composition, and be
    the crystal of the two.
    """
    check_alike(defect, bulk)
    _check_composition(defect, bulk)
    _check_filled(defect, bulk)
    return _check_roles(defect, bulk)


def check_alike(one: Taylor, two: Taylor) -> None:
    """An error that says what differs in potential, parameters, units, strains, or pressures."""
    files = f"{one.source} and {two.source}"
    if len(one.names) != len(two.names) or (one.units and two.units and one.names != two.names):
        raise AdfluxError(
            f"{files} are expanded in different parameters, {summary(one.names)} and "
            f"{summary(two.names)}: expand both in the same (`--where`)."
        )
    apart = np.abs(one.parameters - two.parameters) > 1e-10 * np.abs(two.parameters)
    if apart.any():
        k = int(np.argmax(apart))
        raise AdfluxError(
            "The two structures must have been relaxed with the same potential and the same "
            f"parameters, but {one.names[k]} is {one.parameters[k]:.10g} "
            f"in {one.source} and {two.parameters[k]:.10g} in {two.source}."
        )
    if one.record and two.record:
        field = difference(one.record, two.record)
        if field is not None:
            raise AdfluxError(
                "The two structures must have been relaxed with the same potential, but its "
                f"{field} differs between {files}."
            )
    if one.units and two.units and one.units != two.units:
        raise AdfluxError(
            f"{one.source} is in LAMMPS' units {one.units}, {two.source} in {two.units}: relax "
            "both in the same."
        )
    if one.strains and two.strains and one.strains != two.strains:
        said = {"none": "none responds"}
        words = [said.get(part.strains or "", part.strains) for part in (one, two)]
        raise AdfluxError(
            f"The cells of {files} respond differently ({words[0]}; {words[1]}): relax both with "
            "the same --cell."
        )
    if one.loads is not None and two.loads is not None:
        scale = max(abs(part.energy) / part.volume for part in (one, two))
        if np.abs(one.loads - two.loads).max(initial=0.0) > ALIKE * scale:
            raise AdfluxError(
                f"The cells of {files} are held at different pressures, {np.mean(one.loads):.4g} "
                f"and {np.mean(two.loads):.4g} (energy per volume): "
                "relax both with the same --pressure."
            )


def _check_composition(defect: Taylor, bulk: Taylor) -> None:
    counts = [Counter(part.symbols) for part in (defect, bulk)]
    elements = sorted(set(counts[0]) | set(counts[1]))
    if any(counts[0][e] * len(bulk.ids) != counts[1][e] * len(defect.ids) for e in elements):
        words = [", ".join(f"{count[e]} {e}" for e in elements) for count in counts]
        raise AdfluxError(
            f"{defect.source} has {words[0]}, {bulk.source} {words[1]}: a formation energy is "
            "P(defect) - P(bulk) · N(defect) / N(bulk) only where the composition "
            "is equal; elsewhere it needs chemical potentials."
        )


def _check_filled(defect: Taylor, bulk: Taylor) -> None:
    """An error for a bulk with open boundaries or vacuum, or of another lattice."""
    swap = "the bulk is the second file, a crystal without surfaces"
    if not np.all(bulk.periodic):
        axes = ", ".join("xyz"[a] for a in range(3) if not bulk.periodic[a])
        raise AdfluxError(
            f"{bulk.source} is no bulk: its boundaries along {axes} are not periodic; {swap}."
        )
    near = neighbour_distance(bulk)
    for axis in range(3):
        width, next_width = _gaps(bulk, axis)
        # one layer that its images reach may be a crystal of layers
        one_layer = next_width < 0.05 * near and bulk.cutoff is not None
        alone = bulk.cutoff is not None and width > bulk.cutoff
        if alone or (width > WIDE * near and next_width < 0.6 * width and not one_layer):
            raise AdfluxError(
                f"{bulk.source} is no bulk: along its cell vector {axis + 1} it has {width:.4g} "
                f"of vacuum, where neighbours are {near:.4g} apart; {swap}."
            )
    atoms = len(defect.ids)
    spaces = [part.volume / len(part.ids) for part in (defect, bulk)]
    if spaces[1] > spaces[0] * (1.05 + 2.0 / atoms):
        raise AdfluxError(
            f"{bulk.source} is no bulk: an atom has a volume of {spaces[1]:.4g} there, and of "
            f"{spaces[0]:.4g} in {defect.source}; {swap}."
        )
    sites = defect.volume * len(bulk.ids) / bulk.volume
    fixed = defect.strains == "none" and np.all(defect.periodic) and sites < 1.3 * atoms
    if fixed and abs(sites - round(sites)) > max(0.02, 2e-5 * sites):
        raise AdfluxError(
            f"The cells of {defect.source} and {bulk.source} are fixed, but at different lattice "
            f"constants: {defect.source} has room for {sites:.4f} atoms of the "
            "bulk; make both cells of one lattice, or relax both (`--cell`)."
        )


def _check_roles(defect: Taylor, bulk: Taylor) -> list[str]:
    """Which is the crystal? By translations that bring it back to itself, and by the energy per
    atom.
    """
    value = defect.energy - bulk.energy * len(defect.ids) / len(bulk.ids)
    if abs(value) <= 1e-9 * abs(defect.energy):
        raise AdfluxError(
            f"{defect.source} and {bulk.source} have the same energy per atom: a defect and its "
            "bulk were needed, but these are one structure."
        )
    first, second = crystalline(defect), crystalline(bulk)
    swapped = (
        "Are the files swapped? `adflux propagate` takes the defect first: adflux propagate "
        f"{bulk.source} {defect.source}."
    )
    if first is not None and second is not None and first > second + 0.1:
        raise AdfluxError(
            f"{defect.source} is a perfect crystal, and {bulk.source} is not, but the defect "
            f"comes first and the bulk second. {swapped}"
        )
    if value > 0.0:
        return []
    found = f"At the present parameters the formation energy is negative ({value:.6g})"
    if (first is None or second is None or first >= second) and len(defect.ids) != len(bulk.ids):
        raise AdfluxError(
            f"{found}: the first structure has less energy per atom than the bulk. {swapped}"
        )
    return [f"{found}: the first structure has less energy than its bulk."]


def neighbour_distance(structure: Taylor) -> float:
    """The shortest distance between two atoms, or an atom and its image; infinite where there is
    none.
    """
    tree, sources = _images(structure)
    found = (
        tree.query(structure.positions, k=2)[0][:, 1] if len(sources) > 1 else np.array([np.inf])
    )
    return float(found.min())


def crystalline(structure: Taylor) -> float | None:
    """Share of translations from an atom to another of its kind, of the near ones, that bring the
    structure back to itself.

    None where no such translation can be tried: an atom is alone of its kind.
    """
    symbols = np.array(structure.symbols)
    kind = max(sorted(set(symbols)), key=lambda symbol: int((symbols == symbol).sum()))
    same = np.flatnonzero(symbols == kind)
    if len(same) < 2:
        return None
    steps = structure.positions[same[1:]] - structure.positions[same[0]]
    steps = steps[np.argsort(np.linalg.norm(_nearest(structure, steps), axis=1), kind="stable")][
        :CANDIDATES
    ]
    allowed = MATCHING * neighbour_distance(structure)
    scaled = structure.positions @ np.linalg.inv(structure.cell)
    count = 0
    for step in steps @ np.linalg.inv(structure.cell):
        count += all(
            _covers(structure, scaled[symbols == symbol], step, allowed)
            for symbol in sorted(set(structure.symbols))
        )
    return count / len(steps)


def _covers(structure: Taylor, scaled: np.ndarray, step: np.ndarray, allowed: float) -> bool:
    """Does every atom come to the place of another?"""
    tree = KDTree(_wrapped(scaled), boxsize=1.0)
    moved = _wrapped(scaled + step)
    nearest = tree.query(moved)[1]
    apart = _nearest(structure, (moved - scaled[nearest]) @ structure.cell)
    return bool(np.linalg.norm(apart, axis=1).max() <= allowed)


def _nearest(structure: Taylor, vectors: np.ndarray) -> np.ndarray:
    """The image of each vector in the cell around zero."""
    scaled = vectors @ np.linalg.inv(structure.cell)
    return (scaled - np.round(scaled) * np.asarray(structure.periodic, bool)) @ structure.cell


def _wrapped(scaled: np.ndarray) -> np.ndarray:
    wrapped = scaled - np.floor(scaled)
    return np.where(wrapped >= 1.0, 0.0, wrapped)


def _images(structure: Taylor) -> tuple[KDTree, np.ndarray]:
    """Atoms and their images in the cells around."""
    ranges = [(-1, 0, 1) if periodic else (0,) for periodic in structure.periodic]
    shifts = np.array(np.meshgrid(*ranges)).reshape(3, -1).T @ structure.cell
    places = (structure.positions[:, None] + shifts).reshape(-1, 3)
    return KDTree(places), places


def _gaps(structure: Taylor, axis: int) -> tuple[float, float]:
    """The two widest gaps between layers of atoms across a cell vector."""
    inverse = np.linalg.inv(structure.cell)
    height = 1.0 / np.linalg.norm(inverse[:, axis])
    places = np.sort(_wrapped((structure.positions @ inverse)[:, axis]))
    gaps = np.sort(np.diff(np.append(places, places[0] + 1.0)))[::-1] * height
    return float(gaps[0]), float(gaps[1]) if len(gaps) > 1 else 0.0
