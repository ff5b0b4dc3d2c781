"""The fake users: their messages, and the bot's understanding of them.

The meaning lies in the row's `told` block, the bot's noisy understanding of it in its `heard` block; both
give the code of a value for each slot that a message names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dialogue_gym.rules.bot import hear
from dialogue_gym.rules.tables import (
    AGENDA,
    AWAITED,
    FAILURE,
    HEARD_CONFIDENCE,
    HEARD_INTENT,
    HIGH,
    INFORM,
    JUDGE,
    MISTAKEN,
    OPEN,
    PATIENCE,
    POSITION,
    RECONSIDER,
    RESTARTING,
    SAID_INTENT,
    SUCCESS,
    TURN,
    TURNS,
    UNHEARD,
    USELESS,
    Row,
    Tables,
)

Draw = Callable[[Row, Tables, int], int]
"""A source of chance: the outcome of a draw from a table of chances."""


def new_user(row: Row, tables: Tables, draw: Draw) -> None:
    """Draw the user's goal and the part of it that the opening tells, or the user's agenda."""
    wishes = 0
    row[tables.opening_block] = tables.nothing
    for slot in range(tables.slots):
        size = tables.goal_draw[slot]
        if size:
            row[tables.goal + slot] = 1 + draw(row, tables, size)
            wishes += 1
    row[AGENDA] = draw(row, tables, tables.agenda_chance)
    row[POSITION] = 0
    row[PATIENCE] = tables.patience
    for already_told in range(draw(row, tables, tables.opening_chance)):
        left = draw(row, tables, wishes - already_told)
        for slot in range(tables.slots):
            if tables.goal_size[slot] and not row[tables.opening + slot]:
                if left == 0:
                    row[tables.opening + slot] = 1
                    break
                left -= 1


def say_opening(row: Row, tables: Tables) -> None:
    """Say the opening: the same slots each time, or the first item of the agenda."""
    if tables.is_agenda:
        row[POSITION] = 0
        say_item(row, tables)
        return
    row[SAID_INTENT] = tables.greet
    row[tables.told_block] = tables.nothing
    for slot in range(tables.slots):
        if row[tables.opening + slot]:
            row[SAID_INTENT] = tables.opens
            row[tables.told + slot] = row[tables.goal + slot]


def say_item(row: Row, tables: Tables) -> None:
    """Say the current item of the agenda."""
    item = tables.agenda_items[row[AGENDA]][row[POSITION]]
    row[SAID_INTENT] = tables.item_intent[item]
    for slot in range(tables.slots):
        row[tables.told + slot] = row[tables.goal + slot] if tables.item_tells[item][slot] else 0


def change_mind(row: Row, tables: Tables, draw: Draw) -> int:
    """Give one slot of the goal another value, and return the slot."""
    slot = tables.changeable[draw(row, tables, len(tables.changeable))]
    row[tables.goal + slot] = another(row, tables, slot, row[tables.goal + slot], draw)
    return slot


def another(row: Row, tables: Tables, slot: int, value: int, draw: Draw) -> int:
    """Return another of the slot's values that a goal can have."""
    other = 1 + draw(row, tables, tables.goal_size[slot] - 1)
    return other + 1 if other >= value else other


def goal_answer(row: Row, tables: Tables, answered: int, draw: Draw) -> int:
    """Answer an action (0: none) as a goal-driven user, and return the events."""
    reaction = tables.reaction[answered]
    changed = -1
    if draw(row, tables, tables.mind_chance):
        changed = change_mind(row, tables, draw)
        if reaction != RECONSIDER and draw(row, tables, 2):
            changed = -1  # keeps it quiet until a suggestion fails
    if reaction == OPEN:
        say_opening(row, tables)
        events = USELESS
    else:
        row[SAID_INTENT] = tables.deny
        row[tables.told_block] = tables.nothing
        if reaction == INFORM:
            events = inform_about(row, tables, tables.about[answered])
        elif reaction == JUDGE:
            events = judge(row, tables, changed < 0, draw)
        else:
            events = USELESS if changed < 0 else 0
    if changed >= 0 and events != SUCCESS:
        row[SAID_INTENT] = tables.inform
        row[tables.told + changed] = row[tables.goal + changed]
    return events


def inform_about(row: Row, tables: Tables, slot: int) -> int:
    """Tell one slot. Asking for a known slot is useless, unless it may have been misheard."""
    row[SAID_INTENT] = tables.inform
    row[tables.told + slot] = row[tables.goal + slot]
    return USELESS if row[tables.values + slot] and not tables.is_noisy else 0


def judge(row: Row, tables: Tables, may_correct: bool, draw: Draw) -> int:
    """Affirm a suggestion that matches the whole goal; else deny it, or name one right value.

    Users name only wrong values: asking for missing ones is up to the bot.
    """
    wrong = 0
    missing = 0
    for slot in range(tables.slots):
        if tables.goal_size[slot] and row[tables.values + slot] != row[tables.goal + slot]:
            if row[tables.values + slot]:
                wrong += 1
            else:
                missing += 1
    if wrong + missing == 0:
        row[SAID_INTENT] = tables.affirm
        return SUCCESS
    if wrong and may_correct and draw(row, tables, tables.corrects_chance):
        row[SAID_INTENT] = tables.inform
        correct_one(row, tables, tables.goal_size, draw(row, tables, wrong))
    return USELESS


def correct_one(row: Row, tables: Tables, among: Sequence[int], left: int) -> None:
    """Tell the right value of a slot that the bot has wrong: of those in `among`, the one after `left`."""
    for slot in range(tables.slots):
        value = row[tables.values + slot]
        if among[slot] and value and value != row[tables.goal + slot]:
            if left == 0:
                row[tables.told + slot] = row[tables.goal + slot]
            left -= 1


def as_noticed(row: Row, tables: Tables, action: int) -> int:
    """Return an action, or `MISTAKEN` if it answers an agenda's item on other values than the item tells.

    The bot's values when it acts count: the action itself may change them.
    """
    if tables.is_agenda:
        item = tables.agenda_items[row[AGENDA]][row[POSITION]]
        if tables.item_answers[item][action]:
            for slot in range(tables.slots):
                if tables.item_tells[item][slot] and row[tables.values + slot] != row[tables.goal + slot]:
                    return MISTAKEN
    return action


def agenda_answer(row: Row, tables: Tables, answered: int, draw: Draw) -> int:
    """Advance in the agenda if the action was called for, else repeat the item; return the events."""
    agenda = row[AGENDA]
    events = USELESS
    if answered == MISTAKEN:
        object_to(row, tables, draw)
        return events
    if tables.item_answers[tables.agenda_items[agenda][row[POSITION]]][answered]:
        row[POSITION] += 1
        if row[POSITION] == tables.agenda_length[agenda]:
            return SUCCESS
        events = 0
    say_item(row, tables)
    return events


def object_to(row: Row, tables: Tables, draw: Draw) -> None:
    """Name one right value of the current item, or deny; without an intent to deny with, repeat the item."""
    item = tables.agenda_items[row[AGENDA]][row[POSITION]]
    tells = tables.item_tells[item]
    wrong = 0
    for slot in range(tables.slots):
        value = row[tables.values + slot]
        if tells[slot] and value and value != row[tables.goal + slot]:
            wrong += 1
    corrects = wrong and draw(row, tables, tables.corrects_chance)
    if not corrects and not tables.deny:
        say_item(row, tables)
        return
    row[tables.told_block] = tables.nothing
    if corrects:
        row[SAID_INTENT] = tables.inform or tables.item_intent[item]
        correct_one(row, tables, tells, draw(row, tables, wrong))
    else:
        row[SAID_INTENT] = tables.deny


def be_heard(row: Row, tables: Tables, draw: Draw) -> None:
    """Let the bot understand the user's act, or under noise perhaps another one."""
    if tables.is_noisy:
        mishear(row, tables, draw)
        hear(row, tables, row[HEARD_INTENT], row[HEARD_CONFIDENCE], tables.heard_block)
    else:
        hear(row, tables, row[SAID_INTENT], HIGH, tables.told_block)


def mishear(row: Row, tables: Tables, draw: Draw) -> None:
    """Draw the act that the bot understands under noise, and its confidence."""
    row[HEARD_INTENT] = row[SAID_INTENT]
    row[tables.heard_block] = row[tables.told_block]
    if not draw(row, tables, tables.error_chance):
        row[HEARD_CONFIDENCE] = HIGH - draw(row, tables, tables.right_chance)
        return
    told = 0
    for slot in range(tables.slots):
        told += 1 if row[tables.told + slot] else 0
    row[HEARD_CONFIDENCE] = HIGH - draw(row, tables, tables.wrong_chance)
    fault = draw(row, tables, tables.fault_chance) if told else 0
    if fault == 0:  # another intent
        if tables.intents > 1:
            other = 1 + draw(row, tables, tables.intents - 1)
            row[HEARD_INTENT] = other + 1 if other >= row[SAID_INTENT] else other
        row[tables.heard_block] = tables.nothing
        return
    left = draw(row, tables, told)
    for slot in range(tables.slots):
        value = row[tables.told + slot]
        if value:
            if left == 0:  # another value, or none
                has_another = fault == 1 and tables.goal_size[slot] > 1
                row[tables.heard + slot] = another(row, tables, slot, value, draw) if has_another else 0
            left -= 1


def user_turn(row: Row, tables: Tables, draw: Draw) -> int:
    """Let the user answer the bot, and perhaps lose patience; return the events."""
    answered = row[AWAITED]
    row[AWAITED] = 0
    row[UNHEARD] = 0
    if answered == RESTARTING:
        say_opening(row, tables)
        events = USELESS
    elif tables.is_agenda:
        events = agenda_answer(row, tables, answered, draw)
        if events == SUCCESS:  # the user has left without another word
            return TURN | SUCCESS
    else:
        events = goal_answer(row, tables, answered, draw)
    row[TURNS] += 1
    be_heard(row, tables, draw)
    if events & USELESS:
        row[PATIENCE] -= 1
        if row[PATIENCE] <= 0:
            events |= FAILURE
    return events | TURN
