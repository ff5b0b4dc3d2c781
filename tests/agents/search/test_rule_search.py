"""The search among the rules of experts."""

from __future__ import annotations

import dataclasses

import numpy as np

from agents.search.lanes import play_all
from agents.search.rule_policies import RulePolicies, rules_from, rules_of
from agents.search.rule_search import SPACE, Effort, search
from dialogue_gym import DialogueEnv, ExpertPolicy
from dialogue_gym.ontologies import ExpertFigures, expert_rules
from dialogue_gym.training import evaluate

SMALL = Effort(
    rounds=((60, 50), (15, 200), (4, 500)), generations=3, population=20, elite=5, dialogues=200, fresh=1000
)


def test_the_search_covers_every_figure() -> None:
    assert list(SPACE) == [field.name for field in dataclasses.fields(ExpertFigures)]
    for name, value in dataclasses.asdict(ExpertFigures()).items():
        assert value in SPACE[name]


def test_a_search_finds_rules_about_as_good_as_the_expert() -> None:
    """Most rules drawn by chance are far worse."""
    found = search("city", {}, SMALL, seed=0)
    assert found.best.success > 0.97
    assert abs(found.difference) < 1
    assert found.best.total >= found.by_chance.total
    again = search("city", {}, SMALL, seed=0)
    assert again == found


def test_scores_are_those_of_the_evaluation() -> None:
    """Compiled side by side or one by one: the same policy, other dialogues."""
    settings = {"semantic_error_rate": 0.3}
    env = DialogueEnv("city", **settings, max_episode_steps=25)
    worse = rules_from(expert_rules(["price"], ExpertFigures(known=1)))
    first, second, third = play_all(
        "city", settings, RulePolicies(env, [worse, rules_of(env), worse]), 2000, 0
    )
    assert first == third
    own = evaluate(env, ExpertPolicy(env), 2000)
    assert abs(own.success_rate - second.success) < 4 * np.hypot(own.success_error, second.success_error)
    assert abs(own.mean_return - second.total) < 4 * np.hypot(own.return_error, second.return_error)
    assert abs(own.mean_turns - second.turns) < 0.5
    assert first.total < second.total - 0.5
