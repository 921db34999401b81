"""Text files of potentials, read as LAMMPS reads them: bytes of any encoding in comments, lines
that end in \\n or \\r\\n.
"""

from pathlib import Path

from ..errors import AdfluxError


def read_lines(path: Path, kind: str) -> list[str]:
    """The lines of a text file; what is not UTF-8 is taken as Latin-1, in which every byte is a
    character.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise AdfluxError(f"The {kind} file {path} cannot be read: {error.strerror}.") from error
    if b"\0" in data:
        raise AdfluxError(f"The {kind} file {path} is not a text file.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    # str.splitlines would also end a line at the Latin-1 byte 85, inside a comment
    return [line.removesuffix("\r") for line in text.split("\n")]


def words_of(lines: list[str], drop: str = "") -> list[tuple[int, list[str]]]:
    """Number and words of the lines that hold words; comments are left out, the characters of
    `drop` are blanks.
    """
    found = []
    for number, line in enumerate(lines, 1):
        line = line.split("#")[0]
        for character in drop:
            line = line.replace(character, " ")
        if words := line.split():
            found.append((number, words))
    return found


def is_number(word: str) -> bool:
    """Does a word of a file or command stand for a number?"""
    try:
        float(word)
    except ValueError:
        return False
    return True
