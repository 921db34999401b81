"""`adflux run --dry`: each thing that a script lacks is named, and nothing is written or run."""

import ase
import ase.build
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lammps_runner import run_adflux

import lammps_adflux as adflux
from lammps_adflux.structures.vibrations import fastest_square

BEGIN = """units lj
lattice fcc 0.8442
region box block 0 3 0 3 0 3
create_box 1 box
create_atoms 1 box
mass 1 1.0
pair_style mliap unified ${model} 0
pair_coeff * * Ar
"""
FLUX = "include ${adflux}/heat_flux.lmp\n"
SERIES = "fix f all ave/time 5 1 5 v_adflux_jx v_adflux_jy v_adflux_jz file my.flux\n"
END = "fix nve all nve\nwrite_data end.data\nrun 100000000\n"
GOOD = BEGIN + FLUX + SERIES + END
MODEL = ("-var", "model", "ar.pkl")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dry")
    potential = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements=["Ar"])
    adflux.export(potential, folder / "ar.pkl")
    return folder


def dry(folder, script, *words):
    (folder / "in.dry").write_text(script)
    before = sorted(path.name for path in folder.iterdir())
    done = run_adflux(folder, "run", "in.dry", "--dry", *words)
    assert sorted(path.name for path in folder.iterdir()) == before
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.lammps
def test_a_script_that_lacks_nothing_is_good_and_writes_nothing(folder):
    done = dry(folder, GOOD, *MODEL, "-log", "my.log")
    assert done.code == 0, done.stdout + done.stderr
    assert "✗" not in done.stdout and "fix f writes it every 5 steps" in done.stdout


@pytest.mark.lammps
@pytest.mark.parametrize(
    ("script", "words", "sentence"),
    (
        (GOOD, (), "model is not set"),
        (GOOD, ("-var", "model", "absent.pkl"), "absent.pkl"),
        (
            GOOD.replace("mass 1", "create_atoms 1 single 0 0 0\nmass 1"),
            MODEL,
            "its energy is not finite",
        ),
        (GOOD.replace("units", "unit"), MODEL, "Unknown command: unit"),
        (GOOD.replace(BEGIN, FLUX + BEGIN), MODEL, "include it after pair_style mliap unified"),
        (GOOD.replace(FLUX, "").replace(SERIES, ""), MODEL, "no flux is computed"),
        (GOOD.replace(SERIES, ""), MODEL, "nothing asks for v_adflux_jx"),
        (
            GOOD.replace(SERIES, "thermo_style custom step v_adflux_jx\n"),
            MODEL,
            "only thermo output asks for v_adflux_jx",
        ),
        (GOOD.replace(" file my.flux", ""), MODEL, "fix f writes no file"),
        (GOOD.replace("5 1 5", "5 2 10"), MODEL, "fix f averages 2 samples"),
        (GOOD.replace("5 1 5", "500 1 500"), MODEL, "the fastest vibration of the start takes"),
        (GOOD.replace("mass 1 1.0\n", ""), MODEL, "Not all per-type masses are set"),
        (GOOD.replace("run 100000000\n", ""), MODEL, "has no run"),
        (
            GOOD.replace("mliap unified ${model} 0", "lj/cut 2.5").replace("Ar", "1 1")
            .replace(FLUX, "").replace(SERIES, ""),
            (),
            "lj/cut 2.5 is LAMMPS' own",
        ),
        (BEGIN + "include ${adflux}/green_kubo.lmp\n", MODEL, "temperature is not set"),
    ),
)  # fmt: skip
def test_what_a_script_lacks_is_named(folder, script, words, sentence):
    done = dry(folder, script, *words)
    assert sentence in done.stdout, done.stdout + done.stderr
    named = any(word in sentence for word in ("no flux is", "LAMMPS' own"))
    assert done.code == (0 if named else 1)


@pytest.mark.lammps
def test_all_variables_that_are_missing_are_named_at_once(folder):
    script = BEGIN.replace("${model}", "ar.pkl").replace("0.8442", "${density}")
    done = dry(folder, script + "include ${adflux}/green_kubo.lmp\n")
    assert "density is not set" in done.stdout and "temperature is not set" in done.stdout


@pytest.mark.parametrize("distance", (None, 9.0))
def test_without_pairs_nothing_vibrates(distance):
    positions = [[0.0, 0.0, 0.0]] if distance is None else [[0.0, 0.0, 0.0], [distance, 0.0, 0.0]]
    atoms = ase.Atoms(["Ar"] * len(positions), positions=positions)
    potential = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements=["Ar"])
    graph = adflux.graph_from_atoms(atoms, potential)
    assert fastest_square(potential, graph, np.ones(len(atoms))) == 0.0


@pytest.mark.parametrize("cell", (1, 2))
def test_the_fastest_vibration_is_the_largest_eigenvalue_of_the_hessian(cell):
    atoms = ase.build.bulk("Ar", "fcc", a=1.6, cubic=True) * cell
    atoms.rattle(0.05, seed=2)
    potential = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements=["Ar"])
    graph = adflux.graph_from_atoms(atoms, potential)
    masses = np.random.default_rng(0).uniform(1.0, 5.0, len(atoms))

    def energy(moves):
        moved = moves[graph.others] - moves[graph.centers]
        return jnp.sum(potential(graph.with_vectors(graph.vectors + moved)))

    hessian = jax.hessian(energy)(jnp.zeros((len(atoms), 3))).reshape((3 * len(atoms),) * 2)
    scale = np.repeat(masses, 3) ** -0.5
    exact = np.linalg.eigvalsh(scale[:, None] * hessian * scale)[-1]
    assert fastest_square(potential, graph, masses) == pytest.approx(exact, rel=2e-2)
