"""`adflux implicit`, `predict`, `propagate`: the way through files, on one rank and two."""

import json

import ase.build
import ase.io
import numpy as np
import pytest
from lammps_runner import run_adflux

import lammps_adflux as adflux

pytestmark = pytest.mark.lammps
SETUP = """\
units lj
read_data {name}.data
mass 1 1.0
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("implicit")
    potential = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.4, onset=1.9, elements="Ar")
    adflux.export(potential, folder / "ar.pkl")
    crystal = ase.build.bulk("Ar", "fcc", a=(4 / 1.05) ** (1 / 3), cubic=True) * (3, 3, 3)
    for name, atoms in (("bulk", crystal), ("vacancy", crystal[1:])):
        # from a file: the ids that create_atoms gives depend on the number of ranks
        ase.io.write(folder / f"{name}.data", atoms, format="lammps-data")
        (folder / f"in.{name}").write_text(SETUP.format(name=name))
    options = ("--potential", "ar.pkl", "--cell", "iso")
    run_adflux(
        folder,
        "implicit",
        "in.vacancy",
        *options,
        "-o",
        "vacancy.npz",
        "--xyz",
        "vacancy.xyz",
        fails=False,
    )
    run_adflux(folder, "implicit", "in.bulk", *options, "-o", "bulk.h5", "--json", fails=False)
    return folder


def test_two_ranks_write_the_same_file(folder):
    words = ("implicit", "in.vacancy", "--potential", "ar.pkl", "--cell", "iso", "-o", "two.npz")
    run_adflux(folder, *words, fails=False, ranks=2)
    with np.load(folder / "vacancy.npz") as one, np.load(folder / "two.npz") as two:
        assert set(one) == set(two)
        for name in ("gradient", "curvature", "position_jacobian", "strain_jacobian", "cell"):
            assert np.allclose(one[name], two[name], rtol=0, atol=1e-9 * np.abs(one[name]).max()), (
                name
            )


def test_energy_scales_with_epsilon_and_length_with_sigma(folder):
    """Lennard-Jones without another length or energy: Θ → 2Θ is exact to first order."""
    bulk = adflux.Taylor.load(folder / "bulk.h5")
    epsilon, sigma = bulk.gradient
    assert epsilon == pytest.approx(bulk.energy, rel=1e-9)
    vacancy = adflux.Taylor.load(folder / "vacancy.npz")
    assert vacancy.gradient[0] == pytest.approx(vacancy.energy, rel=1e-9)
    # at a minimum a change of ε moves nothing
    assert (
        np.abs(vacancy.position_jacobian[0]).max()
        < 1e-7 * np.abs(vacancy.position_jacobian[1]).max()
    )
    assert abs(sigma) > 0.0


def test_parameters_have_names_and_scripts_variables(folder):
    (folder / "in.scaled").write_text("read_data bulk.data\nmass 1 ${mass}\n")
    text = "variable units index lj\nunits ${units}\n"
    (folder / "in.scaled").write_text(text + (folder / "in.scaled").read_text())
    words = (
        "implicit",
        "in.scaled",
        "--potential",
        "ar.pkl",
        "--where",
        "sigma",
        "--var",
        "mass=2.0",
        "-o",
        "s.h5",
        "--xyz",
        "s.xyz",
    )
    run = run_adflux(folder, *words, "--log", "log.s", fails=False)
    assert (
        "names                   sigma[0,0]" in run.stdout
        and "minimize" in (folder / "log.s").read_text()
    )
    assert adflux.Taylor.load(folder / "s.h5").names == ("sigma[0,0]",)
    (written,) = ase.io.iread(folder / "s.xyz")
    assert written.info["name"] == "sigma[0,0]"
    (folder / "lines.txt").write_text("1.001\n1.002\n")  # one parameter: a structure for each line
    run = run_adflux(folder, "predict", "s.h5", "--parameters", "lines.txt", "--json", fails=False)
    assert len(json.loads(run.stdout)) == 2


def test_prediction_and_propagation_through_files(folder):
    (folder / "new.txt").write_text("1.01 1.001")
    words = ("predict", "vacancy.npz", "--parameters", "new.txt", "--xyz", "new.xyz", "--json")
    run = run_adflux(folder, *words, fails=False)
    (predicted,) = json.loads(run.stdout)
    expansion = adflux.Taylor.load(folder / "vacancy.npz")
    assert predicted["energy"] == pytest.approx(
        float(expansion.energies([[1.01, 1.001]])[0]), rel=1e-12
    )
    (structure,) = ase.io.iread(folder / "new.xyz")
    assert structure.get_volume() == pytest.approx(predicted["volume"], rel=1e-6)
    assert list(structure.arrays["id"]) == list(expansion.ids)
    # σ by 0.1 %: all lengths grow as much, ε moves nothing
    scaled = 1.001 * (expansion.positions - expansion.origin)
    moved = structure.positions - structure.positions.mean(axis=0) - scaled + scaled.mean(axis=0)
    assert np.abs(moved).max() < 2e-4
    mean, covariance = np.array([1.0, 1.0]), np.diag([1e-4, 1e-6])
    np.savez(folder / "ensemble.npz", mean=mean, covariance=covariance)
    words = (
        "propagate",
        "vacancy.npz",
        "bulk.h5",
        "--ensemble",
        "ensemble.npz",
        "--json",
        "--plot",
        "spread.png",
    )
    spread = json.loads(run_adflux(folder, *words, fails=False).stdout)
    bulk = adflux.Taylor.load(folder / "bulk.h5")
    slope = expansion.gradient - bulk.gradient * len(expansion.ids) / len(bulk.ids)
    # 1000 samples: the spread is known to 1 / √2000; second order is small for 1 %
    assert spread["energy_spread"] == pytest.approx(np.sqrt(slope @ covariance @ slope), rel=0.1)
    energies, volumes = (np.array([part.energy, part.volume]) for part in (expansion, bulk))
    present = energies - volumes * len(expansion.ids) / len(bulk.ids)
    assert [spread["energy_present"], spread["volume_present"]] == pytest.approx(
        present.tolist(), rel=1e-9
    )
    assert spread["units"] == "lj" and spread["doubt"] < 0.1 and spread["notes"] == []
    assert (folder / "spread.png").stat().st_size > 10_000
    assert "derivative:R:3" in (folder / "vacancy.xyz").read_text()


@pytest.mark.parametrize(
    "words, sentence",
    (
        (("predict", "vacancy.npz", "--parameters", "three.txt"), "rows of 2 numbers"),
        (
            ("predict", "vacancy.npz", "--parameters", "three.txt", "--xyz", "none/new.xyz"),
            "folder of none/new.xyz",
        ),
        (("predict", "nothing.npz", "--parameters", "three.txt"), "was not found"),
        (
            ("propagate", "vacancy.npz", "bulk.h5", "--ensemble", "wide.npz"),
            "rows of 2 parameters were needed",
        ),
        (
            ("implicit", "in.vacancy", "--potential", "ar.pkl", "--where", "depth", "-o", "x.npz"),
            "has no field depth",
        ),
        (
            ("predict", "vacancy.npz", "--parameters", "new.npy", "--potential", "ar.pkl"),
            "its epsilon[0,0] is 1, but 1.01",
        ),
        (("predict", "vacancy.npz", "--parameters", "wide.npz"), "needs `parameters`"),
        (
            ("implicit", "in.vacancy", "--potential", "ar.pkl", "--var", "mass", "-o", "x.npz"),
            "needs name=value",
        ),
        (("predict", "empty.npz", "--parameters", "three.txt"), "not a file of"),
        (
            ("propagate", "vacancy.npz", "bulk.h5", "--ensemble", "negative.npz"),
            "has no negative eigenvalue",
        ),
        (("propagate", "vacancy.npz", "bulk.h5", "--ensemble", "one.npy"), "at least two rows"),
        (
            ("propagate", "vacancy.npz", "bulk.h5", "--ensemble", "new.npy", "--plot", "x.foo"),
            "must end in one of",
        ),
        (("implicit", "in.vacancy", "--potential", "ar.pkl", "-o", "folder.npz"), "is a folder"),
        (
            ("implicit", "in.vacancy", "--potential", "ar.pkl", "-o", "x.json"),
            "must be .npz, .h5 or .hdf5",
        ),
        (("implicit", "in.nothing", "--potential", "ar.pkl", "-o", "x.npz"), "was not found"),
        (
            ("propagate", "bulk.h5", "vacancy.npz", "--ensemble", "new.npy"),
            "Are the files swapped?",
        ),
        (
            ("propagate", "vacancy.npz", "bulk.h5", "--ensemble", "mean.npz"),
            "but `covariance` is missing: it holds mean",
        ),
        (
            ("propagate", "vacancy.npz", "bulk.h5", "--ensemble", "far.npz"),
            "The ensemble is too wide for an expansion",
        ),
        (("predict", "vacancy.npz"), "New parameters were needed"),
    ),
)
def test_bad_input_is_one_sentence(folder, words, sentence):
    (folder / "three.txt").write_text("1 2 3")
    np.savez(folder / "wide.npz", samples=np.ones((4, 7)))
    np.savez(folder / "negative.npz", mean=np.ones(2), covariance=np.diag([1e-4, -1e-4]))
    np.save(folder / "one.npy", np.ones((1, 2)))
    np.save(folder / "new.npy", np.array([[1.01, 1.0]]))
    np.savez(folder / "mean.npz", mean=np.ones(2))
    np.savez(folder / "far.npz", mean=np.ones(2), covariance=np.diag([1e-4, 4e-2]))
    (folder / "empty.npz").write_bytes(b"")
    (folder / "folder.npz").mkdir(exist_ok=True)
    run = run_adflux(folder, *words, fails=True)
    assert run.stderr.count(sentence) == 1 and "Traceback" not in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "script, options, sentence",
    (
        ("in.vacancy", ("--fixed", "nobody"), "no group 'nobody'"),
        ("in.nothing", (), "in.nothing was not found"),
    ),
)
def test_two_ranks_end_with_one_sentence(folder, script, options, sentence):
    words = ("implicit", script, "--potential", "ar.pkl", *options, "-o", "x.npz")
    run = run_adflux(folder, *words, fails=True, ranks=2)
    assert run.stderr.count(sentence) == 1 and "Traceback" not in run.stderr


def test_numbers_have_units_and_a_model_file_gives_its_parameters(folder):
    """`predict` of the present model is the relaxed structure; two ranks say it once."""
    run = run_adflux(
        folder, "predict", "vacancy.npz", "--potential", "ar.pkl", fails=False, ranks=2
    )
    lines = dict(line.split(maxsplit=1) for line in run.stdout.splitlines())
    expansion = adflux.Taylor.load(folder / "vacancy.npz")
    value, unit = lines["volume"].split()
    assert float(value) == pytest.approx(expansion.volume, rel=1e-9) and unit == "σ³"
    assert run.stdout.count("units") == 1 and lines["units"] == "lj"
