"""`adflux kappa`: files in, table or JSON out, one sentence for bad input."""

import json

import numpy as np
import pytest
from lammps_runner import run_adflux

from lammps_adflux.cli.options import as_options


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two seeds of 2000 samples of a relaxing flux, as fix ave/time writes them."""
    folder = tmp_path_factory.mktemp("kappa")
    rng = np.random.default_rng(0)
    for seed in (1, 2):
        flux = rng.normal(size=(2000, 3))
        for index in range(1, 2000):
            flux[index] = 0.8 * flux[index - 1] + 0.6 * flux[index]
        rows = "".join(f"{10 * i} {x:.9g} {y:.9g} {z:.9g}\n" for i, (x, y, z) in enumerate(flux))
        (folder / f"flux.{seed}").write_text(
            "# Time-averaged data for fix f\n# TimeStep v_adflux_jx v_adflux_jy v_adflux_jz\n"
            + rows
        )
    return folder


GIVEN = ("--units", "real", "--volume", 1e4, "--temperature", 300, "--timestep", 1)


@pytest.mark.slow
def test_table_and_files(folder):
    done = run_adflux(
        folder, "kappa", "flux.1", "flux.2", *GIVEN, "-o", "out/lj", "--stacie-model", "exppoly"
    )
    assert done.code == 0, done.stderr
    assert done.stderr == ""
    for word in (
        "W/(m K)",
        "over seeds",
        "2 seeds",
        "over blocks",
        "20 blocks",
        "STACIE",
        "exppoly",
        "out/lj.png",
    ):
        assert word in done.stdout, done.stdout
    data = json.loads((folder / "out/lj.json").read_text())
    assert data["seeds"] == 2 and data["stacie"]["error"] > 0 and np.shape(data["tensor"]) == (3, 3)
    header, *rows = (folder / "out/lj.csv").read_text().splitlines()
    assert (
        header.startswith("time,hfacf,hfacf_filtered,kappa,kappa_error,kappa_xx") and len(rows) > 10
    )
    assert (folder / "out/lj.png").read_bytes().startswith(b"\x89PNG")


def test_json_alone_on_stdout(folder):
    done = run_adflux(
        folder, "kappa", "flux.1", *GIVEN, "--json", "--stacie-model", "none", "--cutoff", 200
    )
    assert done.code == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["cutoff"] == 200 and data["units"] == "real"
    assert data["stacie"]["reason"] == "not asked for"
    assert data["over_seeds"]["reason"] == "a second seed is needed"
    assert (folder / "kappa.json").exists() and (folder / "kappa.png").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("flux.1",), "--units and --volume and --temperature and --timestep are needed"),
        (("flux.3",), "flux.3 could not be read"),
        (("flux.1", *GIVEN, "--units", "metric"), "no unit system 'metric'"),
        (("flux.1", *GIVEN, "--columns", "v_a v_b"), "--columns needs 3 names"),
        (("flux.1", *GIVEN, "--columns", "v_a v_b v_c"), "v_a, v_b, v_c were needed"),
        (("flux.1", *GIVEN, "--cutoff", "1e9"), "--cutoff must lie between"),
        (("flux.1", *GIVEN, "--skip", "1995"), "16 samples or more"),
        (("flux.1", *GIVEN, "--stacie-model", "magic"), "must be one of lorentz, exppoly"),
    ],
)
def test_bad_input_is_one_sentence(folder, arguments, sentence):
    done = run_adflux(folder, "kappa", *arguments)
    assert done.code == 1
    assert done.stdout == ""
    assert (
        sentence in done.stderr
        and done.stderr.count("\n") == 1
        and done.stderr.startswith("adflux: ")
    )


def test_help_has_examples(folder):
    done = run_adflux(folder, "kappa", "--help")
    assert done.code == 0
    assert "adflux kappa log.lammps" in done.stdout


def test_no_number_without_an_error_bar_or_the_reason(folder):
    rows = (folder / "flux.1").read_text().splitlines(keepends=True)
    (folder / "short").write_text("".join(rows[:60]))
    done = run_adflux(folder, "kappa", "short", *GIVEN, "--cutoff", 100)
    assert done.code == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert (
        "no error bar: 4 blocks of 5 cutoffs are needed (200 samples in each file, 58 are there), "
        "or a second seed" in text
    )
    data = json.loads((folder / "kappa.json").read_text())
    assert data["error"] is None and data["without_error"].startswith("no error bar")


def test_everything_that_was_used_is_printed(folder):
    done = run_adflux(folder, "kappa", "flux.1", *GIVEN, "--stacie-model", "none")
    for line in (
        "used: flux v_adflux_jx, v_adflux_jy, v_adflux_jz",
        "used: units real: --units",
        "used: timestep 1: --timestep",
        "used: volume 10000: --volume",
        "used: temperature 300: --temperature",
    ):
        assert line in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("sentence", "said"),
    (
        ("run longer, or give cutoff=.", "run longer, or give --cutoff."),
        ("say with dimension=2 that", "say with --dimension 2 that"),
        ("per_volume=False or per_volume=True.", "--extensive or --per-volume."),
        ("or use subtract_mean=", "or use --subtract-mean"),
        ("declares hops=2: declare hops=3", "declares hops=2: declare hops=3"),
        ("fix a all ave/time 1 1 1 c_flux[1] run=x", "fix a all ave/time 1 1 1 c_flux[1] run=x"),
    ),
)
def test_arguments_of_the_library_are_options_on_the_command_line(sentence, said):
    assert as_options(sentence, ("cutoff", "dimension", "subtract_mean", "run")) == said
