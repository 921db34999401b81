"""Derivatives of relaxed structures: re-relaxation by finite differences, adjoints, expansions, ranks, and SNAP's numbers."""

from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
from ase.build import bulk
from lammps_runner import ROOT, run_python
from systems import silicon

pytestmark = pytest.mark.lammps
DATA = ROOT.parent / "shared" / "data" / "implicit"
SW = "Si Si Si 2.1683 2.0951 1.80 21.0 1.20 -0.333333333333 7.049556277 0.6022245584 4.0 0.0 0.0\n"
# SNAP takes longest to compile; its results do not depend on how well
FAST = {"XLA_FLAGS": "--xla_backend_optimization_level=0"}

COMMON = """\
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)
from mpi4py import MPI
from networks import message_passing

import lammps_adflux as adflux

found = {}


def finish():
    if MPI.COMM_WORLD.rank == 0:
        np.savez("found.npz", **found)


def start(name, *more):
    skin = [] if name == "silicon" else ["neighbor 0.2 bin"]
    return ["units metal", "atom_modify map array", f"read_data {name}.data", *skin, *more, "min_style cg"]


def lennard_jones(cutoff=2.5, onset=2.0):
    # pairs of like and unlike atoms differ; smooth at the cutoff
    return adflux.LennardJones(epsilon=[[1.0, 0.7], [0.7, 0.9]], sigma=[[1.0, 0.95], [0.95, 0.9]], cutoff=cutoff,
                               elements=("Ar", "Kr"), onset=onset)


class Bound(adflux.Potential):
    # a network of two layers with a pair potential that binds
    network: adflux.Potential
    pair: adflux.Potential
    cutoff: float = eqx.field(static=True)
    hops: int = eqx.field(static=True)
    elements: tuple = eqx.field(static=True)

    def __call__(self, graph):
        return self.network(graph) + self.pair(graph)


def network():
    net = message_passing(2, cutoff=1.7, elements=("Ar", "Kr"))
    net = eqx.tree_at(lambda n: n.readout, net, 0.1 * net.readout)
    return Bound(net, lennard_jones(1.7, 1.3), 1.7, 2, ("Ar", "Kr"))


def parameters_of(name):
    return {
        "silicon": lambda p: (p.A, p.sigma, p.costheta),  # with the last, neighbours of a vacancy move at all
        "network": lambda p: (p.network.readout, p.network.layers[0]["other"], p.pair.sigma),
    }.get(name, lambda p: (p.epsilon, p.sigma))


def potential_of(name):
    if name == "silicon":
        return adflux.StillingerWeber.from_lammps("Si.sw", elements="Si")
    return network() if name == "network" else lennard_jones()


def direction(values):
    random = np.random.default_rng(0)
    # potentials of pairs stay symmetric; changes of a few per cent
    def one(value):
        change = 0.1 * random.normal(size=np.shape(value))
        symmetric = change.ndim == 2 and change.shape[0] == change.shape[1]
        return (change + change.T) / 2 if symmetric else change
    return jax.tree.map(one, values)


def strain_of(cell, before):
    f = np.linalg.solve(before, cell).T - np.eye(3)
    return np.array([f[0, 0], f[1, 1], f[2, 2], f[1, 2], f[0, 2], f[0, 1]])


def in_cell_of(relaxed, other):
    # positions of `other` in the cell of `relaxed`, next to its atoms, without drift of what may drift
    scaled = (other.gather(other.positions) - other.system.origin) @ np.linalg.inv(other.system.cell)
    here = relaxed.gather(relaxed.positions)
    scaled -= (here - relaxed.system.origin) @ np.linalg.inv(relaxed.system.cell)
    moves = (scaled - np.round(scaled)) @ relaxed.system.cell
    free = ~relaxed.gather(relaxed.system.held[relaxed.system.order]).any(axis=0)
    return here + moves - free * moves.mean(axis=0)


def relax_again(relaxed, potential, fixed=None, **options):
    # from where LAMMPS is now: Newton steps lead to the minimum nearby
    return adflux.relax(relaxed.lammps, potential, 1e-11, relaxed.cell, fixed, minimize=False, **options)


def differences(relaxed, build, values, change, fixed=None, h=1e-4):
    plus, minus = (
        relax_again(relaxed, build(jax.tree.map(lambda a, b: a + s * h * b, values, change)), fixed) for s in (1, -1)
    )
    def slope(of):
        return (of(plus) - of(minus)) / (2 * h)
    return {
        "positions": slope(lambda r: in_cell_of(relaxed, r)),
        "strain": slope(lambda r: strain_of(r.system.cell, relaxed.system.cell)),
        "energy1": slope(lambda r: r.energy),
        "volume": slope(lambda r: r.volume),
        "energy2": (plus.energy + minus.energy - 2 * relaxed.energy) / (2 * h**2),
    }, plus, minus


def keep(name, relaxed, response, slopes=None):
    found[f"{name} positions"] = relaxed.gather(response.positions)
    for what in ("strain", "energy1", "energy2", "volume"):
        found[f"{name} {what}"] = getattr(response, what)
    for what, value in (slopes or {}).items():
        found[f"{name} {what} again"] = value
"""


def write_data(folder: Path, name: str, atoms: ase.Atoms, *symbols: str) -> None:
    ase.io.write(folder / f"{name}.data", atoms, format="lammps-data", specorder=list(symbols), masses=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Starting structures, disordered: the same for any number of ranks.

    The seed is one of those with which no pair crosses the cutoff during a finite difference: curvature jumps there.
    """
    folder, random = tmp_path_factory.mktemp("implicit"), np.random.default_rng(7)
    (folder / "Si.sw").write_text(SW)
    cell = bulk("Ar", "fcc", a=(4 / 0.95) ** (1 / 3), cubic=True)
    for name, crystal in (
        ("cubic", cell * (3, 2, 2)),
        ("network", cell * (3, 2, 2)),
        ("hexagonal", bulk("Ti", "hcp", a=1.09, c=1.77) * (3, 3, 2)),
    ):
        crystal.positions += random.normal(size=crystal.positions.shape) * 0.04
        crystal.symbols = np.where(random.uniform(size=len(crystal)) < 0.4, "Kr", "Ar")
        write_data(folder, name, crystal, "Ar", "Kr")
    vacancy = silicon(2, rattle=0.02)
    del vacancy[20]
    write_data(folder, "silicon", vacancy, "Si")
    return folder


def found(folder: Path, script: str, ranks: int = 1, **options) -> dict[str, np.ndarray]:
    """What a script that drives LAMMPS found."""
    run_python(folder, COMMON + script + "\nfinish()\n", ranks, **options)
    with np.load(folder / "found.npz") as file:
        return dict(file)


def close(ours, theirs, tolerance: float, scale: float | None = None):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    size = np.abs(theirs).max() if scale is None else scale
    assert np.abs(ours - theirs).max() <= tolerance * size, (np.abs(ours - theirs).max() / size, tolerance)


AGAIN = """
for name, cells in {cases}.items():
    potential = potential_of(name)
    where = parameters_of(name)
    values = where(potential)
    change = direction(values)
    for cell, fixed, *more in cells:
        relaxed = adflux.relax(start(name, *more), potential, 1e-11, cell, fixed)
        response = relaxed.jvp(change, where)
        def build(values):
            return eqx.tree_at(where, potential, values)
        slopes, *_ = differences(relaxed, build, values, change, fixed)
        keep(f"{{name}} {{cell}} {{fixed}} {{len(more)}}", relaxed, response, slopes)
"""
WHAT = ("positions", "strain", "energy1", "energy2", "volume")
AGAINS = tuple(f"{what} again" for what in WHAT)
HOLD = ("group base id 1:8", "fix hold base setforce 0.0 0.0 NULL")
CASES = {
    "cubic": [(None, None), ("iso", None), ("aniso", None), (None, "base", HOLD[0]), ("iso", None, *HOLD)],
    "hexagonal": [("tri", None)],
    "silicon": [(None, None), ("iso", None)],
    "network": [(None, None), ("tri", None)],
}


@pytest.mark.parametrize("name", CASES)
def test_the_response_is_that_of_a_relaxation_with_other_parameters(folder, name):
    """Central differences of step h: their error is h² of the third order, and 1e-11 of forces divided by h."""
    all_found = found(folder, AGAIN.format(cases={name: CASES[name]}), time_limit=200)
    for cell, fixed, *more in CASES[name]:
        case = {what: all_found[f"{name} {cell} {fixed} {len(more)} {what}"] for what in (*WHAT, *AGAINS)}
        assert np.abs(case["positions"]).max() > 1e-3
        close(case["positions"], case["positions again"], 1e-5)
        close(case["energy1"], case["energy1 again"], 1e-6)
        close(case["energy2"], case["energy2 again"], 1e-4)  # a difference of energies divided by h²
        if cell is None:
            assert np.all(case["strain"] == 0.0) and case["volume"] == 0.0
        else:
            assert np.count_nonzero(case["strain"]) == (6 if cell == "tri" else 3)
            close(case["strain"], case["strain again"], 1e-5)
            close(case["volume"], case["volume again"], 1e-5)
        if fixed:
            assert np.all(case["positions"][:8] == 0.0) and np.all(case["positions"][8:] != 0.0)
        elif more:
            assert np.all(case["positions"][:8, :2] == 0.0) and np.all(case["positions"][:8, 2] != 0.0)


PRESSURE = """
potential, where, target = lennard_jones(), parameters_of("hexagonal"), 5e6
values = where(potential)
change = direction(values)
relaxed = adflux.relax(start("hexagonal"), potential, 1e-11, "tri", pressure=target)
response = relaxed.jvp(change, where)
found["pressure"] = [relaxed.lammps.get_thermo(p) / target for p in ("pxx", "pyy", "pzz", "pyz", "pxz", "pxy")]
h = 1e-4
plus, minus = (
    relax_again(
        relaxed, eqx.tree_at(where, potential, jax.tree.map(lambda a, b: a + s * h * b, values, change)), pressure=target
    )
    for s in (1, -1)
)
def slope(of):
    return (of(plus) - of(minus)) / (2 * h)
found["positions"] = relaxed.gather(response.positions), slope(lambda r: in_cell_of(relaxed, r))
found["strain"] = response.strain, slope(lambda r: strain_of(r.system.cell, relaxed.system.cell))
found["energy"] = response.energy1, slope(lambda r: r.energy)
found["energy2"] = 2.0 * response.energy2, (plus.energy - 2.0 * relaxed.energy + minus.energy) / h**2
"""


def test_response_under_pressure(folder):
    """P V is part of the curvature of the cell."""
    case = found(folder, PRESSURE)
    close(case["pressure"], [1.0, 1.0, 1.0, 0.0, 0.0, 0.0], 1e-9)
    for what in ("positions", "strain", "energy"):
        close(*case[what], 1e-5)
    close(*case["energy2"], 1e-4)


STRESS = """
# Stillinger-Weber: smooth everywhere, as finite differences of high order want it
potential, where = potential_of("silicon"), parameters_of("silicon")
values = where(potential)
change = direction(values)
relaxed = adflux.relax(start("silicon", "change_box all x scale 1.01 y scale 0.995 remap"), potential, 1e-11)
graph, atoms = relaxed.system.graph, len(relaxed.ids)


def energy(values, y):
    # on the pair list of the relaxed structure: nothing is shared with hessian.py
    u = jnp.zeros((len(graph.species), 3)).at[:atoms].set(y[:-6].reshape(-1, 3))
    xx, yy, zz, yz, xz, xy = y[-6:]
    f = jnp.array([[1.0 + xx, xy, xz], [0.0, 1.0 + yy, yz], [0.0, 0.0, 1.0 + zz]])
    vectors = (graph.vectors + u[graph.others] - u[graph.centers]) @ f.T
    moved = eqx.tree_at(lambda g: g.vectors, graph, vectors)
    return jnp.sum(jnp.where(graph.owned, eqx.tree_at(where, potential, values)(moved), 0.0))


slope, curvature = jax.jit(jax.grad(energy, 1)), jax.jit(jax.hessian(energy, 1))
allowed = {"iso": [[1, 1, 1, 0, 0, 0]], "aniso": np.eye(6)[:3], "tri": np.eye(6)}
rest = np.zeros(3 * atoms + 6)
stress = np.array(slope(values, rest))
found["forces"] = np.abs(stress[:-6]).max()
found["stress"] = stress[-6:]


def at(h, basis):
    there = jax.tree.map(lambda a, b: a + h * b, values, change)
    y = rest
    for _ in range(5):
        residual, matrix = basis @ (slope(there, y) - stress), basis @ curvature(there, y) @ basis.T
        y = y - np.linalg.lstsq(matrix, residual, rcond=1e-10)[0] @ basis
    assert np.abs(residual).max() < 1e-11
    return y, float(energy(there, y))


# Richardson: errors of order h⁴ in the first and second differences
h = 2e-3
for cell, strains in allowed.items():
    basis = np.zeros((3 * atoms + len(strains), 3 * atoms + 6))
    basis[: 3 * atoms, : 3 * atoms] = np.eye(3 * atoms)
    basis[3 * atoms :, -6:] = strains
    (_, zero), (p1, u1), (m1, v1), (p2, u2), (m2, v2) = (at(k * h, basis) for k in (0, 1, -1, 2, -2))
    found["zero"] = [zero, relaxed.energy]
    y1 = (8.0 * (p1 - m1) - (p2 - m2)) / (12.0 * h)
    first = (8.0 * (u1 - v1) - (u2 - v2)) / (12.0 * h)
    second = (16.0 * (u1 + v1) - (u2 + v2) - 30.0 * zero) / (12.0 * h**2)
    response = relaxed.jvp(change, where, cell)
    found[f"strain {cell}"] = response.strain, y1[-6:]
    moved = y1[:-6].reshape(-1, 3)[relaxed.system.order]
    found[f"positions {cell}"] = response.positions, moved - moved.mean(axis=0)
    found[f"energy1 {cell}"] = response.energy1, first
    found[f"energy2 {cell}"] = 2.0 * response.energy2, second
    _, matrix = relaxed.expansion(where, cell, progress=False)
    flat = np.concatenate([np.ravel(leaf) for leaf in change])
    found[f"expansion {cell}"] = flat @ matrix @ flat, 2.0 * response.energy2
"""


def test_a_cell_that_was_not_relaxed_responds_at_constant_nominal_stress(folder):
    """Structure to first and energy to second order; the stress is not hydrostatic."""
    case = found(folder, STRESS)
    assert case["forces"] < 1e-10
    assert np.ptp(case["stress"][:3]) > 0.1 * np.abs(case["stress"]).max()
    close(*case["zero"], 1e-12)
    for cell in ("iso", "aniso", "tri"):
        for what, tolerance in (("strain", 1e-7), ("positions", 1e-7), ("energy1", 1e-7), ("energy2", 1e-5)):
            close(*case[f"{what} {cell}"], tolerance)
        close(*case[f"expansion {cell}"], 1e-9)


ADJOINT = """
potential, where = lennard_jones(), parameters_of("cubic")
values = where(potential)
change = direction(values)
relaxed = adflux.relax(start("hexagonal"), potential, 1e-11, "tri")
atoms = relaxed.system.atoms
random = np.random.default_rng(1)
for cell in (None, "iso", "aniso", "tri"):
    w, strains = random.normal(size=(atoms, 3)), random.normal(size=6)
    response = relaxed.jvp(change, where, cell)
    forward = np.sum(response.positions * w) + strains @ response.strain + 0.3 * response.energy1
    weights = adflux.Response(w, strains, 0.3, 0.0, 0.0)
    for name, found_gradient in (
        ("vjp", relaxed.vjp(weights, where, cell)),
        ("gradient", relaxed.gradient(lambda x, e, u, p: jnp.sum(x * w) + e @ strains + 0.3 * u, where, cell)),
    ):
        backward = sum(np.sum(a * b) for a, b in zip(found_gradient, change))
        found[f"{name} {cell}"] = [forward, backward]
    jacobian = relaxed.jacobian(where, cell, progress=False)
    flat = jax.flatten_util.ravel_pytree(change)[0]
    found[f"columns positions {cell}"] = [np.tensordot(flat, jacobian.positions, 1), response.positions]
    found[f"columns strain {cell}"] = [flat @ jacobian.strain, response.strain]
    found[f"columns energy {cell}"] = [flat @ jacobian.energy, response.energy1]
    dense = relaxed.dense(where, cell)
    found[f"dense positions {cell}"] = [dense.positions, jacobian.positions]
    found[f"dense strain {cell}"] = [dense.strain, jacobian.strain]
    found[f"symmetry {cell}"] = [dense.hessian, dense.hessian.T]


def loss(x, strain, energy, parameters):
    moved = relaxed.cartesian(x, strain)
    epsilon, sigma = parameters
    return jnp.sum(jnp.sin(3.0 * (moved - moved.mean(axis=0)))) * jnp.tanh(energy / 100.0) + 20.0 * jnp.sum(
        strain**2 + strain) + jnp.sum(epsilon**2 * sigma)


def tied(values):
    sigma = jnp.asarray(potential.sigma).at[0, 1].set(values["unlike"]).at[1, 0].set(values["unlike"])
    return eqx.tree_at(where, potential, (jnp.exp(values["log"]) * potential.epsilon, sigma))


gradient = relaxed.gradient(loss, where)
logs = {"log": np.array(0.0), "unlike": np.array(potential.sigma[0, 1])}
few = relaxed.gradient(lambda x, e, u, p: loss(x, e, u, where(tied(p))), (logs, tied))
found["tied"] = [[few["log"], few["unlike"]],
                 [np.sum(gradient[0] * potential.epsilon), gradient[1][0, 1] + gradient[1][1, 0]]]
step = {"log": 0.7, "unlike": -0.2}
response = relaxed.jvp(step, (logs, tied))
unlike = np.array([[0.0, 1.0], [1.0, 0.0]])
other = relaxed.jvp((0.7 * potential.epsilon, -0.2 * unlike), where)
found["tied positions"] = [response.positions, other.positions]
found["tied energy1"] = [response.energy1, other.energy1]
# exp bends: half of d2 exp = 0.7**2 / 2 more along the slope by epsilon
slope = relaxed.jacobian(where, progress=False).energy[:4]
found["tied energy2"] = [response.energy2, other.energy2 + 0.7**2 / 2 * slope @ potential.epsilon.ravel()]
both = relaxed.gradient(lambda x, e, u, p: loss(x, e, u, where(p)))
found["where none"] = [np.ravel([both.epsilon, both.sigma]), np.ravel(gradient)]


def at(h):
    values_there = jax.tree.map(lambda a, b: a + h * b, values, change)
    r = relax_again(relaxed, eqx.tree_at(where, potential, values_there))
    return float(loss(in_cell_of(relaxed, r), strain_of(r.system.cell, relaxed.system.cell), r.energy, values_there))


h = 1e-4
found["differences"] = [(at(h) - at(-h)) / (2 * h), sum(np.sum(a * b) for a, b in zip(gradient, change))]
for name in ("none", "jacobi", "exp"):
    # other steps to the same structure, and the same response
    again = relax_again(relaxed, potential, preconditioner=name)
    again = again.jvp(change, where)
    first = relaxed.jvp(change, where)
    found[f"preconditioner {name}"] = [again.positions, first.positions]
    found[f"preconditioner strain {name}"] = [again.strain, first.strain]
"""


def test_adjoint_columns_dense_chain_rule_and_preconditioners_agree(folder):
    """All routes end at a relative residual of 1e-11, times the condition number of the Hessian where two solves are compared."""
    pairs = found(folder, "import jax.flatten_util\n" + ADJOINT, time_limit=300)
    for name, (a, b) in pairs.items():
        if np.abs(b).max() == 0.0:
            assert "strain None" in name and np.all(a == 0.0)
            continue
        if name == "differences":
            close(a, b, 1e-6)  # h² of the third order
        else:
            close(a, b, 1e-10 if name.startswith(("vjp", "gradient", "symmetry")) else 1e-9)


RANKS = """
name, cell = {name!r}, {cell!r}
potential, where = potential_of(name), parameters_of(name)
relaxed = adflux.relax(start(name), potential, 1e-11, cell)
keep("all", relaxed, relaxed.jvp(direction(where(potential)), where))
gradient = relaxed.gradient(lambda x, strain, energy, p: jnp.sum(jnp.sin(x)) + strain @ jnp.arange(6.0) + energy, where)
for k, leaf in enumerate(jax.tree.leaves(gradient)):
    found[f"gradient {{k}}"] = leaf
jacobian = relaxed.jacobian(where, progress=False)
found["jacobian"] = relaxed.gather(np.swapaxes(jacobian.positions, 0, 1))
found["jacobian strain"] = jacobian.strain
assert len(relaxed.ids) == len(relaxed.positions) == len(jacobian.positions[0])
assert np.all(np.diff(relaxed.ids) > 0) and np.array_equal(relaxed.gather(relaxed.ids), np.arange(len(found["jacobian"])) + 1)
if MPI.COMM_WORLD.size < 4 and name == "cubic":
    dense = relaxed.dense(where)
    found["hessian"], found["mixed"] = dense.hessian, dense.mixed
"""


@pytest.mark.parametrize(
    ("name", "cell", "numbers"),
    (("cubic", "tri", (2, 4)), ("network", "iso", (2,))),  # on 4, the network compiles for minutes
)
def test_any_number_of_ranks(folder, name, cell, numbers):
    """The same start, the same minimum to 1e-11 of forces, the same answer by atom id."""
    script = RANKS.format(name=name, cell=cell)
    alone = found(folder, script, time_limit=200)
    for ranks in numbers:
        together = found(folder, script, ranks, time_limit=300)
        for what, values in together.items():
            close(values, alone[what], 1e-9, max(np.abs(alone[what]).max(), 1e-3))


EXPANSION = """
potential, where = potential_of("silicon"), parameters_of("silicon")
values = where(potential)
relaxed = adflux.relax(start("silicon"), potential, 1e-11, {cell!r})
change = np.zeros((1, 1)), np.full((1, 1), 0.02), np.full((1, 1, 1), 0.04)
response = relaxed.jvp(change, where)
first = response.energy1, response.energy2
errors = []
for part in (0.25, 0.125):
    changed = eqx.tree_at(where, potential, jax.tree.map(lambda a, b: a + part * b, values, change))
    energy = relax_again(relaxed, changed).energy
    x = relaxed.cartesian(relaxed.positions + part * response.positions, part * response.strain)
    cell = relaxed.system.cell @ (np.eye(3) + part * np.diag(response.strain[:3]))
    atoms = ase.Atoms(f"Si{len(x)}", positions=x, cell=cell, pbc=True)
    predicted = float(jnp.sum(changed(adflux.graph_from_atoms(atoms, changed))))
    here = relaxed.energy + part * response.energy1
    errors.append([here - energy, here + part**2 * response.energy2 - energy, predicted - energy])
found["errors"] = errors
"""


@pytest.mark.parametrize("cell", (None, "iso"))
def test_halving_the_change_divides_errors_of_the_energy_by_4_8_16(folder, cell):
    """U to first and second order, and U of the changed potential at the structure predicted to first order."""
    large, small = found(folder, "import ase\n" + EXPANSION.replace("{cell!r}", repr(cell)))["errors"]
    ratios = large / small / [4, 8, 16]
    assert np.all(np.abs(small) > 1e-9)  # energies of 270 eV are exact to 1e-12
    if cell is None:
        # the next order is smaller by about the change, a few per cent
        assert np.all(np.abs(ratios - 1.0) < 0.1), ratios
    else:
        # at zero pressure only angles matter, and the third order is as small as the fourth
        assert np.all(np.abs(ratios[[0, 2]] - 1.0) < 0.1) and 1.0 <= ratios[1] <= 2.0, ratios


SNAP = """
from pathlib import Path

data = Path({data!r})
potential = adflux.SNAP.from_lammps(data / "W.snapcoeff", data / "W.snapparam", ["W"])


def tungsten(a, more):
    return ["units metal", "atom_modify map array sort 0 0.0", f"lattice bcc {{a}} origin 0.01 0.01 0.01",
            "region box block 0 2 0 2 0 2", "create_box 1 box", "create_atoms 1 box", *more, "mass 1 183.84",
            "min_style cg"]


def where(p):
    return p.coefficients
"""
VACANCY = """
exact = np.load(data / "W15_exact.npz")
relaxed = adflux.relax(tungsten(3.163, ["group gone id 1", "delete_atoms group gone compress no"]), potential, 1e-11)
# the reference lists the same atoms in another order
apart = relaxed.positions[:, None] - exact["X"].reshape(1, -1, 3)
lengths = np.diag(relaxed.system.cell)
apart = np.linalg.norm(apart - lengths * np.round(apart / lengths), axis=2)
atoms = np.argmin(apart, axis=0)
assert sorted(atoms) == list(range(15)) and apart.min(axis=0).max() < 1e-6
rows = (3 * atoms[:, None] + np.arange(3)).ravel()
dense = relaxed.dense(where)
jacobian = relaxed.jacobian(where, progress=False)
found["E"] = [relaxed.energy, exact["E"]]
found["H"] = [dense.hessian[np.ix_(rows, rows)], exact["H"]]
found["mixed"] = [dense.mixed[:, rows], exact["mixed"][0]]
found["dX_dTheta"] = [jacobian.positions[:, atoms].reshape(55, -1), exact["dX_dTheta"][0]]
found["dEps_coupled"] = [relaxed.jacobian(where, "iso", progress=False).strain[:, 0], exact["dEps_coupled"][0]]
"""
INTERSTITIAL = """
try:
    adflux.relax(tungsten(3.269, ["create_atoms 1 single 0.26 0.26 0.26"]), potential)
except adflux.AdfluxError as error:
    print("refused:", error)
"""


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data/implicit")
def test_tungsten(folder):
    """A vacancy is as finite differences of LAMMPS' own SNAP found it; an interstitial does not relax to a minimum."""
    script = COMMON + SNAP.format(data=str(DATA)) + VACANCY + INTERSTITIAL + "\nfinish()\n"
    run = run_python(folder, script, environment=FAST, time_limit=300)
    with np.load(folder / "found.npz") as file:
        assert set(file) == {"E", "H", "mixed", "dX_dTheta", "dEps_coupled"}
        for name, (ours, theirs) in file.items():
            assert np.linalg.norm(ours - theirs) <= 1e-6 * np.linalg.norm(theirs), name
    (refused,) = (line for line in run.stdout.splitlines() if line.startswith("refused:"))
    assert "saddle point of index 3" in refused, refused
