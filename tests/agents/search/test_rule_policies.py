"""The rules of experts as bits, and the experts of the built-in domains among the searched rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agents.search.rule_policies import Rule, RulePolicies, rules_from, rules_of
from dialogue_gym import DialogueEnv, ExpertPolicy
from dialogue_gym.ontologies import ExpertFigures, expert_figures, expert_rules
from tests.conftest import SEARCHING, make


def asked(env: DialogueEnv) -> list[str]:
    return [rule.action[10:] for rule in rules_of(env) if rule.action.startswith("utter_ask_")]


def plain(rules: list[Rule]) -> list[tuple[dict[str, set[str]], str]]:
    return [({field: set(labels) for field, labels in rule.clauses}, rule.action) for rule in rules]


@pytest.mark.parametrize("env_id", SEARCHING)
def test_the_expert_is_that_of_an_imported_domain(env_id: str) -> None:
    """One family of rules: what the search finds is true of both."""
    env = make(env_id).unwrapped
    slots = asked(env)
    assert plain(rules_of(env)) == plain(rules_from(expert_rules(slots, expert_figures(len(slots)))))


@pytest.mark.parametrize("env_id", SEARCHING)
def test_bits_choose_as_the_expert_does(env_id: str) -> None:
    env = make(env_id, semantic_error_rate=0.3).unwrapped
    slots = asked(env)
    others = expert_rules(slots, ExpertFigures(known=1))
    both = RulePolicies(env, [rules_from(others), rules_of(env)])
    expert = ExpertPolicy(env)
    random = np.random.default_rng(0)
    for _ in range(500):
        seen: Any = np.array([[random.integers(len(field.labels)) for field in env.observation_fields]])
        chosen = both.choose(seen, np.ones((1, 1), np.int8), np.array([1]), 0)
        assert chosen[0] == expert.predict(seen[0], deterministic=True)[0]
