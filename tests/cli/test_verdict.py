"""`dialogue-gym evaluate` as a verdict: `--exact`, the bar, and the exit status."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.test_train import Command, command

__all__ = ["command"]


def test_an_exact_evaluation_prints_its_figures_and_the_failed_dialogues(command: Command) -> None:
    words = ["evaluate", "shop.yml", "indecisiveness=0.5", "patience=2", "--agent", "expert", "--exact"]
    status, out, err = command(*words)
    assert (status, err) == (0, "")
    assert (
        out.startswith("expert on shop (indecisiveness=0.5, patience=2): success ")
        and "(exact" in out.splitlines()[0]
    )
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


@pytest.mark.parametrize("words", [[], ["--exact"]])
def test_reports_are_written_for_ci_and_for_people(words: list[str], command: Command) -> None:
    junit, page = Path("out.xml"), Path("out.html")
    evaluate = ["evaluate", "shop.yml", "indecisiveness=0.5", "patience=2", "--agent", "expert", *words]
    status, out, _ = command(*evaluate, "--min-success", "1", "--junit", "out.xml", "--html", "out.html")
    assert status == 1 and out.startswith("expert on shop (indecisiveness=0.5, patience=2): success ")
    suite = ElementTree.fromstring(junit.read_text())[0]
    failed = suite.findall("testcase/failure")
    assert len(failed) == int(suite.get("failures") or 0) >= 2 and "seed " in (failed[1].text or "")
    first = page.read_text()
    assert "Below the bar of 100%" in first and "size=large" in first and "The user hung up" in first
    assert command(*evaluate, "--min-success", "0.01", "--junit", "out.xml", "--html", "out.html")[0] == 0
    assert ElementTree.fromstring(junit.read_text()).get("failures") == "0"
    command(*evaluate, "--min-success", "1", "--html", "out.html")
    assert page.read_text() == first


def test_a_file_that_cannot_be_written_is_told_before_the_dialogues(command: Command) -> None:
    for given, fault in {
        ("--html", "none/out.html"): "none: there is no such folder",
        ("--junit", "."): ".: this is a directory or device, not a file",
        ("--junit", "out.xml", "--html", "./out.xml"): "--junit and --html: both are out.xml",
        ("--html", "shop.yml"): "shop.yml: this file exists, and is not a report of dialogue-gym in HTML; ",
        ("--junit", "shop.yml"): "shop.yml: this file exists, and is not a report of dialogue-gym in JUnit",
        ("--html", "out.html", "--against", "random"): "--html: it is for one agent",
    }.items():
        status, out, err = command("evaluate", "shop.yml", "--agent", "expert", *given)
        assert (status, out) == (2, "") and err.startswith(f"error: {fault}")


def test_exact_figures_are_of_one_agent_by_its_observations(command: Command) -> None:
    for words in (["--against", "random"], ["--mode", "names"]):
        status, _, err = command("evaluate", "shop.yml", "--agent", "expert", "--exact", *words)
        assert status == 2 and err.startswith("error: --exact: it is for one agent")
