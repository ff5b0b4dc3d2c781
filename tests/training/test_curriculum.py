"""The curriculum of users: its stages, and an agent that succeeds with it and not without."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import pytest
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import SubprocVecEnv

from dialogue_gym.envs import unwrapped_dialogue
from dialogue_gym.sb3.vec_env import DialogueVecEnv, dialogue_of
from dialogue_gym.training import Curriculum, Run, evaluate, train, training_steps
from dialogue_gym.training.curriculum import DIALOGUES, ENOUGH, PatientUsers
from tests.conftest import BUILT_IN


def outcomes(curriculum: Curriculum, first: int, good: int, bad: int) -> None:
    """Let `good` dialogues succeed, and `bad` ones fail after them."""
    for number in range(good + bad):
        curriculum.add(first + number, number < good)


def test_patience_halves_down_to_the_own_as_dialogues_succeed() -> None:
    users: PatientUsers = SimpleNamespace(patience=20)
    curriculum = Curriculum(users)
    assert users.patience == 100 and curriculum.stages == [(0, 100)]
    enough = int(ENOUGH * DIALOGUES)
    outcomes(curriculum, 0, enough - 1, DIALOGUES)
    assert users.patience == 100
    outcomes(curriculum, 1000, enough, 0)
    assert users.patience == 50 and curriculum.stages[1:] == [(1000 + enough - 1, 50)]
    outcomes(curriculum, 2000, enough - 1, 0)  # those before the change count no more
    assert users.patience == 50
    outcomes(curriculum, 3000, 3 * enough, 0)
    assert [patience for _, patience in curriculum.stages] == [100, 50, 25, 20] and users.patience == 20


@pytest.mark.parametrize("make", [gym.make, gym.make_vec, DialogueVecEnv])
def test_every_kind_of_environment_has_a_curriculum(make: Callable[..., Any]) -> None:
    users = make(BUILT_IN[1], patience=7)
    curriculum = Curriculum(users)
    assert users.unwrapped.patience == 100
    outcomes(curriculum, 0, 4 * DIALOGUES, 0)
    assert curriculum.stages[-1][1] == users.unwrapped.patience == 7


def subprocesses(env_id: str, **settings: Any) -> Any:
    name = f"dialogue_gym:{env_id}"  # which is imported there
    return make_vec_env(name, 2, env_kwargs=settings, vec_env_cls=SubprocVecEnv)


def separate(env_id: str, **settings: Any) -> Any:
    return make_vec_env(env_id, 2, env_kwargs=settings)


def synchronous(env_id: str, **settings: Any) -> Any:
    return gym.make_vec(env_id, 2, vectorization_mode="sync", **settings)


@pytest.mark.parametrize("make", [separate, subprocesses, synchronous])
def test_environments_side_by_side_have_a_curriculum(make: Callable[..., Any]) -> None:
    users = make(BUILT_IN[1], patience=7)
    curriculum = Curriculum(users)
    assert [*users.get_attr("patience")] == [100, 100]
    outcomes(curriculum, 0, 4 * DIALOGUES, 0)
    assert [*users.get_attr("patience")] == [7, 7] and curriculum.stages[-1][1] == 7
    users.close()


@pytest.mark.parametrize("make", [gym.make, gym.make_vec])
def test_other_environments_have_none(make: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=r"a dialogue environment is needed, not (CartPole|Sync)"):
        Curriculum(make("CartPole-v1", **{"vectorization_mode": "sync"} if make is gym.make_vec else {}))


def test_users_of_the_largest_patience_keep_it() -> None:
    users: PatientUsers = SimpleNamespace(patience=100)
    curriculum = Curriculum(users)
    outcomes(curriculum, 0, 2 * DIALOGUES, 0)
    assert curriculum.stages == [(0, 100)]


def test_a_training_with_a_curriculum_is_longer() -> None:
    assert training_steps("ppo", BUILT_IN[0], False) == 100_000
    assert training_steps("ppo", BUILT_IN[0], True) == 200_000
    assert training_steps("behaviour_cloning", BUILT_IN[0], False) == 0
    with pytest.raises(ValueError, match="behaviour_cloning learns without rewards"):
        training_steps("behaviour_cloning", BUILT_IN[0], True)


def test_shaping_comes_with_a_curriculum_and_is_for_training_alone() -> None:
    for settings, shaping in (({"patience": 2}, 1.0), ({"shaping": 0.5}, 0.5)):
        run = Run(BUILT_IN[1], settings, "ppo", 0, 1, curriculum=True)
        assert run.training_settings == settings | {"shaping": shaping}
    plain = Run(BUILT_IN[1], {"patience": 2}, "ppo", 0, 1)
    assert plain.training_settings == plain.settings
    env = Run(BUILT_IN[1], {}, "ppo", 0, 1, curriculum=True).make_env()
    assert unwrapped_dialogue(env).settings.shaping == 0


@pytest.mark.parametrize("agent", ["maskable_ppo", "masked_q_table"])
def test_every_algorithm_plays_with_the_users_of_the_curriculum(agent: str) -> None:
    settings = {"patience": 1}
    _, plain, _ = train(Run(BUILT_IN[1], settings, agent, 0, 1500), lambda *_: None)
    learned, patient, _ = train(Run(BUILT_IN[1], settings, agent, 0, 1500, curriculum=True), lambda *_: None)
    assert dialogue_of(learned.env).settings.shaping == 1
    assert plain.stages == [] and patient.stages[0] == (0, 100)
    assert len(patient.steps) < len(plain.steps) / 4  # few dialogues, since nobody hangs up


@pytest.mark.slow
def test_impatient_users_are_served_after_a_curriculum_alone() -> None:
    success = {}
    for curriculum in (False, True):
        run = Run("FakeUserConcert-v0", {"patience": 2}, "maskable_ppo", 0, 50_000, curriculum)
        agent, curve, _ = train(run, lambda *_: None)
        success[curriculum] = evaluate(run.make_env(), agent, 300, uses_masks=True).success_rate
    assert curve.stages[-1][1] == 2
    assert success[False] < 0.05 and success[True] >= 0.95, success
