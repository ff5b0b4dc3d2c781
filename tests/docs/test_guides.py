"""Guides do what they say: the start page, and those whose commands need files of their own."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from dialogue_gym import DialogueEnv, load_domain
from dialogue_gym.policies import load_agent
from dialogue_gym.training import evaluate
from tests import ROOT
from tests.commands import dialogue_gym as run

GUIDE = (ROOT / "docs/your-domain.md").read_text(encoding="utf-8")
START = (ROOT / "docs/index.md").read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


def test_the_start_page_prints_the_shown_dialogue(capsys: pytest.CaptureFixture[str]) -> None:
    (code,), (shown,) = blocks(START, "python"), blocks(START, "text")
    exec(compile(code, "index.md", "exec"), {})
    assert capsys.readouterr().out == shown


def test_the_commands_of_the_start_page_run(tmp_path: Path) -> None:
    install, play = "".join(blocks(START, "sh")).splitlines()
    assert install == 'pip install ".[agents,teach,nlu]"'
    assert "q quit" in run(*shlex.split(play)[1:], "--seed", "7", cwd=tmp_path, typed="q\n")
    typed = "I would like french food in london\n?\n"
    assert "location: london" in run(*shlex.split("chat restaurant"), cwd=tmp_path, typed=typed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the file that the guide writes in three parts."""
    folder = tmp_path_factory.mktemp("guide")
    (folder / "bikes.yml").write_text("\n".join(blocks(GUIDE, "yaml")), encoding="utf-8")
    return folder


def test_the_bot_of_the_guide_talks_as_shown(folder: Path) -> None:
    (shown,) = blocks(GUIDE, "text")
    command, _, shown = shown.partition("\n")
    typed = "".join(f"{line}\n" for line in re.findall(r"^you > (.*)$", shown, re.MULTILINE))
    assert run(*shlex.split(command)[2:], cwd=folder, typed=typed) == shown


def test_the_code_of_the_guide_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (code,) = blocks(GUIDE, "python")
    exec(compile(code, "your-domain.md", "exec"), {})


@pytest.mark.slow
def test_the_commands_of_the_guide_train_what_they_promise(folder: Path) -> None:
    for line in "".join(blocks(GUIDE, "sh")).splitlines():
        run(*shlex.split(line)[1:], cwd=folder)
    domain = load_domain(folder / "bikes.yml")
    env = DialogueEnv(domain, semantic_error_rate=0.3)
    plain, noisy = (
        evaluate(env, load_agent(str(folder / "out" / name), domain).policy, dialogues=1000).success_rate
        for name in ("bikes", "noisy")
    )
    assert noisy > 0.98 and 0.9 < plain < 0.97
