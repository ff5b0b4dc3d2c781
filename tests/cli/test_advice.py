"""The advice at the end of a training."""

from __future__ import annotations

import pytest

from dialogue_gym.cli.train import _advice
from dialogue_gym.training import Curve, Evaluation

NO_CURRICULUM: list[tuple[int, int]] = []
UNFINISHED = [(0, 100), (700, 50)]
FINISHED = [*UNFINISHED, (900, 10)]


@pytest.mark.parametrize(
    ("success", "turns", "stages", "words"),
    [
        (0.0, 11.0, NO_CURRICULUM, ["hang up, which they do after 10 useless turns: success is too far"]),
        (0.0, 40.0, NO_CURRICULUM, ["seldom"]),
        (0.4, 11.0, NO_CURRICULUM, ["seldom"]),
        (0.9, 11.0, NO_CURRICULUM, []),
        (0.0, 11.0, UNFINISHED, ["patient users: they hung up after 50 useless turns, these after 10."]),
        (0.0, 11.0, FINISHED, ["seldom"]),
        (0.9, 11.0, UNFINISHED, []),
    ],
)
def test_an_agent_that_seldom_succeeds_is_told_why(
    success: float, turns: float, stages: list[tuple[int, int]], words: list[str]
) -> None:
    figures, curve = Evaluation(success, -10.0, turns, 0.0, 0.0, 100), Curve([], [], [], stages)
    told = list(_advice(10, figures, curve, 1000, 1000))
    assert len(told) == len(words) and all(word in line for word, line in zip(words, told, strict=True))
    assert not any("docs/" in line for line in told)  # an installed package has none
    less = ["It seldom succeeds after 300 steps: without --steps it trains for 1,000."] if words else []
    assert list(_advice(10, figures, curve, 300, 1000)) == less
