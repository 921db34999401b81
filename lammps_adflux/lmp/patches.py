"""Applies the git patches in cmake/patches to a source of LAMMPS, without git or patch."""

import os
import re
from contextlib import suppress
from pathlib import Path

from ..errors import AdfluxError
from .source import NEWEST, OLDEST, version_of

Hunk = tuple[str, int, list[str], list[str]]  # file, line number, lines there, lines instead


def apply_patches(patches: list[Path], source: Path) -> None:
    """Apply a series of git patches; hunks may have moved but must fit exactly, and what is already
    in stays.

    Own code, because neither git nor patch need be installed where a compiler and Python are.
    """
    files: dict[str, list[str]] = {}
    for name in {name for patch in patches for name, *_ in _hunks(patch)}:
        if not (source / name).is_file():
            raise AdfluxError(f"The patches need the file {name}, which {source} lacks.")
        files[name] = (source / name).read_text().splitlines(keepends=True)
    pristine = dict(files)
    # take out those that are in (a later one may have changed lines of an earlier one), then put in
    # all
    for patch in reversed(patches):
        with suppress(AdfluxError):
            files = _patched(files, [(name, at, new, old) for name, at, old, new in _hunks(patch)])
    for patch in patches:
        try:
            files = _patched(files, _hunks(patch))
        except AdfluxError as error:
            raise AdfluxError(
                f"{patch.name} does not fit {error} of {source} (version {version_of(source)}): "
                f"lammps_adflux has patches for LAMMPS {OLDEST} to {NEWEST}."
            ) from None
    for name, lines in files.items():
        if lines != pristine[name]:
            # a new file, never the old one rewritten: that one may be a link into the cache
            fresh = source / (name + ".patched")
            fresh.write_text("".join(lines))
            os.replace(fresh, source / name)


def _hunks(patch: Path) -> list[Hunk]:
    hunks = []
    for section in re.split(r"^diff --git .*\n", patch.read_text(), flags=re.M)[1:]:
        (name,) = re.findall(r"^\+\+\+ b/(\S+)", section, flags=re.M)
        for hunk in re.finditer(
            r"^@@ -(\d+)\S* \+\d+\S* @@.*\n((?:[ +-].*\n|\n)+)", section, flags=re.M
        ):
            # some editors strip the blank that stands for an empty line of context
            body = [
                line if line.strip("\n") else " \n" for line in hunk[2].splitlines(keepends=True)
            ]
            old = [line[1:] for line in body if line[0] in " -"]
            new = [line[1:] for line in body if line[0] in " +"]
            hunks.append((name, int(hunk[1]), old, new))
    return hunks


def _patched(files: dict[str, list[str]], hunks: list[Hunk]) -> dict[str, list[str]]:
    files = dict(files)
    for name, number, old, new in hunks:
        lines = files[name]
        starts = [i for i in range(len(lines) - len(old) + 1) if lines[i : i + len(old)] == old]
        if not starts:
            raise AdfluxError(name)
        start = min(starts, key=lambda i: abs(i + 1 - number))
        files[name] = [*lines[:start], *new, *lines[start + len(old) :]]
    return files
