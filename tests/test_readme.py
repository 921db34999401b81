"""The README's commands run as they stand, in one folder, from top to bottom."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"<!-- tested(?:: (?P<file>\S+))? -->\n```(?P<kind>\w*)\n(?P<text>.*?)```", re.S)


@pytest.mark.lammps
def test_every_block_marked_as_tested_runs(tmp_path):
    blocks = list(BLOCK.finditer((ROOT / "README.md").read_text()))
    assert len(blocks) >= 4
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


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!http)([^)]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / target).exists(), target
