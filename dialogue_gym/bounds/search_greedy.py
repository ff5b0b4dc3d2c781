"""A policy that sees the user's half where users search a database: a figure to compare with, not a bound.

It asks only for what is missing or wrong, offers only what fits, answers what was asked, and says goodbye.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dialogue_gym import rules
from dialogue_gym.bounds.enumeration import tables_of
from dialogue_gym.bounds.interval import SampledBound
from dialogue_gym.envs.settings import whole_number
from dialogue_gym.rules import FAILURE, LISTENING, RANDOM, RESTARTING, SUCCESS, TRUNCATED, Row, Tables
from dialogue_gym.rules.search import serve, store
from dialogue_gym.rules.search_user import is_wrong
from dialogue_gym.rules.tables import (
    ALTERNATIVE,
    ANSWER,
    ASKED,
    AWAITED,
    BYE,
    CERTAIN_SCORE,
    CHOSEN,
    MORE,
    OFFER,
    ON_OFFER,
    REPEAT,
    REQUEST,
    WANTED,
    WORD,
)


class Greedy:
    """The policy, on whole rows."""

    def __init__(self, tables: Tables) -> None:
        """Sort the actions by their acts."""
        self._tables = tables
        actions = range(RESTARTING + 1, tables.actions)
        self._by_act = {
            act: [action for action in actions if tables.reaction[action] == act and tables.speaks[action]]
            for act in (OFFER, ALTERNATIVE, ANSWER, MORE, BYE, REPEAT, REQUEST)
        }

    def action(self, row: Sequence[int]) -> int:
        """Return the domain's action for a row."""
        if row[AWAITED] and not self._tables.is_auto:
            return LISTENING
        like: Row = list(row)
        possible = [action for action in self._choices(like) if rules.allowed(like, self._tables, action)]
        return possible[0] if possible else RESTARTING

    def _choices(self, row: Row) -> list[int]:
        """Return the actions that are of use, the best one first."""
        tables, by_act = self._tables, self._by_act
        if row[CHOSEN]:
            if row[WANTED] == 0:
                return [*by_act[BYE], *by_act[MORE], *by_act[ANSWER]]
            heard = row[tables.search + ASKED] & row[WANTED]
            unheard = [*by_act[REPEAT], *by_act[MORE], *by_act[REQUEST]]
            return [*by_act[ANSWER], *unheard] if heard else [*unheard, *by_act[ANSWER]]
        offers = [*by_act[ALTERNATIVE], *by_act[OFFER]]
        wrong = [s for s in tables.constraints if row[tables.values + s] not in (0, row[tables.goal + s])]
        missing = [
            slot
            for slot in tables.constraints
            if row[tables.values + slot] == 0 and row[tables.goal + slot] <= tables.values_of[slot]
        ]
        asking = [
            action
            for slots in (wrong, missing)
            for action in by_act[REQUEST]
            if tables.about[action] in slots
        ]
        return [*(action for action in offers if self._fits(row, action, not wrong)), *asking, *offers]

    def _fits(self, row: Row, action: int, is_right: bool) -> bool:
        """Return whether an action offers what the user wants, or rightly says that there is none."""
        tables = self._tables
        like: Row = list(row)
        for effect in tables.effects[action]:
            store(like, tables, tables.effect_slot[effect], tables.effect_value[effect], CERTAIN_SCORE)
        serve(like, tables, action)
        venue = like[tables.search + ON_OFFER] - 1
        if venue < 0:
            return is_right
        is_refused = row[tables.refused + venue // WORD] >> venue % WORD & 1
        return not is_refused and not is_wrong(like, tables, venue)


def greedy_returns(env: Any, dialogues: int = 1000, seed: int = 0) -> tuple[SampledBound, float]:
    """Play the policy, and return its mean return with an interval, and its success rate.

    Args:
        env: a dialogue environment whose users search; it is not stepped.
        dialogues: the number of dialogues, at least 2.
        seed: seed of the dialogues.

    Raises:
        ValueError: users do not search, or there are fewer than 2 dialogues.
    """
    dialogues = whole_number("dialogues", dialogues, 2)
    tables = tables_of(env)
    if not tables.is_search:
        raise ValueError("the greedy policy plays with users who search a database")
    policy = Greedy(tables)
    returns = []
    successes = 0
    for number in range(dialogues):
        row = [0] * tables.size
        row[RANDOM] = rules.mix(rules.mix(seed) + number)
        rules.begin(row, tables, rules.draw)
        total, events = 0.0, 0
        while not events & (SUCCESS | FAILURE | TRUNCATED):
            action = policy.action(row)
            events = rules.step(row, tables, action, rules.draw)
            total += tables.event_reward[events] + tables.action_reward[action]
        returns.append(total)
        successes += events & SUCCESS
    return SampledBound.of(returns, "dialogues"), successes / dialogues
