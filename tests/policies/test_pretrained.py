"""The policies that come with the built-in domains."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dialogue_gym import DomainError, ExpertPolicy, PretrainedPolicy
from dialogue_gym.domain.sources import builtin_names
from dialogue_gym.policies.evaluation import play
from dialogue_gym.policies.pretrained import pretrained_names, pretrained_path
from dialogue_gym.training.evaluation import evaluate
from tests.conftest import BUILT_IN, SEARCHING, TURN_TAKINGS, make

LEAST = {(0, 0.0): 16.0, (0, 0.3): 12.9, (1, 0.0): 14.9, (1, 0.3): 13.6}


@pytest.mark.parametrize("turn_taking", TURN_TAKINGS)
@pytest.mark.parametrize(("which", "error_rate"), LEAST)
def test_pretrained_policies_succeed_with_and_without_noise(
    which: int, error_rate: float, turn_taking: str
) -> None:
    env = make(BUILT_IN[which], semantic_error_rate=error_rate, turn_taking=turn_taking)
    figures = evaluate(env, PretrainedPolicy(env), 1000)
    assert figures.success_rate >= 0.98
    if turn_taking == "auto":
        assert figures.mean_return >= LEAST[which, error_rate]
    else:  # not trained for it, but about as good as the expert
        expert = evaluate(env, ExpertPolicy(env, 0), 1000)
        assert figures.mean_return >= expert.mean_return - 0.5


@pytest.mark.parametrize("env_id", SEARCHING)
def test_pretrained_policies_earn_about_as_much_as_experts_from_users_who_search(env_id: str) -> None:
    for error_rate, success in ((0.0, 0.85), (0.3, 0.68)):  # those of the laptops are the hastiest
        env = make(env_id, semantic_error_rate=error_rate)
        figures, expert = (
            evaluate(env, kind(env, seed=0), 1000) for kind in (PretrainedPolicy, ExpertPolicy)
        )
        assert figures.success_rate >= success, error_rate
        assert figures.mean_return >= expert.mean_return - (0.5 if error_rate else 1.5), error_rate


def test_pretrained_policies_are_small_and_need_only_numpy() -> None:
    assert pretrained_names() == sorted(builtin_names())
    assert all(pretrained_path(name).stat().st_size < 100_000 for name in pretrained_names())
    code = f"""
import sys, gymnasium, dialogue_gym
env = gymnasium.make({BUILT_IN[0]!r})
dialogue_gym.PretrainedPolicy(env).predict(env.reset(seed=0)[0])
print(*sorted({{"torch", "numba", "stable_baselines3"}} & set(sys.modules)))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


def test_random_action_can_be_requested() -> None:
    env = make(BUILT_IN[0])
    policy = PretrainedPolicy(env, seed=0)
    observation, info = env.reset(seed=0)
    actions = [int(policy.predict(observation)[0]) for _ in range(200)]
    assert len(set(actions)) > 1
    assert all(info["action_mask"][action] for action in actions)
    assert len({int(policy.predict(observation, deterministic=True)[0]) for _ in range(20)}) == 1
    only = np.arange(len(info["action_mask"])) == 7
    assert int(policy.predict(observation, action_masks=only)[0]) == 7


@pytest.mark.parametrize("name", pretrained_names())
def test_actions_can_be_drawn_in_every_situation(name: str) -> None:
    env = make("Dialogue-v0", domain=name, semantic_error_rate=0.3)
    policy = PretrainedPolicy(env, seed=0)
    for seed in range(20):
        for step in play(env, lambda seen, mask: int(policy.predict(seen, action_masks=mask)[0]), seed):
            chances = policy.probabilities(step.observation)
            assert abs(chances.sum() - 1) < 1e-12  # NumPy draws from nothing that is off by 1e-8


def test_newest_observation_of_a_history_is_used() -> None:
    one, three = make(BUILT_IN[0]), make(BUILT_IN[0], max_history=3)
    same = {"deterministic": True}
    observation, longer = one.reset(seed=0)[0], three.reset(seed=0)[0]
    for action in (3, 4, 5, 3):
        observation, longer = one.step(action)[0], three.step(action)[0]
        assert PretrainedPolicy(one).predict(observation, **same) == PretrainedPolicy(three).predict(
            longer, **same
        )


def test_another_domain_is_refused(tmp_path: Path) -> None:
    plain = make("Dialogue-v0", domain="concert")
    with pytest.raises(
        DomainError, match="this policy is for other actions or observations than those of concert"
    ):
        PretrainedPolicy(plain, path=pretrained_path("restaurant"))
    text = (pretrained_path("concert").parent / "domain.yml").read_text()
    (tmp_path / "mine.yml").write_text(text)
    with pytest.raises(
        DomainError,
        match="no pretrained policy exists for this domain, only for city, concert, hotel, laptop",
    ):
        PretrainedPolicy(make("Dialogue-v0", domain=str(tmp_path / "mine.yml")))
