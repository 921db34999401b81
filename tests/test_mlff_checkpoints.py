"""Checkpoint folders of mlff: what is read from them, and what is refused in one sentence."""

import json

import jax
import msgpack
import numpy as np
import pytest
from comparing import relative_error
from mlff_folders import write_arrays, write_checkpoint
from systems import random_crystal

from lammps_adflux import (
    AdfluxError,
    So3krates,
    graph_from_atoms,
)

PAIR = ("Sn", "Se")
ROUNDING = 1e-11  # relative, of sums of some thousand terms


@pytest.fixture
def crystal():
    return random_crystal(7, volume_per_atom=11.0, elements=PAIR, seed=3)


def test_scale_and_shift_are_those_of_mlff(tmp_path, crystal):
    """U = scale (per_atom_scale e + per_atom_shift), then the shift of scales.json where it is
    asked for.
    """
    write_checkpoint(tmp_path)
    plain = So3krates.from_mlff(tmp_path, PAIR)
    graph, numbers, evaluate = (
        graph_from_atoms(crystal, plain),
        crystal.numbers,
        jax.jit(lambda p, g: p(g)),
    )
    energies = np.asarray(evaluate(plain, graph)) / 0.3
    own = dict(
        per_atom_scale=[1 + z / 100 for z in range(60)], per_atom_shift=[-z / 10 for z in range(60)]
    )
    write_checkpoint(tmp_path, energy=own)
    expected = 0.3 * ((1 + numbers / 100) * energies - numbers / 10)
    assert relative_error(evaluate(So3krates.from_mlff(tmp_path, PAIR), graph), expected) < ROUNDING
    shifted = So3krates.from_mlff(tmp_path, PAIR, add_shift=True)
    assert relative_error(evaluate(shifted, graph), expected + 0.1 * numbers) < ROUNDING


def test_the_order_of_elements_is_the_callers(tmp_path, crystal):
    write_checkpoint(tmp_path)
    one, two = So3krates.from_mlff(tmp_path, PAIR), So3krates.from_mlff(tmp_path, ("Se", "H", "Sn"))
    evaluate = jax.jit(lambda p, g: p(g))
    ours, theirs = (evaluate(p, graph_from_atoms(crystal, p)) for p in (one, two))
    assert relative_error(ours, np.asarray(theirs)) < ROUNDING


def test_the_largest_step_and_its_params_are_read(tmp_path):
    """Not the order of names, where 95 comes last; not valid_params; not the best checkpoint of
    another metric.
    """
    _, params = write_checkpoint(tmp_path)
    other = jax.tree.map(np.zeros_like, params)
    write_arrays(tmp_path / "checkpoint_loss_95", other)
    write_arrays(tmp_path / "checkpoint_force_999", other)
    write_arrays(tmp_path / "checkpoint_loss_tmp", other)
    write_arrays(tmp_path / "checkpoint_loss_1000", params, other=other)
    assert np.any(So3krates.from_mlff(tmp_path, PAIR).parameters["embedding"])


def edited(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


REFUSED = {  # hyperparameters as they are written, and the message
    "bins": (
        dict(geometry=dict(radial_basis_function="bins")),
        "radial_basis_function = bins is not implemented, phys",
    ),
    "cutoff": (
        dict(geometry=dict(radial_cutoff_fn="polynomial_cutoff_fn")),
        "radial_cutoff_fn = polynomial_cutoff_fn",
    ),
    "no sphc": (dict(geometry=dict(sphc=False)), "sphc = false, but only true"),
    "radius": (dict(geometry=dict(r_cut=-1.0)), "r_cut must be positive"),
    "normalisation": (
        dict(geometry=dict(sphc_normalization=0.0)),
        "sphc_normalization must be positive",
    ),
    "unknown": (
        dict(geometry=dict(long_range=1)),
        "geometry_embed has long_range, which is unknown here",
    ),
    "n_rbf": (dict(geometry=dict(n_rbf=2.5)), "n_rbf must be a positive integer"),
    "degrees": (
        dict(degrees=[2, 1]),
        "degrees must be a list of numbers 0, 1, … that do not decrease",
    ),
    "other degrees": (
        dict(layer=dict(degrees=[1])),
        "a layer has degrees \\[1\\], but geometry_embed has",
    ),
    "non-local": (
        dict(layer=dict(non_local_feature=True)),
        "non_local_feature = true, but only false",
    ),
    "non-local sphc": (
        dict(layer=dict(non_local_sphc=True)),
        "non_local_sphc = true, but only false",
    ),
    "chi_cut": (dict(layer=dict(chi_cut=3.0)), "chi_cut = 3.0, but only null"),
    "chi_cut_dynamic": (
        dict(layer=dict(chi_cut_dynamic=True)),
        "chi_cut_dynamic = true, but only false",
    ),
    "neighbourhood": (
        dict(layer=dict(neighborhood_normalization=True)),
        "neighborhood_normalization = true",
    ),
    "filter": (
        dict(layer=dict(fb_filter="other")),
        "fb_filter = other is not implemented, radial_spherical, radial are",
    ),
    "heads": (dict(layer=dict(n_heads=5)), "n_heads must divide the 12 features, but is 5"),
    "filter width": (
        dict(layer=dict(fb_rad_filter_features=[12, 7])),
        "must be numbers that end with the 12 features",
    ),
    "zbl": (
        dict(energy=dict(zbl_repulsion=True)),
        "energy has zbl_repulsion = true, but only false is implemented",
    ),
    "scale": (
        dict(energy=dict(per_atom_scale=[1.0])),
        "per_atom_scale must be a list with an entry for Sn",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_implemented_is_refused_by_name(tmp_path, case):
    options, message = REFUSED[case]
    if case in ("filter", "heads", "degrees", "n_rbf"):  # such arrays cannot exist
        write_checkpoint(tmp_path)
        part = "so3krates_layer" if "layer" in options else "geometry_embed"
        kind = "layers" if "layer" in options else "geometry_embeddings"
        new = options.get("layer") or options.get("geometry") or {"degrees": options.get("degrees")}
        edited(
            tmp_path / "hyperparameters.json", lambda h: h["stack_net"][kind][0][part].update(new)
        )
    else:
        write_checkpoint(tmp_path, **options)
    with pytest.raises(AdfluxError, match=message) as caught:
        So3krates.from_mlff(tmp_path, PAIR)
    assert "\n" not in str(caught.value)


def network_change(change):
    return lambda folder: edited(folder / "hyperparameters.json", lambda h: change(h["stack_net"]))


def array_change(change):
    def damage(folder):
        _, params = write_checkpoint(folder)
        change(params)
        write_arrays(folder / "checkpoint_loss_120", params)

    return damage


def orbax(folder):
    (folder / "checkpoint_loss_120").unlink()
    (folder / "ckpt_7").mkdir()


def not_finite(params):
    params["observables_0"]["MLP_0"]["layers_1"]["bias"][:] = np.nan


DAMAGED = {
    "no hyperparameters": (
        lambda f: (f / "hyperparameters.json").unlink(),
        "hyperparameters.json cannot be read",
    ),
    "no scales": (
        lambda f: (f / "scales.json").unlink(),
        "scales.json cannot be read .* give the folder that mlff wrote",
    ),
    "no checkpoint": (
        lambda f: (f / "checkpoint_loss_120").unlink(),
        "has no file checkpoint_loss_<step>",
    ),
    "orbax": (orbax, "ckpt_7 is a checkpoint of a newer mlff, a folder that orbax wrote"),
    "not JSON": (
        lambda f: (f / "scales.json").write_text("{"),
        "scales.json is damaged, it is not JSON",
    ),
    "empty scales": (lambda f: (f / "scales.json").write_text("{}"), "has no entry energy"),
    "word for scale": (
        lambda f: edited(f / "scales.json", lambda s: s["energy"].update(scale="x")),
        "scale must be a finite",
    ),
    "truncated": (
        lambda f: (f / "checkpoint_loss_120").write_bytes(
            (f / "checkpoint_loss_120").read_bytes()[:-9]
        ),
        "checkpoint_loss_120 is damaged or not flax's msgpack",
    ),
    "not msgpack": (
        lambda f: (f / "checkpoint_loss_120").write_bytes(b"\xc1 hello"),
        "damaged or not flax's msgpack",
    ),
    "other msgpack": (
        lambda f: (f / "checkpoint_loss_120").write_bytes(msgpack.packb([1])),
        "no arrays under params/params",
    ),
    "missing array": (
        array_change(lambda p: p["layers_1"].pop("InteractionBlock_0")),
        "no array layers_1/InteractionBlock_0/MLP_0/layers_0/kernel",
    ),
    "shape": (
        array_change(
            lambda p: p["feature_embeddings_0"]["Embed_0"].update(embedding=np.zeros((60, 3)))
        ),
        r"Embed_0/embedding has shape \(60, 3\), but hyperparameters.json gives \(60, 12\)",
    ),
    "left over": (
        array_change(lambda p: p["layers_0"].update(Dense_9={"kernel": np.zeros(3)})),
        "holds the array layers_0/Dense_9/kernel, which a network with these hyperparameters does "
        "not have",
    ),
    "not finite": (
        array_change(not_finite),
        "observables_0/MLP_0/layers_1/bias must hold finite numbers",
    ),
    "no layers": (
        network_change(lambda n: n.update(layers=[])),
        "layers must be a list of modules, one or more",
    ),
    "no observables": (network_change(lambda n: n.pop("observables")), "has no entry observables"),
    "other layer": (
        network_change(lambda n: n.update(layers=[{"so3kratace_layer": {}}])),
        "layers must be so3krates_layer, but so3kratace_layer was found",
    ),
    "more observables": (
        network_change(lambda n: n.update(observables=n["observables"] * 2)),
        "one energy in observables is implemented, but 2 were found",
    ),
    "other observable": (
        network_change(lambda n: n.update(observables=[{"dipole": {}}])),
        "but dipole was found",
    ),
    "other embedding": (
        network_change(lambda n: n.update(feature_embeddings=[{"one_hot_embed": {}}])),
        "feature_embeddings must be atom_type_embed, but one_hot_embed was found",
    ),
    "no features": (
        network_change(lambda n: n["feature_embeddings"][0]["atom_type_embed"].pop("features")),
        "atom_type_embed has no features",
    ),
    "no cutoff": (
        network_change(lambda n: n["geometry_embeddings"][0]["geometry_embed"].pop("r_cut")),
        "geometry_embed has no r_cut",
    ),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_folder_is_one_sentence(tmp_path, case):
    damage, message = DAMAGED[case]
    write_checkpoint(tmp_path)
    damage(tmp_path)
    with pytest.raises(AdfluxError, match=message) as caught:
        So3krates.from_mlff(tmp_path, PAIR)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("elements", "message"),
    (
        (("Sn", "Au"), "atomic numbers 1 to 59, but Au was asked for"),
        (("Sn", "Q"), "but Q was asked for"),
        (("Sn", "Sn"), "different names"),
    ),
)
def test_elements_that_the_model_cannot_know_are_refused(tmp_path, elements, message):
    write_checkpoint(tmp_path)
    with pytest.raises(AdfluxError, match=message):
        So3krates.from_mlff(tmp_path, elements)


def test_a_shift_that_does_not_reach_an_element_is_refused(tmp_path):
    write_checkpoint(tmp_path)
    edited(tmp_path / "scales.json", lambda s: s["energy"].update(per_atom_shift=[0.0] * 40))
    So3krates.from_mlff(tmp_path, PAIR)
    with pytest.raises(AdfluxError, match="per_atom_shift must be a list with an entry for Sn"):
        So3krates.from_mlff(tmp_path, PAIR, add_shift=True)
