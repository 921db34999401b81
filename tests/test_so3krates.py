"""So3krates as mlff trains it: its energies, its checkpoints, and the heat flux of several layers."""

import json
from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import msgpack
import numpy as np
import pytest
from reference import pairs_by_force, real_harmonics, so3krates_energies, unfolded_flux
from scipy.spatial.transform import Rotation
from systems import cluster, random_crystal, velocities

from lammps_adflux import (
    AdfluxError,
    So3krates,
    atomic_virials,
    energy_forces_virial,
    export,
    graph_from_atoms,
    heat_flux,
    load,
)
from lammps_adflux.flux import hop_flux
from lammps_adflux.graph import pad
from lammps_adflux.potentials.spherical_harmonics import spherical_harmonics

SNSE = Path(__file__).parents[2] / "shared/data/snse_so3krates"
PAIR = ("Sn", "Se")
ROUNDING = 1e-11  # relative, of sums of some thousand terms
VARIANTS = {
    "two layers": {},
    "three layers": dict(layers=3, degrees=[1, 2], features=8, n_rbf=3, layer=dict(n_heads=4)),
    "degree zero": dict(degrees=[0, 1, 2]),
    "one high degree": dict(degrees=[4], geometry=dict(radial_cutoff_fn="phys_cutoff_fn")),
    "degrees apart": dict(degrees=[2, 5, 6]),
    "bernstein": dict(geometry=dict(radial_basis_function="bernstein", radial_cutoff_fn="exponential_cutoff_fn")),
    "bessel": dict(geometry=dict(radial_basis_function="bessel", radial_cutoff_fn="dimenet_cutoff_fn")),
    "rbf": dict(geometry=dict(radial_basis_function="rbf")),
    "neighbourhood at the start": dict(layers=1, geometry=dict(sphc_normalization=5.3)),
    "filters": dict(layer=dict(gb_filter="radial", fb_rad_filter_features=[12], fb_sph_filter_features=[3, 4, 12])),
    "layer normalisation": dict(layer=dict(layer_normalization=True, final_layer=True)),
    "residual after": dict(layer=dict(residual_mlp_2=True)),
    "residual twice": dict(layer=dict(residual_mlp_1=True, residual_mlp_2=True)),
    "two embeddings": dict(embeddings=2),
}


def write_checkpoint(
    folder,
    *,
    layers=2,
    degrees=(1, 2, 3),
    features=12,
    n_rbf=5,
    embeddings=1,
    geometry=None,
    layer=None,
    energy=None,
    seed=0,
):
    """A folder like one of mlff's, with random arrays of order one; its hyperparameters and arrays."""
    random, F, L = np.random.default_rng(seed), features, len(degrees)
    degrees = list(degrees)
    h = {key: [F, F] for key in ("fb_rad_filter_features", "gb_rad_filter_features")}
    h |= {key: [F // 4, F] for key in ("fb_sph_filter_features", "gb_sph_filter_features")}
    h |= dict(degrees=degrees, fb_filter="radial_spherical", gb_filter="radial_spherical", n_heads=2)
    h |= dict(residual_mlp_1=False, residual_mlp_2=False, layer_normalization=False, final_layer=False)
    h |= layer or {}
    g = dict(degrees=degrees, radial_basis_function="phys", n_rbf=n_rbf, radial_cutoff_fn="cosine_cutoff_fn")
    g |= dict(r_cut=3.1, sphc=True, sphc_normalization=None, mic=True, prop_keys={}) | (geometry or {})
    network = {
        "geometry_embeddings": [{"geometry_embed": g}],
        "feature_embeddings": [{"atom_type_embed": {"num_embeddings": 60, "features": F}}] * embeddings,
        "layers": [{"so3krates_layer": h}] * layers,
        "observables": [{"energy": {"per_atom_scale": None, "per_atom_shift": None} | (energy or {})}],
    }

    def array(*shape):
        return (random.normal(size=shape) / np.sqrt(shape[-2] if len(shape) > 1 else 4)).astype(np.float32)

    def dense(*sizes, lead=()):
        return {
            f"layers_{n}": {"kernel": array(*lead, a, b), "bias": array(*lead, b)}
            for n, (a, b) in enumerate(pairwise(sizes))
        }

    def block(short, heads, extra):
        filters = {"VmapMLP_0": dense(n_rbf, *h[f"{short}_rad_filter_features"], lead=(1,))}
        if h[f"{short}_filter"] == "radial_spherical":
            filters["VmapMLP_1"] = dense(L, *h[f"{short}_sph_filter_features"], lead=(1,))
        maps = {f"Dense_{n}": {"kernel": array(heads, F // heads, F // heads)} for n in range(2)}
        return {"filter_fn": filters, "attention_fn": {"VmapConvAttentionCoefficients_0": maps} | extra}

    params = {f"feature_embeddings_{n}": {"Embed_0": {"embedding": array(60, F) * 4}} for n in range(embeddings)}
    for n in range(layers):
        values = {"Dense_0": {"kernel": array(h["n_heads"], F // h["n_heads"], F // h["n_heads"])}}
        params[f"layers_{n}"] = {
            "FeatureBlock_0": block("fb", h["n_heads"], {"VmapAttentionAggregation_0": values}),
            "GeometricBlock_0": block("gb", L, {}),
            "InteractionBlock_0": {"MLP_0": dense(F + L, F + L)},
        }
        for k in range(2 + h["final_layer"] if h["layer_normalization"] else 0):
            params[f"layers_{n}"][f"LayerNorm_{k}"] = {"scale": array(F), "bias": array(F)}
        for k in range(h["residual_mlp_1"] + h["residual_mlp_2"]):
            inner = {f"layers_{m}": {"kernel": array(F, F)} for m in range(2)}
            params[f"layers_{n}"][f"ResidualMLP_{k}"] = {"Residual_0": inner, "Dense_0": {"kernel": array(F, F)}}
    params["observables_0"] = {"MLP_0": dense(F, F, 1)}
    if g["radial_basis_function"] == "rbf":
        params["geometry_embeddings_0"] = {
            "rbf_fn": {"centers": 3 * np.abs(array(n_rbf)), "widths": 1 + array(n_rbf) ** 2}
        }
    folder.mkdir(exist_ok=True)
    (folder / "hyperparameters.json").write_text(json.dumps({"stack_net": network | {"n_layers": layers}}))
    scales = {"scale": 0.3, "per_atom_shift": [0.1 * z for z in range(60)]}
    (folder / "scales.json").write_text(json.dumps({"energy": scales}))
    write_arrays(folder / "checkpoint_loss_120", params)
    return network, params


def write_arrays(path, params, other=None):
    """What flax's msgpack_serialize writes; `other` stands where training keeps its averaged parameters."""

    def extension(x):
        return msgpack.ExtType(1, msgpack.packb((x.shape, x.dtype.name, x.tobytes())))

    record = {"chi_in": np.zeros((3, 2), np.float32)}
    state = {"step": 120, "params": {"params": params, "record": record}, "opt_state": {"0": None}}
    state["valid_params"] = {"params": other or params, "record": record}
    path.write_bytes(msgpack.packb(state, default=extension))


@pytest.fixture
def crystal():
    return random_crystal(7, volume_per_atom=11.0, elements=PAIR, seed=3)


def relative(ours, reference) -> float:
    return float(np.abs(np.asarray(ours) - reference).max() / np.abs(reference).max())


@pytest.mark.skipif(not SNSE.exists(), reason="../shared/data/snse_so3krates is absent")
def test_tin_selenide_equals_glp_with_mlff():
    import ase

    data = np.load(SNSE / "reference.npz")
    atoms = ase.Atoms(numbers=data["numbers"], positions=data["positions"], cell=data["cell"], pbc=True)
    potential = So3krates.from_mlff(SNSE / "model_m1", PAIR)
    assert (potential.hops, potential.cutoff, potential.degrees) == (1, 5.0, (1, 2, 3))
    graph, v = graph_from_atoms(atoms, potential), data["velocities_A_per_ps"]
    result = energy_forces_virial(potential, graph)
    by_edges, by_hops = heat_flux(potential, graph, v), jax.jit(hop_flux)(potential, graph, v)
    for ours, theirs in (
        (result.energies, "per_atom_energies"),
        (result.energy, "energy"),
        (result.forces, "forces"),
        (-result.virial, "dU_dstrain"),
        (by_edges, "heat_flux_potential_unfolded"),
        (by_hops, "heat_flux_potential_unfolded"),
        (by_edges, "heat_flux_potential_hardy"),
    ):
        assert relative(ours, data[f"{theirs}_p64"]) < 1e-10, theirs


@pytest.mark.parametrize("variant", VARIANTS)
def test_energies_equal_a_slow_forward_pass(tmp_path, crystal, variant):
    network, params = write_checkpoint(tmp_path, **VARIANTS[variant])
    potential = So3krates.from_mlff(tmp_path, PAIR)
    ours = jax.jit(lambda p, g: p(g))(potential, graph_from_atoms(crystal, potential))
    centers, others, images = pairs_by_force(crystal.positions, crystal.cell.array, crystal.pbc, potential.cutoff)
    vectors = crystal.positions[others] - crystal.positions[centers] + images @ crystal.cell.array
    params = jax.tree.map(np.float64, params)
    slow = so3krates_energies(params, network, crystal.numbers, centers, others, vectors)
    assert relative(ours, 0.3 * slow) < ROUNDING


@pytest.mark.parametrize("variant", ("three layers", "neighbourhood at the start"))
def test_flux_equals_the_unfolded_one(tmp_path, variant):
    write_checkpoint(tmp_path, **VARIANTS[variant])
    potential = So3krates.from_mlff(tmp_path, PAIR)
    crystal = random_crystal(5, volume_per_atom=11.0, elements=PAIR)
    graph, v = graph_from_atoms(crystal, potential), velocities(crystal)
    unfolded = unfolded_flux(crystal, potential, v)
    assert relative(heat_flux(potential, graph, v), unfolded) < ROUNDING
    if potential.hops == 2:  # the slowest to compile: one depth is enough
        assert relative(np.einsum("iab,ib->a", atomic_virials(potential, graph), v), unfolded) < ROUNDING


@pytest.mark.parametrize("variant", ("two layers", "neighbourhood at the start"))
def test_energy_reaches_as_far_as_the_hops_and_no_farther(tmp_path, variant):
    """A bent chain with one atom per cutoff: U_0 feels the atom `hops` away, and not the next."""
    write_checkpoint(tmp_path, **VARIANTS[variant])
    potential = So3krates.from_mlff(tmp_path, PAIR)
    chain = cluster(6, elements=PAIR)
    chain.positions = np.cumsum(np.random.default_rng(2).normal([2.5, 0, 0], [0.05, 0.4, 0.4], (6, 3)), axis=0)
    graph = graph_from_atoms(chain, potential)

    def first(positions):
        vectors = positions[graph.others] - positions[graph.centers]
        moved = type(graph)(vectors, graph.centers, graph.others, graph.species, graph.mask, graph.owned)
        return potential(moved)[0]

    felt = np.abs(jax.jit(jax.grad(first))(jnp.asarray(chain.positions))).max(axis=1)
    assert np.all(felt[: potential.hops + 1] > 0) and not np.any(felt[potential.hops + 1 :])


def test_rotation_and_permutation(tmp_path, crystal):
    write_checkpoint(tmp_path, degrees=[1, 2, 3, 6])
    potential = So3krates.from_mlff(tmp_path, PAIR)
    base = energy_forces_virial(potential, graph_from_atoms(crystal, potential))
    rotation, order = Rotation.from_rotvec([1.0, 0.2, -0.4]).as_matrix(), np.random.default_rng(1).permutation(7)
    turned = crystal[order]
    turned.set_cell(crystal.cell.array @ rotation.T, scale_atoms=True)
    result = energy_forces_virial(potential, graph_from_atoms(turned, potential))
    assert relative(result.energies, np.asarray(base.energies)[order]) < ROUNDING
    assert relative(result.forces, np.asarray(base.forces)[order] @ rotation.T) < ROUNDING


def test_harmonics_equal_scipy_and_are_orthonormal():
    degrees = (0, 1, 2, 3, 4, 5, 6)
    directions = np.random.default_rng(0).normal(size=(20, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    slow = [np.concatenate([real_harmonics(degree, d) for degree in degrees]) for d in directions]
    assert relative(spherical_harmonics(jnp.asarray(directions), degrees), np.array(slow)) < 1e-13
    z, weights = np.polynomial.legendre.leggauss(8)  # exact up to degree 15 in z, and 14 in the angle
    angle = np.arange(15) * 2 * np.pi / 15
    x, y = np.sqrt(1 - z**2)[:, None] * np.cos(angle), np.sqrt(1 - z**2)[:, None] * np.sin(angle)
    points = np.stack([x, y, np.broadcast_to(z[:, None], x.shape)], axis=-1).reshape(-1, 3)
    values = np.asarray(spherical_harmonics(jnp.asarray(points), degrees))
    product = values.T @ (np.repeat(weights, 15)[:, None] * values) * 2 * np.pi / 15
    assert np.abs(product - np.eye(49)).max() < 1e-13


@pytest.mark.parametrize("variant", ("two layers", "bernstein", "neighbourhood at the start"))
def test_padding_lonely_atoms_and_float32_do_no_harm(tmp_path, variant):
    write_checkpoint(tmp_path, **VARIANTS[variant] | dict(layers=2 if variant == "two layers" else 1))
    atoms = cluster(6, elements=PAIR)
    atoms.positions[3] += [90.0, 0.0, 0.0]
    potential = So3krates.from_mlff(tmp_path, PAIR)
    double = energy_forces_virial(potential, graph_from_atoms(atoms, potential))
    assert not np.any(double.forces[3])
    single = So3krates.from_mlff(tmp_path, PAIR, dtype=np.float32)
    graph = graph_from_atoms(atoms, single, dtype=np.float32)
    padded = pad(graph, len(graph.centers) + 9, len(atoms) + 3, single.cutoff)
    result = energy_forces_virial(single, padded)
    assert result.forces.dtype == np.float32 and not np.any(result.forces[len(atoms) :])
    # hundreds of roundings of 6e-8, amplified by cancellation
    assert relative(result.energies[: len(atoms)], np.asarray(double.energies)) < 1e-4
    assert relative(result.forces[: len(atoms)], np.asarray(double.forces)) < 1e-3
    if variant == "two layers":
        assert np.isfinite(heat_flux(single, padded, np.ones((9, 3), np.float32))).all()
        gradient = jax.jit(jax.grad(lambda p: jnp.sum(p(padded))))(single)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


@pytest.mark.parametrize("variant", ("two layers", "rbf"))
def test_a_model_file_gives_it_back(tmp_path, crystal, variant):
    write_checkpoint(tmp_path / "mlff", **VARIANTS[variant])
    potential = So3krates.from_mlff(tmp_path / "mlff", PAIR)
    export(potential, tmp_path / "model.pkl")
    again = load(tmp_path / "model.pkl")
    assert jax.tree.structure(again) == jax.tree.structure(potential)
    graph, energies = graph_from_atoms(crystal, potential), jax.jit(lambda p, g: p(g))
    assert np.array_equal(energies(potential, graph), energies(again, graph)) and energies._cache_size() == 1


def test_new_weights_do_not_compile_again(tmp_path, crystal):
    compiled = 0

    @jax.jit
    def energy(potential, graph):
        nonlocal compiled
        compiled += 1
        return potential(graph)

    for seed in (0, 1):
        write_checkpoint(tmp_path / str(seed), seed=seed)
        potential = So3krates.from_mlff(tmp_path / str(seed), PAIR)
        energy(potential, graph_from_atoms(crystal, potential))
    assert compiled == 1


def test_scale_and_shift_are_those_of_mlff(tmp_path, crystal):
    """U = scale (per_atom_scale e + per_atom_shift), then the shift of scales.json where it is asked for."""
    write_checkpoint(tmp_path)
    plain = So3krates.from_mlff(tmp_path, PAIR)
    graph, numbers, evaluate = graph_from_atoms(crystal, plain), crystal.numbers, jax.jit(lambda p, g: p(g))
    energies = np.asarray(evaluate(plain, graph)) / 0.3
    own = dict(per_atom_scale=[1 + z / 100 for z in range(60)], per_atom_shift=[-z / 10 for z in range(60)])
    write_checkpoint(tmp_path, energy=own)
    expected = 0.3 * ((1 + numbers / 100) * energies - numbers / 10)
    assert relative(evaluate(So3krates.from_mlff(tmp_path, PAIR), graph), expected) < ROUNDING
    shifted = So3krates.from_mlff(tmp_path, PAIR, add_shift=True)
    assert relative(evaluate(shifted, graph), expected + 0.1 * numbers) < ROUNDING


def test_the_order_of_elements_is_the_callers(tmp_path, crystal):
    write_checkpoint(tmp_path)
    one, two = So3krates.from_mlff(tmp_path, PAIR), So3krates.from_mlff(tmp_path, ("Se", "H", "Sn"))
    evaluate = jax.jit(lambda p, g: p(g))
    ours, theirs = (evaluate(p, graph_from_atoms(crystal, p)) for p in (one, two))
    assert relative(ours, np.asarray(theirs)) < ROUNDING


def test_the_largest_step_and_its_params_are_read(tmp_path):
    """Not the order of names, where 95 comes last; not valid_params; not the best checkpoint of another metric."""
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
    "cutoff": (dict(geometry=dict(radial_cutoff_fn="polynomial_cutoff_fn")), "radial_cutoff_fn = polynomial_cutoff_fn"),
    "no sphc": (dict(geometry=dict(sphc=False)), "sphc = false, but only true"),
    "radius": (dict(geometry=dict(r_cut=-1.0)), "r_cut must be positive"),
    "normalisation": (dict(geometry=dict(sphc_normalization=0.0)), "sphc_normalization must be positive"),
    "unknown": (dict(geometry=dict(long_range=1)), "geometry_embed has long_range, which is unknown here"),
    "n_rbf": (dict(geometry=dict(n_rbf=2.5)), "n_rbf must be a positive integer"),
    "degrees": (dict(degrees=[2, 1]), "degrees must be a list of numbers 0, 1, … that do not decrease"),
    "other degrees": (dict(layer=dict(degrees=[1])), "a layer has degrees \\[1\\], but geometry_embed has"),
    "non-local": (dict(layer=dict(non_local_feature=True)), "non_local_feature = true, but only false"),
    "non-local sphc": (dict(layer=dict(non_local_sphc=True)), "non_local_sphc = true, but only false"),
    "chi_cut": (dict(layer=dict(chi_cut=3.0)), "chi_cut = 3.0, but only null"),
    "chi_cut_dynamic": (dict(layer=dict(chi_cut_dynamic=True)), "chi_cut_dynamic = true, but only false"),
    "neighbourhood": (dict(layer=dict(neighborhood_normalization=True)), "neighborhood_normalization = true"),
    "filter": (
        dict(layer=dict(fb_filter="other")),
        "fb_filter = other is not implemented, radial_spherical, radial are",
    ),
    "heads": (dict(layer=dict(n_heads=5)), "n_heads must divide the 12 features, but is 5"),
    "filter width": (dict(layer=dict(fb_rad_filter_features=[12, 7])), "must be numbers that end with the 12 features"),
    "zbl": (dict(energy=dict(zbl_repulsion=True)), "energy has zbl_repulsion = true, but only false is implemented"),
    "scale": (dict(energy=dict(per_atom_scale=[1.0])), "per_atom_scale must be a list with an entry for Sn"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_implemented_is_refused_by_name(tmp_path, case):
    options, message = REFUSED[case]
    if case in ("filter", "heads", "degrees", "n_rbf"):  # such arrays cannot exist
        write_checkpoint(tmp_path)
        part = "so3krates_layer" if "layer" in options else "geometry_embed"
        kind = "layers" if "layer" in options else "geometry_embeddings"
        new = options.get("layer") or options.get("geometry") or {"degrees": options.get("degrees")}
        edited(tmp_path / "hyperparameters.json", lambda h: h["stack_net"][kind][0][part].update(new))
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
    "no hyperparameters": (lambda f: (f / "hyperparameters.json").unlink(), "hyperparameters.json cannot be read"),
    "no scales": (
        lambda f: (f / "scales.json").unlink(),
        "scales.json cannot be read .* give the folder that mlff wrote",
    ),
    "no checkpoint": (lambda f: (f / "checkpoint_loss_120").unlink(), "has no file checkpoint_loss_<step>"),
    "orbax": (orbax, "ckpt_7 is a checkpoint of a newer mlff, a folder that orbax wrote"),
    "not JSON": (lambda f: (f / "scales.json").write_text("{"), "scales.json is damaged, it is not JSON"),
    "empty scales": (lambda f: (f / "scales.json").write_text("{}"), "has no entry energy"),
    "word for scale": (
        lambda f: edited(f / "scales.json", lambda s: s["energy"].update(scale="x")),
        "scale must be a finite",
    ),
    "truncated": (
        lambda f: (f / "checkpoint_loss_120").write_bytes((f / "checkpoint_loss_120").read_bytes()[:-9]),
        "checkpoint_loss_120 is damaged or not flax's msgpack",
    ),
    "not msgpack": (lambda f: (f / "checkpoint_loss_120").write_bytes(b"\xc1 hello"), "damaged or not flax's msgpack"),
    "other msgpack": (
        lambda f: (f / "checkpoint_loss_120").write_bytes(msgpack.packb([1])),
        "no arrays under params/params",
    ),
    "missing array": (
        array_change(lambda p: p["layers_1"].pop("InteractionBlock_0")),
        "no array layers_1/InteractionBlock_0/MLP_0/layers_0/kernel",
    ),
    "shape": (
        array_change(lambda p: p["feature_embeddings_0"]["Embed_0"].update(embedding=np.zeros((60, 3)))),
        r"Embed_0/embedding has shape \(60, 3\), but hyperparameters.json gives \(60, 12\)",
    ),
    "left over": (
        array_change(lambda p: p["layers_0"].update(Dense_9={"kernel": np.zeros(3)})),
        "holds the array layers_0/Dense_9/kernel, which a network with these hyperparameters does not have",
    ),
    "not finite": (array_change(not_finite), "observables_0/MLP_0/layers_1/bias must hold finite numbers"),
    "no layers": (network_change(lambda n: n.update(layers=[])), "layers must be a list of modules, one or more"),
    "no observables": (network_change(lambda n: n.pop("observables")), "has no entry observables"),
    "other layer": (
        network_change(lambda n: n.update(layers=[{"so3kratace_layer": {}}])),
        "layers must be so3krates_layer, but so3kratace_layer was found",
    ),
    "more observables": (
        network_change(lambda n: n.update(observables=n["observables"] * 2)),
        "one energy in observables is implemented, but 2 were found",
    ),
    "other observable": (network_change(lambda n: n.update(observables=[{"dipole": {}}])), "but dipole was found"),
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
