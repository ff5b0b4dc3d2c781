"""docs/live.md is true: its commands and its code are run, its figures are those in use."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import typer

from dialogue_gym import load_domain
from dialogue_gym.cli.app import app
from dialogue_gym.live import regression_guard as guard
from dialogue_gym.live import trainer
from dialogue_gym.live.options import LEAST, MOST
from dialogue_gym.live.rate_limit import Limits
from dialogue_gym.live.reward import LiveReward
from tests import ROOT
from tests.cli.test_live import NLU, PLAIN
from tests.commands import dialogue_gym as run
from tests.pages import texts

PAGE = (ROOT / "docs/live.md").read_text(encoding="utf-8")
COMMAND = typer.main.get_group(app).commands["live"]
TYPED = {"teach": "/greet\n2\nutter_greet\n2\nlisten\n:q\n", "live": "/greet\n+\n/restart\n-\n/greet\n"}


@pytest.mark.slow
def test_commands_of_the_page_run_in_order(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text(PLAIN)
    (tmp_path / "nlu.yml").write_text(NLU)
    for line in "".join(texts("docs/live.md", "sh")).splitlines():
        words = shlex.split(line)
        if words[:2] == ["pip", "install"]:
            continue
        few = ["--steps", "300", "--dialogues", "5", "--bound", "none"] if words[1] == "train" else []
        run(*words[1:], *few, cwd=tmp_path, typed=TYPED.get(words[1], ""))
    assert {"restaurant-live", "from-dqn", "mine"} <= {path.name for path in tmp_path.iterdir()}


def test_code_of_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = texts("docs/live.md", "python")
    exec(compile(block, "live.md", "exec"), {})
    assert capsys.readouterr().out.splitlines()[-1] == "['live1']"
    assert {"by-hand", "tomorrow.zip"} <= {path.name for path in tmp_path.iterdir()}


def test_documented_options_and_figures_are_current() -> None:
    found = {option.opts[0]: option for option in COMMAND.params if option.param_type_name == "option"}
    for name in found.keys() - {"--actions", "--port", "--seed"}:  # the same with every command
        assert name in PAGE, name
    assert found["--fall"].default == guard.FALL == 0.1 and "(0.1)" in PAGE
    for figure in (Limits().characters, Limits().per_minute, Limits().per_day, f"{Limits().people:,}"):
        assert f"{figure} " in PAGE
    assert found["--checkpoints"].default == 7 and "`--checkpoints 7` are kept" in PAGE
    assert f"after {trainer.EVERY} steps" in PAGE and f"{guard.DIALOGUES} simulated" in PAGE
    assert f"| {LiveReward.of(load_domain('restaurant')).rating:g} times the number" in PAGE
    assert f"in {LEAST:.0%} of decisions" in " ".join(PAGE.split()) and f"up to {MOST:.0%}" in PAGE
