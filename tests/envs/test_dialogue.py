"""The environments as used by other libraries: checkers, wrappers, vector environments, learners."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import FlattenObservation, RecordEpisodeStatistics, TimeAwareObservation, TimeLimit
from stable_baselines3.common.env_checker import check_env as sb3_check
from stable_baselines3.common.vec_env import DummyVecEnv

from dialogue_gym import DialogueEnv, ExpertPolicy
from dialogue_gym.envs import horizon_of
from tests.conftest import BUILT_IN, EXPLICIT_IDS, IDS, LIVE, TEXT_IDS, TINY, TURN_TAKINGS, domain_from, make

SETTINGS: list[dict[str, Any]] = [
    {},
    {"semantic_error_rate": 0.3, "max_history": 3},
    {"user": "unfriendly", "render_mode": "ansi"},
]


def play(env: gym.Env[Any, Any], actions: Any, seed: int | None = 0) -> list[Any]:
    """Step through actions, resetting at each end; return all observations and results."""
    observation, info = env.reset(seed=seed)
    seen = [observation.tolist(), info["action_mask"].tolist()]
    for action in actions:
        observation, reward, terminated, truncated, info = env.step(action)
        seen.append((observation.tolist(), reward, terminated, truncated, info["action_mask"].tolist()))
        if terminated or truncated:
            observation, info = env.reset()
            seen.append((observation.tolist(), info["action_mask"].tolist()))
    return seen


def random_actions(env: gym.Env[Any, Any], n: int = 300, seed: int = 0) -> list[int]:
    space: Any = env.action_space
    return np.random.default_rng(seed).integers(space.n, size=n).tolist()


@pytest.mark.parametrize("settings", SETTINGS, ids=["plain", "noise", "unfriendly"])
@pytest.mark.parametrize("turn_taking", TURN_TAKINGS)
@pytest.mark.parametrize("env_id", IDS)
def test_both_checkers_pass_without_a_warning(
    env_id: str, turn_taking: str, settings: dict[str, Any]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gymnasium_check(make(env_id, turn_taking=turn_taking, **settings).unwrapped)
        sb3_check(make(env_id, turn_taking=turn_taking, **settings))


@pytest.mark.parametrize("turn_taking", TURN_TAKINGS)
@pytest.mark.parametrize("env_id", IDS)
def test_wrappers_and_vector_environments_accept_the_ids(env_id: str, turn_taking: str) -> None:
    flat = FlattenObservation(make(env_id, turn_taking=turn_taking))
    observation, _ = flat.reset(seed=0)
    assert observation.shape == (sum(len(f.labels) for f in flat.unwrapped.observation_fields),)
    assert observation.sum() == len(flat.unwrapped.observation_fields)

    recorded = RecordEpisodeStatistics(make(env_id, turn_taking=turn_taking))
    play(recorded, random_actions(recorded))
    assert len(recorded.length_queue) > 2

    lanes = DummyVecEnv([lambda: make(env_id, turn_taking=turn_taking)] * 2)
    lanes.seed(3)
    lanes.reset()
    assert lanes.step(np.array([0, 1]))[0].shape == (2, *lanes.observation_space.shape)

    actions = random_actions(make(env_id, turn_taking=turn_taking), 100)
    vector = SyncVectorEnv(
        [lambda: make(env_id, turn_taking=turn_taking)] * 2, autoreset_mode=AutoresetMode.SAME_STEP
    )
    first, _ = vector.reset(seed=5)
    singles = [play(make(env_id, turn_taking=turn_taking), actions, seed=5 + lane) for lane in range(2)]
    assert first.tolist() == [single[0] for single in singles]
    rewards = [vector.step(np.array([action, action]))[1].tolist() for action in actions]
    expected = [[step[1] for step in single[2:] if len(step) == 5] for single in singles]
    assert rewards == [list(pair) for pair in zip(*expected, strict=True)]


@pytest.mark.parametrize("turn_taking", TURN_TAKINGS)
@pytest.mark.parametrize("env_id", IDS)
def test_pickle_and_spec_give_the_same_environment(env_id: str, turn_taking: str) -> None:
    env = make(env_id, turn_taking=turn_taking, semantic_error_rate=0.2)
    actions = random_actions(env)
    seen = play(env, actions)
    assert play(gym.make(env.spec), actions) == seen
    assert play(gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json())), actions) == seen
    middle = pickle.loads(pickle.dumps(env))
    rest = random_actions(env, seed=1)
    assert play(middle, rest, seed=None) == play(env, rest, seed=None)


def test_a_domain_object_is_written_into_the_spec() -> None:
    grown = domain_from(TINY).with_action("utter_hi", ["Hi."]).with_slot("colour", "categorical", ["red"])
    env = gym.make("Dialogue-v0", domain=grown, semantic_error_rate=0.2)
    written = env.spec.to_json()
    again = gym.make(gym.envs.registration.EnvSpec.from_json(written))
    assert again.unwrapped.domain == grown and repr(again.unwrapped.domain) == repr(grown)
    assert again.spec.to_json() == written
    actions = random_actions(env)
    assert play(again, actions) == play(env, actions)


def test_a_seed_starts_a_stream_of_dialogues() -> None:
    env = make(BUILT_IN[0])
    seeded = [env.reset(seed=1)[0].tolist()] + [env.reset()[0].tolist() for _ in range(20)]
    again = [env.reset(seed=1)[0].tolist()] + [env.reset()[0].tolist() for _ in range(20)]
    other = [env.reset(seed=2)[0].tolist()] + [env.reset()[0].tolist() for _ in range(20)]
    assert seeded == again != other
    fresh = {tuple(make(BUILT_IN[0]).reset()[0].tolist()) for _ in range(20)}
    assert len(fresh) > 1


def test_rendering_has_no_side_effects() -> None:
    actions = random_actions(make(BUILT_IN[0]))
    shown = make(BUILT_IN[0], render_mode="ansi", semantic_error_rate=0.3)
    assert play(shown, actions) == play(make(BUILT_IN[0], semantic_error_rate=0.3), actions)


def test_history_stacks_observations_newest_last() -> None:
    one, three = make(BUILT_IN[0]), make(BUILT_IN[0], max_history=3)
    frames = [one.reset(seed=9)[0]]
    observation, _ = three.reset(seed=9)
    n = len(frames[0])
    assert observation.tolist() == [0] * (2 * n) + frames[0].tolist()
    for action in (3, 4, 5, 6):
        frames.append(one.step(action)[0])
        observation = three.step(action)[0]
        expected = np.concatenate([np.zeros((2, n), np.int8), frames])[-3:]
        assert observation.tolist() == expected.reshape(-1).tolist()
    assert three.unwrapped.observation_fields[0].name == "t-2.slot.cuisine"
    assert three.unwrapped.describe(observation)["said"] == "utter_ask_numpeople"
    observation, _ = three.reset(seed=9)
    assert observation.tolist() == [0] * (2 * n) + frames[0].tolist()


@pytest.mark.parametrize(("turn_taking", "limit"), [("auto", 50), ("explicit", 100)])
def test_dialogue_is_truncated_without_a_wrapper(turn_taking: str, limit: int) -> None:
    env = DialogueEnv("restaurant", turn_taking=turn_taking, patience=100)
    env.reset(seed=0)
    steps = [env.step(1) for _ in range(limit)]
    assert [step[3] for step in steps] == [False] * (limit - 1) + [True]
    assert not any(step[4]["is_success"] for step in steps)
    with pytest.raises(gym.error.ResetNeeded):
        env.step(0)


def test_the_step_limit_can_be_set() -> None:
    env = DialogueEnv("restaurant", patience=100, max_episode_steps=70)
    env.reset(seed=0)
    assert [env.step(0)[3] for _ in range(70)].index(True) == 69
    wrapped = gym.make(BUILT_IN[0], patience=100, max_episode_steps=5)
    assert isinstance(wrapped, TimeLimit)


def test_reward_terms_add_up_and_can_be_set() -> None:
    weights = {
        "success": 5.0,
        "step": -0.5,
        "turn": 0.1,
        "useless": -2.0,
        "invalid": -3.0,
        "utter_greet": 7.0,
    }
    env = make(BUILT_IN[0], reward=weights)
    env.reset(seed=0)
    names = env.unwrapped.action_names
    for name in random_actions(env, 30):
        _, reward, terminated, truncated, info = env.step(name)
        assert reward == pytest.approx(sum(info["reward_terms"].values()))
        if terminated or truncated:
            env.reset()
    env.reset(seed=0)
    terms = env.step(names.index("utter_greet"))[4]["reward_terms"]
    assert dict(terms) == {
        "success": 0, "failure": 0, "step": -0.5, "turn": 0.1, "useless": -2.0, "invalid": 0,
        "utter_greet": 7.0,
    }  # fmt: skip
    env.reset(seed=0)
    assert env.step(names.index("action_suggest"))[4]["reward_terms"]["invalid"] == -3.0


@pytest.mark.parametrize(
    ("env_id", "keywords", "steps"),
    [
        (BUILT_IN[0], {}, 50),
        (EXPLICIT_IDS[-1], {}, 100),
        (BUILT_IN[0], {"max_episode_steps": 30}, 30),
        (BUILT_IN[0], {"max_episode_steps": 70}, 70),
        (EXPLICIT_IDS[-1], {"max_episode_steps": 120}, 120),
    ],
    ids=["auto", "explicit", "shorter", "longer", "explicit-longer"],
)
def test_the_horizon_means_one_thing_however_the_environment_was_made(
    env_id: str, keywords: dict[str, Any], steps: int
) -> None:
    assert gym.spec(env_id).max_episode_steps == (100 if env_id in EXPLICIT_IDS else 50)
    single = gym.make(env_id, patience=100, **keywords)
    lanes = gym.make_vec(env_id, 2, patience=100, **keywords)
    sync = gym.make_vec(env_id, 2, vectorization_mode="sync", patience=100, **keywords)
    again = gym.make(gym.envs.registration.EnvSpec.from_json(single.spec.to_json()))
    assert horizon_of(single) == steps
    for env in (single, lanes, sync.envs[0], again):
        assert env.spec.max_episode_steps == steps
    assert TimeAwareObservation(single).max_timesteps == steps
    for env in (single, again):
        env.reset(seed=0)
        assert [env.step(1)[3] for _ in range(steps)].index(True) == steps - 1
    for vector in (lanes, sync):
        vector.reset(seed=0)
        cut = [vector.step(np.array([1, 1]))[3].tolist() for _ in range(steps)]
        assert cut.index([True, True]) == steps - 1


def test_a_success_at_the_last_step_has_both_flags_as_under_a_time_limit() -> None:
    expert = ExpertPolicy(gym.make(BUILT_IN[0]))
    keywords = {"max_episode_steps": 4}
    single = gym.make(BUILT_IN[0], **keywords)
    lanes = gym.make_vec(BUILT_IN[0], 1, **keywords)
    for env in (DialogueEnv("restaurant", **keywords), single, lanes):
        observation, _ = env.reset(seed=0)
        flags = []
        for _ in range(4):
            action = expert.predict(observation)[0]
            observation, _, terminated, truncated, info = env.step(action)
            flags.append((bool(np.all(terminated)), bool(np.all(truncated))))
        assert flags == [(False, False)] * 3 + [(True, True)] and np.all(info["is_success"])
        assert not np.any(env.reset(seed=1)[1]["is_success"])


def test_an_id_without_a_horizon_and_the_class_truncate_by_themselves() -> None:
    gym.register("Unlimited-v0", "dialogue_gym.envs:DialogueEnv", kwargs={"domain": "restaurant"})
    unlimited = gym.make(BUILT_IN[0], patience=100, max_episode_steps=-1)
    own = gym.make("Unlimited-v0", patience=100)
    limited = TimeLimit(DialogueEnv("restaurant", patience=100), 20)
    for env, steps in ((own, 50), (unlimited, None), (limited, 20)):
        env.reset(seed=0)
        cut = [env.step(1)[3] for _ in range(steps or 60)]
        assert cut == [False] * (len(cut) - 1) + [steps is not None]
    assert (own.spec.max_episode_steps, unlimited.spec.max_episode_steps) == (50, None)
    limited.unwrapped.spec = gym.spec("Unlimited-v0")
    assert gym.spec("Unlimited-v0").max_episode_steps is None
    del gym.registry["Unlimited-v0"]


def structure(info: dict[str, Any]) -> dict[str, Any]:
    return {name: (type(value), value.dtype, value.shape) for name, value in info.items()}


@pytest.mark.parametrize("turn_taking", TURN_TAKINGS)
@pytest.mark.parametrize("env_id", IDS)
def test_info_has_one_structure_of_arrays_at_every_reset_step_and_end(env_id: str, turn_taking: str) -> None:
    env = make(env_id, turn_taking=turn_taking, reward={"action_restart": -0.5}, max_episode_steps=4)
    seen = [structure(env.reset(seed=0)[1])]
    cut = 0
    for action in random_actions(env, 60):
        *_, terminated, truncated, info = env.step(action)
        seen.append(structure(info))
        if terminated or truncated:
            cut += truncated
            seen.append(structure(env.reset()[1]))
    assert cut > 5 and all(one == seen[0] for one in seen)
    assert list(seen[0]) == ["action_mask", "reward_terms", "turns", "is_success"]
    assert "action_restart" in info["reward_terms"]


def test_reward_terms_are_an_array_that_is_read_by_name() -> None:
    env = make(BUILT_IN[0])
    env.reset(seed=0)
    terms = env.step(1)[4]["reward_terms"]
    for same in (terms, pickle.loads(pickle.dumps(terms)), copy.deepcopy(terms)):
        assert dict(same) == {"success": 0, "failure": 0, "step": -1}
        assert same["step"] == -1 and "step" in same and "stop" not in same
        assert np.asarray(same).tolist() == [0, 0, -1]
    with pytest.raises(KeyError, match="stop"):
        terms["stop"]


def test_every_id_is_tested() -> None:
    registered = {
        spec.id for spec in gym.registry.values() if str(spec.entry_point).startswith("dialogue_gym")
    }
    assert registered == {*IDS, *EXPLICIT_IDS, *TEXT_IDS, LIVE}  # see tests/text and tests/live


def test_maskable_ppo_finds_the_masks() -> None:
    from sb3_contrib import MaskablePPO

    env = make(BUILT_IN[0])
    agent = MaskablePPO("MlpPolicy", env, n_steps=16, batch_size=16, n_epochs=1, device="cpu", seed=0)
    agent.learn(32)
    observation, info = env.reset(seed=0)
    assert env.unwrapped.action_masks().tolist() == info["action_mask"].astype(bool).tolist()
    suggest = env.unwrapped.action_names.index("action_suggest")
    assert not info["action_mask"][suggest]
    chosen = {int(agent.predict(observation, action_masks=info["action_mask"])[0]) for _ in range(200)}
    assert suggest not in chosen and len(chosen) > 5
