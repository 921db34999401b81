"""Blocks of README and docs/ that are tested: they run as they stand, one after the other."""

import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"<!-- tested(?:: (?P<file>\S+))? -->\n```(?P<kind>\w*)\n(?P<text>.*?)```", re.S)


def run_blocks(pages: Iterable[Path], folder: Path, python: Path, without: Iterable[str] = ()):
    """Run the blocks with the programs beside `python`, and return how many there are.

    Later blocks use files of earlier ones. without: variables of the environment that are left out.
    """
    blocks = [block for page in pages for block in BLOCK.finditer(page.read_text())]
    environment = {name: value for name, value in os.environ.items() if name not in without}
    environment |= {"PATH": f"{python.parent}:{os.environ['PATH']}", "MPLBACKEND": "Agg"}
    for block in blocks:
        if block["file"]:
            (folder / block["file"]).write_text(block["text"])
            continue
        program = ["bash", "-e", "-c"] if block["kind"] == "sh" else [str(python), "-c"]
        done = subprocess.run(
            [*program, block["text"]],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=1200,
        )
        assert done.returncode == 0, (
            f"{block['text']}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        )
    return len(blocks)
