"""Several layers of messages in LAMMPS: one rank gives the library's numbers, and several ranks
give those of one.
"""

import ase
import numpy as np
import pytest
from comparing import close
from lammps_runner import run_lammps, vectors
from mlff_folders import write_checkpoint
from networks import (
    function_network,
    message_passing,
    other_network,
    scanned_network,
    spreading_network,
)

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
# ranks, and 0 or 1 after the model file
WAYS = {
    "1 rank": (1, 0),
    "1 rank, ghost lists": (1, 1),
    "2 ranks": (2, 0),
    "2 ranks, ghost lists": (2, 1),
    "3 ranks": (3, 0),
    "4 ranks": (4, 0),
}
RANKS = ("2 ranks", "3 ranks", "4 ranks")
SO3KRATES = {f"so3krates{layers}": layers for layers in (1, 2, 3)}
MODELS = {
    "layers2": message_passing(2, cutoff=3.5),
    "layers3": message_passing(3, cutoff=2.9),
    "function": function_network(2),
    "scanned": other_network(scanned_network),
    "spreading": other_network(spreading_network),
}


CASES = [
    *(("layers2", way) for way in WAYS if way != "1 rank"),
    *(("layers3", way) for way in RANKS),
    ("scanned", "3 ranks"),
    ("spreading", "4 ranks"),
    ("function", "2 ranks"),
    ("so3krates1", "2 ranks"),
    ("so3krates2", "3 ranks"),
    ("so3krates3", "4 ranks"),
]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    models = dict(MODELS)
    for name, layers in SO3KRATES.items():
        write_checkpoint(folder / name, layers=layers, degrees=(1, 2), features=8)
        models[name] = adflux.So3krates.from_mlff(folder / name, elements="Si,Ge")
    return models


@pytest.fixture(scope="module")
def folder(tmp_path_factory, models):
    folder = tmp_path_factory.mktemp("layers")
    for name, potential in models.items():
        adflux.export(potential, folder / f"{name}.pkl")
    return folder


@pytest.fixture(scope="module")
def runs(folder):
    done = {}

    def one(model, way):
        if (model, way) not in done:
            ranks, ghosts = WAYS[way]
            name = f"{model}{len(done)}"
            script = SETUP.format(cells=2) + RUN.format(
                model=model, ghosts=ghosts, name=name, flux=" ".join(FLUX)
            )
            # what users get for one of them; a third of the time to compile for the others
            run = run_lammps(folder, script, ranks, quick=model != "layers2")
            done[model, way] = run, run.tables[0], run.dump(f"{name}.dump")
        return done[model, way]

    return one


@pytest.mark.parametrize("model", (*MODELS, *SO3KRATES))
def test_one_rank_equals_the_library(runs, models, model):
    potential = models[model]
    _, table, frames = runs(model, "1 rank")
    for row, frame in enumerate(frames):
        symbols = [potential.elements[int(kind) - 1] for kind in frame["type"]]
        atoms = ase.Atoms(symbols, vectors(frame, "x", "y", "z"), cell=np.eye(3) * 11.2, pbc=True)
        graph = adflux.graph_from_atoms(atoms, potential)
        expected = adflux.energy_forces_virial(potential, graph)
        close(table["PotEng"][row], np.asarray(expected.energy), ROUNDING)
        close(vectors(frame, "fx", "fy", "fz"), np.asarray(expected.forces), ROUNDING)
        flux = adflux.heat_flux(potential, graph, vectors(frame, "vx", "vy", "vz"))
        close(vectors(table, *FLUX[:3])[row], np.asarray(flux), ROUNDING)
        close(
            vectors(frame, *NINE),
            np.asarray(adflux.atomic_virials(potential, graph)).reshape(-1, 9),
            ROUNDING,
        )


@pytest.mark.parametrize("model, way", CASES)
def test_ranks_and_ghost_lists_change_nothing(runs, model, way):
    _, table, frames = runs(model, way)
    _, one_table, one_frames = runs(model, "1 rank")
    close(vectors(table, *FLUX), vectors(one_table, *FLUX), ROUNDING)
    close(table["PotEng"], one_table["PotEng"], ROUNDING)
    close(vectors(table, *PRESSURE), vectors(one_table, *PRESSURE), ROUNDING)
    for frame, one in zip(frames, one_frames, strict=True):
        close(vectors(frame, "fx", "fy", "fz"), vectors(one, "fx", "fy", "fz"), ROUNDING)
        close(vectors(frame, *NINE), vectors(one, *NINE), ROUNDING)


def test_the_log_says_how_layers_run(runs):
    assert "2 layers of messages; ghost atoms stand" in runs("layers2", "1 rank")[0].stdout
    sentence = "2 layers of messages on 2 ranks; features go from rank to rank before each layer"
    assert runs("layers2", "2 ranks")[0].stdout.count(sentence + "\n") == 1


def test_one_rank_runs_in_a_cell_smaller_than_the_cutoff(tmp_path):
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
        ROUNDING,
    )
    flux = adflux.heat_flux(potential, graph, vectors(frame, "vx", "vy", "vz"))
    close(vectors(table, *FLUX[:3])[0], np.asarray(flux), ROUNDING)


@pytest.mark.parametrize("ranks", (1, 4))
def test_domains_without_atoms_and_atoms_without_neighbours(tmp_path, folder, ranks):
    """Half of the box is empty, one atom is alone: nothing hangs, and its energy is that of a lone
    atom.
    """
    script = "processors * 1 1\n" + SETUP.format(cells=9).replace(
        "create_atoms 1 box", "region part block 0 2 0 2 0 2\ncreate_atoms 1 region part"
    )
    script += "create_atoms 1 single 6 1 1\nvelocity all create 900 4711 loop geom mom no\n"
    script += "compute e all pe/atom\n"
    script += RUN.format(model="layers2", ghosts=0, name="alone", flux=" ".join(FLUX)).replace(
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
