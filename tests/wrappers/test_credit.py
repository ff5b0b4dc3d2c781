"""Credit of feedback to steps, and the model of a person's reward that learns from it."""

from __future__ import annotations

import io
import math
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st

from dialogue_gym.wrappers.credit import Credit
from dialogue_gym.wrappers.human_reward import HumanReward
from dialogue_gym.wrappers.reward_model import RewardModel
from tests.envs.test_properties import ROUNDS

PARTS = st.lists(st.integers(0, 10), min_size=1, max_size=5).filter(any)
BY_STEPS = PARTS.map(lambda parts: Credit(steps=tuple(parts)))
# Times that can be added up exactly.
SECONDS = st.integers(0, 2000).map(lambda number: number / 1024)
GAP = st.integers(1, 1000).map(lambda number: number / 1024)
BY_SECONDS = st.tuples(SECONDS, GAP).map(lambda pair: Credit(seconds=(pair[0], sum(pair))))
GAPS = st.lists(GAP, min_size=1, max_size=12)


class Counting(gym.Env[Any, Any]):
    """Counts its steps, over all episodes; the action 1 ends an episode."""

    observation_space = spaces.Discrete(1000)
    action_space = spaces.Discrete(3)

    def __init__(self) -> None:
        self.count = 0
        self.began = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.began = self.count
        return self.count, {}

    def step(self, action: Any) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self.count += 1
        return self.count, 0.0, bool(action == 1), False, {}


@ROUNDS
@given(st.one_of(BY_STEPS, BY_SECONDS), GAPS, SECONDS, st.integers(-1000, 1000))
def test_feedback_is_credited_in_full_or_not_at_all(
    credit: Credit, gaps: list[float], wait: float, shift: int
) -> None:
    shown = np.cumsum(gaps)
    now = shown[-1] + wait
    weights = credit.weights(list(shown), now)
    assert weights.shape == shown.shape and (weights >= 0).all()
    assert weights.sum() == pytest.approx(1) or not weights.any()
    np.testing.assert_allclose(credit.weights(list(shown + shift), now + shift), weights)
    if credit.seconds is None:
        assert not weights[: -len(credit.steps)].any()
        return
    shortest, longest = credit.seconds
    assert weights.any() or now - shown[0] <= shortest  # nobody can have reacted to it yet
    if wait > longest:
        assert weights[-1] == pytest.approx(1)  # it was all that there was to see
    left = np.append(shown[1:], now)  # when the next step was there to be seen instead
    assert not weights[(now - left > longest) | (now - shown < shortest)].any()


def test_credit_matches_hand_computation() -> None:
    by_steps = Credit(steps=(0.6, 0.3, 0.1))
    assert by_steps.weights([0] * 4, 0).tolist() == pytest.approx([0, 0.1, 0.3, 0.6])
    assert by_steps.weights([0] * 2, 0).tolist() == pytest.approx([1 / 3, 2 / 3])
    assert Credit(steps=(0, 1)).weights([0], 0).tolist() == [0]
    of_an_array: Any = np.array([0.6, 0.3, 0.1])
    assert Credit(steps=of_an_array) == by_steps
    # TAMER's figures: feedback at 1.0 is about 0.4 to 0.8; the steps were on show from 0.3, 0.5 and 0.9 on.
    by_seconds = Credit(seconds=(0.2, 0.6))
    assert by_seconds.weights([0.3, 0.5, 0.9], 1.0).tolist() == pytest.approx([0.25, 0.75, 0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "either steps, such as"),
        ({"steps": (1.0,), "seconds": (0, 1)}, "either steps, such as"),
        ({"steps": (0.0, 0.0)}, "not all 0"),
        ({"steps": (1.0, -1.0)}, "none negative"),
        ({"seconds": (0.6, 0.2)}, "must be the shortest and longest delay"),
        ({"seconds": (0.2, math.inf)}, "must be the shortest and longest delay"),
    ],
)
def test_invalid_credit_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Credit(**arguments)


@ROUNDS
@given(
    st.one_of(BY_STEPS, BY_SECONDS),
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([None, -1.0, 2.0]), GAP), max_size=40),
)
def test_no_step_of_another_episode_gets_credit(
    credit: Credit, plan: list[tuple[int, float | None, float]]
) -> None:
    now, learned = 0.0, []

    class Watched(RewardModel):
        def learn(self, visited: Any, weights: Any, value: float) -> None:
            learned.append(value)
            numbers = [observation for observation, _ in visited]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            assert base.began <= numbers[0] and numbers[-1] == base.count - 1
            assert sum(weights) == pytest.approx(1)
            assert all(actions[number] == action for number, action in visited)
            super().learn(visited, weights, value)

    base = Counting()
    answers = iter([answer for _, answer, _ in plan])
    timed = Credit(credit.steps, credit.seconds, clock=lambda: now)
    env = HumanReward(base, lambda step: next(answers), model=Watched(base), credit=timed)
    env.reset(seed=0)
    actions: list[int] = []
    for action, _, wait in plan:
        actions.append(action)
        _, _, is_over, _, _ = env.step(action)
        now += wait
        if is_over:
            env.reset()
    if credit.seconds is None and credit.steps[0] > 0:
        assert learned == [answer for _, answer, _ in plan if answer is not None]


def model_of(observations: gym.Space[Any], **keywords: Any) -> tuple[RewardModel, gym.Env[Any, Any]]:
    env = Counting()
    env.observation_space = observations  # type: ignore[assignment]
    return RewardModel(env, **keywords), env


SPACES = [
    spaces.Discrete(5, start=2),
    spaces.MultiDiscrete([2, 3, 2]),
    spaces.MultiBinary(3),
    spaces.Box(-np.inf, np.inf, (3,)),
    spaces.Dict({"number": spaces.Discrete(3), "place": spaces.Box(0, 4, (2, 2))}),
]
each_space = pytest.mark.parametrize("space", SPACES, ids=lambda space: type(space).__name__)


@each_space
@ROUNDS
@given(seed=st.integers(0, 999), factor=st.floats(-3, 3))
def test_the_model_is_linear_in_the_feedback_whatever_its_order(
    space: gym.Space[Any], seed: int, factor: float
) -> None:
    random = np.random.default_rng(seed)
    space.seed(seed)
    feedback = []
    for _ in range(8):
        visited = [(space.sample(), int(random.integers(3))) for _ in range(random.integers(1, 4))]
        feedback.append((visited, random.dirichlet(np.ones(len(visited))), random.normal(size=2)))
    order = random.permutation(len(feedback))
    one, other, both = (model_of(space, frequencies=4)[0] for _ in range(3))
    for visited, weights, values in feedback:
        one.learn(visited, weights, values[0])
        other.learn(visited, weights, values[1])
    for visited, weights, values in (feedback[i] for i in order):
        both.learn(visited, weights, values[0] + factor * values[1])
    for _ in range(5):
        step = (space.sample(), int(random.integers(3)))
        assert both.predict(*step) == pytest.approx(
            one.predict(*step) + factor * other.predict(*step), abs=1e-8
        )
        assert 0 <= both.uncertainty(*step) <= 1
        assert both.uncertainty(*step) == pytest.approx(one.uncertainty(*step), abs=1e-6)


@each_space
def test_ratings_are_remembered(space: gym.Space[Any]) -> None:
    model, _ = model_of(space, ridge=0.5)
    space.seed(1)
    observation = space.sample()
    assert (model.predict(observation, 1), model.uncertainty(observation, 1)) == pytest.approx((0, 1))
    for count in range(1, 5):
        model.learn([(observation, 1)], [1.0], 3.0)
        assert model.predict(observation, 1) == pytest.approx(3 * count / (count + 0.5))
        assert model.uncertainty(observation, 1) == pytest.approx((0.5 / (count + 0.5)) ** 0.5)
        assert (model.predict(observation, 0), model.uncertainty(observation, 0)) == pytest.approx((0, 1))
    assert model.ratings == 4


def test_model_equals_ridge_regression_and_generalises() -> None:
    model, _ = model_of(spaces.MultiDiscrete([4, 5]), ridge=0.01)
    for first in range(4):
        for second in range(5):
            if (first, second) not in ((1, 1), (2, 3)):
                model.learn([(np.array([first, second]), 0)], [1.0], first - second)
    for first, second in ((1, 1), (2, 3)):  # never rated
        assert model.predict(np.array([first, second]), 0) == pytest.approx(first - second, abs=0.2)
    # Only a sum is known: three steps are worth 6 together, one of them 1, one 2.
    model, _ = model_of(spaces.Discrete(3), ridge=1e-6)
    model.learn([(0, 0), (1, 0), (2, 0)], [1, 1, 1], 6)
    model.learn([(0, 0)], [1], 1)
    model.learn([(1, 0)], [1], 2)
    assert model.predict(2, 0) == pytest.approx(3, abs=1e-3)


@each_space
def test_model_state_can_be_saved(space: gym.Space[Any]) -> None:
    space.seed(2)
    steps = [(space.sample(), action) for action in (0, 1, 2)]
    model, _ = model_of(space)
    for number, step in enumerate(steps):
        model.learn([step], [1.0], number)
    file = io.BytesIO()
    np.savez(file, **model.state_dict())  # type: ignore[arg-type]
    file.seek(0)
    other, env = model_of(space, seed=5, ridge=3)
    other.load_state_dict(np.load(file, allow_pickle=False))
    for one in (model, other):
        one.learn([steps[0]], [1.0], 7)
    assert [model.predict(*step) for step in steps] == [other.predict(*step) for step in steps]
    assert [model.uncertainty(*step) for step in steps] == [other.uncertainty(*step) for step in steps]
    with pytest.raises(ValueError, match="other observations"):
        model_of(spaces.MultiDiscrete([2, 2]))[0].load_state_dict(model.state_dict())
    with pytest.raises(ValueError, match="'weights' is missing"):
        other.load_state_dict({key: value for key, value in model.state_dict().items() if key != "weights"})
    with pytest.raises(ValueError, match="its arrays do not fit each other"):
        other.load_state_dict(model.state_dict() | {"covariance": np.zeros((1, 2))})
    before = [other.predict(*step) for step in steps]
    for weights, value in (([1.0], float("nan")), ([np.inf], 1.0)):
        with pytest.raises(ValueError, match="must be finite numbers"):
            other.learn([steps[0]], weights, value)
    assert [other.predict(*step) for step in steps] == before
    env.action_space = spaces.Discrete(4)  # type: ignore[assignment]
    with pytest.raises(ValueError, match="other actions"):
        RewardModel(env).load_state_dict(model.state_dict())


def test_unbounded_numbers_are_compressed() -> None:
    model, _ = model_of(spaces.Box(-np.inf, np.inf, (1,)))
    for place, value in ((1e6, 1.0), (0.0, 0.0), (-1e6, -1.0)):
        model.learn([(np.array([place]), 0)], [1.0], value)
    assert model.predict(np.array([7e6]), 0) == pytest.approx(model.predict(np.array([1e6]), 0), abs=1e-3)
    assert model.predict(np.array([1e6]), 0) > 0.5 > -0.5 > model.predict(np.array([-3e6]), 0)


def test_model_capacity_is_bounded() -> None:
    model, _ = model_of(spaces.Discrete(50), capacity=3)
    for observation in range(5):
        model.learn([(observation, 0)], [1.0], 1.0)
    assert [model.predict(observation, 0) > 0.9 for observation in range(5)] == [True] * 3 + [False] * 2
    assert model.state_dict()["covariance"].shape == (3, 3)


def test_invalid_model_arguments_are_refused() -> None:
    env = Counting()
    with pytest.raises(ValueError, match="ridge=0: must be a number above 0"):
        RewardModel(env, ridge=0)
    with pytest.raises(ValueError, match="capacity=0"):
        RewardModel(env, capacity=0)
    env.observation_space = spaces.Sequence(spaces.Discrete(2))  # type: ignore[assignment]
    with pytest.raises(ValueError, match="cannot take these observations"):
        RewardModel(env)
    with pytest.raises(ValueError, match="needs discrete actions, not Box"):
        RewardModel(gym.make("Pendulum-v1"))
