"""The easier dialogue with users who search: its tables, the actions that count, the rewards that allow it.

The bound that follows from it, and why it is one, stand in `search_relaxation`.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from dialogue_gym import rules
from dialogue_gym.domain.model import SEARCH_ACTS
from dialogue_gym.rules import (
    CERTAIN,
    FAILURE,
    LISTENING,
    RESTARTING,
    SUCCESS,
    USELESS,
    Tables,
)
from dialogue_gym.rules.search import store
from dialogue_gym.rules.tables import (
    ALTERNATIVE,
    ANSWER,
    ASKS_MORE,
    BYE,
    CERTAIN_SCORE,
    INVALID,
    LEAVES,
    MORE,
    NEW_WISH,
    OFFER,
    REPEAT,
    REQUEST,
    WANTS_OTHER,
)

HABITS = (WANTS_OTHER, ASKS_MORE, LEAVES, NEW_WISH)
"""The figures of behaviour that matter to a bot that knows all constraints."""
LEVELS = 4
"""Levels of a figure of behaviour."""
UNMET, ANY = 1, 2
"""The codes of the only constraint: the value that no venue has, and "does not care"."""
_SERVICES = (REQUEST, OFFER, ALTERNATIVE, ANSWER, MORE, BYE)
"""The acts that can count: a question counts once a venue is chosen, since it lets the user go on."""


def easier_tables(tables: Tables) -> Tables:
    """Return the tables of the easier dialogue: two venues, one constraint of one value, nothing misheard."""
    slot = tables.constraints[0]
    venues = {0: 3, UNMET: 0, ANY: 3, ANY + 1: 0}
    never = rules.UNIFORM + len(tables.chances)
    tables = dataclasses.replace(
        tables,
        chances=(*tables.chances, (CERTAIN, CERTAIN)),
        levels=tuple(
            tuple(level if place // LEVELS in HABITS else never for place, level in enumerate(persona))
            for persona in tables.levels
        ),
        is_noisy=False,
        precondition=(0,) * tables.actions,
        restricted=(),
        clause_field=(),
        clause_blocks=(),
        effects=((),) * tables.actions,
        about=tuple(slot if about >= 0 else -1 for about in tables.about),
        constraints=(slot,),
        plain_slots=(),
        is_constraint=tuple(other == slot for other in range(tables.slots)),
        values_of=tuple(int(other == slot) for other in range(tables.slots)),
        match_at=(0,) * tables.slots,
        venues=2,
        words=1,
        all_venues=(3,),
        venues_with=tuple(venues[code] for code in sorted(venues)),
        venue_codes=(0, 0),
        fewest_constraints=0,
        constraint_counts=1,
    )
    return dataclasses.replace(tables, start=tuple(told_row(tables, ANY)[tables.start_block]))


def told_row(tables: Tables, code: int) -> list[int]:
    """Return the row of a bot that is told the only constraint of the easier dialogue."""
    row = [0] * tables.size
    store(row, tables, tables.constraints[0], code, CERTAIN_SCORE)
    return row


def distinct_actions(tables: Tables) -> list[int]:
    """Return one action of each kind, of those that can count.

    Where an offer or an answer is silent, any other action may be the one that hands over the turn.
    """
    acts = _SERVICES if _is_spoken(tables) else range(len(SEARCH_ACTS))
    kinds: dict[tuple[Any, ...], int] = {}
    for action in range(1 if tables.is_auto else 0, tables.actions):
        speaks, act = tables.speaks[action], tables.reaction[action]
        if action == LISTENING or (action != RESTARTING and act in acts and act != REPEAT):
            kinds.setdefault((speaks, act, tables.action_reward[action], action == LISTENING), action)
    return list(kinds.values())


def counts_after(tables: Tables, spoken: int, action: int) -> bool:
    """Return whether an action can count after another one, or none (0), in the same turn.

    The user answers the last of them. Only the attributes of an earlier answer are heard as well.
    """
    if not spoken or action == LISTENING or not _is_spoken(tables):
        return True
    return tables.reaction[spoken] == ANSWER != tables.reaction[action]


def _is_spoken(tables: Tables) -> bool:
    """Return whether all offers, answers and questions are spoken."""
    return all(tables.speaks[action] or act not in _SERVICES for action, act in enumerate(tables.reaction))


def is_hasty(tables: Tables) -> bool:
    """Return whether no step gains by coming later, so that the easier dialogue is a bound."""
    rewards = tables.event_reward
    return (tables.is_auto or tables.action_reward[LISTENING] >= 0) and all(
        (events & SUCCESS or reward + max(tables.action_reward) <= 0)
        and all(reward <= rewards[events & ~bit] for bit in (FAILURE, USELESS, INVALID))
        for events, reward in enumerate(rewards)
    )


def largest_return(tables: Tables) -> float:
    """Return the largest return that the rewards allow."""
    added = max(tables.action_reward)
    failing = max(reward for events, reward in enumerate(tables.event_reward) if not events & SUCCESS) + added
    return max(0.0, failing) * (tables.step_limit - 1) + max(tables.event_reward) + added
