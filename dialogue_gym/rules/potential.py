"""The progress of a dialogue, by which an environment can shape its rewards."""

from __future__ import annotations

from dialogue_gym.rules.search import count_bits
from dialogue_gym.rules.tables import (
    AGENDA,
    CHOSEN,
    FAILURE,
    POSITION,
    SUCCESS,
    WANTED,
    WISHES,
    WORD,
    Row,
    Tables,
)


def progress(row: Row, tables: Tables, events: int) -> float:
    """Return the share of the goal that the bot has right, or of the agenda that is done, from 0 to 1.

    With a search-driven user, wishes that are met for the chosen venue count like constraints. The progress
    is 0 once the dialogue has ended by success or failure in a step with these events, so that its changes
    add up to the same in every dialogue that begins alike.
    """
    if events & (SUCCESS | FAILURE):
        return 0.0
    if tables.is_agenda:
        return row[POSITION] / tables.agenda_length[row[AGENDA]]
    wanted = 0
    right = 0
    if tables.is_search:
        wanted = count_bits(row[WISHES], WORD)
        right = wanted - count_bits(row[WANTED], WORD) if row[CHOSEN] else 0
    for slot in range(tables.slots):
        if tables.goal_size[slot] and row[tables.goal + slot] <= tables.goal_size[slot]:
            wanted += 1
            right += 1 if row[tables.values + slot] == row[tables.goal + slot] else 0
    return right / wanted if wanted else 0.0
