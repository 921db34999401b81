"""The commands of README and docs/ run as they stand, in one folder, from top to bottom."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"<!-- tested(?:: (?P<file>\S+))? -->\n```(?P<kind>\w*)\n(?P<text>.*?)```", re.S)


@pytest.mark.lammps
def test_every_block_marked_as_tested_runs(tmp_path):
    # later blocks use files of earlier ones
    blocks = [block for page in PAGES for block in BLOCK.finditer(page.read_text())]
    assert len(blocks) >= 8
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "MPLBACKEND": "Agg",
    }
    for block in blocks:
        if block["file"]:
            (tmp_path / block["file"]).write_text(block["text"])
            continue
        program = ["bash", "-e", "-c"] if block["kind"] == "sh" else [sys.executable, "-c"]
        done = subprocess.run(
            [*program, block["text"]],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, (
            f"{block['text']}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        )
    assert (tmp_path / "kappa.json").exists() and (tmp_path / "si.pkl").exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!http)([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target
