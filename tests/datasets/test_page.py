"""The page on data sets: its commands and its Python run, one after another."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from agents.benchmark.grid import load_grid
from agents.benchmark.tables import offline_table, report
from dialogue_gym import load_domain
from tests import ROOT
from tests.agents.commands import agents
from tests.commands import dialogue_gym
from tests.live.test_people_dataset import talked

PAGE = (ROOT / "docs/datasets.md").read_text(encoding="utf-8")


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    monkeypatch.chdir(tmp_path)
    talked(tmp_path / "restaurant-live", load_domain("restaurant"), 3)
    names: dict[str, object] = {}
    ran = 0
    for language, block in re.findall(r"^```(sh|python)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        if language == "python":
            exec(compile(block, "docs/datasets.md", "exec"), names)
            continue
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            few = ["--dialogues", "100"] if "train" in words or "evaluate" in words else []
            if words[:3] == ["python", "-m", "agents"]:
                done = agents(*words[3:], *few)
                assert done.returncode == 0, done.stderr
            elif words[0] == "dialogue-gym":
                dialogue_gym(*words[1:], cwd=tmp_path)
            else:
                assert words[:2] == ["pip", "install"], line  # tests/test_package.py installs the extras
            ran += 1
    assert ran > 3


def test_the_table_of_learners_comes_from_its_results() -> None:
    folder = ROOT / "docs/benchmark/offline"
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert offline_table(results["tasks"]) in PAGE
    page = (folder / "results.md").read_text(encoding="utf-8")
    assert page == report(results, "python -m agents benchmark offline --out docs/benchmark/offline")
    assert results["protocol"] == load_grid("offline").protocol()
    for task in results["tasks"]:  # both domains, with a mask and without, random data and noise
        assert task["seeds"] == 5
        assert task["agents"]["CQL"]["figures"]["end"]["above_logged"]["low"] > 0, task["task"]
