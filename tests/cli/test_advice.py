"""The advice at the end of a training."""

from __future__ import annotations

import pytest

from dialogue_gym.cli.train import _advice
from dialogue_gym.training import Evaluation


@pytest.mark.parametrize(
    ("success", "turns", "words"),
    [(0.0, 11.0, ["hang up, which they do after 10"]), (0.0, 40.0, ["seldom"]), (0.4, 11.0, ["seldom"])],
)
def test_an_agent_that_lets_users_hang_up_is_told(success: float, turns: float, words: list[str]) -> None:
    told = list(_advice(10, Evaluation(success, -10.0, turns, 0.0, 0.0, 100)))
    assert len(told) == len(words) and all(word in line for word, line in zip(words, told, strict=True))
    assert list(_advice(10, Evaluation(0.9, 12.0, 11.0, 0.0, 0.0, 100))) == []
