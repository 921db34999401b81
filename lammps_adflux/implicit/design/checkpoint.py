"""The file of a design: what it takes to go on, and beside it a log that people read."""

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ...errors import AdfluxError
from ...paths import whole_file
from ..expansion_files import UNREADABLE
from .setups import Place, Setup, State

VERSION = 1


def log_of(path: Path) -> Path:
    """The log beside a checkpoint."""
    return path.with_suffix(".json")


def write(
    path: Path,
    names: tuple[str, ...],
    vectors: list[np.ndarray],
    history: list[dict[str, Any]],
    memory,
    setups: dict[str, Setup],
    states: dict[str, State],
) -> None:
    """The accepted steps so far; complete or not at all."""
    arrays: dict[str, Any] = {
        "version": np.asarray(VERSION),
        "names": np.asarray(names),
        "vectors": np.stack(vectors),
        "history": np.asarray(json.dumps(history)),
        "setups": np.asarray(list(setups)),
    }
    for number, leaf in enumerate(jax.tree.leaves(memory)):
        arrays[f"memory {number}"] = np.asarray(leaf)
    for name, state in states.items():
        arrays[f"positions {name}"] = state.structure.positions
        arrays[f"cell {name}"] = state.structure.cell
        arrays[f"origin {name}"] = state.origin
        arrays[f"first cell {name}"] = setups[name].first_cell
        arrays[f"near {name}"] = np.asarray(setups[name].near)
    try:
        with whole_file(path) as partial, open(partial, "wb") as file:
            np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]
        with whole_file(log_of(path)) as partial:
            partial.write_text(json.dumps(history, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise AdfluxError(f"The checkpoint {path} cannot be written: {error.strerror}.") from error


class Checkpoint:
    """What `write` wrote."""

    def __init__(self, path: Path):
        try:
            with open(path, "rb") as file, np.load(file) as archive:
                self._arrays = {name: archive[name] for name in archive.files}
            self.names = tuple(self._arrays["names"].tolist())
            self.setups = tuple(self._arrays["setups"].tolist())
            self.vectors = list(np.asarray(self._arrays["vectors"], float))
            self.history = json.loads(str(self._arrays["history"]))
            if int(self._arrays["version"]) != VERSION or len(self.history) != len(self.vectors):
                raise ValueError("another version")
        except UNREADABLE as error:
            raise AdfluxError(
                f"{path} is not a checkpoint of a design: name another file, or remove it."
            ) from error

    def check(self, path: Path, names: tuple[str, ...], start, setups: dict[str, Setup]) -> None:
        """An error where it belongs to another design."""
        if self.names != names or self.setups != tuple(setups):
            raise AdfluxError(
                f"{path} is the checkpoint of another design, with {len(self.names)} parameters "
                f"and the set-ups {', '.join(self.setups)}: name another file, or remove it."
            )
        if not np.allclose(self.vectors[0], start, rtol=1e-10, atol=1e-300):
            raise AdfluxError(
                f"{path} is the checkpoint of a design that started from other parameters: name "
                "another file, or remove it."
            )

    def memory(self, like):
        """The optimiser's state, in the form of `like`."""
        leaves, structure = jax.tree.flatten(like)
        stored = [self._arrays.get(f"memory {n}") for n in range(len(leaves))]
        if any(
            found is None or found.shape != np.shape(leaf)
            for found, leaf in zip(stored, leaves, strict=True)
        ):
            raise AdfluxError(
                "The checkpoint is of another optimizer: give the same one, or name another file."
            )
        return jax.tree.unflatten(
            structure,
            [
                jax.numpy.asarray(found, getattr(leaf, "dtype", None))
                for found, leaf in zip(stored, leaves, strict=True)
            ],
        )

    def places(self) -> dict[str, tuple[Place, np.ndarray, float]]:
        """Where each set-up was, its first cell, and its shortest distance at the start."""
        a = self._arrays
        return {
            name: (
                Place(a[f"positions {name}"], a[f"cell {name}"], a[f"origin {name}"]),
                a[f"first cell {name}"],
                float(a[f"near {name}"]),
            )
            for name in self.setups
        }
