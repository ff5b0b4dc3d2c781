"""The solver against plain recursion over unmerged rows, on random small domains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, reject, settings
from hypothesis import strategies as st

from dialogue_gym import rules
from dialogue_gym.bounds.enumeration import Chance, Enumeration, TooLarge
from dialogue_gym.bounds.upper_bound import Clairvoyant
from dialogue_gym.domain import Domain
from dialogue_gym.exact.solver import SolverPolicy, solve
from dialogue_gym.rules.tables import FAILURE, RANDOM, SUCCESS, TRUNCATED, TURNS, Settings, Tables
from tests.conftest import domain_of
from tests.strategies import domains

FEW_ROWS, MANY_ROWS = 300, 2000
"""An example with more rows is given up: those of thousands take most of the time, and find nothing else."""
SIZES = pytest.mark.parametrize("most", [FEW_ROWS, pytest.param(MANY_ROWS, marks=pytest.mark.slow)])
ROUNDS = settings(max_examples=20, suppress_health_check=list(HealthCheck))
SMALL = st.fixed_dictionaries(
    {
        "turn_taking": st.sampled_from(["auto", "explicit"]),
        "semantic_error_rate": st.sampled_from([0.0, 0.0, 0.3]),
        "patience": st.integers(1, 3),
        "max_episode_steps": st.integers(2, 4),
    }
)
REWARDS = st.dictionaries(
    st.sampled_from(["success", "failure", "step", "turn", "useless", "invalid", "do_a", "action_restart"]),
    st.integers(-3, 3),
)


@pytest.fixture(autouse=True, scope="module")
def small_domains_only() -> Iterator[None]:
    """Skip large examples; the comparisons stay the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dialogue_gym.bounds.upper_bound.MAX_STATES", 200)
        yield


def solved(function: Callable[[Any], Any], argument: Any) -> Any:
    try:
        return function(argument)
    except TooLarge:
        reject()


class Rows:
    """The rules over whole rows, every outcome of chance; too many rows give up the example.

    With `shaping`, rewards are shaped, and at the step limit a learner bootstraps: its estimate is lower by
    the progress that it has been paid for.
    """

    def __init__(self, tables: Tables, most: int) -> None:
        self.tables = tables
        self.most = most
        self._chance = Chance(tables)
        self.seen: dict[Any, float] = {}
        self.choices: dict[Any, list[float]] = {}

    def outcomes(self, run: Any) -> list[tuple[float, int, tuple[int, ...]]]:
        row = [0] * self.tables.size
        results = []
        for chance, events in self._chance.outcomes(lambda: run(row)):
            row[RANDOM] = row[TURNS] = 0
            results.append((chance, events, tuple(row)))
            assume(len(results) < self.most)
        return results

    def begin(self) -> list[tuple[float, int, tuple[int, ...]]]:
        def run(row: list[int]) -> int:
            rules.begin(row, self.tables, self._chance.draw)
            return 0

        return self.outcomes(run)

    def step(self, key: tuple[int, ...], action: int) -> list[tuple[float, int, tuple[int, ...]]]:
        def run(row: list[int]) -> int:
            row[:] = key
            return rules.step(row, self.tables, action, self._chance.draw)

        return self.outcomes(run)

    def value(self, key: tuple[int, ...], choose: Any) -> float:
        """Return the mean return from a row on, of a policy, or of the optimum if it is None."""
        if key not in self.seen:
            assume(len(self.seen) < self.most)
            first = 1 if self.tables.is_auto else 0
            actions = range(first, self.tables.actions) if choose is None else [choose(key)]
            self.choices[key] = [
                sum(
                    chance * (self.reward(key, action, events, after) + self._later(events, after, choose))
                    for chance, events, after in self.step(key, action)
                )
                for action in actions
            ]
            self.seen[key] = max(self.choices[key])
        return self.seen[key]

    def reward(self, key: tuple[int, ...], action: int, events: int, after: tuple[int, ...]) -> float:
        return (
            self.tables.event_reward[events]
            + self.tables.action_reward[action]
            + self.progress(after, events)
            - self.progress(key)
        )

    def progress(self, key: tuple[int, ...], events: int = 0) -> float:
        """Return the progress of a row in units of the reward."""
        return self.tables.shaping and self.tables.shaping * rules.progress(list(key), self.tables, events)

    def _later(self, events: int, after: tuple[int, ...], choose: Any) -> float:
        if events & (SUCCESS | FAILURE):
            return 0.0
        return -self.progress(after) if events & TRUNCATED else self.value(after, choose)


UNREAD = {
    "intents": ["inform", "affirm", "deny"],
    "entities": ["a", "b"],
    "slots": {"a": {"type": "float", "influence_conversation": False}, "b": {"type": "list"}},
    "actions": ["do_a", "do_b"],
    "fake_user": {
        "goal": {"a": [0]},
        "actions": {"do_a": {"speaks": True}, "do_b": {"speaks": True}},
        "patience": 1,
        "corrects": 0,
        "intents": {"inform": "inform", "deny": "deny"},
        "agenda": [
            {"say": "inform", "answer": "do_a", "tells": "a"},
            {"maybe": [{"say": "inform", "answer": "do_a"}], "chance": 0.0},
        ],
    },
}
"""A domain whose table does not read the bot's last message."""
MISHEARD = {
    "turn_taking": "auto",
    "semantic_error_rate": 0.3,
    "patience": 2,
    "max_episode_steps": 2,
}


def rewarding(content: dict[str, Any], reward: dict[str, int]) -> Domain:
    known = {name: weight for name, weight in reward.items() if name != "do_a" or name in content["actions"]}
    return domain_of(content | {"reward": known})


@pytest.mark.slow
@ROUNDS
@given(domains(), REWARDS, SMALL)
def test_bound_equals_plain_recursion_over_rows(
    content: dict[str, Any], reward: dict[str, int], small: dict[str, Any]
) -> None:
    domain = rewarding(content, reward)
    tables = rules.build_tables(domain, Settings(**small))
    plain = Rows(tables, MANY_ROWS)
    expected = sum(chance * plain.value(row, None) for chance, _, row in plain.begin())
    assert solved(Clairvoyant, Enumeration(domain, tables)).bound() == pytest.approx(expected, abs=1e-8)


@SIZES
@ROUNDS
@given(domains(), REWARDS, SMALL)
def test_shaping_leaves_every_best_action_the_best(
    most: int, content: dict[str, Any], reward: dict[str, int], small: dict[str, Any]
) -> None:
    """In every row, the values of all actions change by the same: the progress of the row."""
    domain = rewarding(content, reward)
    plain = Rows(rules.build_tables(domain, Settings(**small)), most)
    shaped = Rows(rules.build_tables(domain, Settings(**small, shaping=2.0)), most)
    for _, _, row in plain.begin():
        plain.value(row, None)
        shaped.value(row, None)
    assert set(plain.choices) == set(shaped.choices)
    for row, values in plain.choices.items():
        expected = np.array(values) - shaped.progress(row)
        assert expected == pytest.approx(np.array(shaped.choices[row]), abs=1e-8)


@SIZES
@ROUNDS
@given(domains(), REWARDS, SMALL)
@example(content=UNREAD, reward={}, small=MISHEARD)
def test_lower_bound_equals_the_value_of_its_table(
    most: int, content: dict[str, Any], reward: dict[str, int], small: dict[str, Any]
) -> None:
    content = content | {"expert": [{"then": content["actions"][0]}]}
    small = dict(small)
    limit = small.pop("max_episode_steps")
    domain = rewarding(content, reward)
    env: Any = gym.make("Dialogue-v0", domain=domain, **small).unwrapped
    env = type(env)(domain, **small, max_episode_steps=limit)
    plain = Rows(env.tables, most)
    begin = plain.begin()
    solution = solved(solve, env)
    policy = SolverPolicy(env, solution)

    def choose(key: tuple[int, ...]) -> int:
        observation = np.array(key[: env.tables.values], dtype=np.int8)
        return int(policy.predict(observation, deterministic=True)[0]) + int(env.first_action)

    followed = sum(chance * plain.value(row, choose) for chance, _, row in begin)
    assert solution.lower.mean_return <= solution.upper + 1e-8
    assert solution.lower.mean_return == pytest.approx(followed, abs=1e-3)
