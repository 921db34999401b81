"""Where the source of LAMMPS comes from: the official repository, else Debian's source package."""

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..errors import AdfluxError

REPOSITORY = "https://github.com/lammps/lammps.git"
# what a build reads; the rest of the source is three quarters of it (examples, manual, tools)
FOLDERS = ("cmake", "lib", "potentials", "python", "src", "third_party")


@dataclass(frozen=True)
class Release:
    """One supported release; Debian packages it in `suite`, with this SHA-256 of the upstream
    tarball.
    """

    version: str
    date: str
    suite: str
    sha256: str

    @property
    def tag(self) -> str:
        return "patch_" + self.date.replace(" ", "")


RELEASES = {
    release.version: release
    for release in (
        Release(
            "20260704",
            "4 Jul 2026",
            "testing",
            "cddbc45a047416bd48a4a0b87f24a5b61b3446982b74d18cafe619c22b17eb62",
        ),
        Release(
            "20250204",
            "4 Feb 2025",
            "trixie",
            "3671165bd52fad36734e0a9136c5bc5ecb225e03988f8c89aa13366a8b53b1c7",
        ),
    )
}
OLDEST, NEWEST = min(RELEASES), max(RELEASES)


def version_number(date: str) -> str:
    """`4 Jul 2026` as LAMMPS writes it in src/version.h -> `20260704`."""
    found = re.fullmatch(r"(\d{1,2}) ([A-Z][a-z]{2})\w* (\d{4})", date.strip())
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    if not found or found[2] not in months:
        raise AdfluxError(f"{date!r} is not the date of a LAMMPS release, such as '4 Jul 2026'.")
    return f"{found[3]}{months.index(found[2]) + 1:02d}{int(found[1]):02d}"


def version_of(source: Path) -> str:
    """The version number of a source tree, from its src/version.h."""
    header = source / "src" / "version.h"
    found = (
        re.search(r'LAMMPS_VERSION\s+"([^"]+)"', header.read_text()) if header.is_file() else None
    )
    if not found:
        raise AdfluxError(
            f"{source} is not a LAMMPS source folder: it has no src/version.h with the version."
        )
    return version_number(found[1])


def fetch(release: Release, destination: Path, say) -> None:
    """Put the source of a release into `destination`: from the official repository, else from
    Debian.
    """
    reasons = []
    for way in (_from_repository, _from_debian):
        with tempfile.TemporaryDirectory(dir=destination.parent, prefix="fetch-") as folder:
            try:
                tree = way(release, Path(folder), say)
                found = version_of(tree)
                if found != release.version:
                    raise AdfluxError(f"version {release.version} was expected, {found} was found")
                os.rename(tree, destination)
                return
            except AdfluxError as error:
                reasons.append(str(error).rstrip("."))
    raise AdfluxError(
        f"The source of LAMMPS {release.version} could not be fetched ({'; '.join(reasons)}): "
        "download and unpack it yourself, then give its folder by --source."
    )


def _from_repository(release: Release, folder: Path, say) -> Path:
    if not shutil.which("git"):
        raise AdfluxError("official repository: git is not installed")
    say(f"Source: official repository, tag {release.tag}")
    tree = folder / "lammps"
    # git gives up on a silent connection, not on an unreachable host: ask with a time limit first
    try:
        _run(
            ["git", "ls-remote", "--exit-code", REPOSITORY, f"refs/tags/{release.tag}"], timeout=15
        )
        _run(
            ["git", "clone", "--depth", "1", "--branch", release.tag, REPOSITORY, str(tree)],
            timeout=3600,
        )
    except AdfluxError as error:
        raise AdfluxError(f"official repository: {error}") from error
    shutil.rmtree(tree / ".git")
    return tree


def _from_debian(release: Release, folder: Path, say) -> Path:
    if not shutil.which("apt-get"):
        raise AdfluxError("Debian: apt-get is not installed")
    say(f"Source: Debian's package, suite {release.suite} (200 MB)")
    for name in ("parts", "lists/partial", "cache/archives/partial", "download"):
        (folder / name).mkdir(parents=True)
    mirror = _debian_mirror()
    keyring = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    signed = f"Signed-By: {keyring}\n" if keyring.is_file() else ""
    (folder / "parts" / "lammps.sources").write_text(
        f"Types: deb-src\nURIs: {mirror}\nSuites: {release.suite}\nComponents: main\n{signed}"
    )
    # a private configuration: the machine's own package lists stay as they are, and root is not
    # needed
    apt = ["apt-get", "--quiet"]
    for setting in (
        "Dir::Etc::SourceList=/dev/null",
        f"Dir::Etc::SourceParts={folder}/parts",
        f"Dir::State::Lists={folder}/lists",
        f"Dir::Cache={folder}/cache",
        "APT::Sandbox::User=root",
        "Acquire::Retries=2",
    ):
        apt += ["-o", setting]
    try:
        _run([*apt, "update"], timeout=600)
        # only the upstream tarball: the .dsc beside it may be gone already
        _run(
            [*apt, "source", "--download-only", "--tar-only", f"lammps/{release.suite}"],
            timeout=3600,
            cwd=folder / "download",
        )
    except AdfluxError as error:
        raise AdfluxError(f"Debian: {error}") from error
    tarballs = list((folder / "download").glob("lammps_*.orig.tar.*"))
    if not tarballs or _sha256(tarballs[0]) != release.sha256:
        found = tarballs[0].name if tarballs else "no tarball"
        raise AdfluxError(
            f"Debian: {release.suite} no longer has LAMMPS {release.version} (found {found})"
        )
    say(f"Unpacking {tarballs[0].name}")
    tree = folder / "lammps"
    with tarfile.open(tarballs[0]) as tar:
        if hasattr(tarfile, "data_filter"):  # Python 3.11.4 and newer
            tar.extraction_filter = tarfile.data_filter
        tar.extractall(tree, members=_needed(tar))
    return tree


def _needed(tar: tarfile.TarFile):
    """The members that a build reads, without the top folder that some tarballs have."""
    for member in tar:
        parts = member.name.removeprefix("./").split("/")
        if parts[0] not in FOLDERS:
            parts = parts[1:]
        if parts and parts[0] in FOLDERS and not member.isdir():
            member.name = "/".join(parts)
            yield member


def _debian_mirror() -> str:
    """The main archive as this machine's apt knows it; mirrors and proxies stay in force."""
    fields = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    for line in _run(["apt-get", "indextargets", "--format", fields], timeout=60).splitlines():
        uri, release, component = line.split()
        if component == "main" and uri.rstrip("/").endswith("/debian") and "-" not in release:
            return uri
    raise AdfluxError("apt has no Debian archive configured")


def _run(command: list[str], *, timeout: int | float, cwd: Path | None = None) -> str:
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            timeout=timeout,
            env=environment,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise AdfluxError(f"{command[0]} did not answer within {timeout:.0f} s") from None
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith(("E:", "fatal:"))]
        raise AdfluxError(" ".join((errors or lines or ["no output"])[-1].split()))
    return done.stdout


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stage(source: Path, destination: Path, *, own: bool) -> None:
    """A copy of what a build reads; `own` trees (in our cache) are linked, since patching replaces
    files.
    """

    def place(origin: str, target: str) -> None:
        if own:
            os.link(origin, target)
        else:
            shutil.copy2(origin, target)

    objects = shutil.ignore_patterns("*.o")
    for top in FOLDERS:
        if (source / top).is_dir():
            shutil.copytree(source / top, destination / top, copy_function=place, ignore=objects)
    # `cmake --install` wants these too; nothing of them comes into an environment
    (destination / "bench").mkdir()
    (destination / "doc").mkdir()
    (destination / "doc" / "lammps.1").touch()
