"""The chance of a dialogue: seeds, the generator, chosen users, and states to come back to."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialogue_gym import DialogueEnv
from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.envs import DialogueState
from dialogue_gym.live.env import DialogueLiveEnv
from tests.conftest import make_vec
from tests.envs.test_properties import SOURCES
from tests.strategies import SETTINGS_AND_FORMS

RESTAURANT = "FakeUserRestaurant-v0"


def rest_of(env: DialogueEnv, actions: list[int]) -> list[Any]:
    """Do actions, with resets where dialogues end; return all that there is to see."""
    seen = []
    for action in actions:
        if env._simulation.is_over:
            observation, info = env.reset()
            seen.append([observation.tolist(), *(np.asarray(value).tolist() for value in info.values())])
        observation, *ends, info = env.step(action % int(env.action_space.n))
        seen.append([observation.tolist(), *ends, *(np.asarray(value).tolist() for value in info.values())])
    return [*seen, env.conversation.events]


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    SOURCES,
    SETTINGS_AND_FORMS,
    st.integers(0, 2**32),
    st.lists(st.integers(0, 50), max_size=40),
    st.lists(st.integers(0, 50), min_size=1, max_size=40),
    st.sampled_from([None, "unfriendly"]),
)
def test_a_state_continues_as_the_dialogue_did(
    source: Domain | str,
    keywords: dict[str, Any],
    seed: int,
    before: list[int],
    after: list[int],
    user: str | None,
) -> None:
    env = DialogueEnv(source, **keywords)
    env.reset(seed=seed, options={"user": user})
    rest_of(env, before)
    state = env.get_state()
    continued = rest_of(env, after)
    env.set_state(state)
    assert env.get_state() == state
    assert rest_of(env, after) == continued
    other = DialogueEnv(source, **keywords)
    other.set_state(pickle.loads(pickle.dumps(state)))
    for again in (copy.deepcopy(other), pickle.loads(pickle.dumps(other)), other):
        assert rest_of(again, after) == continued


def test_a_state_shows_its_observation_and_a_heard_sentence() -> None:
    env = DialogueEnv("restaurant", max_history=2)
    with pytest.raises(gym.error.ResetNeeded):
        env.get_state()
    env.reset(seed=0)
    env.step(4)
    replaced, _ = env.replace_last_message(UserUttered("Sushi!", "inform", (), 1.0))
    state = env.get_state()
    env.step(5)
    observation, info = env.set_state(state)
    assert observation.tolist() == replaced.tolist() and info["turns"] == 2
    assert env.conversation.latest_message.text == "Sushi!"
    assert isinstance(state, DialogueState)
    spoken = []
    for _ in range(2):  # the words that follow are the same again, and so is an outcome
        env.set_state(state)
        while not env._simulation.is_over:
            env.step(1)
        spoken.append((env.conversation.events, env.conversation.outcome))
        env.set_state(env.get_state())
        spoken.append((env.conversation.events, env.conversation.outcome))
    assert spoken == spoken[:1] * 4 and spoken[0][1] == "failure"


def test_a_state_of_other_rules_is_refused() -> None:
    env = DialogueEnv("restaurant")
    env.reset(seed=0)
    others = DialogueEnv("concert"), DialogueEnv("restaurant", patience=3)
    for other in (*others, DialogueEnv("restaurant", max_history=2)):
        with pytest.raises(ValueError, match="another domain or other settings"):
            other.set_state(env.get_state())


def test_the_generator_decides_what_follows() -> None:
    first, second = DialogueEnv("restaurant"), DialogueEnv("restaurant")
    second.reset(seed=9)
    rest_of(second, [1, 2, 3])
    for env in (first, second):
        env.np_random = np.random.default_rng(5)
    firsts = [first.reset()[0].tolist() for _ in range(20)]
    assert firsts == [second.reset()[0].tolist() for _ in range(20)]
    first.np_random = np.random.default_rng(6)
    assert firsts != [first.reset()[0].tolist() for _ in range(20)]
    lanes, others = make_vec(RESTAURANT, 5), make_vec(RESTAURANT, 5)
    lanes.reset(seed=1)
    for env in (lanes, others):
        env.np_random = np.random.default_rng(5)
    for _ in range(5):
        np.testing.assert_array_equal(lanes.reset()[0], others.reset()[0])


SEEDS = (5, 2**63 + 5, 2**64 + 5, 2**65 + 5, 2**128 + 5)


def test_all_bits_of_a_seed_count() -> None:
    env = DialogueEnv("restaurant")
    firsts = []
    for seed in SEEDS:
        firsts.append([env.reset(seed=seed)[0].tolist()] + [env.reset()[0].tolist() for _ in range(9)])
    assert len({str(one) for one in firsts}) == len(SEEDS)


@pytest.mark.parametrize("first", [2**63 - 2, *SEEDS])
def test_lanes_count_on_from_any_seed(first: int) -> None:
    lanes = make_vec(RESTAURANT, 4)
    observations, _ = lanes.reset(seed=first)
    listed, _ = make_vec(RESTAURANT, 4).reset(seed=[first + lane for lane in range(4)])
    env = DialogueEnv("restaurant")
    for lane in range(4):
        expected = env.reset(seed=first + lane)[0].tolist()
        assert observations[lane].tolist() == listed[lane].tolist() == expected


def told(env: DialogueEnv) -> dict[str, str]:
    """Ask for all slots; return what the user wants."""
    for name in env.action_names:
        if name.startswith("utter_ask_"):
            env.step(env.action_names.index(name))
    return {slot: value for slot, value in env.conversation.slots.items() if value is not None}


def test_a_chosen_goal_is_what_the_user_wants() -> None:
    goal = {"cuisine": "british", "people": 6, "price": "cheap", "location": "rome"}
    env = DialogueEnv("restaurant", indecisiveness=0)
    valid = dict(env.domain.fake_user.goal)
    goal["location"] = valid["location"][-1]
    env.reset(seed=3, options={"goal": goal})
    assert told(env) == {slot: str(value) for slot, value in goal.items()}
    for slot, value in (("price", "expensive"), ("cuisine", "british")):
        env.reset(seed=3, options={"goal": {slot: value}})
        partly = told(env)
        env.reset(seed=3)
        assert partly == told(env) | {slot: value}  # the rest is drawn as without the choice


@pytest.mark.parametrize(
    "keywords", [{}, {"max_history": 3, "observation": "flat"}, {"semantic_error_rate": 0.3}]
)
def test_lanes_with_a_chosen_goal_equal_the_single_environment(keywords: dict[str, Any]) -> None:
    options = {"goal": {"cuisine": "sushi", "people": "3"}}
    lanes, singles = (
        make_vec(RESTAURANT, 3, **keywords),
        [DialogueEnv("restaurant", **keywords) for _ in range(3)],
    )
    lanes.reset(seed=7)
    reset_mask = np.array([True, False, True])
    observations, info = lanes.reset(options=options | {"reset_mask": reset_mask})
    for lane, env in enumerate(singles):
        expected, expected_info = env.reset(seed=7 + lane)
        if reset_mask[lane]:
            expected, expected_info = env.reset(options=options)
        np.testing.assert_array_equal(observations[lane], expected)
        np.testing.assert_array_equal(info["action_mask"][lane], expected_info["action_mask"])
    for action in (3, 4, 5):
        observations = lanes.step([action] * 3)[0]
        for lane, env in enumerate(singles):
            np.testing.assert_array_equal(observations[lane], env.step(action)[0])


def test_a_chosen_user_plays_one_dialogue() -> None:
    env, unfriendly = DialogueEnv("restaurant"), DialogueEnv("restaurant", user="unfriendly")

    def length(env: DialogueEnv) -> int:
        return next(number for number in range(1, 60) if env.step(1)[2])

    env.reset(seed=0, options={"user": "unfriendly"})
    unfriendly.reset(seed=0)
    chosen = length(env)
    assert chosen == length(unfriendly)
    env.reset(seed=0)
    assert length(env) > chosen


def test_patience_that_is_set_leaves_the_chosen_user_as_they_are() -> None:
    first, second = (DialogueEnv("restaurant") for _ in range(2))
    for seed in range(10):
        for env in (first, second):
            env.reset(seed=seed, options={"user": "unfriendly"})
        first.patience = first.patience
        assert rest_of(first, [3, 4, 5, 2]) == rest_of(second, [3, 4, 5, 2])


def test_a_chosen_user_is_in_the_chosen_lanes_alone() -> None:
    lanes = make_vec(RESTAURANT, 3)
    lanes.reset(seed=0)
    chosen = np.array([True, False, True])
    lanes.reset(options={"user": "unfriendly", "reset_mask": chosen})
    users = lanes._lanes._users
    assert (users != 0).tolist() == chosen.tolist()
    for _ in range(60):
        lanes.step([1, 1, 1])
    assert not users.any()


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_a_chosen_user_plays_one_dialogue_in_a_lane(mode: str) -> None:
    count, keywords = 6, {"max_episode_steps": 9, "semantic_error_rate": 0.3}
    lanes = make_vec(RESTAURANT, count, autoreset_mode=mode, **keywords)
    sync = gym.make_vec(
        RESTAURANT, count, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}, **keywords
    )
    for env in (lanes, sync):
        env.reset(seed=3)
    actions = np.random.default_rng(0).integers(lanes.single_action_space.n, size=(120, count))  # type: ignore[attr-defined]
    for number, row in enumerate(actions):
        if number % 20 == 19:
            options: dict[str, Any] = {"user": "unfriendly", "reset_mask": row % 2 == number // 20 % 2}
            options |= {"goal": {"cuisine": "french"}} if number % 40 == 19 else {}
            np.testing.assert_array_equal(*(env.reset(options=dict(options))[0] for env in (lanes, sync)))
        if number == 60:
            lanes = pickle.loads(pickle.dumps(lanes))
        for ours, theirs in zip(lanes.step(row)[:4], sync.step(row)[:4], strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"gaol": {}}, ValueError, "options: unknown key 'gaol'; did you mean 'goal'?"),
        ({"goal": {"cuisin": "french"}}, ValueError, "unknown slot 'cuisin'; did you mean 'cuisine'?"),
        ({"goal": {"cuisine": "frensh"}}, ValueError, "'cuisine' cannot be 'frensh'; did you mean 'french'?"),
        ({"goal": {"people": 4}}, ValueError, "'people' cannot be 4; valid: 2, 3, 5, 6"),
        ({"goal": "french"}, TypeError, "options['goal']='french': must be a mapping of slots to values"),
        ("goal", TypeError, "options='goal': must be a mapping or None"),
    ],
)
def test_a_wrong_option_is_refused_alike(options: Any, error: type[Exception], message: str) -> None:
    for env in (DialogueEnv("restaurant"), make_vec(RESTAURANT, 2)):
        with pytest.raises(error, match=re.escape(message)) as caught:
            env.reset(options=options)
        assert "\n" not in str(caught.value)


def test_what_cannot_be_chosen_says_so() -> None:
    with pytest.raises(ValueError, match="unknown user 'unfreindly'"):
        DialogueEnv("restaurant").reset(options={"user": "unfreindly"})
    with pytest.raises(ValueError, match="unknown user 'unfreindly'"):
        make_vec(RESTAURANT, 2).reset(options={"user": "unfreindly"})
    with pytest.raises(ValueError, match="the user of 'concert' has an agenda and no goal"):
        DialogueEnv("concert").reset(options={"goal": {"venues": "hall"}})
    person = DialogueLiveEnv("restaurant", lambda lines: "/greet")
    with pytest.raises(ValueError, match="a person cannot be chosen"):
        person.reset(options={"user": "unfriendly"})
    for call in (person.get_state, lambda: person.set_state(None)):
        with pytest.raises(TypeError, match="no state to come back to"):
            call()
