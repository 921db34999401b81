"""The files in a folder that mlff wrote: JSON, and arrays in flax's msgpack."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import AdfluxError


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except OSError as error:
        raise AdfluxError(
            f"The file {path} cannot be read ({error.strerror}): give the folder that mlff wrote "
            "while it trained."
        ) from error
    except ValueError as error:
        raise AdfluxError(
            f"The file {path} is damaged, it is not JSON ({error}): copy it again."
        ) from error


def newest_checkpoint(folder: Path) -> Path:
    """The checkpoint_loss_<step> with the largest step, the one that flax's restore_checkpoint
    takes.
    """
    prefix = "checkpoint_loss_"
    steps = {path.name.removeprefix(prefix): path for path in folder.glob(f"{prefix}*")}
    steps = {int(step): path for step, path in steps.items() if step.isdecimal()}
    newest = steps[max(steps)] if steps else next(folder.glob("ckpt_*"), None)
    if newest is None:
        raise AdfluxError(
            f"{folder} has no file {prefix}<step>: give the folder that mlff wrote while it "
            "trained."
        )
    if newest.is_dir():
        raise AdfluxError(
            f"{newest} is a checkpoint of a newer mlff, a folder that orbax wrote, but a file "
            f"{prefix}<step> is needed: write "
            f"it with flax.training.checkpoints.save_checkpoint of {{'params': …}}, "
            f"prefix='{prefix}', and orbax switched off."
        )
    return newest


def read_msgpack(path: Path) -> Any:
    """What flax's msgpack_serialize wrote: nested dicts, arrays as extension 1 (scalars 3) of
    shape, dtype, bytes.
    """
    import msgpack

    def array(code, data):
        if code not in (1, 3):
            return None
        shape, name, content = msgpack.unpackb(data)
        return np.frombuffer(content, np.dtype(name)).reshape(shape)

    try:
        return msgpack.unpackb(path.read_bytes(), ext_hook=array, strict_map_key=False)
    except OSError as error:
        raise AdfluxError(f"The checkpoint {path} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise AdfluxError(
            f"The checkpoint {path} is damaged or not flax's msgpack ({error}): copy it again."
        ) from error


class Arrays:
    """The parameters of a checkpoint, each asked for by name and shape; none may be left over."""

    def __init__(self, path: Path):
        self.path = path
        tree = read_msgpack(path)
        # mlff keeps flax's collections `params` and `record` in the state's `params`
        for key in (
            "params",
            "params",
        ):
            tree = tree.get(key) if isinstance(tree, Mapping) else None
        if not isinstance(tree, Mapping):
            raise AdfluxError(
                f"{path} has no arrays under params/params: it is not a checkpoint of mlff's "
                "training."
            )
        self.arrays: dict[str, Any] = {}
        self._flatten("", tree)

    def _flatten(self, prefix: str, tree: Mapping) -> None:
        for key, value in tree.items():
            if isinstance(value, Mapping):
                self._flatten(f"{prefix}{key}/", value)
            else:
                self.arrays[f"{prefix}{key}"] = value

    def take(self, name: str, *shape: int) -> np.ndarray:
        if name not in self.arrays:
            raise AdfluxError(
                f"{self.path} has no array {name}, which hyperparameters.json asks for: the two "
                "do not belong together."
            )
        array = self.arrays.pop(name)
        if np.shape(array) != shape:
            raise AdfluxError(
                f"{self.path}: the array {name} has shape {np.shape(array)}, but "
                f"hyperparameters.json gives {shape}: the "
                "two do not belong together."
            )
        try:
            array = np.asarray(array).astype(np.float64)
        except (TypeError, ValueError):
            array = np.full(shape, np.nan)
        if not np.isfinite(array).all():
            raise AdfluxError(
                f"{self.path}: the array {name} must hold finite numbers: take another checkpoint."
            )
        return array

    def perceptron(
        self, name: str, width: int, features, heads: tuple[int, ...] = ()
    ) -> tuple[dict, ...]:
        """Dense layers; mlff's filters have a leading axis of length one (heads), which
        is dropped.
        """
        layers = []
        for number, size in enumerate(features):
            kernel = self.take(f"{name}/layers_{number}/kernel", *heads, width, size)
            bias = self.take(f"{name}/layers_{number}/bias", *heads, size)
            layers.append({"kernel": kernel.reshape(width, size), "bias": bias.reshape(size)})
            width = size
        return tuple(layers)

    def refuse_the_rest(self) -> None:
        if self.arrays:
            raise AdfluxError(
                f"{self.path} holds the array {min(self.arrays)}, which a network with these "
                "hyperparameters does not "
                f"have: it is of another network."
            )
