"""`compiled=True`: the same dialogues as with interpreted rules, whatever is done with the environment."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3.common.env_checker import check_env as sb3_check

from dialogue_gym import DialogueEnv
from dialogue_gym.conversation.events import Entity, UserUttered
from dialogue_gym.training.environments import parse_settings
from tests.conftest import BUILT_IN, LIVE, SEARCHING, TURN_TAKINGS, examples
from tests.envs.test_properties import SOURCES
from tests.strategies import SETTINGS_AND_FORMS

DOMAINS = ("restaurant", "concert", "city", "hotel", "laptop")
FORMS: list[dict[str, Any]] = [
    {},
    {"max_history": 3, "semantic_error_rate": 0.3},
    {"observation": "belief", "semantic_error_rate": 0.3},
    {"observation": "flat", "semantic_error_rate": 0.3, "max_history": 2},
    {"semantic_error_rate": 0.15, "user": "unfriendly", "max_episode_steps": 6},
    {"semantic_error_rate": 0.3, "reward": {"step": -0.5, "action_restart": -2}, "render_mode": "ansi"},
]


class Both:
    """An environment with interpreted rules and one with compiled rules, of which all is compared."""

    def __init__(self, domain: Any, **keywords: Any) -> None:
        self.interpreted = DialogueEnv(domain, **keywords)
        self.compiled = DialogueEnv(domain, **keywords, compiled=True)
        self.is_replaced = False
        """Whether a message was replaced: a state has words then, which cannot be compared."""

    def do(self, name: str, *args: Any, **keywords: Any) -> Any:
        """Call a method of both; return the result."""
        wanted, got = (getattr(env, name)(*args, **keywords) for env in (self.interpreted, self.compiled))
        assert_same(got, wanted)
        return wanted

    def play(self, random: np.random.Generator, dialogues: int, **reset: Any) -> None:
        """Play dialogues, with some actions that are not possible; compare them in words at the end."""
        for _ in range(dialogues):
            _, info = self.do("reset", **reset)
            is_over = False
            while not is_over:
                possible = np.flatnonzero(info["action_mask"])
                any_action = int(random.integers(len(info["action_mask"])))
                action = int(random.choice(possible)) if random.random() < 0.8 else any_action
                _, _, terminated, truncated, info = self.do("step", action)
                is_over = terminated or truncated
            self.compare()
            reset.pop("seed", None)

    def compare(self) -> None:
        """Compare everything that no observation shows."""
        for name in ("conversation", "goal", "wishes", "agenda"):
            assert getattr(self.compiled, name) == getattr(self.interpreted, name), name
        self.do("action_masks")
        got, wanted = self.compiled.get_state(), self.interpreted.get_state()
        assert got.row == wanted.row and (self.is_replaced or got == wanted)
        if self.interpreted.render_mode:
            self.do("render")


def assert_same(got: Any, wanted: Any) -> None:
    assert type(got) is type(wanted)
    if isinstance(wanted, tuple | list):
        assert len(got) == len(wanted)
        for one, other in zip(got, wanted, strict=True):
            assert_same(one, other)
    elif isinstance(wanted, dict):
        assert got.keys() == wanted.keys()
        for key in wanted:
            assert_same(got[key], wanted[key])
    elif isinstance(wanted, np.ndarray):
        assert got.dtype == wanted.dtype and np.array_equal(got, wanted)
    else:
        assert got == wanted


def is_fast(domain: str, turn_taking: str) -> bool:
    """Tell whether a case is among the fast tests: one kind of user each, and each kind of turn taking."""
    return (domain, turn_taking) in {("restaurant", "auto"), ("city", "explicit")}


CASES = [
    pytest.param(domain, turns, marks=() if is_fast(domain, turns) else pytest.mark.slow)
    for domain in DOMAINS
    for turns in TURN_TAKINGS
]


@pytest.mark.parametrize(("domain", "turn_taking"), CASES)
def test_dialogues_are_those_of_the_interpreted_rules(domain: str, turn_taking: str) -> None:
    for keywords in FORMS:
        both = Both(domain, turn_taking=turn_taking, **keywords)
        both.do("action_masks")  # before the first reset, too
        random = np.random.default_rng(0)
        both.play(random, 15, seed=5)
        both.play(random, 3, seed=1 << 80, options={"user": "unfriendly"})
        both.interpreted.patience = both.compiled.patience = 2
        both.play(random, 3)
        for env in (both.interpreted, both.compiled):
            env.np_random = np.random.default_rng(3)
        both.play(random, 3)


@pytest.mark.slow
@given(SOURCES, SETTINGS_AND_FORMS, st.sampled_from([0.0, 2.0]), st.integers(0, 2**70))
@settings(max_examples=examples(10))
def test_dialogues_of_random_domains_are_those_of_the_interpreted_rules(
    domain: Any, keywords: dict[str, Any], shaping: float, seed: int
) -> None:
    Both(domain, **keywords, shaping=shaping).play(np.random.default_rng(0), 5, seed=seed)


@pytest.mark.parametrize("domain", ["restaurant", "city"])
def test_a_goal_can_be_chosen(domain: str) -> None:
    both = Both(domain, semantic_error_rate=0.3)
    user = both.interpreted.domain.fake_user
    assert user is not None
    slot, values = user.goal[0]
    both.play(np.random.default_rng(0), 5, seed=0, options={"goal": {slot: values[-1]}, "user": "unfriendly"})


@pytest.mark.parametrize("keywords", [{}, {"max_history": 3}])
@pytest.mark.parametrize("domain", ["restaurant", "city"])
def test_states_can_be_exchanged(domain: str, keywords: dict[str, Any]) -> None:
    both = Both(domain, semantic_error_rate=0.3, **keywords)
    random = np.random.default_rng(0)
    for seed in range(10):
        both.do("reset", seed=seed)
        both.do("step", 1)
        states = [env.get_state() for env in (both.interpreted, both.compiled)]
        assert pickle.loads(pickle.dumps(states[1])) == states[0]
        both.play(random, 2)
        assert_same(both.compiled.set_state(states[0]), both.interpreted.set_state(states[1]))
        both.compare()
        both.do("step", 2)
        both.do("step", 1)
        both.compare()


def test_a_message_can_be_replaced() -> None:
    both = Both("restaurant", max_history=2)
    for seed in range(5):
        both.do("reset", seed=seed)
        message = UserUttered("Chinese!", "inform", (Entity("cuisine", "chinese"),), 0.5)
        observation, _ = both.do("replace_last_message", message)
        assert both.do("describe", observation)["slot.cuisine"] == "filled"
        both.do("step", 1)
        both.do("step", 2)
        both.is_replaced = True
        both.compare()


def shared(env: DialogueEnv) -> DialogueEnv:
    """Return a copy whose arrays come in buffers that cannot be written to."""
    buffers: list[pickle.PickleBuffer] = []
    content = pickle.dumps(env, protocol=5, buffer_callback=buffers.append)
    copied: DialogueEnv = pickle.loads(content, buffers=[bytes(one.raw()) for one in buffers])
    return copied


@pytest.mark.parametrize("copied", [copy.deepcopy, shared])
def test_a_copy_continues_on_its_own(copied: Any) -> None:
    both = Both("city", semantic_error_rate=0.3, max_history=2)
    both.do("reset", seed=0)
    both.do("step", 1)
    before = both.compiled
    both.compiled = copied(before)
    both.do("step", 2)
    before.step(3)
    both.do("step", 3)
    both.compare()


@pytest.mark.parametrize("env_id", [BUILT_IN[0], SEARCHING[0]])
def test_time_limits_may_be_longer_than_that_of_the_rules(env_id: str) -> None:
    """Rows have cells for as many steps and turns as come."""
    settings = {"max_episode_steps": 500, "patience": 100, "semantic_error_rate": 0.9}
    interpreted, compiled = (gym.make(env_id, compiled=way, **settings) for way in (False, True))
    random = np.random.default_rng(0)
    assert_same(compiled.reset(seed=0), interpreted.reset(seed=0))
    most = 0
    for _ in range(1500):
        action = random.integers(compiled.action_space.n)  # type: ignore[attr-defined]
        wanted, got = interpreted.step(action), compiled.step(action)
        assert_same(got, wanted)
        most = max(most, int(got[4]["turns"]))
        if got[2] or got[3]:
            assert_same(compiled.reset(), interpreted.reset())
    assert most > 130, "more than an int8 has room for"
    states = [env.unwrapped.get_state() for env in (compiled, interpreted)]  # type: ignore[attr-defined]
    assert states[0] == states[1]
    for env, state in zip((interpreted, compiled), states, strict=True):
        env.unwrapped.set_state(state)  # type: ignore[attr-defined]


@pytest.mark.parametrize("env_id", [BUILT_IN[0], SEARCHING[0]])
def test_checkers_pass_and_lanes_are_the_same(env_id: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gymnasium_check(gym.make(env_id, compiled=True).unwrapped, skip_render_check=True)
        sb3_check(gym.make(env_id, compiled=True))
    lanes = gym.make_vec(env_id, 2, compiled=True)
    sync = gym.make_vec(env_id, 2, vectorization_mode="sync", compiled=True)
    observations = [env.reset(seed=0)[0] for env in (lanes, sync)]
    for _ in range(30):
        assert np.array_equal(*observations)
        observations = [env.step(np.array([1, 2]))[0] for env in (lanes, sync)]


def test_results_stay_as_they_are() -> None:
    env = DialogueEnv("restaurant", compiled=True)
    first, info = env.reset(seed=0)
    kept = first.copy(), info["action_mask"].copy()
    env.step(1)
    env.step(2)
    assert np.array_equal(first, kept[0]) and np.array_equal(info["action_mask"], kept[1])


def test_what_is_set_within_a_dialogue_holds_for_the_next_one() -> None:
    both = Both("city", semantic_error_rate=0.3)
    both.do("reset", seed=0)
    both.do("step", 1)
    for env in (both.interpreted, both.compiled):
        env.patience = 3
        env.np_random = np.random.default_rng(1)
    both.do("step", 1)
    both.play(np.random.default_rng(0), 20)


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="compiled='yes': must be True or False"):
        DialogueEnv("restaurant", compiled="yes")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r'compiled=False: .* vectorization_mode="sync"'):
        gym.make_vec(BUILT_IN[0], 2, vectorization_mode="vector_entry_point", compiled=False)
    with pytest.raises(ValueError, match="compiled=True: must be False here"):
        gym.make(LIVE, domain="restaurant", compiled=True)
    with pytest.raises(ValueError, match="'compiled' cannot be set here"):
        parse_settings(["compiled=true"])
