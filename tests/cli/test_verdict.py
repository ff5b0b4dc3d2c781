"""`dialogue-gym evaluate` as a verdict: `--exact`, the bar, and the exit status."""

from __future__ import annotations

import json

import pytest

from tests.cli.test_train import Command, command

__all__ = ["command"]


def test_an_exact_evaluation_prints_its_figures_and_the_failed_dialogues(command: Command) -> None:
    words = ["evaluate", "shop.yml", "indecisiveness=0.5", "patience=2", "--agent", "expert", "--exact"]
    status, out, err = command(*words)
    assert (status, err) == (0, "")
    assert out.startswith("expert on shop: success ") and "(exact" in out.splitlines()[0]
    assert "--- the user hangs up after " in out and "\nfailed dialogue 1: the user hung up; chance " in out
    shown = json.loads(command(*words, "--json")[1])
    assert shown["failures"][0]["seed"] is not None
    assert shown["method"] == "exact" and len(shown["passes"]) == 4
    assert shown["endings"]["success"] == shown["success_rate"] == shown["passes"][0] < 1


@pytest.mark.parametrize("words", [[], ["--exact"], ["--mode", "names"]])
def test_below_the_bar_the_exit_status_is_1(words: list[str], command: Command) -> None:
    evaluate = ["evaluate", "shop.yml", "patience=1", "--agent", "random", "--dialogues", "40", *words]
    assert command(*evaluate, "--min-success", "0")[0] == 0
    status, out, err = command(*evaluate, "--min-success", "1")
    assert status == 1 and "random on shop" in out
    assert "is below 100%" in err.splitlines()[-1]


def test_exact_figures_are_of_one_agent_by_its_observations(command: Command) -> None:
    for words in (["--against", "random"], ["--mode", "names"]):
        status, _, err = command("evaluate", "shop.yml", "--agent", "expert", "--exact", *words)
        assert status == 2 and err.startswith("error: --exact: it is for one agent")
