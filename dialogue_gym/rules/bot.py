"""The bot's half of a row: `hear`, `did`, `set_slot` and `forget` change it, and nothing else does.

`forget` brings it back to the start, for a new dialogue and within `did` for a restart. Fake users, people
who type, stories and custom actions all go through these functions, so there is one way from words to an
observation.
"""

from __future__ import annotations

from dialogue_gym.rules.tables import (
    HIGH,
    LISTENING,
    RESTARTING,
    Row,
    Tables,
)


def forget(row: Row, tables: Tables) -> None:
    """Set the bot's half to the start of a dialogue: initial slots, no message and no action."""
    row[tables.start_block] = tables.start


def set_slot(row: Row, tables: Tables, slot: int, value: int, confidence: int) -> None:
    """Store the code of a value (0 empties the slot) that is known with a bin of confidence."""
    row[tables.values + slot] = value
    at = tables.slot_at[slot]
    if at >= 0:
        row[at] = tables.seen[slot][value]
        row[at + 1] = confidence if value else 0
        if value:
            row[tables.filled_last] = tables.slot_rank[slot]


def hear(row: Row, tables: Tables, intent: int, confidence: int, block: slice) -> None:
    """Understand an act: its intent, a bin of confidence, and its values, which lie in a block of the row.

    The newest value of a slot counts. A value understood twice gets the higher of its two confidences, plus
    one bin.
    """
    row[tables.intent] = intent
    row[tables.intent_confidence] = confidence
    row[tables.unheard_block] = tables.unheard
    for slot, value in enumerate(row[block]):
        if value:
            known = row[tables.values + slot]
            at = tables.slot_at[slot]
            sure = confidence
            if at >= 0:
                if value == known:
                    sure = min(HIGH, max(confidence, row[at + 1]) + 1)
                else:
                    row[tables.heard_at[slot]] = 2 if known else 1
            set_slot(row, tables, slot, value, sure)
    row[tables.spoken] = 0
    row[tables.done] = 0


def did(row: Row, tables: Tables, action: int) -> None:
    """Record that the bot did an action; a restart forgets everything else."""
    if action == LISTENING:
        return
    if action == RESTARTING:
        forget(row, tables)
    elif tables.speaks[action]:
        row[tables.said] = action
        row[tables.spoken] = 1
    row[tables.done] = action


def blocked(row: Row, tables: Tables) -> int:
    """Return the preconditions that do not hold, one bit for each."""
    bits = 0
    for clause, field in enumerate(tables.clause_field):
        bits |= tables.clause_blocks[clause][row[field]]
    return bits


def allowed(row: Row, tables: Tables, action: int) -> bool:
    """Return whether an action's precondition holds."""
    bit = tables.precondition[action]
    return bit == 0 or blocked(row, tables) & bit == 0


def mask(tables: Tables, bits: int, out: Row) -> None:
    """Set the entries of blocked actions to 0; `bits` are from `blocked`, and `out` is all 1 before."""
    if bits:
        for action in tables.restricted:
            if bits & tables.precondition[action]:
                out[action] = 0
