"""One dialogue: its beginning, and its steps."""

from __future__ import annotations

from dialogue_gym.rules.bot import allowed, did, forget, set_slot
from dialogue_gym.rules.search import serve, store
from dialogue_gym.rules.search_user import new_searcher, open_search, search_heard, search_turn
from dialogue_gym.rules.tables import (
    AWAITED,
    CERTAIN_SCORE,
    FAILURE,
    HIGH,
    INVALID,
    LISTENING,
    MAX_UNHEARD,
    RESTARTING,
    STEPS,
    SUCCESS,
    TRUNCATED,
    TURNS,
    UNHEARD,
    Row,
    Tables,
)
from dialogue_gym.rules.user import Draw, as_noticed, be_heard, new_user, say_opening, user_turn


def begin(row: Row, tables: Tables, draw: Draw) -> None:
    """Start a dialogue: a new user says the opening. The row's random state runs on."""
    meet(row, tables, draw)
    open_dialogue(row, tables, draw)


def meet(row: Row, tables: Tables, draw: Draw) -> None:
    """Draw a new user for a new dialogue."""
    forget(row, tables)
    if tables.is_search:
        new_searcher(row, tables, draw)
    else:
        new_user(row, tables, draw)
    row[AWAITED] = 0
    row[UNHEARD] = 0
    row[STEPS] = 0
    row[TURNS] = 1


def open_dialogue(row: Row, tables: Tables, draw: Draw) -> None:
    """Let the user say the opening."""
    if tables.is_search:
        open_search(row, tables, draw)
        search_heard(row, tables, draw)
    else:
        say_opening(row, tables)
        be_heard(row, tables, draw)


def step(row: Row, tables: Tables, action: int, draw: Draw) -> int:
    """Let the bot do an action, and the user answer if the turn is handed over; return the events.

    An action whose precondition does not hold counts as done, but has no effect, and the user does not answer
    it. After a restart the user opens again, whatever the bot says before it listens. After ten actions
    without a message from the user, the turn is handed over anyway.
    """
    events = 0
    usable = allowed(row, tables, action)
    did(row, tables, action)
    if action != LISTENING:
        noticed = 0
        if usable:
            if tables.is_search:
                noticed = action
                for effect in tables.effects[action]:
                    store(row, tables, tables.effect_slot[effect], tables.effect_value[effect], CERTAIN_SCORE)
                serve(row, tables, action)
            else:
                noticed = as_noticed(row, tables, action)
                for effect in tables.effects[action]:
                    set_slot(row, tables, tables.effect_slot[effect], tables.effect_value[effect], HIGH)
        else:
            events = INVALID
        if tables.speaks[action] and row[AWAITED] != RESTARTING:
            row[AWAITED] = noticed
        row[UNHEARD] += 1
    passes = action == LISTENING or (tables.is_auto and tables.speaks[action])
    if passes or row[UNHEARD] >= MAX_UNHEARD:
        events |= search_turn(row, tables, draw) if tables.is_search else user_turn(row, tables, draw)
    row[STEPS] += 1
    if row[STEPS] >= tables.step_limit and not events & (SUCCESS | FAILURE):
        events |= TRUNCATED
    return events
