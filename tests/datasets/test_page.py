"""The page on data sets: its commands and its Python run, one after another."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests import ROOT
from tests.agents.commands import agents
from tests.commands import dialogue_gym

PAGE = (ROOT / "docs/datasets.md").read_text(encoding="utf-8")


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    ran = 0
    for language, block in re.findall(r"^```(sh|python)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        if language == "python":
            exec(compile(block, "docs/datasets.md", "exec"), names)
            continue
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words[:3] == ["python", "-m", "agents"]:
                done = agents(*words[3:])
                assert done.returncode == 0, done.stderr
            elif words[0] == "dialogue-gym":
                dialogue_gym(*words[1:], cwd=tmp_path)
            else:
                assert words[:2] == ["pip", "install"], line  # tests/test_package.py installs the extras
            ran += 1
    assert ran > 3
