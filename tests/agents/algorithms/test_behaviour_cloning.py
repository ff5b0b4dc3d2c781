"""Demonstrations, and agents that are fitted to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from stable_baselines3 import A2C

from dialogue_gym import DomainError, ExpertPolicy, load_domain
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.simulated_teacher import SimulatedTeacher, teach
from dialogue_gym.training.behaviour_cloning import clone
from dialogue_gym.training.configuration import agent_config, check_warm_start
from dialogue_gym.training.demonstrations import demonstrate
from dialogue_gym.training.environments import DEMONSTRATION, stream
from dialogue_gym.training.evaluation import evaluate
from dialogue_gym.training.run import Run, Watch, train
from tests.conftest import BUILT_IN, TINY, make

WARM = ("warm_dqn", "warm_masked_dqn", "warm_ppo", "warm_maskable_ppo")


def learn(
    agent: str, env_id: str, steps: int, watch: Watch = lambda *_: None, **settings: object
) -> tuple[object, list[int]]:
    seen: list[int] = []

    def note(dialogues: int, steps: int, agent: object) -> None:
        seen.append(dialogues)
        watch(dialogues, steps, agent)

    trained, _, _ = train(Run(env_id, settings, agent, seed=0, steps=steps), lambda *_: None, note)
    return trained, seen


def test_demonstrations_are_the_experts_dialogues() -> None:
    env = make(BUILT_IN[0], semantic_error_rate=0.3)
    found = demonstrate(env, 20, seed=5)
    assert found.ended.sum() == 20 and found.ended[-1]
    expert = ExpertPolicy(env)
    for observation, right, mask, action in zip(
        found.observations, found.right, found.masks, found.actions, strict=True
    ):
        assert tuple(np.flatnonzero(right)) == tuple(sorted(expert.right_actions(observation)))
        assert right[action] and mask[right].all()
    goes_on = ~found.ended[:-1]
    assert (found.next_observations[:-1][goes_on] == found.observations[1:][goes_on]).all()
    again = demonstrate(env, 20, seed=5)
    assert (again.actions == found.actions).all() and (again.observations == found.observations).all()
    # Among several right actions, the expert picks at random.
    several = found.right.sum(axis=1) > 1
    assert len(set(found.actions[several])) > 2


def test_demonstrations_in_flat_observations_have_the_same_right_and_possible_actions() -> None:
    codes, flat = (
        demonstrate(make(BUILT_IN[0], observation=form), 20, seed=5) for form in ("fields", "flat")
    )
    assert flat.observations.dtype == np.float32
    assert (flat.right == codes.right).all() and (flat.masks == codes.masks).all()
    assert (flat.actions == codes.actions).all()


def test_returns_end_with_their_dialogue() -> None:
    found = demonstrate(make(BUILT_IN[0]), 3, seed=0)
    returns = found.returns(0.5)
    for step in range(len(returns)):
        expected, discount = 0.0, 1.0
        for later in range(step, len(returns)):
            expected += discount * found.rewards[later]
            discount *= 0.5
            if found.ended[later]:
                break
        assert returns[step] == pytest.approx(expected)


@pytest.mark.slow
@pytest.mark.parametrize("agent", ["behaviour_cloning", "masked_behaviour_cloning"])
@pytest.mark.parametrize("env_id", BUILT_IN)
def test_a_clone_equals_the_expert(agent: str, env_id: str) -> None:
    """With explicit turn taking, since rewards alone teach little there."""
    env = make(env_id, turn_taking="explicit")
    clone_, seen = learn(agent, env_id, 0, turn_taking="explicit")
    own, expert = (evaluate(env, policy, 500) for policy in (clone_, ExpertPolicy(env, 0)))
    assert seen == [0]
    assert own.success_rate >= 0.99
    assert own.mean_return > expert.mean_return - 0.2


@pytest.mark.parametrize("agent", [pytest.param(WARM[0], marks=pytest.mark.slow), *WARM[1:]])
def test_warm_start_comes_before_rewards_and_lasts(agent: str) -> None:
    env = make(BUILT_IN[0], turn_taking="explicit")
    before: list[float] = []

    def watch(dialogues: int, steps: int, agent: object) -> None:
        if not steps:
            before.append(evaluate(env, agent, 200).success_rate)

    trained, _ = learn(agent, BUILT_IN[0], 4000, watch, turn_taking="explicit")
    assert len(before) == 1 and before[0] >= 0.98
    assert evaluate(env, trained, 200).success_rate >= 0.9


def test_a_dqn_remembers_its_demonstrations() -> None:
    trained, _ = learn("warm_masked_dqn", BUILT_IN[1], 0)
    buffer = trained.replay_buffer  # type: ignore[attr-defined]
    lanes = agent_config("warm_masked_dqn", BUILT_IN[1])["lanes"]
    stored = buffer.pos * lanes
    found = demonstrate(make(BUILT_IN[1]), 100, seed=stream(0, DEMONSTRATION))
    assert stored == len(found.actions) // lanes * lanes
    kept = buffer.actions[: buffer.pos].reshape(-1)
    assert (kept == found.actions[:stored]).all()
    assert (buffer.dones[: buffer.pos].reshape(-1) == found.ended[:stored]).all()


def test_unsupported_agents_and_domains_are_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    env = make(BUILT_IN[1])
    with pytest.raises(TypeError, match="A2C cannot be fitted to demonstrations"):
        clone(A2C("MlpPolicy", env, device="cpu"), demonstrate(env, 1, 0), 1)
    (tmp_path / "tiny.yml").write_text(yaml.safe_dump(yaml.safe_load(TINY)))
    with pytest.raises(DomainError, match="no expert"):
        demonstrate(make("Dialogue-v0", domain=str(tmp_path / "tiny.yml")), 1, 0)


def test_an_agent_starts_with_labels_of_a_teacher(tmp_path: Path) -> None:
    domain = load_domain("concert")
    with Store(tmp_path / "store") as store:
        session = Session(domain, store, settings={}, author="expert", asks_for_closing=False)
        teach(session, SimulatedTeacher(domain, "explicit"), dialogues=20, unseen=1)
    run = Run("FakeUserConcert-v0", {"turn_taking": "explicit"}, "behaviour_cloning", 0, 0)
    agent, _, _ = train(run, lambda steps, success: None, labels=tmp_path / "store")
    assert evaluate(run.make_env(), agent, 100).success_rate == 1
    other = Run("FakeUserRestaurant-v0", {"turn_taking": "explicit"}, "behaviour_cloning", 0, 0)
    with pytest.raises(ValueError, match="unknown action"):
        train(other, lambda steps, success: None, labels=tmp_path / "store")
    with pytest.raises(ValueError, match="ppo starts from scratch; labels are only for behaviour_cloning"):
        check_warm_start("ppo", "FakeUserConcert-v0")
