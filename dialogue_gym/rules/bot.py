"""The bot's half of a row: `hear`, `did` and `set_slot` change it, and nothing else does.

`forget` brings it back to the start, for a new dialogue and within `did` for a restart. A fake user, a
person who types, a story and a custom action all come in through these functions, so there is one way from
words to an observation.
"""

from __future__ import annotations

from dialogue_gym.rules.tables import (
    HEARD_CONFIDENCE,
    HEARD_INTENT,
    HIGH,
    LISTENING,
    RESTARTING,
    Row,
    Tables,
)


def forget(row: Row, tables: Tables) -> None:
    """Set the bot's half to the start of a dialogue: initial slots, nothing heard or done."""
    row[: len(tables.start)] = tables.start


def set_slot(row: Row, tables: Tables, slot: int, value: int, confidence: int) -> None:
    """Store the code of a value (0 empties the slot) that is known with a bin of confidence."""
    row[tables.values + slot] = value
    at = tables.slot_at[slot]
    if at >= 0:
        row[at] = tables.seen[slot][value]
        row[at + 1] = confidence if value else 0
        if value:
            row[tables.filled_last] = tables.slot_rank[slot]


def hear(row: Row, tables: Tables) -> None:
    """Take in the act that lies in the row's `heard` block: its intent, confidence and values.

    The newest value of a slot holds. A value heard again is one bin surer than the surer of the two times.
    """
    confidence = row[HEARD_CONFIDENCE]
    row[tables.intent] = row[HEARD_INTENT]
    row[tables.intent_confidence] = confidence
    row[tables.heard_fields : tables.filled_last] = tables.unheard
    for slot, value in enumerate(row[tables.heard : tables.heard + tables.slots]):
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


def allowed(row: Row, tables: Tables, action: int) -> bool:
    """Return whether an action's precondition holds."""
    for clause in tables.needs[action]:
        if clause < 0:  # arrays are filled up with -1
            break
        if not tables.clause_labels[clause][row[tables.clause_field[clause]]]:
            return False
    return True


def mask(row: Row, tables: Tables, out: Row) -> None:
    """Set to 0 the entries of `out` (one per action, all 1 before) whose precondition does not hold."""
    for actions in tables.restricted:
        if not allowed(row, tables, actions[0]):
            for action in actions:
                if action >= 0:
                    out[action] = 0
