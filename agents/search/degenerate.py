"""Policies that make no sense, to find out whether the rules of the users let one of them through.

To *serve* is to answer open requests and to say goodbye to thanks: all that a dialogue needs after an offer.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from agents.search.lanes import Codes, Numbers, Policies, Score, play_all
from agents.search.rule_policies import Rule, RulePolicies, rules_of
from dialogue_gym import DialogueEnv

OFFER, OTHER = "utter_offer", "utter_other"
SERVE = [
    Rule((("over", ("yes",)),), "utter_bye"),
    Rule((("pending", ("one", "several")),), "utter_tell"),
]
KNOWN = ("none", "one", "two", "three", "more")
ASKING = ("one action", "two actions in turn", "ask until", "random", "masked random")
"""Beginnings of the names of policies that may ask for a constraint."""
_FINALISTS = 5
"""Pairs that are played again, on more dialogues: the best of many is also the luckiest."""


class Cycles:
    """Sequences of actions that are repeated, whatever the user says; all are equally long."""

    def __init__(self, env: DialogueEnv, cycles: Sequence[Sequence[str]]) -> None:
        """Number the actions."""
        number = {name: i for i, name in enumerate(env.action_names)}
        self.count = len(cycles)
        self._actions = np.array([[number[name] for name in cycle] for cycle in cycles], np.int64)

    def choose(self, observations: Codes, masks: npt.NDArray[np.int8], which: Numbers, turn: int) -> Numbers:
        """Return each lane's action; see `Policies`."""
        return np.asarray(self._actions[which, turn % self._actions.shape[1]])


class Draws:
    """Actions drawn at random: from all of them, or from those that the mask allows."""

    count = 1

    def __init__(self, *, is_masked: bool) -> None:
        """Seed the draws."""
        self._is_masked = is_masked
        self._random = np.random.default_rng(0)

    def choose(self, observations: Codes, masks: npt.NDArray[np.int8], which: Numbers, turn: int) -> Numbers:
        """Return each lane's action; see `Policies`."""
        chances = self._random.random(masks.shape)
        return np.asarray((chances * masks if self._is_masked else chances).argmax(axis=1))


class Mixture:
    """Experts of which one is drawn for each action."""

    count = 1

    def __init__(self, experts: RulePolicies) -> None:
        """Seed the draws."""
        self._experts = experts
        self._random = np.random.default_rng(0)

    def choose(self, observations: Codes, masks: npt.NDArray[np.int8], which: Numbers, turn: int) -> Numbers:
        """Return each lane's action; see `Policies`."""
        drawn = self._random.integers(self._experts.count, size=len(which))
        return self._experts.choose(observations, masks, drawn, turn)


def degenerate_policies(env: DialogueEnv) -> Iterator[tuple[str, Policies]]:
    """Yield policies by name, but for those that repeat one or two actions."""
    yield "offer, serve", _servers(env, [OFFER])
    other = Rule((("offer", ("made", "other wanted")),), OTHER)
    yield "offer, another one, serve", RulePolicies(env, [[*SERVE, other, Rule((), OFFER)]])
    confirms = [action for action in env.action_names if action.startswith("utter_confirm_")]
    for name, own in (("more", ["utter_more"]), ("confirm", confirms), ("pardon", ["utter_pardon"])):
        yield f"{name} or offer, serve", Mixture(_servers(env, [*own, *[OFFER] * len(own)]))
    questions = [rule for rule in rules_of(env) if rule.action.startswith("utter_ask_")]
    for most in (1, 2, 3):
        known = ("known", KNOWN[:most])
        asked = [Rule((*rule.clauses, known), rule.action) for rule in questions]
        policy = RulePolicies(env, [[*SERVE, *asked, Rule((), OFFER)]])
        yield f"ask until {most} known, offer, serve", policy
    yield "random", Draws(is_masked=False)
    yield "masked random", Draws(is_masked=True)


def _servers(env: DialogueEnv, actions: Sequence[str]) -> RulePolicies:
    """Return for each action a policy that serves, and otherwise takes the action."""
    return RulePolicies(env, [[*SERVE, Rule((), action)] for action in actions])


@dataclass(frozen=True)
class Battery:
    """The scores of degenerate policies; of those that repeat actions, the highest success."""

    constants: tuple[Score, ...]
    """By action."""
    pair: tuple[str, str]
    """The pair of actions with the highest success."""
    scores: dict[str, Score]
    """By name, in order; the best constant and the best pair are among them."""


def play_battery(
    domain: str, settings: Mapping[str, Any], dialogues: int, dialogues_of_pairs: int, seed: int
) -> Battery:
    """Play the degenerate policies of a domain.

    Args:
        domain: its name or path.
        settings: of the environment.
        dialogues: of each policy.
        dialogues_of_pairs: of each pair of actions; the best pairs then play as many as the others.
        seed: of the first dialogue.
    """
    env = DialogueEnv(domain, **settings)

    def scores(policies: Policies, count: int, first: int) -> list[Score]:
        return play_all(domain, settings, policies, count, first)

    constants = scores(Cycles(env, [[action] for action in env.action_names]), dialogues, seed)
    pairs = list(itertools.combinations(env.action_names, 2))
    rough = scores(Cycles(env, pairs), dialogues_of_pairs, seed)
    finalists = [
        pairs[number]
        for number in sorted(range(len(pairs)), key=lambda number: -rough[number].success)[:_FINALISTS]
    ]
    fine = scores(Cycles(env, finalists), dialogues, seed + dialogues_of_pairs)
    best = max(range(len(finalists)), key=lambda number: fine[number].success)
    found = {"one action": max(constants, key=lambda one: one.success), "two actions in turn": fine[best]}
    for name, policies in degenerate_policies(env):
        found[name] = scores(policies, dialogues, seed)[0]
    first, second = finalists[best]
    return Battery(tuple(constants), (first, second), found)
