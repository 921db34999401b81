"""An input script without what writes files or runs, for LAMMPS to read.

LAMMPS runs this file itself for every file that a script includes, since only it knows their names:

    python harmless.py FILE COPY WANTED,…
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

# the potential is complete where the first of these stands
RUNS = (
    "run", "minimize", "rerun", "neb", "neb/spin", "temper", "tad", "prd", "hyper",
    "dynamical_matrix", "third_order", "fitpod",
)  # fmt: skip
# these write files, or need what is left out
LEFT_OUT = (
    "echo", "dump", "undump", "dump_modify", "restart", "write_data", "write_dump", "write_restart",
    "write_coeff", "log", "shell", "fix", "unfix", "fix_modify", "thermo", "thermo_style",
    "thermo_modify", "compute", "compute_modify", "uncompute", "velocity", "reset_timestep",
    "plugin", "info",
)  # fmt: skip
SAID = "said:"  # before a script's own words, which may look like commands
MARK = "adflux: a run"  # printed where one was left out
AT_RUN = "at_run"  # file beside the copies with what LAMMPS does in its place, if there is one
FILE = "adflux_file"  # variable with the name of a file that is included


def harmless_copy(script: Path, copy: Path, wanted: set[str]) -> None:
    """Write the copy that LAMMPS may read. Of commands that are left out, what is wanted is
    printed.
    """
    if not script.is_file():
        # LAMMPS' own message names it
        copy.write_text(f"include {script}\n")
        return
    files = (f"{copy}.{number}" for number in range(10**9))
    text = ""
    kept = []
    for line in script.read_text(errors="replace").splitlines():
        inside = text.count('"""') % 2
        text += line.rstrip() if inside or '"' in line else line.split("#")[0].rstrip()
        if text.endswith("&"):
            text = text[:-1] + " "
            continue
        if text.count('"""') % 2:
            text += "\n"
            continue
        kept += _commands(text.strip(), '"""', files, wanted)
        text = ""
    copy.write_text("\n".join([*kept, text]) + "\n")


def _commands(command: str, quote: str, files: Iterator[str], wanted: set[str]) -> list[str]:
    """What stands in the place of one command."""
    words = command.split()
    name = words[0] if words else ""
    if name in RUNS:
        instead = Path(next(files)).with_name(AT_RUN)
        mark = f"print {quote}{MARK}{quote}"
        return [mark, f"include {instead}"] if instead.exists() else [mark]
    if name in LEFT_OUT:
        return [f"print {quote}{command}{quote}"] if name in wanted else []
    if name == "print" and re.search(r"\s(file|append)\s+\S+", command):
        return []
    if name == "print" and not re.match(r"print\s+[\"']*adflux: ", command):
        text = re.sub(r"^(print\s+(\"{3}|[\"']?))", rf"\1{SAID}", command)
        return [text.replace("\n", f"\n{SAID}")]
    if name == "if":
        return [_condition(command, files, wanted)]
    if name in ("include", "jump") and len(words) > 1 and words[1] != "SELF":
        copy = next(files)
        here, python = Path(copy).parent / "harmless.py", Path(copy).parent / "python"
        return [
            f"variable {FILE} string {words[1]}",
            f"shell {python} {here} ${{{FILE}}} {copy} {','.join(sorted(wanted))}",
            " ".join([name, copy, *words[2:]]),
        ]
    return [command]


def _condition(command: str, files: Iterator[str], wanted: set[str]) -> str:
    """`if` with the commands in its quotes replaced."""

    def replaced(match: re.Match) -> str:
        quote, inner = match[1], match[2]
        other = "'" if quote == '"' else '"'
        commands = _commands(inner.strip(), other, files, wanted)
        if commands == [inner.strip()]:
            return match[0]
        return " ".join(f"{quote}{one}{quote}" for one in commands or [f"print {other}{other}"])

    return re.sub(r"([\"'])(.*?)\1", replaced, command)


if __name__ == "__main__":
    harmless_copy(Path(sys.argv[1]), Path(sys.argv[2]), set(sys.argv[3].split(",")))
