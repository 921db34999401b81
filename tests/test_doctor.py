"""`adflux doctor` says which parts work, and fails exactly where the main job would."""

import json
import re
import socket
import sys
import sysconfig
from pathlib import Path

import pytest
from lammps_runner import run_adflux, run_program

from lammps_adflux.cli.doctor import _findings, _Rank
from lammps_adflux.lmp import answers as ask_lmp
from lammps_adflux.lmp import doctor

NAMES = (
    "lmp version ML-IAP#Python Kokkos environment patches jax#devices float64 threads MPI "
    "exchange potentials compilations".replace(" ", "\n")
    .replace("#", " ")
    .splitlines()
)


def run_doctor(*words: str, **environment: str) -> tuple[int, dict[str, dict]]:
    done = run_adflux(Path.cwd(), "doctor", "--json", *words, environment=environment)
    answer = json.loads(done.stdout)
    assert answer["healthy"] == (done.code == 0)
    assert [finding["name"] for finding in answer["findings"]] == NAMES
    assert all(finding["advice"] for finding in answer["findings"] if finding["good"] is False)
    return done.code, {finding["name"]: finding for finding in answer["findings"]}


@pytest.mark.lammps
def test_all_is_well_here():
    code, findings = run_doctor()
    assert code == 0
    for name in ("lmp", "version", "ML-IAP Python", "environment", "jax devices", "float64", "MPI"):
        assert findings[name]["good"], findings[name]
    assert sys.prefix in findings["environment"]["text"]
    if list(Path(sysconfig.get_path("platlib")).glob("lammps-*.dist-info/adflux-build")):
        assert findings["patches"]["good"], findings["patches"]


def test_a_program_that_is_not_lammps_is_told_from_one():
    code, findings = run_doctor("--lmp", "/bin/true")
    assert code == 1
    assert findings["version"]["text"] == "this is not LAMMPS: `lmp -h` printed nothing"
    assert "adflux build-lammps" in findings["version"]["advice"]


def test_a_missing_lmp_is_told(tmp_path):
    code, findings = run_doctor("--lmp", str(tmp_path / "lmp"))
    assert code == 1 and findings["lmp"]["text"].endswith("is not a program.")


def fake_lmp(folder: Path, help_text: str, otherwise: str) -> Path:
    program = folder / "lmp"
    program.write_text(
        f"#!/bin/sh\nif [ $1 = -h ]; then\ncat <<'EOT'\n{help_text}\nEOT\nelse\n{otherwise}\nfi\n"
    )
    program.chmod(0o755)
    return program


HELP = (
    "Large-scale Atomic/Molecular Massively Parallel Simulator - {}\n\n"
    "MPI v4.0: Open MPI v4.1.4, package: x"
)


def report_of_lmp(**what) -> str:
    answer = {
        "prefix": "/p",
        "mliap": True,
        "adflux": "/p/a",
        "mpi": {"ranks": 1, "library": "MPICH Version: 5"},
    }
    return f"echo 'adflux doctor: {json.dumps({**answer, **what})}'"


@pytest.mark.parametrize(
    "date, otherwise, name, text",
    [
        ("2 Aug 2023", report_of_lmp(), "version", "20230802 is too old"),
        (
            "4 Jul 2026",
            "echo 'ERROR: Unknown command'; exit 1",
            "ML-IAP Python",
            "(ERROR: Unknown command)",
        ),
        ("4 Jul 2026", "exit 1", "ML-IAP Python", "no Python ML-IAP (it ended with code 1"),
        ("4 Jul 2026", report_of_lmp(mliap=False), "ML-IAP Python", "without MLIAP_ENABLE_PYTHON"),
        (
            "4 Jul 2026",
            report_of_lmp(jax_error="ImportError: no jaxlib"),
            "jax devices",
            "ImportError: no jaxlib",
        ),
        (
            "4 Jul 2026",
            report_of_lmp(),
            "MPI",
            "lmp has Open MPI v4.1.4, package: x, mpi4py has MPICH",
        ),
    ],
)
def test_what_would_stop_the_main_job_is_told(tmp_path, date, otherwise, name, text):
    findings = doctor.examine(fake_lmp(tmp_path, HELP.format(date), otherwise))
    assert [finding.name for finding in findings] == NAMES
    (finding,) = [finding for finding in findings if finding.name == name]
    assert finding.good is False and text in finding.text
    assert not doctor.healthy(findings)


def test_a_lammps_of_another_python_is_told(tmp_path):
    lacking = json.dumps(
        {"prefix": "/usr", "mliap": True, "adflux_error": "ModuleNotFoundError: x"}
    )
    findings = doctor.examine(
        fake_lmp(tmp_path, HELP.format("4 Jul 2026"), f"echo 'adflux doctor: {lacking}'")
    )
    (finding,) = [finding for finding in findings if finding.name == "environment"]
    assert finding.good is False and f"put {sys.prefix}/bin first in PATH" in finding.advice


def test_what_hangs_is_stopped():
    output, code = ask_lmp._run(["sh", "-c", "sleep 60 & sleep 60"], timeout=0.5)
    assert code == 1 and re.fullmatch(r"ERROR: no answer within \d+ s", output)


def test_the_report_is_plain_where_there_is_no_terminal(capsys):
    findings = [
        doctor.Finding("lmp", True, "/x/lmp [a]"),
        doctor.Finding("MPI", False, "two of them", "use one"),
    ]
    doctor.report(findings)
    shown = capsys.readouterr().out
    assert "\033" not in shown
    assert shown.splitlines() == [
        "✓ lmp            /x/lmp [a]",
        "✗ MPI            two of them",
        "                 → use one",
        "LAMMPS with JAX potentials does not work here yet: see ✗ above.",
    ]


@pytest.mark.lammps
def test_under_mpiexec_each_rank_says_what_it_finds():
    words = [str(Path(sys.executable).with_name("adflux")), "doctor", "--json"]
    done = run_program(Path.cwd(), words, 2)
    answer = json.loads(done.stdout)
    assert answer["healthy"] and [one["rank"] for one in answer["ranks"]] == [0, 1]
    assert {one["node"] for one in answer["ranks"]} == {socket.gethostname()}
    assert all(one["device"] for one in answer["ranks"])


@pytest.mark.parametrize(
    ("device", "cores", "node", "faults"),
    (
        ("cpu:0", (0,), "a", {"cores": "2 threads share 1 cores on a"}),
        ("cpu:0", (1,), "a", {}),
        ("cpu:0", (0,), "b", {}),
        ("cuda:0 of 3", (0,), "b", {}),
    ),
)
def test_ranks_that_share_what_they_should_not_are_named(device, cores, node, faults):
    first = _Rank(0, "a", (0,), 1, "cpu:0", None, "compiled")
    found = _findings([first, _Rank(1, node, cores, 1, device, None, "compiled")])
    assert {one.name: one.text for one in found if one.good is False} == faults


def test_ranks_that_share_a_gpu_are_named():
    def rank(number, gpu):
        return _Rank(number, "a", (0, 1), 1, f"cuda:0 of {gpu}", None, "compiled")

    def faults(*gpus):
        ranks = [rank(number, gpu) for number, gpu in enumerate(gpus)]
        return [one.text for one in _findings(ranks) if one.good is False]

    assert faults(0, 1) == [] and faults(0, 1, 1) == ["3 ranks share 2 GPUs on a"]
