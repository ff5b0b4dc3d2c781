"""The vector environment: in every lane it is the single environment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue_gym import DialogueEnv
from dialogue_gym.compiled import kernel as play
from dialogue_gym.vector.env import DialogueVectorEnv
from dialogue_gym.vector.threads import Sharing
from tests.conftest import BUILT_IN, IDS, SEARCHING, TURN_TAKINGS, make_vec
from tests.envs.test_properties import SOURCES, WITHOUT_SEARCH
from tests.strategies import SETTINGS, SETTINGS_AND_FORMS

LIMITS: dict[str, dict[str, int]] = {
    "auto": {"patience": 4, "max_episode_steps": 7},
    "explicit": {"patience": 3, "max_episode_steps": 30},
}
"""Under which random dialogues end in both ways."""
MODES = [mode.value for mode in AutoresetMode]


def record_lanes(
    env: DialogueVectorEnv, actions: np.ndarray[Any, Any], lanes: list[int], seed: int
) -> dict[int, list[tuple[Any, ...]]]:
    """Step a vector environment; return each lane's steps: observation, mask, reward, endings."""
    records: dict[int, list[tuple[Any, ...]]] = {lane: [] for lane in lanes}
    observations, info = env.reset(seed=seed)
    blank = np.zeros(env.num_envs)
    _keep(records, observations, info["action_mask"], blank, blank, blank)
    for row in actions:
        observations, rewards, terminated, truncated, info = env.step(row)
        ended = terminated | truncated
        if env.autoreset_mode is AutoresetMode.SAME_STEP and ended.any():
            observations, masks = observations.copy(), info["action_mask"].copy()
            for lane in lanes:
                if ended[lane]:  # the last observation, then the first one of the next dialogue
                    final = info["final_info"]["action_mask"][lane]
                    assert info["final_info"]["is_success"][lane] == (rewards[lane] > 0)
                    _keep(
                        {lane: records[lane]},
                        info["final_obs"],
                        {lane: final},
                        rewards,
                        terminated,
                        truncated,
                    )
                    _keep({lane: records[lane]}, observations, masks, blank, blank, blank)
                else:
                    _keep({lane: records[lane]}, observations, masks, rewards, terminated, truncated)
            continue
        _keep(records, observations, info["action_mask"], rewards, terminated, truncated)
        if env.autoreset_mode is AutoresetMode.DISABLED and ended.any():
            observations, info = env.reset(options={"reset_mask": ended})
            again = {lane: record for lane, record in records.items() if ended[lane]}
            _keep(again, observations, info["action_mask"], blank, blank, blank)
    return records


def _keep(
    records: dict[int, list[tuple[Any, ...]]],
    observations: Any, masks: Any, rewards: Any, terminated: Any, truncated: Any,
) -> None:  # fmt: skip
    for lane, record in records.items():
        flags = bool(terminated[lane]), bool(truncated[lane])
        record.append((bytes(observations[lane]), bytes(masks[lane]), float(rewards[lane]), *flags))


def record_single(
    env: DialogueEnv, actions: np.ndarray[Any, Any], seed: int, *, ignores: bool
) -> list[tuple[Any, ...]]:
    """Step the single environment; with `ignores`, an action is dropped where a dialogue begins."""
    observation, info = env.reset(seed=seed)
    record = [(bytes(observation), bytes(info["action_mask"]), 0.0, False, False)]
    is_over = False
    for action in actions:
        if is_over:
            observation, info = env.reset()
            record.append((bytes(observation), bytes(info["action_mask"]), 0.0, False, False))
            is_over = False
            if ignores:
                continue
        observation, reward, terminated, truncated, info = env.step(action)
        record.append((bytes(observation), bytes(info["action_mask"]), float(reward), terminated, truncated))
        is_over = terminated or truncated
    if is_over and not ignores:
        observation, info = env.reset()
        record.append((bytes(observation), bytes(info["action_mask"]), 0.0, False, False))
    return record


def assert_equal(env: DialogueVectorEnv, steps: int, lanes: list[int], seed: int = 11) -> set[str]:
    """Hold lanes to the single environment; return the endings that were met."""
    actions = np.random.default_rng(seed).integers(env.single_action_space.n, size=(steps, env.num_envs))  # type: ignore[attr-defined]
    records = record_lanes(env, actions, lanes, seed)
    ignores = env.autoreset_mode is AutoresetMode.NEXT_STEP
    endings = set()
    for lane, record in records.items():
        expected = record_single(env.single, actions[:, lane], seed + lane, ignores=ignores)
        assert len(record) == len(expected)
        for step, (got, wanted) in enumerate(zip(record, expected, strict=True)):
            assert got == wanted, f"lane {lane}, record {step}"
        endings |= {"terminated" for entry in record if entry[3]} | {
            "truncated" for entry in record if entry[4]
        }
    return endings


SIZES = [(1, 1), (7, 3), (4096, 1), (256, 1), (4096, 3)]
"""Lanes, and observations given at once."""


def is_fast(env_id: str, turn_taking: str, error_rate: float, count: int, history: int) -> bool:
    """Tell whether a case is among the fast tests.

    Each domain, turn taking and form of a history is one more version to compile, and twice: with the next
    dialogue in the same step, and without. So the fast tests have each of them somewhere, and not together.
    """
    if env_id not in BUILT_IN:  # `Dialogue-v0` has the rules of the concert here
        return env_id == "Dialogue-v0" and (turn_taking, error_rate, count, history) == ("auto", 0.3, 7, 3)
    if turn_taking == "explicit" or not error_rate:
        return (count, history) == (7, 3)
    return (count, history) in SIZES[:3]


CASES = [
    (env_id, turn_taking, error_rate, *size)
    for turn_taking in TURN_TAKINGS
    for error_rate in (0.0, 0.3)
    for env_id in IDS
    for size in (SIZES[1:3] if env_id in SEARCHING else SIZES)
]


@pytest.mark.parametrize(
    ("env_id", "turn_taking", "error_rate", "count", "history"),
    [pytest.param(*case, marks=() if is_fast(*case) else pytest.mark.slow) for case in CASES],
)
def test_every_lane_equals_the_single_environment(
    env_id: str, turn_taking: str, error_rate: float, count: int, history: int
) -> None:
    compared, steps = (3, 1000) if count < 1000 else (12, 200)
    lanes = sorted(set(np.linspace(0, count - 1, compared, dtype=int).tolist()))
    endings = set()
    for mode in MODES:
        env = make_vec(
            env_id, count, autoreset_mode=mode, turn_taking=turn_taking, semantic_error_rate=error_rate,
            max_history=history, **LIMITS[turn_taking],
        )  # fmt: skip
        endings |= assert_equal(env, steps, lanes)
    assert endings == {"terminated", "truncated"}


@pytest.mark.parametrize("env_id", BUILT_IN)
def test_results_do_not_depend_on_the_number_of_threads(env_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sharing, "is_on", lambda sharing: True)
    threads = numba.get_num_threads()
    if threads == 1:
        pytest.skip("there is one core")
    digests = []
    for number in (1, threads):
        numba.set_num_threads(number)
        env = make_vec(env_id, 4096, semantic_error_rate=0.15)
        actions = np.random.default_rng(0).integers(env.single_action_space.n, size=(300, 4096))  # type: ignore[attr-defined]
        env.reset(seed=5)
        seen = [env.step(row) for row in actions]
        digests.append([b"".join(bytes(array) for array in step[:4]) for step in seen])
    numba.set_num_threads(threads)
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    "keywords",
    [
        pytest.param({"max_episode_steps": 1000}, marks=pytest.mark.slow),  # rows of int16
        {"reward": {"action_suggest": -0.3, "turn": 0.7, "useless": -0.1, "success": 5}},
        {"user": "unfriendly", "indecisiveness": 0.5, "informativeness": 2.5, "correction_rate": 1.0},
        {"informativeness": 0.5, "semantic_error_rate": 1.0},
        {"shaping": 0.7, "semantic_error_rate": 0.3},
        {"shaping": 1.0, "semantic_error_rate": 0.3, "domain": "agents/domains/appointment.yml"},
    ],
    ids=["wide", "reward", "profile", "noise", "shaping", "agenda"],
)
def test_all_settings_equal_the_single_environment(keywords: dict[str, Any]) -> None:
    env_id = "Dialogue-v0" if "domain" in keywords else "FakeUserRestaurant-v0"
    assert_equal(make_vec(env_id, 3, **keywords), 1000, [0, 1, 2])


@pytest.mark.slow
def test_a_domain_with_many_actions_has_wider_observations(write_domain: Any) -> None:
    names = ", ".join(f"say_{i}" for i in range(140))
    path = write_domain(f"""
        intents: [inform, affirm, deny]
        entities: [size]
        slots:
          size: {{type: categorical, values: [{", ".join(f"s{i}" for i in range(100))}]}}
        actions: [ask, order, {names}]
        fake_user:
          goal: {{size: [{", ".join(f"s{i}" for i in range(100))}]}}
          actions:
            ask: {{user: {{inform: size}}}}
            order: {{user: judge, needs: {{slots: {{size: filled}}}}}}
        """)
    env = make_vec("Dialogue-v0", 3, domain=path)
    assert env.observation_space.dtype == np.int16
    assert_equal(env, 500, [0, 1, 2])


@pytest.fixture(scope="module")
def one_version_for_all_domains() -> Iterator[None]:
    """Compile the tables of no domain in: random domains would take seconds each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(play, "_MOST_CONSTANTS", 0)
        play.compiled.cache_clear()
        yield
    play.compiled.cache_clear()


# Two versions have all the code but that of users who search: flat observations, with a history; and beliefs.
FEW_VERSIONS = SETTINGS.flatmap(
    lambda drawn: st.sampled_from(
        [
            drawn | {"turn_taking": "auto", "max_history": 3, "observation": "flat"},
            drawn | {"turn_taking": "explicit", "max_history": 1, "observation": "belief"},
        ]
    )
)


@settings(max_examples=25)
@given(WITHOUT_SEARCH, FEW_VERSIONS, st.integers(0, 2**62))
def test_random_domains_equal_the_single_environment(
    one_version_for_all_domains: None, domain: Any, keywords: dict[str, Any], seed: int
) -> None:
    check_random_domain(domain, keywords, AutoresetMode.SAME_STEP.value, seed)


@pytest.mark.slow
@settings(max_examples=25)
@given(SOURCES, SETTINGS_AND_FORMS, st.sampled_from(MODES), st.integers(0, 2**62))
def test_random_domains_equal_the_single_environment_in_every_version(
    one_version_for_all_domains: None, domain: Any, keywords: dict[str, Any], mode: str, seed: int
) -> None:
    check_random_domain(domain, keywords, mode, seed)


def check_random_domain(domain: Any, keywords: dict[str, Any], mode: str, seed: int) -> None:
    keywords = {name: value for name, value in keywords.items() if name != "render_mode"}
    env = DialogueVectorEnv(3, domain=domain, autoreset_mode=mode, **keywords)
    assert_equal(env, 60, [0, 1, 2], seed)
