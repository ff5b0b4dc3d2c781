"""A Bayes filter with a rule on top: the reference for policies with memory under noise.

It knows the rules and keeps a belief: the probability of every row that the dialogue may be in, given all
actions and observations. Each observation updates the belief exactly, apart from very unlikely rows. (The
true row can be among these, in one dialogue of several hundred; the filter then plays on without a belief.)
The rule takes the action that the clairvoyant values most on average over the belief.

Source: Littman, Cassandra and Kaelbling 1995, Learning policies for partially observable environments (the
rule is their Q_MDP). That rule assumes that everything is known after the next step, so it would
stall forever rather than decide; therefore actions without effect are left out, and the filter listens
once it has spoken.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from dialogue_gym.bounds import Clairvoyant, Enumeration, RowKey, tables_of
from dialogue_gym.envs import unwrapped_dialogue
from dialogue_gym.rules import FAILURE, LISTENING, OPEN, RESTARTING, SUCCESS, TURN

NEGLIGIBLE = 1e-3
_MAX_BELIEFS = 20_000
Seen = tuple[int, ...]


@dataclass
class Belief:
    """Rows with their probabilities, the chosen action, and the beliefs that can follow, by observation."""

    rows: dict[RowKey, float]
    action: int
    following: dict[Seen, Belief] = field(default_factory=dict)


class FilterPolicy:
    """The filter, with the `predict` of Stable-Baselines3; its state is the beliefs of all lanes."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        """Enumerate the environment's rules and solve them for a clairvoyant.

        Raises:
            TypeError: the environment is not a dialogue.
            TooLarge: the environment has too many states to be enumerated.
        """
        dialogue = unwrapped_dialogue(env)
        tables = tables_of(env)
        self._first_action = dialogue.first_action
        self._actions = [
            action
            for action in range(max(dialogue.first_action, 1), tables.actions)
            if action != RESTARTING
            and (tables.reaction[action] != OPEN or tables.is_agenda)
            and (tables.speaks[action] or tables.effects[action])
        ]
        # No action asks for the opening again, so its content does not matter.
        openings = range(tables.opening, tables.opening + tables.slots)
        self._rules = Enumeration(dialogue.domain, tables, () if tables.is_agenda else openings)
        self._clairvoyant = Clairvoyant(Enumeration(dialogue.domain, tables))
        kinds = [self._clairvoyant.kind(action) for action in self._actions]
        self._values = self._clairvoyant.action_values()[..., kinds]
        self._spoken = tables.spoken
        self._frame = tables.values

        # The bot knows its own actions; of the other components, only the slots matter afterwards.
        own = {tables.filled_last, tables.said, tables.spoken, tables.done}
        self._see = operator.itemgetter(*(i for i in range(tables.values) if i not in own))
        kept = {at + i for at in tables.slot_at if at >= 0 for i in (0, 1)} | set(tables.clause_field)
        if not tables.is_auto:
            kept |= {tables.said, tables.spoken, tables.done}
        self._forgotten = [i for i in range(tables.values) if i not in kept]
        self._known: dict[RowKey, npt.NDArray[np.float64]] = {}
        self._beginnings: dict[Seen, Belief] = {}
        self._beliefs = 0

    def predict(
        self,
        observation: npt.NDArray[Any],
        state: Any = None,
        episode_start: npt.NDArray[np.bool_] | None = None,
        deterministic: bool = True,
        action_masks: Any = None,
    ) -> tuple[npt.NDArray[np.int64], list[Belief]]:
        """Return the actions for one observation or a batch of them, and the new beliefs.

        Args:
            observation: shape `(components,)` or `(n, components)`.
            state: the beliefs that the last call returned, or None at the start of dialogues.
            episode_start: shape `(n,)`, True for lanes whose dialogue begins, and the belief with it.
            deterministic: not used; choices are always deterministic.
            action_masks: not used; an impossible action never has the highest value.
        """
        newest = np.atleast_2d(observation)[:, -self._frame :].tolist()
        begins = [True] * len(newest) if state is None else [False] * len(newest)
        if episode_start is not None:
            begins = np.atleast_1d(episode_start).tolist()
        if self._beliefs > _MAX_BELIEFS:
            self._beginnings.clear()
            self._beliefs = 0
        beliefs, actions = [], []
        for lane, seen in enumerate(newest):
            belief = self._begin(seen) if begins[lane] else self._go_on(state[lane], seen)
            beliefs.append(belief)
            actions.append(belief.action - self._first_action)
        chosen = np.array(actions)
        return (chosen if np.ndim(observation) > 1 else chosen[0]), beliefs

    def _begin(self, seen: list[int]) -> Belief:
        key = self._see(seen)
        if key not in self._beginnings:
            rows: dict[RowKey, float] = {}
            for row, chance in self._rules.beginnings.items():
                if self._see(row) == key:
                    self._add(rows, row, chance)
            self._beginnings[key] = self._belief(rows, seen)
        return self._beginnings[key]

    def _go_on(self, belief: Belief, seen: list[int]) -> Belief:
        key = self._see(seen)
        if key not in belief.following:
            rows: dict[RowKey, float] = {}
            for row, chance in belief.rows.items():
                for share, events, _, following in self._rules.transitions(row, belief.action):
                    is_alike = not events & TURN or self._see(following) == key
                    if is_alike and not events & (SUCCESS | FAILURE):
                        self._add(rows, following, chance * share)
            belief.following[key] = self._belief(rows, seen)
        return belief.following[key]

    def _add(self, rows: dict[RowKey, float], row: RowKey, chance: float) -> None:
        stripped = list(row)
        for index in self._forgotten:
            stripped[index] = 0
        like = tuple(stripped)
        rows[like] = rows.get(like, 0.0) + chance

    def _belief(self, rows: dict[RowKey, float], seen: list[int]) -> Belief:
        self._beliefs += 1
        total = sum(rows.values())
        likely = {row: chance / total for row, chance in rows.items() if chance > NEGLIGIBLE * total}
        if self._first_action == LISTENING and seen[self._spoken]:
            return Belief(likely, LISTENING)
        values = sum(chance * self._value(row) for row, chance in likely.items())
        return Belief(likely, self._actions[int(np.argmax(values))])

    def _value(self, row: RowKey) -> npt.NDArray[np.float64]:
        if row not in self._known:
            self._known[row] = self._values[self._clairvoyant.place(row)]
        return self._known[row]
