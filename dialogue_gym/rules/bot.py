"""The bot's half of a row: `hear`, `did` and `set_slot` change it, and nothing else does.

`forget` brings it back to the start, for a new dialogue and within `did` for a restart. A fake user, a
person who types, a story and a custom action all come in through these functions, so there is one way from
words to an observation.
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
    """Set the bot's half to the start of a dialogue: initial slots, nothing heard or done."""
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
    """Take in an act: its intent, how surely it was heard, and its values, which lie in a block of the row.

    The newest value of a slot holds. A value heard again is one bin surer than the surer of the two times.
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
    """Note that the bot did an action; a restart forgets everything else."""
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
    """Set to 0 the entries of `out` (one per action, all 1 before) that `blocked` says are blocked."""
    if bits:
        for action in tables.restricted:
            if bits & tables.precondition[action]:
                out[action] = 0
