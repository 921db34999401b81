"""Text files as LAMMPS writes them, also where somebody compressed them with gzip."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from ..errors import AdfluxError

GZIP = b"\x1f\x8b"  # how a compressed file begins


@contextmanager
def opened(path: Path | str) -> Iterator[TextIO]:
    """The file, to read from. AdfluxError where it cannot be read, or is damaged."""
    try:
        with open(path, "rb") as file:
            compressed = file.read(2) == GZIP
        how = gzip.open if compressed else open
        with how(path, "rt", encoding="utf-8", errors="replace") as file:
            yield file  # pyright: ignore[reportReturnType]
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise AdfluxError(
            f"{path} is a damaged gzip file ({error}): copy it again, or compress it again."
        ) from None
    except OSError as error:
        raise AdfluxError(f"{path} could not be read ({error.strerror}): check the name.") from None


def read_text(path: Path) -> str:
    """The whole file. AdfluxError where nothing stands in it."""
    with opened(path) as file:
        text = file.read()
    if not text.strip():
        raise AdfluxError(f"{path} is empty: LAMMPS has not written any output there yet.")
    return text


def written(path: Path) -> Path:
    """The name under which LAMMPS wrote a file that was compressed afterwards."""
    return path.with_suffix("") if path.suffix == ".gz" else path
