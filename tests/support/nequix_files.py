"""Files like those of nequix, with random arrays."""

import json
from pathlib import Path

import numpy as np

SETTINGS = {
    "atomic_numbers": [8, 14, 32],
    "avg_n_neighbors": 7.3,
    "cutoff": 3.2,
    "hidden_irreps": "4x0e + 3x1o + 2x2e",
    "index_weights": False,
    "layer_norm": True,
    "lmax": 2,
    "n_layers": 2,
    "radial_basis_size": 4,
    "radial_mlp_layers": 2,
    "radial_mlp_size": 6,
    "radial_polynomial_p": 6.0,
    "scale": 0.8,
    "shift": -4.3,
}
# channels that linear_2 takes for each degree, by the selection rules
SPREAD = {"first": (3, 3, 3), "last": (4 + 3 + 2,)}


def write_nqx(path: Path, seed: int = 0, **changes) -> Path:
    """A file of nequix, whose first line has the settings with the given changes."""
    random = np.random.default_rng(seed)
    settings = SETTINGS | changes
    species = len(settings["atomic_numbers"])
    hidden, sizes = (4, 3, 2), (4, 6, 6)

    def layer(inputs, spread, outputs):
        gated = (outputs[0] + sum(outputs[1:]), *outputs[1:])
        indexed = (species,) if settings["index_weights"] else ()
        shapes = [(4, 6), (6, 6), (sizes[-1], sum(spread))]
        shapes += [(a, a) for a in inputs]
        shapes += list(zip(spread, gated, strict=True))
        shapes += [(*indexed, a, b) for a, b in zip(inputs, gated, strict=False)]
        return shapes + [(a,) for a in gated] * settings["layer_norm"]

    shapes = [(species,)]
    shapes += layer((species,), SPREAD["first"], hidden)
    shapes += layer(hidden, SPREAD["last"], hidden[:1])
    shapes += [(hidden[0], 1)]
    with path.open("wb") as file:
        file.write((json.dumps(settings) + "\n").encode())
        for shape in shapes:
            np.save(file, random.normal(size=shape).astype(np.float32))
    return path
