"""Pictures and lines of a dialogue, as an environment renders them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check
from stable_baselines3.common.env_util import make_vec_env

import dialogue_gym
from dialogue_gym.conversation.events import UserUttered
from tests.conftest import BUILT_IN, TURN_TAKINGS, make


def test_human_rendering_prints_each_line_once(capsys: pytest.CaptureFixture[str]) -> None:
    human, ansi = (make(BUILT_IN[0], render_mode=mode) for mode in ("human", "ansi"))
    for env in (human, ansi):
        env.reset(seed=4)
        for action in (3, 4, 0):
            env.step(action)
    assert human.render() is None
    assert capsys.readouterr().out.rstrip("\n") == ansi.render()
    before = ansi.render()
    for env in (human, ansi):
        env.unwrapped.set_state(env.unwrapped.get_state())
        env.unwrapped.step(5)
    assert before + "\n" + capsys.readouterr().out.rstrip("\n") == ansi.render()


@pytest.mark.parametrize("turn_taking", TURN_TAKINGS)
def test_a_chat_is_drawn(turn_taking: str) -> None:
    env = make(BUILT_IN[0], turn_taking=turn_taking, render_mode="rgb_array")
    env.reset(seed=0)
    pictures = [env.render()]
    for action in range(16):
        if env.step(action)[2]:
            break
        pictures.append(env.render())
    assert {(one.shape, one.dtype) for one in pictures} == {((480, 640, 3), np.dtype(np.uint8))}
    assert len({one.tobytes() for one in pictures[:5]}) == 5
    assert 0 < (pictures[0] != pictures[1]).mean() < 0.5
    assert len(env.unwrapped.get_keys_to_action()) == env.action_space.n


GROUNDS = {"success": (227, 242, 230), "failure": (251, 231, 227), "truncated": (217, 213, 205)}
"""The color of the line below a dialogue by its outcome."""


def test_a_picture_shows_the_slots_and_the_outcome() -> None:
    env = make(BUILT_IN[0], render_mode="rgb_array")
    expert = dialogue_gym.ExpertPolicy(env)
    observation, _ = env.reset(seed=7)
    panel = np.s_[60:200, 460:630]
    asked = env.render()
    observation = env.step(expert.predict(observation, deterministic=True)[0])[0]
    answered = env.render()
    assert (asked[panel] != answered[panel]).any()  # another slot is known
    assert all((answered[-10, 10] != ground).any() for ground in GROUNDS.values())
    while (step := env.step(expert.predict(observation, deterministic=True)[0]))[2:4] == (False, False):
        observation = step[0]
    assert tuple(env.render()[-10, 10]) == GROUNDS["success"]
    for outcome, limits in {"failure": {"patience": 1}, "truncated": {"max_episode_steps": 3}}.items():
        env = dialogue_gym.DialogueEnv("restaurant", render_mode="rgb_array", **limits)
        env.reset(seed=7)
        for _ in range(3):
            if env.conversation.outcome is None:
                env.step(1)
        assert (env.conversation.outcome, tuple(env.render()[-10, 10])) == (outcome, GROUNDS[outcome])


def test_a_search_is_drawn_beside_the_chat() -> None:
    pictures = []
    for name in ("city", "hotel", "laptop"):
        env = dialogue_gym.DialogueEnv(name, render_mode="rgb_array", semantic_error_rate=0.3)
        expert = dialogue_gym.ExpertPolicy(env)
        observation, _ = env.reset(seed=1)
        while env.conversation.outcome is None:
            observation = env.step(expert.predict(observation, deterministic=True)[0])[0]
        pictures.append(env.render())
    assert {one.shape for one in pictures} == {(480, 640, 3)}
    assert (pictures[0][60:400, 460:] != pictures[1][60:400, 460:]).any()


@pytest.mark.parametrize("text", ["您想吃什么菜？" * 30, "", "x" * 500, "مرحبا", "🍕 " * 9])
def test_any_text_is_drawn(text: str) -> None:
    env = make(BUILT_IN[0], render_mode="rgb_array")
    env.reset(seed=0)
    empty = env.render()
    env.unwrapped.replace_last_message(UserUttered(text, "inform", (), 1.0))
    assert (env.render() != empty).any()


def test_stable_baselines_makes_and_films_it_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lanes = make_vec_env(BUILT_IN[0], 2)
        lanes.reset()
        assert lanes.get_images()[0].shape == (480, 640, 3)
        gymnasium_check(make(BUILT_IN[0], render_mode="rgb_array").unwrapped, skip_render_check=False)
