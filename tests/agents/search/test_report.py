"""The published evidence about users who search."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from agents.search.report import DOMAINS, ENVIRONMENTS
from agents.search.tables import tables
from tests import ROOT
from tests.agents.commands import agents

FOLDER = ROOT / "docs/search"
PUBLISHED: dict[str, Any] = json.loads((FOLDER / "search.json").read_text(encoding="utf-8"))


def test_the_published_tables_are_those_of_the_results() -> None:
    text = (FOLDER / "search.md").read_text(encoding="utf-8")
    assert text == tables(PUBLISHED, DOMAINS, tuple(ENVIRONMENTS))


def test_the_command_resumes_and_finds_the_published_figures(tmp_path: Path) -> None:
    """The rules, the domain and its expert are still those of the published figures; else run it again."""
    name = "expert city 6"
    rest = {part: figures for part, figures in PUBLISHED.items() if part != name}
    (tmp_path / "search.json").write_text(json.dumps(rest))
    result = agents("search-benchmark", "--out", str(tmp_path))
    assert result.returncode == 0, result.stderr
    again = json.loads((tmp_path / "search.json").read_text())
    assert set(again) == set(PUBLISHED)
    for act, score in PUBLISHED[name]["scores"].items():
        assert again[name]["scores"][act] == pytest.approx(score)
    assert again[name]["unmet"] == PUBLISHED[name]["unmet"]
    assert (tmp_path / "search.md").read_text() == (FOLDER / "search.md").read_text()
    assert "## Searched rules" in result.stdout


def cells(kind: str) -> list[Any]:
    return [PUBLISHED[f"{kind} {domain} {number}"] for domain in DOMAINS for number in ENVIRONMENTS]


def test_each_kind_of_act_is_worth_something() -> None:
    first = cells("expert")[0]["scores"]
    for acts in list(first)[1:]:
        found = []
        for part in cells("expert"):
            whole, less = part["scores"]["all acts"], part["scores"][acts]
            worth = whole["total"] - less["total"]
            found.append(worth > 2 * math.hypot(whole["return_error"], less["return_error"]))
        assert any(found), acts


def test_searched_rules_are_hardly_better_than_the_expert() -> None:
    assert max(part["difference"] for part in cells("rules")) < 0.3


def test_each_figure_of_behaviour_matters() -> None:
    first = cells("behaviour")[0]
    for name in first:
        found = []
        for part in cells("behaviour"):
            low, high = part[name]["scores"]
            effect = abs(high["total"] - low["total"])
            found.append(effect > 2 * math.hypot(low["return_error"], high["return_error"]))
        assert any(found), name


def test_asking_back_is_worth_five_points_under_noise() -> None:
    for domain in DOMAINS:
        scores = PUBLISHED[f"expert {domain} 6"]["scores"]
        assert scores["all acts"]["success"] - scores["none of the three"]["success"] >= 0.05


def test_the_python_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs/search-users.md").read_text(encoding="utf-8")
    for block in re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        exec(compile(block, "search-users.md", "exec"), {})
    assert "(2000 dialogues)" in capsys.readouterr().out.replace(",", "")


def test_the_page_tells_the_highest_successes() -> None:
    page = " ".join((ROOT / "docs/search-users.md").read_text(encoding="utf-8").split())

    def highest(name: str) -> str:
        return f"{100 * max(part['scores'][name]['success'] for part in cells('degenerate')):.0f} %"

    assert f"Two actions in turn reach at most {highest('two actions in turn')} success" in page
    assert f"offers without a question {highest('offer, another one, serve')}." in page
    assert f"before the offers makes it {highest('ask until 1 known, offer, serve')}." in page
