"""Two layers of messages on several ranks equal one rank, whatever LAMMPS does with its domains.

Nothing is set for it: neither a communication cutoff nor ghost lists.
"""

import dataclasses
import os
import subprocess

import numpy as np
import pytest
from comparing import close
from lammps_runner import find_program, run_lammps, vectors
from networks import FailsOnRankOne, message_passing

import lammps_adflux as adflux

pytestmark = pytest.mark.lammps
# relative to the largest component; rounding grows by a few times in a few steps of melting
ROUNDING = 1e-9
FLUX = tuple(f"v_adflux_j{part}{a}" for part in "pc" for a in "xyz")
PRESSURE = tuple("Pxx Pyy Pzz Pxy Pxz Pyz".split())
BOX = """\
units metal
atom_modify map array
{before}
lattice diamond 5.6
region box {region}
create_box 2 box
create_atoms 1 {where}
set type 1 type/fraction 2 0.4 11
mass 1 28.06
mass 2 72.63
reset_atoms id sort yes
displace_atoms all random 0.2 0.2 0.2 3 units box
velocity all create 900 4711 loop geom mom no
neighbor 0.3 bin
timestep 0.0005
thermo_modify lost error
"""
MODEL = "pair_style mliap unified layers2.pkl 0\npair_coeff * * Si Ge\n"
FLY = """\
mass * 28.06
set group all type 1
velocity all set 0 0 0
variable vx atom -1.5*(x-11)
variable vy atom -1.5*(y-5)
velocity all set v_vx v_vy 3.0
run 600
"""
KILL = '''\
python kill_rank_one input 1 SELF format p here """
def kill_rank_one(lammps):
    import os, signal
    from mpi4py import MPI
    if MPI.COMM_WORLD.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
"""
fix kill all python/invoke 5 end_of_step kill_rank_one
fix move all nve
run 100000000
'''
BLOCK = "block 0 4 0 2 0 2"
# name: (before the box, region, where atoms are, model, what happens, ranks)
SITUATIONS = {
    "triclinic": ("", "prism 0 4 0 2 0 2 0.7 0.3 -0.4", "box", MODEL, "run 3", 2),
    "slab": ("boundary p p f", "block 0 4 0 2 -1 3", "region part", MODEL, "run 3", 4),
    "cell smaller than the cutoff": ("", "block 0 2 0 0.5 0 0.5", "box", MODEL, "run 3", 2),
    "tiled": (
        "comm_style tiled",
        "block 0 4 0 2 0 2",
        "region part",
        MODEL,
        "balance 1.0 rcb\nfix balance all balance 2 1.0 rcb\nrun 6",
        3,
    ),
    "barostat": (
        "",
        BLOCK,
        "box",
        MODEL,
        "unfix move\nfix move all npt temp 900 900 0.05 aniso 0 0 0.5\nrun 6",
        2,
    ),
    "minimize": ("", BLOCK, "box", MODEL, "min_modify dmax 0.02\nminimize 0 0 4 40", 2),
    "overlay with NULL": (
        "",
        BLOCK,
        "box",
        "pair_style hybrid/overlay mliap unified layers2.pkl 0 mliap unified silicon.pkl 0\n"
        "pair_coeff * * mliap 1 Si Ge\npair_coeff * * mliap 2 Si NULL\n",
        "run 3",
        2,
    ),
    "atoms fly between domains": ("", BLOCK, "box", MODEL.replace("layers2", "weak"), FLY, 2),
}
END = """\
thermo_style custom step pe press pxx pyy pzz pxy pxz pyz {flux}
thermo_modify format float %.17g
run 0
write_dump all custom {name}.dump id type x y z vx vy vz fx fy fz modify format float %.17g
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exchange")
    network = message_passing(2, cutoff=3.5)
    adflux.export(network, folder / "layers2.pkl")
    # forces that hardly bend the way of an atom
    adflux.export(message_passing(2, cutoff=3.5, scale=1e-5), folder / "weak.pkl")
    silicon = message_passing(2, cutoff=3.0, elements=("Si",), seed=3)
    adflux.export(silicon, folder / "silicon.pkl")
    return folder


def measured(folder, situation: str, ranks: int):
    before, region, where, model, happens, _ = SITUATIONS[situation]
    name = f"{situation.replace(' ', '_')}{ranks}"
    if where == "region part":
        part = "block 0 4 0 2 0 2" if situation == "slab" else "block 0 1 0 2 0 2"
        where = f"region part\nregion part {part}"
        # the region comes before the atoms that are created in it
        create, region_line = where.split("\n")
        script = BOX.format(before=before, region=region, where=create).replace(
            "create_atoms", f"{region_line}\ncreate_atoms"
        )
    else:
        script = BOX.format(before=before, region=region, where=where)
    script += model + "include ${adflux}/heat_flux.lmp\nfix move all nve\n" + happens + "\n"
    script += END.format(name=name, flux=" ".join(FLUX))
    run = run_lammps(folder, script, ranks, quick=True, time_limit=200.0)
    return run.tables[-1], run.dump(f"{name}.dump")[-1]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_several_ranks_equal_one(folder, situation):
    ranks = SITUATIONS[situation][-1]
    table, frame = measured(folder, situation, ranks)
    one_table, one_frame = measured(folder, situation, 1)
    for names in (FLUX, PRESSURE, ("PotEng",)):
        close(vectors(table, *names), vectors(one_table, *names), ROUNDING, names)
    assert np.array_equal(frame["id"], one_frame["id"]) and len(frame["id"]) >= 4
    for names in (("x", "y", "z"), ("vx", "vy", "vz"), ("fx", "fy", "fz")):
        close(vectors(frame, *names), vectors(one_frame, *names), ROUNDING, names)


def other_mpi(library):
    """A handler that was built with another MPI, as far as we look into it."""
    compiler = find_program(os.environ.get("CXX", "c++"))
    if compiler is None:
        pytest.skip("needs a C++ compiler")
    source = library.with_suffix(".cc")
    source.write_text('extern "C" const char *adflux_mpi() { return "Open MPI v9.9.9"; }\n')
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)


HANDLERS = {
    "missing": (lambda library: None, "is missing: run `adflux build-lammps --exchange-only`"),
    "damaged": (lambda library: library.write_bytes(b"no library"), "does not load"),
    "of another MPI": (other_mpi, "uses Open MPI v9.9.9, but mpi4py uses"),
}


@pytest.mark.parametrize("ranks", (1, 2, 4))
@pytest.mark.parametrize("handler", HANDLERS)
def test_without_a_good_handler_a_run_goes_on_and_says_why(folder, tmp_path, handler, ranks):
    make, why = HANDLERS[handler]
    make(library := tmp_path / "handler.so")
    script = BOX.format(before="", region=BLOCK, where="box") + MODEL + "run 0\n"
    environment = {"ADFLUX_EXCHANGE": str(library)}
    run = run_lammps(folder, script, ranks, environment=environment, time_limit=30.0)
    told = [line for line in run.stdout.splitlines() if "through Python, which is slower" in line]
    assert len(told) == (ranks > 1)  # one rank exchanges nothing
    assert all(why in line for line in told)


@pytest.mark.parametrize("ranks", (2, 4))
@pytest.mark.parametrize("route", ("compiled", "python"))
def test_a_rank_that_fails_ends_all_with_its_sentence(folder, tmp_path, route, ranks):
    """Rank 0 waits inside XLA then."""
    network = message_passing(2, cutoff=3.5)
    fields = [getattr(network, field.name) for field in dataclasses.fields(network)]
    adflux.export(FailsOnRankOne(*fields), tmp_path / "layers2.pkl")
    script = BOX.format(before="", region=BLOCK, where="box") + MODEL + "run 0\n"
    environment = {"ADFLUX_EXCHANGE": "python"} if route == "python" else {}
    run = run_lammps(tmp_path, script, ranks, environment=environment, fails=True, time_limit=30.0)
    assert "adflux: MemoryError: no memory is left here (rank 1)" in run.stderr


@pytest.mark.parametrize("ranks", (2, 4))
@pytest.mark.parametrize("route", ("compiled", "python"))
def test_a_rank_that_is_killed_ends_all(folder, route, ranks):
    script = BOX.format(before="", region=BLOCK, where="box") + MODEL + KILL
    environment = {"ADFLUX_EXCHANGE": "python"} if route == "python" else {}
    run = run_lammps(folder, script, ranks, environment=environment, fails=True, time_limit=30.0)
    assert "KILLED BY SIGNAL: 9" in run.output or "EXIT CODE: 9" in run.output, run.output
