"""Several layers of messages in LAMMPS: folded on one rank, ghost shells on several, the same
numbers.
"""

import ase
import numpy as np
import pytest
from lammps_runner import run_lammps, run_python, vectors
from networks import function_network, message_passing

import lammps_adflux as adflux

pytestmark = pytest.mark.lammps
ROUNDING = 1e-10  # relative to the largest component: sums of 10⁴ terms in another order
FLUX = tuple(f"v_adflux_j{part}{a}" for part in "pc" for a in "xyz")
PRESSURE = tuple("Pxx Pyy Pzz Pxy Pxz Pyz".split())
NINE = tuple(f"d2_adflux_virial[{n}]" for n in range(1, 10))
SETUP = """\
units metal
lattice diamond 5.6
region box block 0 {cells} 0 2 0 2
create_box 2 box
create_atoms 1 box
set type 1 type/fraction 2 0.4 11
mass 1 28.06
mass 2 72.63
reset_atoms id sort yes
displace_atoms all random 0.2 0.2 0.2 3 units box
velocity all create 900 4711 loop geom mom no
neighbor 0.3 bin
"""
RUN = """\
pair_style mliap unified {model}.pkl {ghosts}
pair_coeff * * Si Ge
include ${{adflux}}/heat_flux.lmp
variable adflux_every index 2
include ${{adflux}}/atomic_virials.lmp
fix move all nve
timestep 0.0005
dump all all custom 2 {name}.dump id type x y z vx vy vz fx fy fz d2_adflux_virial[*]
dump_modify all format float %.17g
thermo 2
thermo_style custom step pe press pxx pyy pzz pxy pxz pyz {flux}
thermo_modify format float %.17g
run 4
"""
SHELLS = {"folded": (1, 0, ""), "folded, with ghost lists": (1, 1, ""), "2 ranks": (2, 1, "comm_modify cutoff {:g}\n"),
          "4 ranks": (4, 1, "comm_modify cutoff {:g}\n")}  # fmt: skip
MODELS = {
    "layers2": message_passing(2, cutoff=3.5),
    "layers3": message_passing(3, cutoff=2.9),
    "function": function_network(2),
}


def close(ours, theirs):
    scale = np.abs(theirs).max()
    assert np.abs(np.asarray(ours) - theirs).max() <= ROUNDING * scale, (ours, theirs)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layers")
    for name, potential in MODELS.items():
        adflux.export(potential, folder / f"{name}.pkl")
    return folder


@pytest.fixture(scope="module")
def runs(folder):
    done = {}

    def one(model, way):
        if (model, way) not in done:
            ranks, ghosts, comm = SHELLS[way]
            script = SETUP.format(cells=2) + comm.format(MODELS[model].reach + 0.3)
            name = f"{model}{len(done)}"
            script += RUN.format(model=model, ghosts=ghosts, name=name, flux=" ".join(FLUX))
            run = run_lammps(folder, script, ranks)
            done[model, way] = run, run.tables[0], run.dump(f"{name}.dump")
        return done[model, way]

    return one


@pytest.mark.parametrize("model", MODELS)
def test_folded_equals_the_library(runs, model):
    potential = MODELS[model]
    _, table, frames = runs(model, "folded")
    for row, frame in enumerate(frames):
        symbols = [potential.elements[int(kind) - 1] for kind in frame["type"]]
        atoms = ase.Atoms(symbols, vectors(frame, "x", "y", "z"), cell=np.eye(3) * 11.2, pbc=True)
        graph = adflux.graph_from_atoms(atoms, potential)
        expected = adflux.energy_forces_virial(potential, graph)
        close(table["PotEng"][row], np.asarray(expected.energy))
        close(vectors(frame, "fx", "fy", "fz"), np.asarray(expected.forces))
        flux = adflux.heat_flux(potential, graph, vectors(frame, "vx", "vy", "vz"))
        close(vectors(table, *FLUX[:3])[row], np.asarray(flux))
        close(
            vectors(frame, *NINE),
            np.asarray(adflux.atomic_virials(potential, graph)).reshape(-1, 9),
        )


@pytest.mark.parametrize("way", [way for way in SHELLS if way != "folded"])
@pytest.mark.parametrize("model", MODELS)
def test_shells_equal_folded(runs, model, way):
    _, table, frames = runs(model, way)
    _, folded_table, folded_frames = runs(model, "folded")
    close(vectors(table, *FLUX), vectors(folded_table, *FLUX))
    close(table["PotEng"], folded_table["PotEng"])
    close(vectors(table, *PRESSURE), vectors(folded_table, *PRESSURE))
    for frame, folded in zip(frames, folded_frames, strict=True):
        close(vectors(frame, "fx", "fy", "fz"), vectors(folded, "fx", "fy", "fz"))
        close(vectors(frame, *NINE), vectors(folded, *NINE))


def test_the_log_tells_which_way(tmp_path, folder, runs):
    assert "2 layers of messages, folded" in runs("layers2", "folded")[0].stdout
    shells = runs("layers2", "2 ranks")[0].stdout
    assert (
        shells.count(
            "2 layers of messages on 2 ranks, through shells of ghost atoms 2 x 3.5 = 7 wide"
        )
        == 1
    )


def test_folded_runs_in_a_cell_smaller_than_the_cutoff(tmp_path):
    potential = message_passing(2, cutoff=5.0, elements=("Si",))
    adflux.export(potential, tmp_path / "one.pkl")
    script = """\
units metal
lattice diamond 5.43
region box prism 0 1 0 1 0 1 0.1 0 0
create_box 1 box
create_atoms 1 box
mass 1 28.06
displace_atoms all random 0.1 0.1 0.1 3 units box
velocity all create 900 4711 loop geom mom no
pair_style mliap unified one.pkl 0
pair_coeff * * Si
include ${adflux}/heat_flux.lmp
thermo_style custom step pe v_adflux_jpx v_adflux_jpy v_adflux_jpz
thermo_modify format float %.17g
run 0
write_dump all custom now.dump id x y z vx vy vz fx fy fz modify format float %.17g
"""
    run = run_lammps(tmp_path, script)
    frame, table = run.dump("now.dump")[0], run.tables[0]
    cell = 5.43 * np.array([[1, 0, 0], [0.1, 1, 0], [0, 0, 1]])
    atoms = ase.Atoms(f"Si{len(frame['id'])}", vectors(frame, "x", "y", "z"), cell=cell, pbc=True)
    graph = adflux.graph_from_atoms(atoms, potential)
    close(
        vectors(frame, "fx", "fy", "fz"),
        np.asarray(adflux.energy_forces_virial(potential, graph).forces),
    )
    flux = adflux.heat_flux(potential, graph, vectors(frame, "vx", "vy", "vz"))
    close(vectors(table, *FLUX[:3])[0], np.asarray(flux))


@pytest.mark.parametrize("ranks", (1, 4))
def test_domains_without_atoms_and_atoms_without_neighbours(tmp_path, folder, ranks):
    """Half of the box is empty, one atom is alone: nothing hangs, and its energy is that of a lone
    atom.
    """
    script = "processors * 1 1\n" + SETUP.format(cells=9).replace(
        "create_atoms 1 box", "region part block 0 2 0 2 0 2\ncreate_atoms 1 region part"
    )
    script += "create_atoms 1 single 6 1 1\nvelocity all create 900 4711 loop geom mom no\n"
    script += "comm_modify cutoff 7.3\ncompute e all pe/atom\n"
    script += RUN.format(model="layers2", ghosts=1, name="alone", flux=" ".join(FLUX)).replace(
        "fz d2", "fz c_e d2"
    )
    (tmp_path / "layers2.pkl").symlink_to(folder / "layers2.pkl")
    frame = run_lammps(tmp_path, script, ranks).dump("alone.dump")[-1]
    lone = -1  # of the highest id
    potential = MODELS["layers2"]
    alone = ase.Atoms([potential.elements[int(frame["type"][lone]) - 1]], [[0, 0, 0]])
    expected = float(
        adflux.energy_forces_virial(potential, adflux.graph_from_atoms(alone, potential)).energy
    )
    assert abs(frame["c_e"][lone] - expected) < 1e-12
    assert frame["fx"][lone] == 0.0


PRUNED = """\
from lammps import lammps
from lammps.mliap import activate_mliappy
lmp = lammps(cmdargs=["-log", "none", "-nocite", "-screen", "none"])
activate_mliappy(lmp)
from lammps_adflux.mliap import domain, plugin
seen = []
def select(plugin, data, original=domain.select):
    selection = original(plugin, data)
    seen.append((data.npairs, len(selection.centers)))
    return selection
plugin.select = select
lmp.commands_string({script!r})
npairs, used = seen[-1]
import numpy as np
graph = plugin.registry.plugins()[-1].buffers
atoms = lmp.extract_setting("nlocal")
heard = np.arange(graph.atoms) < atoms
heard[graph.others[: graph.pairs][heard[graph.centers[: graph.pairs]]]] = True
assert heard[graph.centers[: graph.pairs]].all()
counts = lmp.get_mpi_comm().gather((used, npairs))
if counts:  # one rank speaks for all: their lines could mix
    print("\\n".join(f"used {{used}} of {{npairs}}" for used, npairs in counts))
lmp.close()
"""


def test_pairs_that_no_owned_atom_hears_of_are_left_out(tmp_path, folder):
    script = SETUP.format(cells=3) + "comm_modify cutoff 12.0\n"
    script += "pair_style mliap unified layers2.pkl 1\npair_coeff * * Si Ge\nrun 0\n"
    (tmp_path / "layers2.pkl").symlink_to(folder / "layers2.pkl")
    run = run_python(tmp_path, PRUNED.format(script=script), 2)
    lines = [line.split() for line in run.stdout.splitlines() if line.startswith("used")]
    assert len(lines) == 2 and all(int(words[1]) < 0.8 * int(words[3]) for words in lines), lines
