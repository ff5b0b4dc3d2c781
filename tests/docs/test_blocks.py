"""Every block of code on a page is run or read by a test, or it stands here with a reason."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tests.pages import Block, blocks, texts

PAGES = ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in ROOT.glob("docs/*.md"))]
TESTED = {
    ("README.md", "text"): "tests/test_readme.py",
    ("docs/chat.md", "text"): "tests/test_readme.py",
    ("docs/domain-files.md", "yaml"): "tests/domain/test_page.py",
    ("docs/domain-files.md", "yml"): "tests/domain/test_page.py",
    ("docs/forms.md", "text"): "tests/stories/test_rules_and_forms.py",
    ("docs/forms.md", "yaml"): "tests/stories/test_rules_and_forms.py",
    ("docs/index.md", "text"): "tests/docs/test_guides.py",
    ("docs/leaderboard.md", "json"): "tests/agents/test_leaderboard.py",
    ("docs/live.md", "nginx"): "tests/docs/test_consoles.py",
    ("docs/play.md", "text"): "tests/play/test_dialog.py",
    ("docs/search-users.md", "text"): "tests/domain/test_search_keys.py",
    ("docs/search-users.md", "yaml"): "tests/domain/test_search_keys.py",
    ("docs/serving.md", "nginx"): "tests/docs/test_consoles.py",
    ("docs/testing-bots.md", "yaml"): "tests/test_readme.py",
    ("docs/your-domain.md", "text"): "tests/docs/test_guides.py",
    ("docs/your-domain.md", "yaml"): "tests/docs/test_guides.py",
    ("docs/your-domain.md", "yml"): "tests/docs/test_guides.py",
}
"""The tests of all blocks in a language on a page; `test_readme.py` holds those in `sh` and `python`."""
NOT_RUN = {
    (
        "docs/design.md",
        "            ┌───────────┐",
    ): "a picture, whose packages test_architecture.py compares",
    ("docs/fitting.md", "concert-live: fitted to 300"): "figures of a journal of weeks",
    (
        "docs/import.md",
        "$ dialogue-gym import pydial",
    ): "files of others; test_ontologies.py has some like these",
    ("docs/import.md", "$ dialogue-gym check cambridge"): "the domain that those files become",
    ("docs/language-models.md", "$ python -m agents.language.grpo"): "a language model, trained",
    ("docs/learning-from-logs.md", '{"action": "utter_ask_price"'): "a line of a journal",
    ("docs/learning-from-logs.md", "restaurant-live: 200 conv"): "figures of months",
    (
        "docs/learning-from-logs.md",
        "error: restaurant-live: these logs",
    ): "figures of months",
    ("docs/learning-from-logs.md", "Version 2054 answers"): "figures of months",
    ("docs/live.md", "<script src="): "scripts of other sites; test_widget.py opens such",
    ("docs/serving.md", "scrape_configs:"): "Prometheus, which is not installed for tests",
    ("docs/serving.md", "sum(increase("): "Prometheus; test_consoles.py looks for the names",
    ("docs/testing-bots.md", "http://localhost:5005 on restaurant:"): "the report of a bot of others",
    ("docs/testing-bots.md", "dialogue-gym test http://localhost:5005"): "a seed of that report",
    ("docs/train.md", "models:"): "models on a server of one's own; test_benchmark.py has such an entry",
    (
        "docs/verdicts.md",
        "expert on restaurant: success",
    ): "minutes of computation; test_verdict.py has shorter ones",
}
"""Blocks that nothing runs, by the beginning of their first line, and the reasons."""


def picked(file: Path) -> set[str]:
    """Return the texts of the blocks that a test takes: by `block_with`, or as cases of pages and parts."""
    tree = ast.parse(file.read_text("utf-8"))
    names: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            names |= {target.id: node.value.value for target in node.targets if isinstance(target, ast.Name)}

    def value(word: ast.expr) -> Any:
        return word.value if isinstance(word, ast.Constant) else names.get(getattr(word, "id", ""))

    pairs = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "block_with":
            pairs.append([value(word) for word in node.args])
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("parametrize"):
            pairs += [[value(word) for word in row.elts] for row in rows(node)]
    named = [pair for pair in pairs if len(pair) == 2 and pair[0] in PAGES and isinstance(pair[1], str)]
    found = [[text for text in texts(page) if part in text] for page, part in named]
    return {one[0] for one in found if len(one) == 1}


def rows(parametrize: ast.Call) -> list[ast.Tuple]:
    """Return the cases of a test with several arguments."""
    cases = parametrize.args[1] if len(parametrize.args) > 1 else None
    return [row for row in cases.elts if isinstance(row, ast.Tuple)] if isinstance(cases, ast.List) else []


PICKED = {
    text
    for file in sorted(ROOT.glob("tests/**/*.py"))
    if file != Path(__file__) and "import block_with" in file.read_text("utf-8")
    for text in picked(file)
}


def reason(block: Block) -> str | None:
    found = [
        why for (page, start), why in NOT_RUN.items() if page == block.page and block.text.startswith(start)
    ]
    return found[0] if found else None


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)])
def test_every_block_is_run_or_has_a_reason(page: str) -> None:
    for block in blocks(page):
        assert block.language, f"{page}, line {block.line}: a block without a language"
        runner = TESTED.get((page, block.language))
        is_run = runner or block.text in PICKED or block.language in ("sh", "python")
        assert is_run or reason(block), f"{page}, line {block.line}: no test runs this"
        if runner:
            assert page.rpartition("/")[2] in (ROOT / runner).read_text("utf-8"), runner


def test_the_lists_name_nothing_that_is_gone() -> None:
    found = [block for page in PAGES for block in blocks(page)]
    assert {*TESTED} <= {(block.page, block.language) for block in found if not reason(block)}
    for page, start in NOT_RUN:
        assert any(one.page == page and one.text.startswith(start) for one in found), (page, start)
