"""Learning from a person's reward: by a model of it, and by an agent."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import DQN
from stable_baselines3.common.evaluation import evaluate_policy

from dialogue_gym import ExpertPolicy, HumanReward
from dialogue_gym.wrappers.credit import Credit
from dialogue_gym.wrappers.feedback import Step
from dialogue_gym.wrappers.reward_model import RewardModel
from tests.wrappers.human_reward import play


class Person:
    """Rates whether an action of a few steps ago was the expert's, or stays silent."""

    def __init__(self, env: gym.Env[Any, Any], silence: float = 0.0, seed: int = 0, lag: int = 0) -> None:
        self._expert = ExpertPolicy(env)
        self._random = np.random.default_rng(seed)
        self._silence = silence
        self._lag = lag
        self._judged: list[float] = []

    def __call__(self, step: Step) -> float | None:
        if step.number == 1:
            self._judged = []
        self._judged.append(1.0 if int(step.action) in self._expert.right_actions(step.observation) else -1.0)
        is_silent = self._random.random() < self._silence or len(self._judged) <= self._lag
        return None if is_silent else self._judged[-1 - self._lag]


# With a model.


def test_prediction_replaces_silence() -> None:
    env = gym.make("Taxi-v4")
    answers = iter([2.0, None, None, 4.0, None])
    human = HumanReward(env, lambda step: next(answers), scale=10, model=RewardModel(env, ridge=1))
    made = []
    for action in (0, 0, 1, 0, 0):  # from the same place, the first three and the last two in one episode
        human.reset(seed=3)
        made.append(human.step(action))
    # After a 2 it expects 2/2, and after a 4 as well 6/3; of the other action it knows nothing.
    assert [reward for _, reward, *_ in made] == pytest.approx([20, 10, 0, 40, 20])
    assert [info["human_reward"] for *_, info in made] == [2, None, None, 4, None]
    assert [info["predicted_reward"] for *_, info in made] == pytest.approx([1, 1, 0, 2, 2])


def test_with_credit_every_reward_is_predicted() -> None:
    env = gym.make("Taxi-v4")
    answers = iter([None, 6.0, None])
    model = RewardModel(env, ridge=1e-9)
    human = HumanReward(env, lambda step: next(answers), model=model, credit=Credit(steps=(0, 1)))
    first, _ = human.reset(seed=3)
    second, *_ = human.step(0)
    _, reward, *_ = human.step(1)  # feedback here is about the step before
    assert model.predict(first, 0) == pytest.approx(6)
    assert reward == model.predict(second, 1) == 0
    human.reset(seed=3)
    assert human.step(0)[1] == pytest.approx(6)


def test_model_learns_from_whole_dialogues() -> None:
    env = gym.make("CartPole-v1")
    random = np.random.default_rng(0)

    def rate(step: Step) -> float | None:  # 1 for every step, and silent about half of the dialogues
        return float(step.number) if random.random() < 0.5 else None

    made = play(HumanReward(env, rate, every="dialogue", model=RewardModel(env)), 3000)
    ends = [
        (reward, info, info["environment_return"]) for _, reward, _, _, info in made if "human_return" in info
    ]
    late = [(reward, length) for reward, info, length in ends[50:] if info["human_reward"] is None]
    assert len(late) > 20 and all(reward == pytest.approx(length, rel=0.2) for reward, length in late)
    assert sum(reward for reward, *_ in ends) == pytest.approx(sum(reward for _, reward, *_ in made))


def test_person_is_asked_only_if_the_model_is_uncertain() -> None:
    asked = []
    env = gym.make("CartPole-v1")

    def lean(step: Step) -> float:
        asked.append(step)
        return 1.0 if (step.observation[2] > 0) == bool(step.action) else -1.0

    play(HumanReward(env, lean, model=RewardModel(env), ask_above=0.2), 2000)
    assert 10 < len(asked) < 400


# Learning from people.


def learn(env: HumanReward, seed: int, steps: int) -> DQN:
    kept = 250 if env.model else steps  # early predictions are to be forgotten, ratings are not
    agent = DQN(
        "MlpPolicy", env, seed=seed, device="cpu", gamma=0.0, learning_rate=1e-3, learning_starts=100,
        buffer_size=kept, train_freq=1, target_update_interval=100, exploration_fraction=0.5,
    )  # fmt: skip
    return agent.learn(steps)


def success(agent: Any, dialogues: int = 100) -> float:
    env = gym.make("FakeUserRestaurant-v0")
    observation, _ = env.reset(seed=10**6)
    successes = []
    while len(successes) < dialogues:
        action, _ = agent.predict(observation, deterministic=True)
        observation, _, terminated, truncated, info = env.step(int(action))
        if terminated or truncated:
            successes.append(info["is_success"])
            observation, _ = env.reset()
    return float(np.mean(successes))


@pytest.mark.slow
def test_a_person_alone_teaches_dqn_to_book_restaurants() -> None:
    env = gym.make("FakeUserRestaurant-v0")
    assert success(learn(HumanReward(env, Person(env)), 0, 1500)) >= 0.95


@pytest.mark.slow
def test_late_feedback_needs_credit() -> None:
    env = gym.make("FakeUserRestaurant-v0")

    def late() -> Person:
        return Person(env, silence=0.5, lag=2)

    credit = Credit(steps=(0, 0, 1))
    credited = HumanReward(env, late(), model=RewardModel(env), credit=credit)
    assert success(learn(credited, 0, 1500)) >= 0.9
    assert success(learn(HumanReward(env, late()), 0, 1500)) < 0.5


@pytest.mark.slow
def test_model_learns_from_rare_feedback() -> None:
    env = gym.make("FakeUserRestaurant-v0")

    def taught(seed: int, model: RewardModel | None) -> float:
        person = Person(env, silence=0.9, seed=seed)
        return success(learn(HumanReward(env, person, model=model), seed, 1500))

    assert np.mean([taught(seed, RewardModel(env)) for seed in (0, 2)]) >= 0.95
    assert np.mean([taught(seed, None) for seed in (0, 2)]) < 0.8


def test_person_teaches_pole_balancing() -> None:
    env = gym.make("CartPole-v1")
    random = np.random.default_rng(1)

    def watch(step: Step) -> float | None:
        _, _, angle, speed = step.observation
        is_right = (angle + 0.5 * speed > 0) == bool(step.action)
        return None if random.random() < 0.95 else 1.0 if is_right else -1.0

    agent = learn(HumanReward(env, watch, model=RewardModel(env)), 1, 1000)
    env.reset(seed=1)
    assert evaluate_policy(agent, env, 10, warn=False)[0] > 150  # anything at random has about 20
