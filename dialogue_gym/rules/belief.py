"""The bot's belief about a slot in numbers: the scores of its two likeliest values."""

from __future__ import annotations

from dialogue_gym.rules.tables import Row, Tables

BIN_SCORES = (0, 25, 65, 100)
"""The score in percent that stands for a bin of confidence."""
SEARCH_BIN_SCORES = (0, 20, 50, 72, 100)
"""The same, for slots that are not constraints where users search."""


def belief(row: Row, tables: Tables, slot: int) -> tuple[int, int]:
    """Return the scores, in percent, of the likeliest value of an observed slot and of the next one."""
    if not tables.is_search:
        return BIN_SCORES[row[tables.slot_at[slot] + 1]], 0
    if not tables.is_constraint[slot]:
        return SEARCH_BIN_SCORES[row[tables.slot_at[slot] + 1]], 0
    return row[tables.scores + slot], row[tables.second_scores + slot]
