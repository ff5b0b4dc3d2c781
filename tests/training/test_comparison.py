"""Two policies on the same dialogues."""

from __future__ import annotations

import numpy as np
import pytest

from dialogue_gym.policies.agent import Agent
from dialogue_gym.policies.base import ExpertPolicy
from dialogue_gym.policies.pretrained import PretrainedPolicy
from dialogue_gym.training.environments import EVALUATION, stream
from dialogue_gym.training.evaluation import compare, compare_agents
from tests.conftest import BUILT_IN, make

NOISE = {"semantic_error_rate": 0.3}


def test_a_policy_does_not_differ_from_itself() -> None:
    env = make(BUILT_IN[1], **NOISE)
    comparison = compare(env, ExpertPolicy(env, 1), ExpertPolicy(env, 1), 300)
    assert comparison.first == comparison.second and comparison.first.return_error > 0
    assert set(comparison.differences().values()) == {0.0}


class Whimsical:
    """A policy whose actions follow from the observations, and make no sense."""

    def predict(self, observations: np.ndarray, **_: object) -> tuple[np.ndarray, None]:
        return 1 + observations.sum(axis=1, dtype=np.int64) % 7, None


def test_differences_are_those_of_each_dialogue_without_shaping() -> None:
    settings = {"semantic_error_rate": 0.3, "patience": 2}
    env = make(BUILT_IN[0], **settings)
    policies = PretrainedPolicy(env), Whimsical()
    returns = np.zeros((2, 40))
    for (which, number), _ in np.ndenumerate(returns):
        observation, _ = env.reset(seed=stream(0, EVALUATION) + number)
        is_over = False
        while not is_over:
            action = policies[which].predict(observation[np.newaxis], deterministic=True)[0][0]
            observation, reward, terminated, truncated, _ = env.step(action)
            returns[which, number] += reward
            is_over = terminated or truncated
    for shaping in (0.0, 1.0):
        comparison = compare(make(BUILT_IN[0], shaping=shaping, **settings), *policies, 40)
        assert comparison.first.mean_return == pytest.approx(returns[0].mean())
        assert comparison.return_error == pytest.approx((returns[0] - returns[1]).std(ddof=1) / np.sqrt(40))
    success = (
        f"{100 * comparison.success_difference:+.1f} ± {100 * 2.0227 * comparison.success_error:.1f} points"
    )
    assert str(comparison).startswith(f"success {success}")


def test_agents_of_other_observations_are_refused() -> None:
    plain, longer = (make(BUILT_IN[1], max_history=history).unwrapped for history in (1, 2))
    first, second = (Agent(name, env, ExpertPolicy(env)) for name, env in (("a", plain), ("b", longer)))
    with pytest.raises(ValueError, match="b: with these settings the agent has other observations"):
        compare_agents(first, second, dialogues=2)


def test_shared_dialogues_narrow_the_difference() -> None:
    env = make(BUILT_IN[0], **NOISE)
    comparison = compare(env, PretrainedPolicy(env), ExpertPolicy(env, 1), 600)
    first, second = comparison.first, comparison.second
    assert comparison.return_difference == pytest.approx(first.mean_return - second.mean_return)
    assert comparison.success_difference == pytest.approx(first.success_rate - second.success_rate)
    assert comparison.return_error < 0.9 * np.hypot(first.return_error, second.return_error)


def test_dialogues_are_the_same_in_one_batch_and_in_several(monkeypatch: pytest.MonkeyPatch) -> None:
    env = make(BUILT_IN[0], **NOISE)
    counts: list[int] = []

    def compared() -> object:
        policies = PretrainedPolicy(env), PretrainedPolicy(env, 2)
        return compare(env, *policies, 50, progress=lambda count, _: counts.append(count))

    together = compared()
    monkeypatch.setattr("dialogue_gym.training.evaluation._COMPARED", 20)
    assert compared() == together
    assert counts[-1] == 100 and max(counts) == 100
