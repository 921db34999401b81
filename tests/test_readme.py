"""The commands of README and docs/ run as they stand, in one folder, from top to bottom."""

import re
import sys
from pathlib import Path

import pytest
from pages import PAGES, ROOT, run_blocks


@pytest.mark.lammps
def test_every_block_marked_as_tested_runs(tmp_path):
    assert run_blocks(PAGES, tmp_path, Path(sys.executable)) >= 8
    assert (tmp_path / "kappa.json").exists() and (tmp_path / "si.pkl").exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!http)([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target
