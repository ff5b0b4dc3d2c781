"""The built-in domains with a database: worth a search, and in words throughout."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from dialogue_gym import ExpertPolicy
from dialogue_gym.conversation.events import BotUttered, SlotSet, UserUttered
from tests.conftest import SEARCHING, make, play


def successes(env: Any, policy: Any, count: int) -> float:
    found = []
    for seed in range(count):
        observation, _ = env.reset(seed=seed)
        found.append(bool(play(env, policy, observation)[1]["is_success"]))
    return sum(found) / count


class Possible:
    """Draws among the possible actions."""

    def __init__(self, env: Any) -> None:
        self._env = env
        self._random = np.random.default_rng(0)

    def predict(self, observation: Any, deterministic: bool) -> tuple[Any, None]:
        return self._random.choice(np.flatnonzero(self._env.unwrapped.action_masks())), None


@pytest.mark.parametrize("env_id", SEARCHING)
def test_the_expert_finds_and_chance_does_not(env_id: str) -> None:
    env = make(env_id)
    assert successes(env, ExpertPolicy(env), 100) >= 0.95
    assert successes(env, Possible(env), 100) <= 0.1
    noisy = make(env_id, semantic_error_rate=0.3)
    assert 0.7 <= successes(noisy, ExpertPolicy(noisy), 100) <= 0.97


@pytest.mark.parametrize("env_id", SEARCHING)
def test_users_ask_for_another_one_and_for_things_that_do_not_exist(env_id: str) -> None:
    env = make(env_id)
    expert = ExpertPolicy(env)
    texts = []
    for seed in range(100):
        observation, _ = env.reset(seed=seed)
        play(env, expert, observation)
        texts.append(env.unwrapped.conversation.events)
    acts = [{event.intent for event in events if isinstance(event, UserUttered)} for events in texts]
    assert sum("alternative" in said for said in acts) >= 15
    said = [event.text for events in texts for event in events if isinstance(event, BotUttered)]
    nothing = [
        text for text in said if text and re.match(r"I know of no \w+ like that|There is no such", text)
    ]
    assert len(nothing) >= 3


@pytest.mark.parametrize("env_id", SEARCHING)
def test_everything_is_said_in_words(env_id: str) -> None:
    """No place is left empty, nothing is in the fixed format, and no slot's code stands for its words."""
    env = make(env_id, semantic_error_rate=0.15)
    expert = ExpertPolicy(env)
    for seed in range(60):
        observation, _ = env.reset(seed=seed)
        play(env, expert, observation)
        for event in env.unwrapped.conversation.events:
            if isinstance(event, (BotUttered, UserUttered)):
                text = event.text or ""
                assert not text[:1].islower() and text[-1] in ".?!", text
                assert not re.search(r"\{|\}|^/| \?|dontcare|_", text), text


@pytest.mark.parametrize("env_id", SEARCHING)
def test_an_action_is_foreseen_with_the_venue_that_it_offers(env_id: str) -> None:
    env = make(env_id).unwrapped
    expert = ExpertPolicy(env)
    offers = 0
    for seed in range(20):
        observation, _ = env.reset(seed=seed)
        is_over = False
        while not is_over:
            action = expert.predict(observation, deterministic=True)[0]
            foreseen, count = env.foresee(env.action_names[action]), len(env.conversation.events)
            observation, _, terminated, truncated, _ = env.step(action)
            is_over = terminated or truncated
            done = [one for one in env.conversation.events[count + 1 :] if not isinstance(one, UserUttered)]
            assert list(foreseen) == done
            offers += any(isinstance(event, SlotSet) for event in done)
    assert offers > 20


def test_the_wishes_of_a_user_are_told_one_by_one() -> None:
    env = make("FakeUserCity-v0").unwrapped
    expert = ExpertPolicy(env)
    for seed in range(10):
        observation, _ = env.reset(seed=seed)
        assert 1 <= len(env.wishes) <= 3 and not any(env.wishes.values())
        _, info = play(env, expert, observation)
        assert all(env.wishes.values()) == info["is_success"]
    assert make("FakeUserRestaurant-v0").unwrapped.wishes == {}
