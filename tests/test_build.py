"""Building LAMMPS: source, patches, cache key, installation; and what the patched
LAMMPS promises.
"""

import importlib.metadata
import os
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from lammps_runner import PROGRAMS, Run, run_adflux, run_lammps, run_python

from lammps_adflux.errors import AdfluxError
from lammps_adflux.lmp import build
from lammps_adflux.lmp import install as lammps_install
from lammps_adflux.lmp import source as lammps_source
from lammps_adflux.lmp.logged import run_logged
from lammps_adflux.lmp.patches import apply_patches
from lammps_adflux.paths import cache_folder, cmake_path

CMAKE = Path(cmake_path())
PATCHES = sorted(CMAKE.glob("patches/*.patch"))
PRESETS = sorted(CMAKE.glob("adflux-*.cmake"))
PACKAGES = "ML-IAP ML-SNAP PYTHON MANYBODY EXTRA-COMPUTE EXTRA-FIX PLUGIN MISC".split()


def one_sentence(done: Run) -> str:
    assert done.code == 1 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


# --- source


@pytest.mark.parametrize(
    "release", lammps_source.RELEASES.values(), ids=lambda release: release.version
)
def test_version_tag_and_date_name_the_same_release(release):
    assert lammps_source.version_number(release.date) == release.version
    assert release.tag == "patch_" + release.date.replace(" ", "")


@pytest.fixture(params=lammps_source.RELEASES)
def source(request, tmp_path) -> Path:
    """The files that the patches touch, from the source tree in the cache."""
    cached = cache_folder() / "sources" / request.param
    if not cached.is_dir():
        pytest.skip(
            f"needs the source of LAMMPS {request.param} in the cache: `adflux build-lammps "
            f"--version {request.param}`"
        )
    names = {
        name
        for patch in PATCHES
        for name in re.findall(r"^\+\+\+ b/(\S+)", patch.read_text(), flags=re.M)
    }
    for name in [*names, "src/version.h"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        os.link(cached / name, tmp_path / name) if same_device(cached, tmp_path) else shutil.copy(
            cached / name, tmp_path / name
        )
    return tmp_path


def same_device(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev


def test_patches_apply_to_every_supported_release_and_once_only(source):
    pristine = {file: file.read_bytes() for file in source.rglob("*.*") if file.is_file()}
    apply_patches(PATCHES, source)
    patched = {file: file.read_bytes() for file in pristine}
    # all but version.h
    assert sum(patched[file] != pristine[file] for file in pristine) == len(pristine) - 1
    apply_patches(PATCHES, source)
    assert {file: file.read_bytes() for file in pristine} == patched


@pytest.mark.parametrize("tool", ("git", "patch"))
def test_patching_gives_what_git_and_patch_give(source, tool):
    program = shutil.which(tool)
    if program is None:
        pytest.skip(f"needs {tool}")
    other = source / tool
    shutil.copytree(source / "src", other / "src")
    apply_patches(PATCHES, source)
    if tool == "git":
        subprocess.run([program, "init", "-q", str(other)], check=True)
        subprocess.run([program, "apply", *map(str, PATCHES)], cwd=other, check=True)
    else:  # as cmake/README.md has it
        for path in PATCHES:
            subprocess.run([program, "-p1", "-i", str(path)], cwd=other, check=True)
    for file in (source / "src").rglob("*.*"):
        assert file.read_bytes() == (other / file.relative_to(source)).read_bytes()


@pytest.mark.parametrize("there", range(len(PATCHES)))
def test_a_source_that_has_some_patches_gets_the_others(source, there):
    apply_patches(PATCHES[: there + 1], source)
    apply_patches(PATCHES, source)
    some = {file: file.read_bytes() for file in source.rglob("*.*") if file.is_file()}
    apply_patches(PATCHES, source)
    assert {file: file.read_bytes() for file in some} == some


def test_a_patch_leaves_linked_originals_alone_and_says_where_it_does_not_fit(tmp_path):
    patch = tmp_path / "0001-x.patch"
    patch.write_text(
        "diff --git a/src/a b/src/a\n--- a/src/a\n+++ b/src/a\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n "
        "three\n"
    )
    original, tree = tmp_path / "a", tmp_path / "tree"
    (tree / "src").mkdir(parents=True)
    (tree / "src" / "version.h").write_text('#define LAMMPS_VERSION "1 Jan 2024"\n')
    original.write_text("zero\none\ntwo\nthree\n")  # a line further down than the patch says
    os.link(original, tree / "src" / "a")
    apply_patches([patch], tree)
    assert (tree / "src" / "a").read_text() == "zero\none\n2\nthree\n"
    assert original.read_text() == "zero\none\ntwo\nthree\n"
    (tree / "src" / "a").write_text("one\nTWO\nthree\n")
    with pytest.raises(
        AdfluxError, match=r"0001-x.patch does not fit src/a of .* \(version 20240101\)"
    ):
        apply_patches([patch], tree)


def test_a_source_that_cannot_be_fetched_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        AdfluxError, match=r"git is not installed.*apt-get is not installed.*--source"
    ):
        lammps_source.fetch(lammps_source.RELEASES[lammps_source.NEWEST], tmp_path / "tree", print)


def test_a_wrong_source_folder_is_one_sentence(tmp_path):
    assert "is not a LAMMPS source folder" in one_sentence(
        run_adflux(tmp_path, "build-lammps", "--source", str(tmp_path))
    )
    assert "is not a LAMMPS source folder" in one_sentence(
        run_adflux(tmp_path, "build-lammps", environment={"LAMMPS_SOURCE": str(tmp_path)})
    )


def test_an_unsupported_version_is_one_sentence(tmp_path):
    assert "20230802 is not supported" in one_sentence(
        run_adflux(tmp_path, "build-lammps", "--version", "2 Aug 2023")
    )
    assert "is not the date" in one_sentence(
        run_adflux(tmp_path, "build-lammps", "--version", "newest")
    )
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "version.h").write_text('#define LAMMPS_VERSION "2 Aug 2023"\n')
    assert "20230802 is not supported" in one_sentence(
        run_adflux(tmp_path, "build-lammps", "--source", str(tmp_path))
    )


# --- build


def test_a_missing_tool_is_named(monkeypatch):
    monkeypatch.setattr(
        build, "find_program", lambda name: None if name == "ninja" else Path(sys.executable)
    )
    with pytest.raises(AdfluxError, match=r"lacks ninja: run `pip install"):
        build.find_tools()
    monkeypatch.setattr(
        build, "find_program", lambda name: None if name in ("c++", "g++") else Path(sys.executable)
    )
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(AdfluxError, match=r"No C\+\+ compiler"):
        build.find_tools()


@pytest.fixture
def tools() -> build.Tools:
    try:
        return build.find_tools()
    except AdfluxError as error:
        pytest.skip(str(error))


def test_the_cache_key_changes_with_every_input(tools, tmp_path, monkeypatch):
    inputs = build.build_inputs("20260704", tools)
    assert {file.name for file in [*PATCHES, *PRESETS]} <= inputs.keys()
    assert build.cache_key(inputs) == build.cache_key(build.build_inputs("20260704", tools))
    keys = {build.cache_key({**inputs, name: "something else"}) for name in inputs}
    assert len(keys | {build.cache_key(inputs)}) == len(inputs) + 1

    recipe = tmp_path / "cmake"
    shutil.copytree(CMAKE, recipe)
    monkeypatch.setattr(build, "cmake_path", lambda: str(recipe))
    assert build.build_inputs("20260704", tools) == inputs
    with next(recipe.glob("patches/0001*")).open("a") as patch:
        patch.write("\n")
    assert build.cache_key(build.build_inputs("20260704", tools)) != build.cache_key(inputs)


def test_the_cache_key_follows_an_edited_source(tools, tmp_path):
    (tmp_path / "src").mkdir()
    file = tmp_path / "src" / "pair.cpp"
    file.write_text("1")
    before = build.build_inputs("20260704", tools, tmp_path)
    file.write_text("12")
    assert build.cache_key(before) != build.cache_key(
        build.build_inputs("20260704", tools, tmp_path)
    )


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.stem)
def test_presets_turn_on_what_is_needed(preset, tools, tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.27)\nproject(x LANGUAGES NONE)\n"
    )
    command = [
        str(tools.cmake),
        "-C",
        str(preset),
        "-G",
        "Ninja",
        "-D",
        f"CMAKE_MAKE_PROGRAM={tools.ninja}",
    ]
    subprocess.run(
        [*command, "-S", str(tmp_path), "-B", str(tmp_path / "b")],
        check=True,
        capture_output=True,
        timeout=60,
    )
    cache = dict(
        re.findall(
            r"^([\w-]+):\w+=(.*)$", (tmp_path / "b" / "CMakeCache.txt").read_text(), flags=re.M
        )
    )
    on = [f"PKG_{name}" for name in PACKAGES] + [
        "MLIAP_ENABLE_PYTHON",
        "BUILD_SHARED_LIBS",
        "BUILD_MPI",
    ]
    if "kokkos" in preset.name:
        on += ["PKG_KOKKOS", "Kokkos_ENABLE_SERIAL"]
        assert cache["KOKKOS_PREC"] == "double"
    assert {name: cache[name] for name in on} == dict.fromkeys(on, "ON")
    assert cache["CMAKE_BUILD_TYPE"] == "Release"
    assert cache["BUILD_OMP"] == ("ON" if "openmp" in preset.name else "OFF")


def test_a_failed_build_shows_the_end_of_its_log_and_where_it_is(tmp_path, capsys):
    log = tmp_path / "log"
    with pytest.raises(AdfluxError, match=re.escape(str(log))):
        run_logged(
            [["sh", "-c", "for i in $(seq 30); do echo line $i; done; exit 3"]],
            log,
            dict(os.environ),
        )
    # rich before 15 ends with an empty line
    shown = capsys.readouterr().out.rstrip("\n").splitlines()
    assert shown[0] == "line 11" and shown[-1] == "line 30"
    assert log.read_text().startswith("line 1\n")


# --- installation


def finished_build(folder: Path, content: str) -> Path:
    for name in (
        "bin/lmp",
        "lib/liblammps.so.0",
        "python/lammps/__init__.py",
        f"share/lammps/potentials/{content}.sw",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    (folder / "lib" / "liblammps.so").symlink_to("liblammps.so.0")
    return folder


@pytest.mark.skipif(sys.platform == "darwin", reason="names of Linux libraries")
def test_an_environment_holds_one_lammps_that_pip_can_list(tmp_path):
    prefix = tmp_path / "venv"
    site = prefix / "lib" / "python3" / "site-packages"
    lammps_install.install(finished_build(tmp_path / "one", "one"), prefix, site, "20250204")
    lammps_install.install(finished_build(tmp_path / "two", "two"), prefix, site, "20260704")
    (installed,) = importlib.metadata.distributions(path=[str(site)])
    assert (installed.name, installed.version) == ("lammps", "2026.7.4")
    recorded = {Path(os.path.normpath(file.locate())) for file in installed.files or []}
    found = {file for file in prefix.rglob("*") if not file.is_dir()}
    assert recorded == found
    for file in found:
        assert "one" not in (file.name, file.read_text())
    assert (site / "lammps" / "liblammps.so").resolve() == prefix / "lib" / "liblammps.so.0"


# --- what the patched LAMMPS promises

BOX = """
units lj
atom_style atomic
lattice fcc 0.8442
region box block 0 {size} 0 {size} 0 {size}
create_box 1 box
create_atoms 1 box
mass 1 1.0
displace_atoms all random 0.05 0.05 0.05 1
"""


@pytest.fixture
def model(tmp_path) -> dict[str, str]:
    """A model of its own in the folder, and the environment that lets lmp unpickle it."""
    for name, fault in (("good", "none"), ("broken", "rank 1")):
        run_python(tmp_path, "model_of_test", f"{name}.model", fault)
    (tmp_path / "truncated.model").write_bytes((tmp_path / "good.model").read_bytes()[:40])
    (tmp_path / "text.model").write_text("LAMMPS data file\n\n108 atoms\n")
    (tmp_path / "dict.model").write_bytes(pickle.dumps({"cutoff": 2.5}))
    return {"PYTHONPATH": str(PROGRAMS)}


def script(pair_style: str, pair_coeff: str = "* * Ar", size: int = 3) -> str:
    return (
        BOX.format(size=size)
        + f"pair_style mliap unified {pair_style} 0\npair_coeff {pair_coeff}\nrun 0\n"
    )


@pytest.mark.lammps
@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize(
    "pair_style, pair_coeff, sentence",
    [
        ("absent.model", "* * Ar", "pair_style mliap unified: FileNotFoundError: .*absent.model"),
        ("truncated.model", "* * Ar", r"truncated\.model holds no pickled model \(.*\)"),
        ("text.model", "* * Ar", r"text\.model holds no pickled model \(.*\)"),
        ("dict.model", "* * Ar", r"dict\.model holds no model but a dict"),
        (
            "good.model",
            "* * Xe",
            "element Xe of pair_coeff is unknown to the model, which has: Ar Kr",
        ),
        ("good.model", "* * Ar Kr", "one element or NULL for each of the 1 atom types, but has 2"),
    ],
)
def test_a_fault_of_the_input_is_one_message_and_the_end(
    tmp_path, model, pair_style, pair_coeff, sentence, ranks
):
    run = run_lammps(
        tmp_path,
        script(pair_style, pair_coeff),
        ranks,
        environment=model,
        time_limit=60,
        fails=True,
    )
    assert len(re.findall(f"ERROR.*{sentence}", run.stdout)) == 1
    assert "Traceback" not in run.output


@pytest.mark.lammps
def test_an_exception_on_one_rank_ends_all(tmp_path, model):
    run = run_lammps(
        tmp_path, script("broken.model"), 2, environment=model, time_limit=60, fails=True
    )
    assert (
        "ERROR on proc 1: pair_style mliap unified, compute_forces: ValueError: this potential is "
        "broken" in run.output
    )


@pytest.mark.lammps
@pytest.mark.parametrize("ranks", [1, 2])
def test_a_model_can_ask_its_lammps(tmp_path, model, ranks):
    run_lammps(tmp_path, script("good.model"), ranks, environment=model)
    assert [file.read_text() for file in tmp_path.glob("answer.*")] == [f"0 {ranks}\n"] * ranks


PAIRS = """
units lj
region box block 0 20 0 20 0 20
create_box 2 box
create_atoms 1 single 3 3 3
create_atoms 1 single 4 3 3
create_atoms 2 single 5 3 3
create_atoms 2 single 7 3 3
create_atoms 1 single 9 3 3
mass * 1.0
pair_style hybrid/overlay zero 2.5 mliap unified pairs.model 0
pair_coeff * * zero
pair_coeff * * mliap NULL Ar
compute pe all pe/atom
dump pe all custom 1 pe.dump id type c_pe
thermo_style custom step pe
run 0
set atom 4 z 15
run 1
"""


@pytest.mark.lammps
@pytest.mark.parametrize("ranks", [1, 2])
def test_pair_energies_belong_to_the_atoms_of_the_list_and_never_to_an_earlier_step(
    tmp_path, ranks
):
    """Atoms of a NULL type come before and behind; then the last pair goes."""
    run_python(tmp_path, "pair_energies", "pairs.model")
    run = run_lammps(tmp_path, PAIRS, ranks, environment={"PYTHONPATH": str(PROGRAMS)})
    first, second = (frame["c_pe"].tolist() for frame in run.dump("pe.dump"))
    # 2 σ apart: half of 4 for each of both
    assert first == [0.0, 0.0, 2.0, 2.0, 0.0] and second == [0.0] * 5
    assert [table["PotEng"].tolist() for table in run.tables] == [[4.0 / 5.0], [0.0, 0.0]]


@pytest.mark.lammps
def test_memory_is_linear_in_the_number_of_atoms(tmp_path):
    code = (
        "from lammps.mliap.mliap_unified_lj import MLIAPUnifiedLJ as M; "
        "M(['Ar']).pickle('lj.model')"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=120)
    run = run_lammps(tmp_path, script("lj.model", size=10))
    (megabytes,) = re.findall(r"Per MPI rank memory allocation .* \| ([\d.]+) \| ", run.stdout)
    # 4000 atoms with 220 000 neighbours in all: 17 MB of pair arrays, and 3500 MB before the repair
    assert float(megabytes) < 100


@pytest.mark.lammps
def test_lmp_called_by_its_path_has_the_packages_of_its_environment(tmp_path):
    lmp = Path(sys.prefix, "bin", "lmp")
    if not lmp.exists():
        pytest.skip("needs an lmp in this environment: run `adflux build-lammps`")
    (tmp_path / "in.prefix").write_text(
        "python source here \"import sys, lammps_adflux; print('prefix', sys.prefix)\"\n"
    )
    done = subprocess.run(
        [lmp, "-in", "in.prefix"],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert f"prefix {sys.prefix}" in done.stdout.splitlines(), done.stdout + done.stderr


@pytest.mark.lammps
def test_python_drives_lammps_without_further_settings(tmp_path):
    code = (
        "import sys; from lammps import lammps; from lammps.mliap import activate_mliappy\n"
        "lmp = lammps(cmdargs=['-log', 'none', '-screen', 'none']); activate_mliappy(lmp)\n"
        "print('version', lmp.version())"
    )
    variables = {
        name: value
        for name, value in os.environ.items()
        if name not in ("LD_LIBRARY_PATH", "PYTHONPATH")
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0 and re.search(r"version \d{8}", done.stdout), (
        done.stdout + done.stderr
    )
