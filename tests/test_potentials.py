"""The contract of every potential, and each one against an independent route."""

import importlib
import inspect
import pkgutil
from pathlib import Path

import ase
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lammps_runner import run_lammps, vectors
from lowering import GPUS, calls_on, programs_of
from mlff_folders import write_checkpoint
from nequix_files import write_nqx
from networks import MessagePassing, function_network, message_passing
from scipy.spatial.transform import Rotation
from systems import random_crystal, velocities
from tables import write_setfl, write_tersoff
from test_snap import write_snap

import lammps_adflux as adflux
from lammps_adflux import (
    EAM,
    SNAP,
    ZBL,
    AdfluxError,
    Buckingham,
    LennardJones,
    Morse,
    Nequix,
    Potential,
    So3krates,
    StillingerWeber,
    Tersoff,
    energy_forces_virial,
    graph_from_atoms,
    heat_flux,
    potentials,
)
from lammps_adflux.potentials import FunctionPotential, Sum, TersoffMod
from lammps_adflux.potentials.conversion import Converted

ARGON = Path(__file__).parents[2] / "shared/data/lj_argon/reference.npz"
PAIR = ("Si", "Ge")
SW_FILE = """
# two elements with a mixed entry over two lines
Si Si Si 2.1683 2.0951 1.80 21.0 1.20 -0.333333333333 7.049556277 0.6022245584 4.0 0.0 0.0
Ge Ge Ge 1.93   2.181  1.80 31.0 1.20 -0.333333333333 7.049556277 0.6022245584 4.0 0.0 0.0
Si Ge Ge 2.0427 2.1376 1.80 24.0 1.20 -0.333333333333
         7.049556277 0.6022245584 4.0 0.0 0.0
Ge Si Si 2.0427 2.1376 1.80 26.0 1.20 -0.333333333333 7.049556277 0.6022245584 4.0 0.0 0.0
Si Si Ge 2.1    0.0    0.0  22.0 0.0  -0.3            0.0 0.0 0.0 0.0 0.0
Si Ge Si 2.1    0.0    0.0  22.0 0.0  -0.3            0.0 0.0 0.0 0.0 0.0
Ge Si Ge 2.0    0.0    0.0  27.0 0.0  -0.4            0.0 0.0 0.0 0.0 0.0
Ge Ge Si 2.0    0.0    0.0  27.0 0.0  -0.4            0.0 0.0 0.0 0.0 0.0
"""


@pytest.fixture(scope="module")
def sw_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("sw") / "SiGe.sw"
    path.write_text(SW_FILE)
    return path


# the potentials that the laws below are tried with, and the class that each stands for
CONTRACT = {
    "lj": LennardJones,
    "lj switched": LennardJones,
    "lj matrix shifted": LennardJones,
    "sw": StillingerWeber,
    "snap": SNAP,
    "zbl": ZBL,
    "morse": Morse,
    "buckingham": Buckingham,
    "eam": EAM,
    "eam/fs": EAM,
    "tersoff": Tersoff,
    "tersoff/zbl": Tersoff,
    "tersoff/mod": TersoffMod,
    "sum": Sum,
    "sum of triplets": Sum,
    "sum of layers": Sum,
    "network": MessagePassing,
    "function": FunctionPotential,
    "so3krates": So3krates,
    "nequix": Nequix,
}


@pytest.fixture(params=CONTRACT)
def potential(request, sw_file):
    if request.param == "sw":
        return StillingerWeber.from_lammps(sw_file, elements=PAIR)
    if request.param == "snap":
        return SNAP.from_lammps(*write_snap(sw_file.parent, twojmax=4), PAIR)
    if request.param == "network":
        return message_passing(2)
    if request.param == "function":
        return function_network(2)
    if request.param == "so3krates":
        folder = sw_file.parent / "so3krates"
        write_checkpoint(folder, degrees=(1, 2), features=4, n_rbf=3, layer=dict(n_heads=2))
        return So3krates.from_mlff(folder, PAIR)
    if request.param == "nequix":
        return Nequix.from_file(write_nqx(sw_file.parent / "small.nqx"), PAIR)
    if request.param == "zbl":
        return ZBL(2.0, 4.2, elements=PAIR)
    if request.param in ("eam", "eam/fs"):
        path = write_setfl(sw_file.parent / "SiGe.eam", request.param == "eam/fs")
        return EAM.from_lammps(path, elements=PAIR)
    if request.param.startswith("tersoff"):
        path = write_tersoff(sw_file.parent / "SiGe.tersoff", request.param)
        return Tersoff.from_lammps(path, elements=PAIR)
    if request.param == "sum of triplets":
        path = write_tersoff(sw_file.parent / "SiGe.tersoff", "tersoff")
        long = LennardJones(epsilon=0.01, sigma=3.0, cutoff=6.5, elements=PAIR, units="metal")
        return Tersoff.from_lammps(path, elements=PAIR) + long
    if request.param == "morse":
        alpha = [[1.3, 1.4], [1.4, 1.2]]
        return Morse(d0=0.4, alpha=alpha, r0=2.5, cutoff=4.7, onset=3.9, elements=PAIR)
    if request.param == "buckingham":
        ends = [[4.7, 4.2], [4.2, 4.4]]
        return Buckingham(a=900.0, rho=0.31, c=20.0, cutoff=ends, shift=True, elements=PAIR)
    if request.param == "sum":
        return SNAP.from_lammps(*write_snap(sw_file.parent, twojmax=4), PAIR) + ZBL(
            2.0, 5.2, elements=PAIR
        )
    if request.param == "sum of layers":
        core = ZBL(2.0, 3.1, elements=PAIR, between=[[True, False], [False, True]])
        return sum([message_passing(2), StillingerWeber.from_lammps(sw_file, elements=PAIR), core])
    options = {
        "lj": dict(epsilon=0.3, sigma=2.1),
        "lj switched": dict(epsilon=0.3, sigma=2.1, onset=3.5),
        "lj matrix shifted": dict(
            epsilon=[[0.3, 0.2], [0.2, 0.4]], sigma=[[2.0, 2.1], [2.1, 2.3]], shift=True
        ),
    }[request.param]
    return LennardJones(**options, cutoff=4.7, elements=PAIR)


@pytest.fixture
def crystal():
    return random_crystal(17, volume_per_atom=16.0, seed=2)


@pytest.mark.slow
def test_forces_are_minus_the_slope_of_the_energy(potential, crystal):
    forces = energy_forces_virial(potential, graph_from_atoms(crystal, potential)).forces
    graph = graph_from_atoms(crystal, potential)
    direction = velocities(crystal)
    step = 1e-5

    def energy(sign):  # the pairs stay the same, so that a cutoff that is not smooth does no harm
        moved = sign * step * direction
        return energy_forces_virial(
            potential,
            graph.with_vectors(graph.vectors + moved[graph.others] - moved[graph.centers]),
        ).energy

    slope = (energy(1) - energy(-1)) / (2 * step)
    # error of the central difference
    assert float(slope) == pytest.approx(-float(np.sum(forces * direction)), rel=1e-7)


def test_virial_is_minus_the_slope_under_strain(potential, crystal):
    graph = graph_from_atoms(crystal, potential)
    strain = np.random.default_rng(5).normal(size=(3, 3))

    def energy(size):
        return energy_forces_virial(
            potential, graph.with_vectors(graph.vectors @ (np.eye(3) + size * strain).T)
        ).energy

    slope = (energy(1e-6) - energy(-1e-6)) / 2e-6
    virial = energy_forces_virial(potential, graph).virial
    assert float(slope) == pytest.approx(-float(np.sum(virial * strain)), rel=1e-6)


def test_rotation_permutation_and_translation(potential, crystal):
    base = energy_forces_virial(potential, graph_from_atoms(crystal, potential))
    rotation = Rotation.from_rotvec([1.0, 0.2, -0.4]).as_matrix()
    order = np.random.default_rng(1).permutation(len(crystal))
    changed = crystal[order]
    changed.set_cell(crystal.cell.array @ rotation.T, scale_atoms=True)
    changed.positions += [0.3, -4.0, 9.0]
    other = energy_forces_virial(potential, graph_from_atoms(changed, potential))
    assert float(other.energy) == pytest.approx(float(base.energy), rel=1e-12)
    assert np.allclose(
        other.forces,
        base.forces[order] @ rotation.T,
        rtol=0,
        atol=1e-11 * np.abs(base.forces).max(),
    )
    assert np.allclose(
        other.virial,
        rotation @ base.virial @ rotation.T,
        rtol=0,
        atol=1e-11 * np.abs(base.virial).max(),
    )


def test_no_net_force_and_symmetric_virial(potential, crystal):
    result = energy_forces_virial(potential, graph_from_atoms(crystal, potential))
    assert np.abs(result.forces.sum(axis=0)).max() < 1e-12 * np.abs(result.forces).max() * len(
        crystal
    )
    assert np.abs(result.virial - result.virial.T).max() < 1e-12 * np.abs(result.virial).max()


@pytest.mark.slow
def test_parameters_can_be_differentiated(potential, crystal):
    graph = graph_from_atoms(crystal, potential)
    gradient = jax.grad(lambda p: jnp.sum(p(graph)))(potential)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))


@pytest.mark.slow
def test_float32_follows_the_input(potential, crystal):
    single = energy_forces_virial(
        potential.astype(np.float32), graph_from_atoms(crystal, potential, dtype=np.float32)
    )
    double = energy_forces_virial(potential, graph_from_atoms(crystal, potential))
    assert single.forces.dtype == np.float32
    # some ten roundings of 6e-8, amplified by cancellation
    assert np.abs(single.forces - double.forces).max() < 2e-5 * np.abs(double.forces).max()


@pytest.mark.slow
@pytest.mark.parametrize("platform", GPUS)
def test_a_running_lammps_can_be_translated_for_gpus(potential, crystal, platform):
    for name, program in programs_of(potential, crystal).items():
        assert calls_on(platform, *program) == set(), name


def test_stillinger_weber_equals_a_loop_over_triplets(sw_file, crystal):
    potential = StillingerWeber.from_lammps(sw_file, elements=PAIR)
    graph = graph_from_atoms(crystal, potential)
    entries, words = {}, SW_FILE.split("\n", 2)[2].split()
    for start in range(0, len(words), 14):
        entries[tuple(words[start : start + 3])] = [
            float(word) for word in words[start + 3 : start + 14]
        ]
    names = [PAIR[s] for s in np.asarray(graph.species)]
    energies = np.zeros(len(crystal))
    vectors, centers, others = (np.asarray(x) for x in (graph.vectors, graph.centers, graph.others))
    lengths = np.linalg.norm(vectors, axis=1)
    for i in range(len(crystal)):
        near = [p for p in np.flatnonzero(centers == i)]
        for p in near:
            e, s, a, _, _, _, A, B, power, q, _ = entries[
                names[i], names[others[p]], names[others[p]]
            ]
            if lengths[p] < a * s:
                x = s / lengths[p]
                energies[i] += (
                    0.5 * A * e * (B * x**power - x**q) * np.exp(s / (lengths[p] - a * s))
                )
        for n, p in enumerate(near):
            for k in near[n + 1 :]:
                _, s1, a1, _, g1, *_ = entries[names[i], names[others[p]], names[others[p]]]
                _, s2, a2, _, g2, *_ = entries[names[i], names[others[k]], names[others[k]]]
                e, _, _, lam, _, cosine, *_ = entries[names[i], names[others[p]], names[others[k]]]
                if lengths[p] < a1 * s1 and lengths[k] < a2 * s2:
                    angle = vectors[p] @ vectors[k] / lengths[p] / lengths[k] - cosine
                    tails = g1 * s1 / (lengths[p] - a1 * s1) + g2 * s2 / (lengths[k] - a2 * s2)
                    energies[i] += lam * e * angle**2 * np.exp(tails)
    assert (
        np.abs(energy_forces_virial(potential, graph).energies - energies).max()
        < 1e-12 * np.abs(energies).max()
    )


@pytest.mark.parametrize("factor", (0.98, 0.9995, 1.0005))
def test_a_stillinger_weber_whose_length_is_varied_is_the_one_of_that_length(
    factor, tmp_path, crystal
):
    """Its range was fixed when it was made: pairs beyond the new aσ are out, those that a longer
    one adds are exp(-σ/0.002) small.
    """
    words = (
        "Si Si Si 2.1683 {} 1.80 21.0 1.20 -0.333333333333 7.049556277 0.6022245584 4.0 0.0 0.0\n"
    )
    made = []
    for sigma in (2.0951, factor * 2.0951):
        (tmp_path / "one.sw").write_text(words.format(sigma))
        made.append(StillingerWeber.from_lammps(tmp_path / "one.sw", elements="Si"))
    varied = eqx.tree_at(lambda p: p.sigma, made[0], factor * made[0].sigma)
    crystal.symbols[:] = "Si"
    ours, theirs = (
        energy_forces_virial(p, graph_from_atoms(crystal, p)) for p in (varied, made[1])
    )
    for name in ("energies", "forces", "virial"):
        expected = np.asarray(getattr(theirs, name))
        assert np.abs(getattr(ours, name) - expected).max() < 1e-12 * np.abs(expected).max(), name


NOTHING = "0 0 0 0 0 0 0 0 0 0 0"


def entry(names, **changes):
    """A line of a .sw file."""
    values = dict(
        epsilon=1.7,
        sigma=2.2,
        a=1.8,
        lam=25.0,
        gamma=1.2,
        cosine=-0.3,
        A=7.0,
        B=0.6,
        p=4.0,
        q=0.0,
        tol=0.0,
    )
    return " ".join(
        [*names.split(), *(repr(float(value)) for value in (values | changes).values())]
    )


def mixed(own: str, **changes):
    """Unlike elements interact; like ones as `own` says."""
    lines = [entry("Si Ge Ge", **changes), entry("Ge Si Si", **changes)]
    lines += [f"{a} {b} {c} {own}" for a, b, c in ("Si Si Si".split(), "Ge Ge Ge".split())]
    return [
        *lines,
        *(f"{names} {NOTHING}" for names in ("Si Si Ge", "Si Ge Si", "Ge Ge Si", "Ge Si Ge")),
    ]


ZEROS = {
    "nothing": mixed(NOTHING),
    "no sigma": mixed("1.5 0 1.8 20 1.2 -0.3 7.0 0.6 4 0 0"),
    "no range": mixed("1.5 2.1 0 20 1.2 -0.3 7.0 0.6 4 0 0"),
    "no range, tol": mixed("1.5 2.1 0 20 1.2 -0.3 7.0 0.6 4 0 0.001"),
    "no A": mixed("1.5 2.1 1.8 20 1.2 -0.3 0 0.6 4 0 0"),
    "no epsilon": mixed("0 2.1 1.8 20 1.2 -0.3 7.0 0.6 4 0 0"),
    "no gamma": mixed("1.5 2.1 1.8 20 0 -0.3 7.0 0.6 4 0 0.001"),
    "no angles": mixed("1.5 2.1 1.8 0 1.2 -0.3 7.0 0.6 4 0 0"),
    "only repulsion": mixed("1.5 2.1 1.8 20 1.2 -0.3 7.0 0.6 4 4 0"),
    "only attraction": mixed("1.5 2.1 1.8 20 1.2 -0.3 7.0 0 0 0 0"),
    # each centre has a range of its own where the pair has no energy of its own
    "angles of one centre": [
        entry("Si Si Si"),
        entry("Ge Ge Ge"),
        entry("Si Ge Ge", A=0.0),
        entry("Ge Si Si", A=0.0, sigma=1.9, lam=0.0),
        *(entry(names, sigma=0.0) for names in ("Si Si Ge", "Si Ge Si")),
        *(entry(names, lam=0.0, cosine=c) for names, c in (("Ge Ge Si", 0.1), ("Ge Si Ge", 0.9))),
    ],
    "only products count": [
        entry("Si Si Si"),
        entry("Ge Ge Ge"),
        entry("Si Ge Ge", epsilon=2.0, A=3.0),
        entry("Ge Si Si", epsilon=1.5, A=4.0),
        entry("Si Si Ge", epsilon=2.0, lam=10.0),
        entry("Si Ge Si", epsilon=4.0, lam=5.0),
        *(f"{names} {NOTHING}" for names in ("Ge Ge Si", "Ge Si Ge")),
    ],
}


@pytest.fixture(scope="module")
def zeros(tmp_path_factory):
    """Native energies and forces of all these files."""
    folder, script = tmp_path_factory.mktemp("zeros"), ""
    for name, lines in ZEROS.items():
        stem = name.replace(" ", "").replace(",", "")
        (folder / f"{stem}.sw").write_text("\n".join(lines) + "\n")
        script += f"""
clear
units metal
neighbor 0.3 bin
lattice diamond 5.5
region box block 0 2 0 2 0 1
create_box 2 box
create_atoms 1 box
mass * 28
set type 1 type/fraction 2 0.5 11
displace_atoms all random 0.3 0.3 0.3 7 units box
pair_style sw
pair_coeff * * {stem}.sw Si Ge
thermo_style custom step pe
thermo_modify format float %.17g norm no
run 0 post no
write_dump all custom {stem}.dump id type x y z fx fy fz modify format float %.17g
"""
    run = run_lammps(folder, script)
    return run, dict(zip(ZEROS, run.tables, strict=True))


@pytest.mark.lammps
@pytest.mark.parametrize("name", ZEROS)
def test_entries_with_zeros_are_what_lammps_makes_of_them(zeros, name):
    run, tables = zeros
    stem = name.replace(" ", "").replace(",", "")
    frame = run.dump(f"{stem}.dump")[0]
    potential = StillingerWeber.from_lammps(run.folder / f"{stem}.sw", elements=PAIR)
    symbols = [PAIR[int(t) - 1] for t in frame["type"]]
    atoms = ase.Atoms(symbols, vectors(frame, "x", "y", "z"), cell=[11.0, 11.0, 5.5], pbc=True)
    graph = graph_from_atoms(atoms, potential)
    ours, forces = energy_forces_virial(potential, graph), vectors(frame, "fx", "fy", "fz")
    assert float(ours.energy) == pytest.approx(tables[name]["PotEng"][0], rel=1e-10)
    assert np.abs(ours.forces - forces).max() < 1e-10 * np.abs(forces).max()
    slopes = jax.grad(lambda p: jnp.sum(p(graph)))(potential)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))


def test_numbers_that_were_rounded_are_equal_and_others_are_not(tmp_path, crystal):
    """λ ε of i j k and i k j, and what belongs to the pair, agree as far as a file prints; the mean
    is taken.
    """
    exact = [entry("Si Si Si"), entry("Ge Ge Ge"), entry("Si Ge Ge"), entry("Ge Si Si")]
    exact += [entry(names) for names in ("Si Si Ge", "Si Ge Si", "Ge Ge Si", "Ge Si Ge")]

    def made(change: float) -> StillingerWeber:
        lines = list(exact)
        lines[2] = entry(
            "Si Ge Ge",
            **{n: v * (1 + change) for n, v in dict(epsilon=1.7, sigma=2.2, B=0.6).items()},
        )
        lines[4] = entry("Si Si Ge", lam=25.0 * (1 + change), cosine=-0.3 * (1 - change))
        (tmp_path / "rounded.sw").write_text("\n".join(lines))
        return StillingerWeber.from_lammps(tmp_path / "rounded.sw", elements=PAIR)

    energies = [
        float(energy_forces_virial(p, graph_from_atoms(crystal, p)).energy)
        for p in map(made, (-2e-6, 0.0, 2e-6))
    ]
    assert abs(energies[2] - energies[0]) > 1e-7 * abs(energies[1])
    # the change is linear in the mean
    assert energies[0] + energies[2] == pytest.approx(2 * energies[1], rel=1e-9)
    assert np.array_equal(made(2e-6).sigma, made(2e-6).sigma.T)
    with pytest.raises(AdfluxError, match="epsilon of Si Ge Ge and of Ge Si Si differ"):
        made(2e-5)


@pytest.mark.parametrize(
    ("lines", "message"),
    (
        ([*mixed(NOTHING)[1:], entry("Si Ge Ge", A=0.0)], "A of Si Ge Ge and of Ge Si Si differ"),
        (
            [*mixed(NOTHING)[1:], f"Si Ge Ge {NOTHING}"],
            "epsilon of Si Ge Ge and of Ge Si Si differ",
        ),
        (
            [
                f"{line.split()[0]} {' '.join(line.split()[1:3])} {NOTHING}"
                for line in mixed(NOTHING)
            ],
            "no two atoms of Si, Ge",
        ),
        # LAMMPS takes one of the two ranges by the atoms' numbers
        (
            [*mixed(NOTHING, tol=0.01)[1:], entry("Si Ge Ge", tol=0.01, gamma=0.5)],
            r"range \(by gamma and tol\) of Si Ge Ge and of Ge Si Si differ",
        ),
    ),
)
def test_a_pair_term_in_one_direction_only_is_refused(tmp_path, lines, message):
    (tmp_path / "one.sw").write_text("\n".join(lines))
    with pytest.raises(AdfluxError, match=message):
        StillingerWeber.from_lammps(tmp_path / "one.sw", elements=PAIR)


@pytest.mark.parametrize(
    "comment", (b"# \xc5ngstr\xf6m", b"# next \x85 Si Si Si 1", "# Å".encode(), b"\t# \x0c x")
)
def test_comments_of_any_encoding_and_line_ends(tmp_path, comment, sw_file):
    path = tmp_path / "comments.sw"
    path.write_bytes(comment + b"\r\n" + SW_FILE.replace("\n", "\r\n").encode() + comment)
    assert eqx.tree_equal(
        *(StillingerWeber.from_lammps(file, elements=PAIR) for file in (path, sw_file))
    )


@pytest.mark.skipif(not ARGON.exists(), reason="../shared/data/lj_argon/reference.npz is absent")
def test_lennard_jones_equals_glp():
    data = np.load(ARGON)
    atoms = ase.Atoms(
        numbers=data["numbers"], positions=data["positions"], cell=data["cell"], pbc=True
    )
    potential = LennardJones(epsilon=0.01042, sigma=3.405, cutoff=10.5, onset=9.0, elements="Ar")
    graph = graph_from_atoms(atoms, potential)
    result = energy_forces_virial(potential, graph)
    flux = heat_flux(potential, graph, data["velocities_A_per_ps"])
    for ours, theirs in (
        (result.energy, "energy"),
        (result.energies, "per_atom_energies"),
        (result.forces, "forces"),
        (-result.virial, "dU_dstrain"),
        (flux, "heat_flux_potential_unfolded"),
        (flux, "heat_flux_potential_hardy"),
    ):
        reference = data[f"{theirs}_p64"] if f"{theirs}_p64" in data else data[theirs]
        assert np.abs(ours - reference).max() < 1e-10 * np.abs(reference).max(), theirs


@pytest.mark.parametrize(
    ("options", "message"),
    (
        (dict(epsilon=[[1, 2], [3, 4]]), "not symmetric"),
        (dict(epsilon=[1, 2, 3]), "2 × 2 matrix"),
        (dict(sigma=-1.0), "sigma must not be negative"),
        (dict(sigma=np.nan), "finite"),
        (dict(cutoff=-1.0), "positive length"),
        (dict(onset=9.0), "between 0 and the cutoff"),
        (dict(onset=2.0, shift=True), "one of them"),
        (dict(elements=("Si", "Si")), "different names"),
    ),
)
def test_lennard_jones_refuses_what_makes_no_sense(options, message):
    with pytest.raises(AdfluxError, match=message):
        LennardJones(**{**dict(epsilon=1.0, sigma=2.0, cutoff=5.0, elements=PAIR), **options})


@pytest.mark.parametrize(
    ("change", "message"),
    (
        (
            lambda text: text.replace("1.93 ", "1.9x "),
            "line 4: three elements and 11 numbers are needed",
        ),
        (lambda text: text.replace("1.93 ", "-1.93 "), "line 4: .* not negative"),
        (
            lambda text: text.rsplit("Ge Ge Si", 1)[0] + "Ge Ge Si 2.0 0.0",
            "line 11: an entry has 14 words, but the file ends after 5",
        ),
        (
            lambda text: text.replace(
                "7.049556277 0.6022245584 4.0 0.0 0.0\nGe Si Si",
                "7.049556277 0.6022245584 4.0 0.0 0.0 0.0\nGe Si Si",
            ),
            "line 6: an entry has 14 words, but 15",
        ),
        (
            lambda text: text + "Si Si Si 2.1683 2.0951 1.80 21.0 1.20 -0.33 7.0 0.6 4.0 0.0 0.0",
            "line 12: a second entry",
        ),
        (lambda text: text.rsplit("Ge Ge Si", 1)[0], "no entry for Ge Ge Si"),
        (
            lambda text: text.replace("Si Ge Ge 2.0427", "Si Ge Ge 2.0428"),
            "epsilon of Si Ge Ge and of Ge Si Si differ",
        ),
        (
            lambda text: text.replace("Si Ge Si 2.1  ", "Si Ge Si 2.2  "),
            "Si Si Ge and of Si Ge Si differ",
        ),
    ),
)
def test_a_bad_stillinger_weber_file_names_file_and_line(tmp_path, change, message):
    path = tmp_path / "bad.sw"
    path.write_text(change(SW_FILE))
    with pytest.raises(AdfluxError, match=f"{path.name}.*{message}"):
        StillingerWeber.from_lammps(path, elements=PAIR)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(AdfluxError, match=r"absent\.sw cannot be read"):
        StillingerWeber.from_lammps(tmp_path / "absent.sw", elements=PAIR)


def potential_classes() -> set[type]:
    """Every potential that a module in potentials/ defines; adapters to other libraries apart."""
    modules = [
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(potentials.__path__, potentials.__name__ + ".")
        if ".external" not in found.name
    ]
    return {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Potential)
        and not inspect.isabstract(value)
        and value.__module__ == module.__name__
        and not value.__name__.startswith("_")
    }


@pytest.mark.parametrize("kind", sorted(potential_classes(), key=repr))
def test_every_potential_is_exported_and_in_the_contract(kind):
    # Converted wraps another potential inside the plugin; tests/test_lammps_units.py has its laws
    if kind is not Converted:
        assert getattr(potentials, kind.__name__) is kind
        assert kind.__name__ in potentials.__all__
        assert kind in CONTRACT.values()


@pytest.mark.parametrize("name", sorted(set(potentials.__all__) & set(adflux.__all__)))
def test_potentials_have_names_at_the_top(name):
    assert getattr(adflux, name) is getattr(potentials, name)
