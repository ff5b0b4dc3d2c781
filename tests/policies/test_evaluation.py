"""Dialogues played by a policy: each step is yielded, and successes are counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dialogue_gym.policies import ExpertPolicy, RandomPolicy, play, success_rate
from tests.conftest import BUILT_IN, make


def choice(policy: Any) -> Any:
    return lambda observation, mask: int(policy.predict(observation, action_masks=mask)[0])


def test_steps_equal_the_environments() -> None:
    env, other = make(BUILT_IN[0]), make(BUILT_IN[0])
    steps = list(play(env, choice(ExpertPolicy(env, 0)), 7))
    observation, _ = other.reset(seed=7)
    for step in steps:
        assert np.array_equal(step.observation, observation)
        observation, reward, terminated, truncated, info = other.step(step.action)
        assert np.array_equal(step.next_observation, observation)
        assert (step.reward, step.terminated, step.truncated) == (reward, terminated, truncated)
        assert step.info.get("is_success") == info.get("is_success")
    assert [step.terminated or step.truncated for step in steps] == [False] * (len(steps) - 1) + [True]


def test_mask_matches_the_state() -> None:
    env = make(BUILT_IN[0])

    def choose(observation: Any, mask: Any) -> int:
        assert np.array_equal(mask, env.unwrapped.action_masks())
        return int(np.flatnonzero(mask)[-1])

    assert list(play(env, choose, 3))


@pytest.mark.parametrize("seeds", [range(5), [11, 3, 11]])
def test_success_rate_depends_only_on_the_seeds(seeds: Any) -> None:
    env = make(BUILT_IN[0])
    assert success_rate(env, choice(ExpertPolicy(env)), seeds) == 1
    rates = {success_rate(env, choice(RandomPolicy(env, 0)), range(30)) for _ in range(2)}
    assert len(rates) == 1 and rates < {number / 30 for number in range(30)}
