"""`adflux doctor`: whether this machine's `lmp`, Python, MPI and JAX work together,
line by line.
"""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from ..errors import AdfluxError
from ..paths import COMPILATIONS, compilations_folder, folder_size
from .answers import ask, help_text
from .findings import Finding, healthy, print_findings
from .programs import find_lmp, find_mpiexec, potentials_folder
from .source import NEWEST, OLDEST, version_number

BUILD = "run `adflux build-lammps`, or build yours with the presets in cmake/"
TRACEABLE = ["0001", "0002", "0003", "0004", "0008", "0010", "0011", "0012"]


def examine(lmp: Path | None = None) -> list[Finding]:
    """All findings, always the same names in the same order."""
    try:
        lmp = lmp or find_lmp()
    except AdfluxError as error:
        lmp, missing = None, str(error)
    else:
        missing = "" if lmp.is_file() and os.access(lmp, os.X_OK) else f"{lmp} is not a program."
    found = help_text(lmp) if lmp and not missing else {}
    probe = ask([str(lmp)], everything=True) if "date" in found else {}
    findings = [Finding("lmp", not missing, missing or str(lmp), BUILD)]
    # what cannot be looked at, because what it stands on is missing, is reported as such
    findings.append(_not_seen("version") if missing else _version(found))
    findings.append(_ml_iap(probe) if "date" in found else _not_seen("ML-IAP Python"))
    findings.append(_kokkos(found) if "date" in found else _not_seen("Kokkos"))
    findings.append(_environment(probe) if probe.get("mliap") else _not_seen("environment"))
    works = "adflux" in probe and probe["mliap"]
    findings.append(_patches(probe) if works else _not_seen("patches"))
    findings += _jax(probe) if works else map(_not_seen, ("jax devices", "float64", "threads"))
    findings.append(_mpi(str(lmp), found, probe) if works else _not_seen("MPI"))
    findings.append(_exchange(probe) if works else _not_seen("exchange"))
    findings.append(_potentials())
    findings.append(_compilations())
    return findings


def _not_seen(name: str) -> Finding:
    return Finding(name, None, "not looked at, because of ✗ above")


def report(findings: list[Finding], as_json: bool = False) -> None:
    """Print the findings, for people or for programs."""
    if as_json:
        print(
            json.dumps(
                {"healthy": healthy(findings), "findings": [asdict(f) for f in findings]}, indent=1
            )
        )
        return
    print_findings(findings)
    if healthy(findings):
        print("LAMMPS with JAX potentials works here.")
    else:
        print("LAMMPS with JAX potentials does not work here yet: see ✗ above.")


def _version(found: dict) -> Finding:
    if "date" not in found:
        return Finding(
            "version", False, f"this is not LAMMPS: `lmp -h` printed {found['output']}", BUILD
        )
    version = version_number(found["date"])
    supported = f"supported: {OLDEST} to {NEWEST}"
    if version < OLDEST:
        return Finding("version", False, f"{version} is too old ({supported})", BUILD)
    return Finding("version", True if version <= NEWEST else None, f"{version} ({supported})")


def _ml_iap(probe: dict) -> Finding:
    if probe.get("mliap"):
        return Finding("ML-IAP Python", True, "pair_style mliap unified is there")
    reason = probe.get("failure", "ML-IAP was built without MLIAP_ENABLE_PYTHON")
    return Finding("ML-IAP Python", False, f"this lmp has no Python ML-IAP ({reason})", BUILD)


def _patches(probe: dict) -> Finding:
    if probe.get("patches") is None:
        return Finding("patches", None, "cannot be found out on this system", needed=False)
    if lacking := [patch for patch in TRACEABLE if patch not in probe["patches"]]:
        text = f"lacks {', '.join(lacking)} of cmake/patches"
        if "0001" in lacking:
            text += "; without 0001 memory grows as the square of the number of atoms"
        return Finding("patches", False, text, BUILD, needed=False)
    return Finding(
        "patches",
        True,
        "0001 to 0004, 0008 and 0010 to 0012 of cmake/patches (the others, for speed and models "
        "of others, leave no trace)",
        needed=False,
    )


def _kokkos(found: dict) -> Finding:
    text = (
        f"yes ({found['kokkos']})"
        if found["kokkos"]
        else "no; it is needed for pair_style mliap/kk only"
    )
    return Finding("Kokkos", True if found["kokkos"] else None, text, needed=False)


def _environment(probe: dict) -> Finding:
    if "adflux" in probe:
        return Finding(
            "environment", True, f"lmp's Python is {probe['prefix']} and has lammps_adflux"
        )
    return Finding(
        "environment",
        False,
        f"lmp's Python is {probe['prefix']} and cannot import lammps_adflux "
        f"({probe['adflux_error']})",
        f"put {sys.prefix}/bin first in PATH (activate the environment)",
    )


def _jax(probe: dict) -> list[Finding]:
    seen = probe.get("jax")
    if not seen:
        text = probe.get("jax_error", "no answer")
        return [
            Finding(
                "jax devices",
                False,
                f"JAX does not work inside lmp: {text}",
                "run `pip install jax` in that Python",
            ),
            Finding("float64", None, "not looked at: JAX does not work"),
            Finding("threads", None, "not looked at: JAX does not work", needed=False),
        ]
    double = seen["dtype"] == "float64"
    return [
        Finding("jax devices", True, f"{', '.join(seen['devices'])} (jax {seen['version']})"),
        Finding(
            "float64",
            double,
            "available" if double else f"JAX computes in {seen['dtype']}",
            "unset JAX_ENABLE_X64, or export models with dtype float32",
            needed=False,
        ),
        Finding(
            "threads",
            None,
            f"{seen['threads']} per rank (OMP_NUM_THREADS), {_cores()} cores here",
            needed=False,
        ),
    ]


def _mpi(lmp: str, found: dict, probe: dict) -> Finding:
    advice = "use lmp, mpi4py and mpiexec of one MPI: `pip install mpich`, `adflux build-lammps`"
    if "mpi" not in probe:
        text = f"mpi4py does not work inside lmp ({probe.get('mpi_error')})"
        return Finding(
            "MPI", False, text, "run `pip install --force-reinstall mpi4py` in that Python"
        )
    library = probe["mpi"]["library"].splitlines()[0].strip()
    if _vendor(library) != _vendor(found["mpi"]):
        return Finding("MPI", False, f"lmp has {found['mpi']}, mpi4py has {library}", advice)
    try:
        mpiexec = find_mpiexec()
    except AdfluxError as error:
        return Finding("MPI", False, str(error), advice)
    both = ask([str(mpiexec), "-n", "2", lmp])
    ranks = both.get("mpi", {}).get("ranks")
    if ranks != 2:
        text = both.get("failure") or f"`{mpiexec} -n 2` started lmp on {ranks} rank twice"
        return Finding("MPI", False, text, advice)
    return Finding(
        "MPI", True, f"lmp, mpi4py and {mpiexec} agree ({' '.join(library.split())}; 2 ranks tried)"
    )


def _exchange(probe: dict) -> Finding:
    seen = probe.get("exchange")
    reason = probe.get("exchange_error", "no answer") if seen is None else seen["missing"]
    if seen is not None and reason is None:
        text = f"compiled, {seen['path']}"
        return Finding("exchange", True, text, needed=False)
    return Finding(
        "exchange",
        False,
        f"several layers on several ranks go through Python, which is slower: {reason}",
        "run `adflux build-lammps --exchange-only`",
        needed=False,
    )


def _potentials() -> Finding:
    try:
        return Finding("potentials", True, str(potentials_folder()), needed=False)
    except AdfluxError as error:
        return Finding(
            "potentials",
            False,
            str(error),
            "set LAMMPS_POTENTIALS to LAMMPS' folder potentials/",
            False,
        )


def _compilations() -> Finding:
    named = os.environ.get("JAX_COMPILATION_CACHE_DIR")
    folder = Path(named) if named else compilations_folder()
    files, size = folder_size(folder)
    limit = "no limit" if named else f"{COMPILATIONS >> 20} MB at most"
    return Finding(
        "compilations", None, f"{size / 2**20:.0f} MB in {files} files ({limit}), {folder}"
    )


def _vendor(text: str) -> str:
    """Which MPI a library's version text speaks of; those of one family start each other's
    programs.
    """
    families = {
        "Open MPI": "openmpi",
        "MPICH": "mpich",
        "Intel": "mpich",
        "MVAPICH": "mpich",
        "CRAY": "mpich",
    }
    return next((family for name, family in families.items() if name.lower() in text.lower()), text)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
