"""The interface of the vector environment: Gymnasium's forms, and refused arguments."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from dialogue_gym import DialogueEnv
from dialogue_gym.vector.env import DialogueVectorEnv
from dialogue_gym.vector.lazy_info import LazyInfo
from tests.conftest import BUILT_IN, TURN_TAKINGS, make_vec, with_turns


def test_too_many_preconditions_are_refused_in_one_line(write_domain: Any) -> None:
    values = [f"s{i}" for i in range(70)]
    actions = "\n".join(f"            say_{v}: {{needs: {{slots: {{size: {v}}}}}}}" for v in values)
    path = write_domain(f"""
        intents: [inform, affirm, deny]
        entities: [size]
        slots:
          size: {{type: categorical, values: [{", ".join(values)}]}}
        actions: [{", ".join(f"say_{v}" for v in values)}]
        fake_user:
          goal: {{size: [s1, s2]}}
          actions:
{actions}
        """)
    with pytest.raises(ValueError, match=r'more than 62 different preconditions.*"sync"'):
        make_vec("Dialogue-v0", 2, domain=path)


@pytest.mark.parametrize("turn_taking", TURN_TAKINGS)
@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
@pytest.mark.parametrize("env_id", BUILT_IN)
def test_info_equals_that_of_gymnasiums_vector_environment(env_id: str, mode: str, turn_taking: str) -> None:
    keywords = {"turn_taking": turn_taking, "reward": {"action_restart": -0.5, "success": 3}}
    ours = make_vec(env_id, 5, autoreset_mode=mode, **keywords)
    theirs = gym.make_vec(
        with_turns(env_id, turn_taking),
        5,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": mode},
        **keywords,
    )
    assert ours.single_observation_space == theirs.single_observation_space
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert_same_info(ours.reset(seed=[3, 1, 4, 1, 5])[1], theirs.reset(seed=[3, 1, 4, 1, 5])[1])
    ours.action_space.seed(0)
    ended = 0
    for _ in range(400):
        actions = ours.action_space.sample()
        *got, our_info = ours.step(actions)
        *wanted, their_info = theirs.step(actions)
        for one, other in zip(got, wanted, strict=True):
            np.testing.assert_array_equal(one, other)
            assert one.dtype == other.dtype
        assert_same_info(our_info, their_info)
        terms = ours.reward_terms()
        np.testing.assert_allclose(sum(terms.values()), got[1])
        ended += int((got[2] | got[3]).sum())
    assert ended > 10


def assert_same_info(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Hold an info to the other's."""
    assert set(ours) == set(theirs)
    for name, value in theirs.items():
        if isinstance(value, dict):
            assert_same_info(ours[name], value)
        elif value.dtype == object:
            for one, other in zip(ours[name], value, strict=True):
                np.testing.assert_array_equal(one, other)
        else:
            np.testing.assert_array_equal(ours[name], value)
            assert ours[name].dtype == value.dtype


def test_make_vec_uses_the_compiled_rules_by_default() -> None:
    env = gym.make_vec("dialogue_gym:FakeUserConcert-v0", 2)
    assert isinstance(env, DialogueVectorEnv)
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert env.spec is not None and env.spec.id == "FakeUserConcert-v0"
    assert env.action_names == env.single.action_names
    observations, _ = env.reset(seed=1)
    assert env.describe(observations[1])["intent"] in env.single.domain.intents


@pytest.mark.parametrize("given_mode", ["SameStep", "same-step", "SAME_STEP", AutoresetMode.SAME_STEP])
def test_every_name_of_a_mode_is_accepted(given_mode: Any) -> None:
    env = make_vec("FakeUserConcert-v0", 2, autoreset_mode=given_mode)
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"autoreset_mode": "samestp"}, "autoreset_mode='samestp'.* did you mean 'SameStep'"),
        ({"autoreset_mode": 3}, "autoreset_mode=3"),
        ({"num_envs": 0}, "num_envs=0: must be a whole number from 1 to 10000000"),
        ({"num_envs": 2.5}, "num_envs=2.5"),
        ({"render_mode": "ansi"}, "render_mode='ansi'.*sync"),
        ({"patience": 0}, "patience=0"),
        ({"max_episode_steps": 0}, "max_episode_steps=0"),
        ({"copy": "x"}, "copy='x': must be True or False"),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        gym.make_vec("FakeUserConcert-v0", **{"num_envs": 2} | keywords)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ([0, 9, 0], "action 9: must be from 0 to 8"),
        ([0, -1, 0], "action -1"),
        ([0, 0], "actions must be 3 integers, not int64 of shape"),
        ([0.0, 1.0, 2.0], "actions must be 3 integers, not float64"),
    ],
)
def test_invalid_action_changes_no_lane(actions: list[Any], message: str) -> None:
    env, twin = (make_vec("FakeUserConcert-v0", 3) for _ in range(2))
    env.reset(seed=4)
    twin.reset(seed=4)
    with pytest.raises(ValueError, match=message):
        env.step(actions)
    for _ in range(30):
        np.testing.assert_array_equal(env.step([2, 5, 6])[0], twin.step(np.array([2, 5, 6], np.int8))[0])


def test_compiled_code_takes_all_kinds_of_arrays() -> None:
    env = make_vec("FakeUserConcert-v0", 4)
    env.reset(seed=0)
    env.reset(options={"reset_mask": np.array([True, False] * 4)[::2]})
    fixed = np.array([1, 2, 3, 4])
    fixed.flags.writeable = False
    for actions in ([1, 2, 3, 4], (1, 2, 3, 4), fixed, np.arange(8)[::2], np.arange(4, dtype=np.uint8)):
        assert env.step(actions)[1].shape == (4,)


def test_an_action_that_is_ignored_may_be_anything() -> None:
    env = make_vec("FakeUserConcert-v0", 2, max_episode_steps=1)
    env.reset(seed=0)
    env.step([0, 0])
    _, rewards, terminated, truncated, _ = env.step([-7, 99])
    assert not rewards.any() and not terminated.any() and not truncated.any()


def test_reset_is_needed_before_a_step_and_after_an_end() -> None:
    env = make_vec("FakeUserConcert-v0", 3, autoreset_mode="Disabled", max_episode_steps=2)
    with pytest.raises(gym.error.ResetNeeded):
        env.step([0, 0, 0])
    with pytest.raises(gym.error.ResetNeeded):
        env.reset(options={"reset_mask": np.array([True, False, False])})
    env.reset(seed=0)
    env.step([1, 1, 1])
    env.step([1, 1, 1])
    with pytest.raises(gym.error.ResetNeeded, match="lane 0 is over"):
        env.step([1, 1, 1])
    options = {"reset_mask": np.array([True, True, False])}
    _, info = env.reset(options=options)
    assert "reset_mask" in options  # the caller's own is left as it is
    assert info["turns"].tolist()[:2] == [1, 1]
    with pytest.raises(gym.error.ResetNeeded, match="lane 2 is over"):
        env.step([1, 1, 1])
    env.reset(options={"reset_mask": np.array([False, False, True])})
    env.step([1, 1, 1])


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"seed": [1, 2]}, ValueError, "3 lanes need as many seeds, not 2"),
        ({"seed": [1, -2, 3]}, ValueError, "seed: -2 is negative"),
        ({"seed": -1}, ValueError, "seed: -1 is negative"),
        ({"seed": "12"}, TypeError, "seed: '1' is not an integer"),
        ({"seed": 1.5}, TypeError, "seed: 1.5 is not an integer"),
        ({"options": 3}, TypeError, "options=3"),
        ({"options": {"reset_mask": [True, False, True]}}, TypeError, "array of bool"),
        ({"options": {"reset_mask": np.array([True])}}, ValueError, r"shape \(3,\)"),
        ({"options": {"reset_mask": np.zeros(3, bool)}}, ValueError, "at least one lane"),
    ],
)
def test_a_wrong_reset_is_refused(keywords: dict[str, Any], error: type[Exception], message: str) -> None:
    env = make_vec("FakeUserConcert-v0", 3)
    env.reset(seed=0)
    with pytest.raises(error, match=message):
        env.reset(**keywords)


def test_final_needs_same_step_mode() -> None:
    env = make_vec("FakeUserConcert-v0", 3)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="SameStep"):
        env.final(np.array([0]))


def test_unseeded_lanes_continue_or_start_at_random() -> None:
    env, single = make_vec("FakeUserRestaurant-v0", 64), DialogueEnv("restaurant")
    env.reset(seed=[1, *[None] * 63])
    observations, _ = env.reset()
    single.reset(seed=1)
    np.testing.assert_array_equal(observations[0], single.reset()[0])
    first = env.reset(seed=2**64 + 5)[0].copy()
    np.testing.assert_array_equal(first[0], single.reset(seed=2**64 + 5)[0])
    others = [make_vec("FakeUserRestaurant-v0", 64).reset()[0].tobytes() for _ in range(3)]
    assert len(set(others)) == 3


def test_step_results_are_copies_by_default() -> None:
    env = make_vec("FakeUserRestaurant-v0", 50)
    env.reset(seed=0)
    env.action_space.seed(0)
    kept, digests = [], []
    for i in range(40):
        step = env.step(env.action_space.sample())
        if i % 3:  # some are kept whole, of some a view alone
            arrays = [step[0][7], step[1], step[2], step[3], step[4]["action_mask"][:, 2], step[4]["turns"]]
            kept.append(arrays)
            digests.append([bytes(array) for array in arrays])
        del step
    assert [[bytes(array) for array in arrays] for arrays in kept] == digests

    env = make_vec("FakeUserRestaurant-v0", 50, copy=False)
    first, _ = env.reset(seed=0)
    assert np.shares_memory(env.step(env.action_space.sample())[0], first)


def test_changing_the_returned_arrays_is_harmless() -> None:
    env, twin = (make_vec("FakeUserConcert-v0", 5, reward={"action_restart": -5.0}) for _ in range(2))
    env.reset(seed=0)
    twin.reset(seed=0)
    assert not any(values.any() for values in env.reward_terms().values())
    actions = np.array([0, 1, 2, 3, 4])
    for change in (
        lambda array: setattr(array.flags, "writeable", False),
        lambda array: setattr(array, "dtype", np.uint8),
        lambda array: array.fill(0),
    ):
        observations, _, _, _, info = env.step(actions)
        wanted = twin.step(actions)
        change(observations)
        change(info["action_mask"])
        np.testing.assert_array_equal(env.action_masks(), wanted[4]["action_mask"])
        np.testing.assert_allclose(sum(env.reward_terms().values()), wanted[1])
        del observations, info
    first, second = env.advance(actions), env.advance(actions)
    assert first.observations is not second.observations
    with pytest.raises(ValueError, match="action 9"):
        env.step([9, 9, 9, 9, 9])
    rewards = second.rewards
    actions[:] = 7
    np.testing.assert_allclose(sum(env.reward_terms().values()), rewards)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_copied_environment_is_independent(again: Any) -> None:
    env = make_vec("FakeUserRestaurant-v0", 6, max_history=2, semantic_error_rate=0.3)
    env.reset(seed=0)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(60)]
    for row in actions[:20]:
        env.step(row)
    twin = again(env)
    for row in actions[20:]:
        one, other = env.step(row), twin.step(row)
        for i in range(4):
            np.testing.assert_array_equal(one[i], other[i])


@pytest.mark.parametrize(
    ("env_id", "most"),
    [*((env_id, 128) for env_id in BUILT_IN), ("FakeUserCity-v0", 300), ("FakeUserLaptop-v0", 440)],
)
def test_a_lane_takes_few_bytes(env_id: str, most: int) -> None:
    count = 10_000
    lanes = make_vec(env_id, count)._lanes
    rows = sum(array.nbytes for array in lanes._rows.arrays().values())
    assert 40 * count < rows < lanes.nbytes <= most * count


def test_attributes_and_methods_are_those_of_gymnasiums_vector_environments() -> None:
    ours = make_vec("FakeUserRestaurant-v0", 3)
    theirs = gym.make_vec("FakeUserRestaurant-v0", 3, vectorization_mode="sync")
    ours.reset(seed=0)
    theirs.reset(seed=0)
    for name in ("action_names", "max_history", "observation_space", "domain", "settings"):
        assert ours.get_attr(name) == ours.call(name) == theirs.get_attr(name)
    np.testing.assert_array_equal(ours.call("action_masks"), theirs.call("action_masks"))
    observation = ours.step([1, 1, 1])[0][0]
    assert ours.call("describe", observation) == theirs.call("describe", observation)
    for values, expected in (("mine", ("mine",) * 3), ([1, 2, 3], (1, 2, 3))):
        for env in (ours, theirs):
            env.set_attr("tag", values)
            assert env.get_attr("tag") == expected
    assert copy.deepcopy(ours).get_attr("tag") == (1, 2, 3)


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_users_of_later_dialogues_have_the_patience_that_is_set(mode: str) -> None:
    keywords = {"vectorization_mode": "sync", "vector_kwargs": {"autoreset_mode": mode}}
    ours = make_vec("FakeUserRestaurant-v0", 2, autoreset_mode=mode)
    theirs = gym.make_vec("FakeUserRestaurant-v0", 2, **keywords)
    ours.reset(seed=0)
    theirs.reset(seed=0)
    useless = np.zeros(2, np.int64)  # to start over
    ends = []
    for step in range(1, 44):
        if step in (5, 16):  # in the middle of dialogues, which go on with the patience that they began with
            ours = pickle.loads(pickle.dumps(ours))
            for env in (ours, theirs):
                env.set_attr("patience", 3 if step == 5 else [20, 20])
            assert ours.get_attr("patience") == theirs.get_attr("patience")
        got, wanted = ours.step(useless), theirs.step(useless)
        for one, other in zip(got[:4], wanted[:4], strict=True):
            np.testing.assert_array_equal(one, other)
        if got[2].all():
            ends.append(step)
    assert ends == ([10, 13, 16, 36] if mode == "SameStep" else [10, 14, 18, 39])
    ours.reset(options={"goal": {"cuisine": "french"}})
    assert [bool(ours.step(useless)[2].any()) for _ in range(20)] == [False] * 19 + [True]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda env: env.get_attr("action_name"), AttributeError, "did you mean 'action_names'"),
        (lambda env: env.call("render"), AttributeError, "'render': "),
        (
            lambda env: env.set_attr("settings", 1),
            AttributeError,
            "pass settings when the environment is made",
        ),
        (lambda env: env.set_attr("patiense", 3), AttributeError, "did you mean 'patience'?"),
        (lambda env: env.set_attr("tag", [1, 2]), ValueError, "'tag': 3 lanes need as many values, not 2"),
        (lambda env: env.set_attr("patience", [1, 1, 2]), ValueError, "patience: must be the same"),
        (lambda env: env.set_attr("patience", 101), ValueError, "patience=101: must be a whole"),
    ],
)
def test_what_lanes_do_not_have_is_refused(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(make_vec("FakeUserConcert-v0", 3))


@pytest.mark.parametrize("keywords", [{"reward": {"useless": -2}}, {"shaping": 1.0}])
def test_reward_terms_that_are_read_late_are_those_of_their_step(keywords: dict[str, Any]) -> None:
    env = make_vec("FakeUserRestaurant-v0", 50, **keywords)
    env.reset(seed=0)
    read_at_once, read_late = [], []
    for action in (3, 4, 1, 5):
        info = env.step([action] * 50)[4]
        read_late.append(info)
        read_at_once.append(np.array([*env.reward_terms().values()]).T)
    assert len({terms.tobytes() for terms in read_at_once}) == 4
    for info, terms in zip(read_late, read_at_once, strict=True):
        np.testing.assert_array_equal(info["reward_terms"], terms)


def test_reward_terms_are_worked_out_when_they_are_read() -> None:
    env = make_vec("FakeUserRestaurant-v0", 3, reward={"action_restart": -0.5})
    env.reset(seed=0)
    info = env.step([1, 1, 2])[4]
    assert isinstance(info, LazyInfo) and info.late is not None
    assert "reward_terms" in info and len(info) == 8 and "final_info" not in info
    assert info["is_success"].tolist() == [False] * 3 and info.late is not None
    env.step([2, 2, 2])  # what is read later is still about its own step
    assert info["reward_terms"]["step"].tolist() == [-1, -1, -1] and info.late is None
    info = env.step([0, 1, 2])[4]
    env.step([1, 0, 0])
    assert info["reward_terms"]["action_restart"].tolist() == [-0.5, 0, 0]
    info = env.step([1, 1, 2])[4]
    info["reward_terms"] = "mine"
    assert info.late is None and dict(info)["reward_terms"] == "mine"
    for whole in (dict, pickle.dumps, copy.copy, lambda info: info | {}, list, lambda info: info.items()):
        info = env.step([1, 1, 2])[4]
        whole(info)
        assert info.late is None
    assert {**env.step([1, 1, 2])[4]}.keys() == info.keys() == pickle.loads(pickle.dumps(info)).keys()
    assert env.step([1, 1, 2])[4].get("nothing", 3) == 3
