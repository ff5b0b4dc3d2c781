"""The small language model: its rewards are those of the environment, and it improves."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
import torch

from agents.language.grpo import MESSAGE, Bot, Dialogue, imitate, improve, main
from agents.language.transformer import CONTEXT
from tests import ROOT
from tests.commands import run

SETTINGS = {"semantic_error_rate": 0.15}


@pytest.fixture(scope="module")
def bot() -> Bot:
    torch.set_num_threads(1)
    return Bot("restaurant", SETTINGS, 20, 0)


def replayed(bot: Bot, seed: int, dialogue: Dialogue) -> tuple[float, bool]:
    """Return the return and the success of a dialogue's actions in the environment."""
    env: Any = gym.make("FakeUserRestaurant-v0", **SETTINGS)
    env.reset(seed=seed)
    total, info = 0.0, {"is_success": False}
    for action in dialogue.actions:
        _, reward, _, _, info = env.step(action)
        total += reward
    return total, bool(info["is_success"])


def test_rewards_are_those_of_the_environment(bot: Bot) -> None:
    played = bot.play(range(6), torch.Generator().manual_seed(0))
    for seed, dialogue in enumerate(played):
        assert (dialogue.total, dialogue.is_success) == replayed(bot, seed, dialogue)


def test_the_demonstrations_are_those_of_the_expert(bot: Bot) -> None:
    outcomes = [replayed(bot, seed, dialogue) for seed, dialogue in enumerate(bot.demonstrations)]
    assert sum(success for _, success in outcomes) >= 19


def test_choices_see_only_what_came_before(bot: Bot) -> None:
    """Batches of other dialogues, and later words, change no score."""
    first, *others = bot.demonstrations
    alone = bot.scores([first])
    together = bot.scores([first, *others])[: len(first.actions)]
    torch.testing.assert_close(alone, together)
    cut = Dialogue(first.tokens[: first.places[1] + 2], first.places[:2], first.actions[:2])
    torch.testing.assert_close(bot.scores([cut]), alone[:2])


def test_dialogues_and_messages_may_be_longer_than_the_model_reads() -> None:
    bot = Bot("hotel", {"semantic_error_rate": 0.5}, 10, 0)
    assert max(len(one.tokens) for one in bot.demonstrations) >= CONTEXT - MESSAGE - 1  # two were cut
    assert len(bot.scores(bot.demonstrations)) == sum(len(one.actions) for one in bot.demonstrations)
    assert all(len(one.tokens) <= CONTEXT for one in bot.play(range(8)))


@pytest.mark.slow
def test_it_imitates_and_then_improves_by_reward() -> None:
    torch.set_num_threads(1)
    bot = Bot("restaurant", {}, 25, 0)

    def mean_return() -> float:
        played = bot.play(range(5000, 5300), torch.Generator().manual_seed(1))
        return sum(dialogue.total for dialogue in played) / 300

    at_random = mean_return()
    imitate(bot, 8, 0)
    taught = mean_return()
    improve(bot, 12, 0, lambda iterations: None)
    assert taught > at_random + 4
    assert mean_return() > taught + 3


@pytest.mark.slow
def test_the_command_writes_the_curve(tmp_path: Path) -> None:
    few = ["--iterations", "1", "--demonstrations", "3", "--epochs", "1", "--dialogues", "10"]
    run([sys.executable, "-m", "agents.language.grpo", "restaurant", *few, "--out", "."], tmp_path)
    content, published = (
        json.loads((folder / "curve.json").read_text(encoding="utf-8"))
        for folder in (tmp_path, ROOT / "docs/language")
    )
    assert [point["dialogues"] for point in content["curve"]] == [0, 128]
    assert content.keys() == published.keys() and published["curve"][-1]["success_rate"] == 0.99
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nosuch"], "'nosuch' is neither a file nor a built-in domain"),
        (["restaurant", "--error-rate", "3"], "semantic_error_rate=3.0: must be a number from 0 to 1"),
        (["restaurant", "--iterations", "many"], "'many': must be a whole number of at least 1"),
    ],
)
def test_mistakes_are_explained_in_one_line(
    words: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["grpo", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and message in capsys.readouterr().err.splitlines()[-1]
