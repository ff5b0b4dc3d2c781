"""The random policy and the expert; simple loops of actions do not succeed."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor

from dialogue_gym import (
    Domain,
    DomainError,
    ExpertPolicy,
    PretrainedPolicy,
    RandomPolicy,
    bounds,
    load_domain,
)
from dialogue_gym.bounds.upper_bound import bound
from dialogue_gym.envs import horizon_of
from dialogue_gym.exact import evaluate_exactly
from dialogue_gym.play import Game, Match
from dialogue_gym.policies import ActionMask, load_agent, play, save_agent, success_rate
from dialogue_gym.policies.base import Policy
from dialogue_gym.sb3 import DialogueVecEnv, to_numpy
from dialogue_gym.training import compare, demonstrate, taught_labels
from dialogue_gym.training.evaluation import evaluate
from tests.conftest import BUILT_IN, TINY, TURN_TAKINGS, domain_from, make, make_vec


@functools.cache
def best_return(env_id: str, turn_taking: str = "auto") -> float:
    return bound(make(env_id, turn_taking=turn_taking))


def outcomes(
    env_id: str, sequences: Sequence[Sequence[int]], dialogues: int, turn_taking: str = "auto"
) -> tuple[Any, Any]:
    """Repeat each sequence of actions until its dialogues end.

    Returns:
        The success rates and the mean returns, both of shape (sequences,).
    """
    lanes = make_vec(env_id, len(sequences) * dialogues, turn_taking=turn_taking)
    lanes.reset(seed=0)
    successes, returns = np.zeros(lanes.num_envs), np.zeros(lanes.num_envs)
    is_running = np.ones(lanes.num_envs, np.bool_)
    for step in itertools.count():
        actions = [sequence[step % len(sequence)] for sequence in sequences]
        seen = lanes.advance(np.repeat(actions, dialogues))
        returns += np.where(is_running, seen.rewards, 0)
        successes += np.where(is_running, seen.successes, 0)
        is_running &= ~seen.ended
        if not is_running.any():
            break
    lanes.close()
    return tuple(values.reshape(len(sequences), dialogues).mean(axis=1) for values in (successes, returns))


@pytest.mark.parametrize(
    ("env_id", "turn_taking"),
    [
        (BUILT_IN[0], "auto"),
        (BUILT_IN[1], "auto"),
        (BUILT_IN[1], "explicit"),
        pytest.param(BUILT_IN[0], "explicit", marks=pytest.mark.slow),  # half a minute to solve
    ],
)
def test_the_expert_is_within_a_hundredth_of_the_bound(env_id: str, turn_taking: str) -> None:
    best = best_return(env_id, turn_taking)
    env = make(env_id, turn_taking=turn_taking)
    figures = evaluate(make(env_id, turn_taking=turn_taking), ExpertPolicy(env, 0), 3000)
    assert figures.success_rate == 1.0
    assert abs(figures.mean_return - best) < 0.01 * best + 2 * figures.return_error


@pytest.mark.parametrize("env_id", BUILT_IN)
def test_all_right_actions_are_equally_good(env_id: str) -> None:
    """All right actions lead to dialogues of equal length."""
    env = make(env_id)
    expert = ExpertPolicy(env, 0)
    first, any_of_them = [], []
    for deterministic, returns in ((True, first), (False, any_of_them)):
        for seed in range(300):
            observation, _ = env.reset(seed=seed)
            total, is_over = 0.0, False
            while not is_over:
                action, _ = expert.predict(observation, deterministic=deterministic)
                assert int(action) in expert.right_actions(observation)
                observation, reward, terminated, truncated, _ = env.step(action)
                total, is_over = total + float(reward), terminated or truncated
            returns.append(total)
    assert np.mean(first) == pytest.approx(np.mean(any_of_them), abs=0.1)


@pytest.mark.parametrize("form", ["flat", "belief"])
def test_right_actions_are_those_of_the_observation_in_whatever_form(form: str) -> None:
    env, plain = make(BUILT_IN[0], observation=form), make(BUILT_IN[0])
    expert = ExpertPolicy(env)
    for seed in range(5):
        (seen, _), (codes, _) = env.reset(seed=seed), plain.reset(seed=seed)
        right = ExpertPolicy(plain).right_actions(codes)
        assert expert.right_actions(seen) == expert.right_actions(codes) == right


def test_any_missing_slot_may_be_asked_for() -> None:
    env = make(BUILT_IN[0])
    env.reset(seed=0)
    env.unwrapped.describe(observation := env.reset(seed=5)[0])
    names = {env.unwrapped.action_names[a] for a in ExpertPolicy(env).right_actions(observation)}
    assert names == {"utter_ask_cuisine", "utter_ask_numpeople", "utter_ask_location"}


def never_asks_again(domain: Domain) -> Domain:
    def is_sure(condition: Any) -> bool:
        return any("confidence" in field for field, _ in condition.clauses)

    rules = [
        rule
        for rule in domain.expert
        if not is_sure(rule.when) and not any(is_sure(choice.when) for choice in rule.then)
    ]
    assert len(rules) == len(domain.expert) - 1
    return dataclasses.replace(domain, expert=tuple(rules))


@pytest.mark.parametrize("name", ["restaurant", "concert"])
def test_under_noise_asking_again_pays(name: str) -> None:
    figures = {}
    for asks, domain in ((True, load_domain(name)), (False, never_asks_again(load_domain(name)))):

        def make_env(domain: Domain = domain) -> gym.Env[Any, Any]:
            return gym.make("Dialogue-v0", domain=domain, semantic_error_rate=0.3)

        figures[asks] = evaluate(make_env(), ExpertPolicy(make_env(), 0), 3000)
    error = np.hypot(figures[True].return_error, figures[False].return_error)
    assert figures[True].mean_return > figures[False].mean_return + 3 * error


@pytest.mark.slow
@pytest.mark.parametrize("turn_taking", TURN_TAKINGS)
@pytest.mark.parametrize("env_id", BUILT_IN)
def test_no_repeated_action_or_pair_succeeds(env_id: str, turn_taking: str) -> None:
    n = len(make(env_id, turn_taking=turn_taking).unwrapped.action_names)
    sequences = [*((a,) for a in range(n)), *itertools.permutations(range(n), 2)]
    rates, _ = outcomes(env_id, sequences, 40, turn_taking)
    assert not [sequences[which] for which in np.flatnonzero(rates > 0.05)]


def test_guessing_and_giving_up_are_not_rewarded() -> None:
    best = best_return(BUILT_IN[0])
    names = make(BUILT_IN[0]).unwrapped.action_names
    for given_up in ("action_suggest", "utter_goodbye", "action_restart"):
        _, returns = outcomes(BUILT_IN[0], [[names.index(given_up)]], 500)
        assert returns[0] < best - 20


def test_random_takes_any_action_or_any_possible_one() -> None:
    env = make(BUILT_IN[0])
    policy = RandomPolicy(env, 0)
    observation, info = env.reset(seed=0)
    batch = np.stack([observation] * 500)
    assert set(policy.predict(batch)[0].tolist()) == set(range(16))
    masks = np.stack([info["action_mask"]] * 500)
    possible = set(np.flatnonzero(info["action_mask"]).tolist())
    assert set(policy.predict(batch, action_masks=masks)[0].tolist()) == possible
    assert policy.predict(observation)[0].shape == ()


@pytest.mark.parametrize("policy", [RandomPolicy, ExpertPolicy])
def test_stable_baselines_evaluates_a_policy(policy: type[Policy]) -> None:
    env = Monitor(make(BUILT_IN[1]))
    mean, _ = evaluate_policy(policy(env, 0), env, n_eval_episodes=20)  # type: ignore[arg-type]
    assert (mean > 12) == (policy is ExpertPolicy)


def test_a_policy_names_its_requirements() -> None:
    with pytest.raises(DomainError, match=r"test: this domain has no expert policy \(the key 'expert'\)"):
        ExpertPolicy(gym.make("Dialogue-v0", domain=domain_from(TINY)))
    with pytest.raises(TypeError, match="a dialogue environment is needed, not CartPoleEnv"):
        RandomPolicy(gym.make("CartPole-v1"))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda env: PretrainedPolicy(env).predict(np.zeros(3)), ValueError, "26 components, not 3"),
        (lambda env: PretrainedPolicy(env).predict(np.zeros(26)), ValueError, "whole numbers, not float64"),
        (lambda env: RandomPolicy(env).predict(None), TypeError, "array of observations is needed, not None"),
        (lambda env: env.unwrapped.set_state("hello"), TypeError, "a state of get_state.* not str"),
        (lambda env: evaluate_exactly(env, RandomPolicy(env)), TypeError, "policy is needed, not TimeLimit"),
        (lambda env: to_numpy(3, env), TypeError, "int: an agent of Stable-Baselines3 is needed"),
        (lambda env: save_agent("agent", RandomPolicy(env), name="x"), TypeError, "RandomPolicy cannot be"),
        (lambda env: DialogueVecEnv(env), TypeError, "the id of an environment is needed, not TimeLimit"),
        (lambda env: env.reset(options=[]), TypeError, "must be a mapping or None"),
    ],
)  # fmt: skip
def test_an_object_of_another_kind_is_one_sentence(
    call: Callable[[Any], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call(make("FakeUserCity-v0"))


def test_a_domain_is_loaded_by_its_name_wherever_people_begin() -> None:
    agent = load_agent("random", "restaurant")
    assert agent is not None and agent.env.domain is load_domain("restaurant")
    assert Match("restaurant", {}, 1).game.hint == Game(load_domain("restaurant"), {}, 1).hint != ()


def test_bounds_name_the_extra_that_brings_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    for computed in (lambda: bound(make(BUILT_IN[0])), lambda: bounds.SampledBound.of([1.0, 2.0])):
        with pytest.raises(ImportError, match=r'needs SciPy: pip install "dialogue_gym\[agents\]"'):
            computed()


TAKES_AN_ENVIRONMENT: dict[str, Callable[[Any], Any]] = {
    "policy": RandomPolicy,
    "mask": ActionMask,
    "play": lambda env: next(play(env, lambda observation, mask: 0)),
    "success_rate": lambda env: success_rate(env, lambda observation, mask: 0, [0]),
    "bound": bounds.bound,
    "known_bound": bounds.known_bound,
    "sample_bound": bounds.sample_bound,
    "sample_optimum": bounds.sample_optimum,
    "greedy_returns": bounds.greedy_returns,
    "tables_of": bounds.tables_of,
    "evaluate": lambda env: evaluate(env, None),
    "compare": lambda env: compare(env, None, None),
    "demonstrate": lambda env: demonstrate(env, 1, 0),
    "taught_labels": lambda env: taught_labels(env, Path()),
    "horizon_of": horizon_of,
}


@pytest.mark.parametrize("name", TAKES_AN_ENVIRONMENT)
def test_an_id_in_the_place_of_an_environment_is_one_sentence(name: str) -> None:
    advice = rf"an environment is needed, not its id: gymnasium\.make\('{BUILT_IN[0]}'\) makes one"
    with pytest.raises(TypeError, match=advice):
        TAKES_AN_ENVIRONMENT[name](BUILT_IN[0])
    with pytest.raises(TypeError, match="a dialogue environment is needed, not int"):
        TAKES_AN_ENVIRONMENT[name](3)
