"""What is released holds everything: source and wheel have the same files, and the wheel alone, in
an empty environment, builds LAMMPS and runs README.
"""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from pages import README, ROOT, run_blocks

# of this environment; the new one must not see them
OURS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LAMMPS_POTENTIALS")
NO_INDEX = "No matching distribution found", "Could not fetch URL", "Temporary failure in name"


def run(*command, folder: Path, time_limit: float = 600.0) -> str:
    """What a command in the environment of a stranger prints."""
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    done = subprocess.run(
        [*map(str, command)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=time_limit,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """The sdist, and the wheel that is made of it."""
    folder = tmp_path_factory.mktemp("release")
    run(sys.executable, "-m", "venv", folder / "tools", folder=folder)
    tools = folder / "tools/bin/python"
    try:
        run(tools, *"-m pip install --disable-pip-version-check hatchling".split(), folder=folder)
    except AssertionError as error:
        if any(words in str(error) for words in NO_INDEX):
            pytest.skip("needs a package index for pip")
        raise
    run(tools, "-m", "hatchling", "build", "-t", "sdist", "-d", folder / "dist", folder=ROOT)
    (sdist,) = (folder / "dist").glob("*.tar.gz")
    (folder / "source").mkdir()
    # the first Pythons 3.11 know no filter of tarfile, which later ones want
    run("tar", "-xzf", sdist, "-C", folder / "source", folder=folder)
    (source,) = (folder / "source").iterdir()
    run(tools, "-m", "hatchling", "build", "-t", "wheel", "-d", folder / "dist", folder=source)
    (wheel,) = (folder / "dist").glob("*.whl")
    return source, wheel


@pytest.mark.slow
def test_the_release_holds_the_templates_the_patches_and_the_exchange(release):
    source, wheel = release
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder in ("input_templates", "cmake"):
        here = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
        assert len(here) > 5
        for path in here:
            assert f"lammps_adflux/{path.relative_to(ROOT)}" in names
    for path in (ROOT / "lammps_adflux").rglob("*.py"):
        assert str(path.relative_to(ROOT)) in names
    for name in ("README.md", "LICENSE", "Makefile", "docs/install.md", "tests/conftest.py"):
        assert (source / name).is_file(), name
    assert not any(name.startswith(("tests/", "examples/", "docs/")) for name in names)


@pytest.mark.slow
@pytest.mark.lammps
def test_the_wheel_alone_builds_lammps_and_runs_readme(release, tmp_path):
    """Where the cache has a LAMMPS for the same MPI, its build takes seconds, else minutes."""
    if "ADFLUX_RELEASE" not in os.environ:
        pytest.skip("a whole installation of its own: make test-release")
    _, wheel = release
    run(sys.executable, "-m", "venv", "new", folder=tmp_path)
    python = tmp_path / "new/bin/python"
    install = "-m pip install --disable-pip-version-check --progress-bar off".split()
    run(python, *install, f"{wheel}[lammps]", folder=tmp_path, time_limit=1800.0)
    adflux = python.with_name("adflux")
    run(adflux, "build-lammps", folder=tmp_path, time_limit=3600.0)
    assert "LAMMPS with JAX potentials works here." in run(adflux, "doctor", folder=tmp_path)
    room = tmp_path / "empty"
    room.mkdir()
    assert run_blocks([README], room, python, OURS) >= 5
    where = run(python, "-c", "import lammps_adflux as a; print(a.__file__)", folder=room)
    assert Path(where.strip()).is_relative_to(tmp_path / "new")
