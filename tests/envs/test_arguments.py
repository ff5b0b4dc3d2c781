"""The arguments of the environments, and the domains that they are given."""

from __future__ import annotations

import dataclasses
import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check

from dialogue_gym import DialogueEnv, Domain, DomainError, load_domain
from dialogue_gym.play import Game
from dialogue_gym.sb3 import DialogueVecEnv
from tests import ROOT
from tests.conftest import BUILT_IN, IDS, TINY, domain_from, make


@pytest.mark.parametrize("env_id", IDS)
def test_every_id_accepts_every_argument(env_id: str) -> None:
    env = make(
        env_id, turn_taking="explicit", semantic_error_rate=0.1, user="unfriendly", indecisiveness=0.2,
        informativeness=2, correction_rate=0.1, patience=3, max_history=2, reward={"step": -2},
        render_mode="ansi",
    )  # fmt: skip
    env.reset(seed=0)
    assert env.step(0)[1] == -2


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"turn_taking": "turns"}, "turn_taking='turns': unknown turn taking; valid: auto, explicit"),
        ({"semantic_error_rate": 1.5}, "semantic_error_rate=1.5: must be a number from 0 to 1"),
        ({"semantic_error_rate": float("nan")}, "semantic_error_rate=nan"),
        ({"user": "unfreindly"}, "unknown user 'unfreindly'; did you mean 'unfriendly'?"),
        ({"patience": 0}, "patience=0: must be a whole number from 1 to 100"),
        ({"patience": 2.5}, "patience=2.5"),
        ({"patience": True}, "patience=True"),
        ({"turn_taking": [1]}, "turn_taking=[1]: unknown turn taking; valid: auto, explicit"),
        ({"informativeness": -1}, "informativeness=-1"),
        ({"indecisiveness": "often"}, "indecisiveness='often'"),
        ({"correction_rate": True}, "correction_rate=True"),
        ({"max_history": 0}, "max_history=0: must be a whole number from 1 to 100"),
        ({"max_episode_steps": 0}, "max_episode_steps=0"),
        ({"reward": {"sucess": 1}}, "reward: unknown term 'sucess'; did you mean 'success'?"),
        ({"reward": {"success": "much"}}, "the weight of 'success' must be a finite number, not 'much'"),
        ({"reward": []}, "reward=[]: must be a mapping"),
        ({"reward": [1]}, "reward=[1]: must be a mapping"),
        ({"render_mode": "rgb_arry"}, "render_mode='rgb_arry': unknown mode; did you mean 'rgb_array'?"),
    ],
)
def test_a_wrong_argument_is_named(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        DialogueEnv("restaurant", **keywords)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (
            lambda: DialogueEnv("city", observaton="flat"),
            "got an unexpected keyword argument 'observaton'; did you mean 'observation'?",
        ),
        (lambda: gym.make("FakeUserCity-v0", max_epsode_steps=9), "did you mean 'max_episode_steps'?"),
        (lambda: gym.make("FakeUserCityText-v0", mod="free"), "did you mean 'mode'?"),
        (lambda: gym.make("FakeUserCityText-v0", patient=3), "did you mean 'patience'?"),
        (lambda: gym.make("DialogueLive-v0", domain="city", channels=print), "did you mean 'channel'?"),
        (lambda: gym.make("DialogueLive-v0", domain="city", max_histry=2), "did you mean 'max_history'?"),
        (lambda: gym.make_vec("FakeUserCity-v0", 2, autoreset_mod="SameStep"), "mean 'autoreset_mode'?"),
        (lambda: gym.make_vec("FakeUserCity-v0", 2, pacience=3), "did you mean 'patience'?"),
        (lambda: DialogueVecEnv("FakeUserCity-v0", num_env=2), "did you mean 'num_envs'?"),
        (lambda: Game(load_domain("city"), {"usr": "standard"}, 1), "did you mean 'user'?"),
    ],
)  # fmt: skip
def test_a_misspelt_argument_is_named_with_the_nearest(made: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError, match=re.escape(message)):
        made()


def test_a_wrong_action_is_named() -> None:
    env = make(BUILT_IN[0])
    env.reset(seed=0)
    for action in (16, -1):
        with pytest.raises(ValueError, match="must be from 0 to 15"):
            env.step(action)
    with pytest.raises(TypeError, match="action 'utter_greet': must be a number, a place in action_names"):
        env.step("utter_greet")


def test_domain_without_a_fake_user_is_refused() -> None:
    plain = Domain("plain", intents=("hi",))
    with pytest.raises(DomainError, match=r"this domain has no fake user to talk to \(the key 'fake_user'\)"):
        gym.make("Dialogue-v0", domain=plain)
    with pytest.raises(DomainError, match="a domain file or the name of a built-in domain is needed"):
        gym.make("Dialogue-v0")


@pytest.mark.parametrize(("env_id", "name"), [(BUILT_IN[0], "restaurant"), (BUILT_IN[1], "concert")])
def test_builtin_id_is_the_general_environment_with_its_domain(env_id: str, name: str) -> None:
    assert gym.spec(env_id).kwargs == {"domain": name}
    own, general = gym.make(env_id), gym.make("Dialogue-v0", domain=name)
    assert type(own.unwrapped) is type(general.unwrapped) is DialogueEnv
    assert own.unwrapped.domain == general.unwrapped.domain == load_domain(name)
    np.testing.assert_array_equal(own.reset(seed=3)[0], general.reset(seed=3)[0])


def test_numpy_numbers_and_none_are_accepted() -> None:
    env = DialogueEnv("concert", max_history=np.int64(2), patience=np.int64(3), semantic_error_rate=None)
    assert (env.max_history, env.tables.patience, env.tables.is_noisy) == (2, 3, False)


def test_domain_with_additions_can_be_played() -> None:
    small = domain_from(TINY)
    grown = (
        small.with_action("utter_hi", ["Hi."]).with_intent("hum").with_slot("colour", "categorical", ["red"])
    )
    env = gym.make("Dialogue-v0", domain=grown)
    env.reset(seed=0)
    assert env.unwrapped.action_names[-1] == "utter_hi"
    assert env.step(len(env.unwrapped.action_names) - 1)[4]["reward_terms"]["step"] == -1


def test_a_large_domain_gets_wider_observations() -> None:
    large = load_domain("concert")
    for i in range(130):
        large = large.with_action(f"utter_{i}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gymnasium_check(gym.make("Dialogue-v0", domain=large).unwrapped)
    assert DialogueEnv(large).observation_space.dtype == np.int16


@pytest.mark.parametrize("path", sorted((ROOT / "tests").glob("**/domain.yml")), ids=str)
def test_every_domain_is_read_from_plain_data(path: Path) -> None:
    domain = load_domain(path)
    again = load_domain(json.loads(json.dumps(dataclasses.asdict(domain))))
    assert again == domain and repr(again) == repr(domain)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"names": "x"}, "domain: unknown field 'names'; did you mean 'name'?"),
        ({}, "domain: the field 'name' is missing"),
        ({"name": "x", "intents": 3}, "domain.intents: must be a list, not 3"),
        ({"name": "x", "slots": [{"name": 1}]}, "domain.slots[0].name: must be str, not 1"),
    ],
)
def test_plain_data_that_are_no_domain_are_refused(content: dict[str, Any], message: str) -> None:
    with pytest.raises(DomainError, match=re.escape(message)):
        load_domain(content)
