"""The first wrong choice in a failed dialogue, and the actions that are right in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dialogue_gym.bounds.enumeration import Enumeration, RowKey
from dialogue_gym.bounds.upper_bound import Clairvoyant
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.exact.chain import Chain
from dialogue_gym.exact.player import BotChoice, PlayedDialogue
from dialogue_gym.policies.base import ExpertPolicy
from dialogue_gym.rules import PATIENCE

_MOST_STATES = 3_000
"""States of the clairvoyant up to which it gives advice: some seconds."""
_WORSE = 0.01
"""The return that a choice must lose to be wrong."""


class WrongChoice(NamedTuple):
    """A wrong choice: its place in the dialogue, and the right actions, the preferred one first."""

    place: int
    right: tuple[str, ...]


class ExpertAdviser:
    """The expert of a domain, who says what a bot should have done instead."""

    def __init__(self, env: DialogueEnv) -> None:
        """Ask the expert of an environment's domain, if it has one."""
        self._expert = ExpertPolicy(env) if env.domain.expert else None
        self._env = env

    @property
    def is_there(self) -> bool:
        """Whether the domain has an expert; otherwise nothing is wrong."""
        return self._expert is not None

    def first_fault(self, choices: Sequence[BotChoice]) -> WrongChoice | None:
        """Return the first choice that is not right; None if there is none."""
        for place, choice in enumerate(choices) if self._expert else ():
            assert self._expert is not None
            right = tuple(self._env.action_names[one] for one in self._expert.right_actions(choice.codes))
            if choice.action not in right:
                return WrongChoice(place, right)
        return None


class BeliefAdviser:
    """The best by the rules, for domains without an expert.

    In each observation of a dialogue the probabilities of the rows behind it follow from the dialogue so far;
    the value of an action is its mean over these rows, if all were known from the next step on (the "Q_MDP"
    of Littman, Cassandra and Kaelbling, 1995).
    """

    def __init__(self, chain: Chain) -> None:
        """Solve the dialogue of a chain for a bot that sees the user's half.

        Raises:
            TooLarge: it has too many states.
        """
        enumeration = Enumeration(chain.choices.env.domain, chain.tables)
        self._clairvoyant = Clairvoyant(enumeration, most_states=_MOST_STATES)
        self._values = self._clairvoyant.action_values()
        self._chain = chain

    def first_fault(self, decisions: Sequence[int]) -> WrongChoice | None:
        """Return the first wrong choice in a dialogue, by the numbers of its observations.

        The last observation has no choice.
        """
        chain, edges = self._chain, self._chain.edges
        beliefs: dict[tuple[RowKey, int, int], float] = {
            (one.row, one.state, chain.tables.patience): one.chance
            for one in chain.beginnings
            if one.decision == decisions[0]
        }
        for place, decision in enumerate(decisions[1:]):
            if (fault := self._fault(place, beliefs, chain.choices.actions[decisions[place]])) is not None:
                return fault
            following: dict[tuple[RowKey, int, int], float] = {}
            for (_, state, patience), weight in beliefs.items():
                row, _, action = chain.states[state]
                found = chain.enumeration.patient_transitions(row, action)
                for edge, consequence in enumerate(found, int(chain.start[state])):
                    left = patience - int(edges.is_useless[edge])
                    if edges.decision[edge] == decision and left > 0 and chain.start[state] >= 0:
                        key = consequence.row, int(edges.next[edge]), left
                        share = weight * consequence.chance
                        following[key] = following.get(key, 0.0) + share
            beliefs = following
        return None

    def _fault(
        self, place: int, beliefs: dict[tuple[RowKey, int, int], float], chosen: int
    ) -> WrongChoice | None:
        total = sum(beliefs.values())
        if not total:
            return None
        means = np.zeros(len(self._clairvoyant.actions))
        for (row, _, patience), weight in beliefs.items():
            with_patience = (*row[:PATIENCE], patience, *row[PATIENCE + 1 :])
            means += weight / total * self._values[self._clairvoyant.place(with_patience)]
        if means[self._clairvoyant.kind(chosen)] >= means.max() - _WORSE:
            return None
        names = self._chain.choices.env.domain.actions
        best = np.flatnonzero(means >= means.max() - 1e-9).tolist()
        return WrongChoice(place, tuple(names[self._clairvoyant.actions[kind]] for kind in best))


def advice(played: PlayedDialogue, fault: WrongChoice | None) -> str | None:
    """Return the action to teach, in a sentence; None if no choice was wrong."""
    if fault is None:
        return None
    choice = played.choices[fault.place]
    return f"after {choice.act!r} teach {' or '.join(fault.right)} (the bot chose {choice.action})"
