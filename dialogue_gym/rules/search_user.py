"""The search-driven user, who wants a venue that a database has, or may not have.

The goal gives each constraint a value, or "does not care"; the wishes are attributes to ask for. The user
tells a constraint when asked or of their own accord, judges the venues that are offered, changes their mind,
and once a venue is chosen asks for all wishes. The meaning of a message lies in the block `told`.
"""

from __future__ import annotations

from dialogue_gym.rules.search import count_bits, hear_search, nth_bit
from dialogue_gym.rules.tables import (
    ALTERNATIVE,
    ANSWER,
    ASKS_MORE,
    AWAITED,
    BYE,
    CERTAIN_SCORE,
    CHANGES,
    CHOSEN,
    COMBINE,
    CONCERNED,
    CONFIRM,
    CONFIRMED,
    CORRECTS,
    FAILURE,
    FIRST_VENUE,
    GIVEN,
    GREET,
    GREETS,
    HAS_REPEATED,
    HEARD_ATTRIBUTES,
    HEARD_CONFIDENCE,
    HEARD_INTENT,
    IS_FIRST,
    LEAVES,
    MAY_WISH,
    MORE,
    NEW_WISH,
    OFFER,
    ON_OFFER,
    PATIENCE,
    RELAX,
    REPEAT,
    REQUEST,
    RESTARTING,
    RETOLD,
    SAID_ATTRIBUTES,
    SAID_INTENT,
    SCORES,
    SELECT,
    SUCCESS,
    TELLS,
    TOLD,
    TURN,
    TURNS,
    UNHEARD,
    UNTOLD,
    USELESS,
    WANTED,
    WANTS_OTHER,
    WISHES,
    WORD,
    Row,
    Tables,
)
from dialogue_gym.rules.user import Draw

GO_ON, CORRECT, TELL, TELL_MORE = 64, 128, 256, 512
"""The plan of a message, as bits beside those of events: what is next on the user's mind, a correction of one
of the slots concerned, telling one of them, and telling further ones of the user's own accord."""
RIGHT, ANOTHER_INTENT, ANOTHER_VALUE, NO_VALUE = -1, 0, 1, 2
"""The ways to hear a message under noise; the last three are outcomes of the table of faults."""
BEHAVIOUR = 10
"""Figures of behaviour; each has four levels."""


def new_searcher(row: Row, tables: Tables, draw: Draw) -> None:
    """Draw the user's persona, goal and wishes.

    The goal is some of the values of one venue. Sometimes one of them is drawn anew, so that there may be no
    such venue.
    """
    row[tables.user_block] = tables.no_user
    persona = draw(row, tables, tables.persona_chance)
    for figure in range(BEHAVIOUR):
        level = 4 * figure + draw(row, tables, 4)
        row[tables.behaviour + figure] = tables.levels[persona][level]
    row[PATIENCE] = tables.least_patience[persona] + draw(row, tables, tables.patience_counts[persona])
    row[FIRST_VENUE] = draw(row, tables, tables.venues)
    row[IS_FIRST] = 1
    row[MAY_WISH] = 1
    draw_goal(row, tables, draw)
    wishes = tables.fewest_wishes + draw(row, tables, tables.wish_counts)
    for attribute in range(tables.attribute_count):
        if draw(row, tables, tables.attribute_count - attribute) < wishes:
            row[WISHES] |= 1 << attribute
            wishes -= 1
    row[WANTED] = row[WISHES]


def draw_goal(row: Row, tables: Tables, draw: Draw) -> None:
    """Draw the constraints from one venue, and perhaps another value for one of them."""
    first = draw(row, tables, tables.venues) * len(tables.constraints)
    wanted = tables.fewest_constraints + draw(row, tables, tables.constraint_counts)
    known = 0
    for i in range(len(tables.constraints)):
        known += 1 if tables.venue_codes[first + i] else 0
    for i, slot in enumerate(tables.constraints):
        row[tables.goal + slot] = tables.values_of[slot] + 1
        value = tables.venue_codes[first + i]
        if value:
            if draw(row, tables, known) < wanted:
                row[tables.goal + slot] = value
                row[UNTOLD] |= 1 << slot
                wanted -= 1
            known -= 1
    if row[UNTOLD] and draw(row, tables, tables.unmet_chance):
        slot = any_bit(row, tables, row[UNTOLD], draw)
        row[tables.goal + slot] = other_value(row, tables, slot, row[tables.goal + slot], draw)


def any_bit(row: Row, tables: Tables, word: int, draw: Draw) -> int:
    """Return the place of one of the bits that are set, drawn."""
    return nth_bit(word, draw(row, tables, count_bits(word, WORD)))


def other_value(row: Row, tables: Tables, slot: int, value: int, draw: Draw) -> int:
    """Return another of a constraint's values, drawn; if there is only one, and it is the value, that."""
    count = tables.values_of[slot]
    if value > count:
        return 1 + draw(row, tables, count)
    if count < 2:
        return value
    other = 1 + draw(row, tables, count - 1)
    return other + 1 if other >= value else other


def open_search(row: Row, tables: Tables, draw: Draw) -> None:
    """Say the first message: a greeting, or what the user wants."""
    speak(row, tables, begin_again(row, tables, draw), draw)


def begin_again(row: Row, tables: Tables, draw: Draw) -> int:
    """Begin to tell the constraints and wishes; return the plan of the first message."""
    be_silent(row, tables)
    row[CHOSEN] = 0
    row[WANTED] = row[WISHES]
    row[UNTOLD] = 0
    row[TOLD] = 0
    row[RETOLD] = 0
    row[CONFIRMED] = 0
    for slot in tables.constraints:
        if row[tables.goal + slot] <= tables.values_of[slot]:
            row[UNTOLD] |= 1 << slot
    row[SAID_INTENT] = tables.greet
    return 0 if draw(row, tables, row[tables.behaviour + GREETS]) else GO_ON


def be_silent(row: Row, tables: Tables) -> None:
    """Take back the last message."""
    row[tables.told_block] = tables.nothing
    row[SAID_ATTRIBUTES] = 0


def tell(row: Row, tables: Tables, slot: int) -> None:
    """Tell the wish about one slot."""
    bit = 1 << slot
    row[tables.told + slot] = row[tables.goal + slot]
    row[UNTOLD] &= ~bit
    if row[TOLD] & bit:
        row[RETOLD] |= bit
    row[TOLD] |= bit


def speak(row: Row, tables: Tables, plan: int, draw: Draw) -> int:
    """Say what is planned, and return the plan with its events; the user may leave instead.

    `CONCERNED` has, as bits, the slots of which one is told or corrected.
    """
    if plan & GO_ON:
        venue = row[tables.search + ON_OFFER] - 1
        if row[CHOSEN]:
            if row[WANTED]:
                ask_for_wishes(row, tables, draw)
            elif draw(row, tables, row[tables.behaviour + LEAVES]):
                return plan | SUCCESS
            else:
                row[SAID_INTENT] = tables.thank
        elif venue >= 0 and row[tables.refused + venue // WORD] >> (venue % WORD) & 1:
            row[SAID_INTENT] = tables.alternative
        elif row[UNTOLD]:
            row[SAID_INTENT] = tables.inform
            row[CONCERNED] = row[UNTOLD]
            plan |= TELL | TELL_MORE
        else:
            row[SAID_INTENT] = tables.find
    elif plan & CORRECT:
        row[SAID_INTENT] = tables.deny
        if row[CONCERNED] and draw(row, tables, row[tables.behaviour + CORRECTS]):
            row[SAID_INTENT] = tables.inform
            plan |= TELL
    slots = row[CONCERNED] if plan & TELL else 0
    is_telling = True
    while is_telling:
        if slots == 0 and plan & TELL_MORE and row[UNTOLD]:
            slots = row[UNTOLD] if draw(row, tables, row[tables.behaviour + COMBINE]) else 0
        is_telling = slots != 0
        if is_telling:
            tell(row, tables, any_bit(row, tables, slots, draw))
            slots = 0
    return plan


def ask_for_wishes(row: Row, tables: Tables, draw: Draw) -> None:
    """Ask for one of the wishes that are open, and perhaps for more of them."""
    row[SAID_INTENT] = tables.request
    left = row[WANTED]
    while left:
        bit = 1 << any_bit(row, tables, left, draw)
        row[SAID_ATTRIBUTES] |= bit
        left &= ~bit
        if left and not draw(row, tables, row[tables.behaviour + ASKS_MORE]):
            left = 0


def change_wish(row: Row, tables: Tables, draw: Draw) -> int:
    """Give up or change a constraint that the bot has a value for; return its slot, -1 if there is none."""
    known = 0
    for slot in tables.constraints:
        if row[tables.values + slot] and row[tables.goal + slot] <= tables.values_of[slot]:
            known |= 1 << slot
    if known == 0:
        return -1
    slot = any_bit(row, tables, known, draw)
    bit = 1 << slot
    if draw(row, tables, row[tables.behaviour + RELAX]) or tables.values_of[slot] < 2:
        row[tables.goal + slot] = tables.values_of[slot] + 1
        row[UNTOLD] &= ~bit
    else:
        row[tables.goal + slot] = other_value(row, tables, slot, row[tables.goal + slot], draw)
    row[RETOLD] &= ~bit
    row[TOLD] &= ~bit
    row[CONFIRMED] &= ~bit
    return slot


def answer_offer(row: Row, tables: Tables, draw: Draw) -> int:
    """Answer an offer, or that there is no such venue or no other one; return the plan.

    Of a venue that violates a constraint the bot has no value for, the user says only that it is wrong:
    otherwise offers would draw all constraints out.
    """
    venue = row[tables.search + ON_OFFER] - 1
    is_none = venue < 0
    if row[CHOSEN] and row[CHOSEN] == venue + 1:
        return USELESS | GO_ON
    has_chosen = row[CHOSEN]
    row[CHOSEN] = 0
    row[WANTED] = row[WISHES]
    if not is_none and row[tables.refused + venue // WORD] >> (venue % WORD) & 1:
        row[SAID_INTENT] = tables.alternative
        return USELESS
    if is_wrong(row, tables, venue):
        return USELESS | CORRECT
    changes = 1
    if not is_none:
        changes = 0
        if row[IS_FIRST]:
            row[IS_FIRST] = 0
            if draw(row, tables, row[tables.behaviour + WANTS_OTHER]):
                refuse(row, tables, venue)
                return 0
            changes = draw(row, tables, row[tables.behaviour + CHANGES])
    if changes:
        slot = change_wish(row, tables, draw)
        if slot >= 0:
            return tell_change(row, tables, venue, slot, draw)
        if is_none:
            for word in range(tables.words):
                row[tables.refused + word] = 0
            row[SAID_INTENT] = tables.find
            return USELESS
    row[CHOSEN] = venue + 1
    return GO_ON | (USELESS if has_chosen else 0)


def is_wrong(row: Row, tables: Tables, venue: int) -> bool:
    """Return whether a venue violates a constraint, or of none (-1) whether the bot has a wrong value.

    `CONCERNED` has then the slots that the bot has a value for.
    """
    row[CONCERNED] = 0
    has_unheard = False
    for slot in tables.constraints:
        goal = row[tables.goal + slot]
        value = row[tables.values + slot]
        if venue < 0:
            violates = value not in (0, goal)
        else:
            at = tables.match_at[slot] + goal * tables.words + venue // WORD
            violates = tables.venues_with[at] >> (venue % WORD) & 1 == 0
        if violates and value:
            row[CONCERNED] |= 1 << slot
        elif violates:
            has_unheard = True
    return has_unheard or row[CONCERNED] != 0


def refuse(row: Row, tables: Tables, venue: int) -> None:
    """Refuse a venue that would do, and ask for another one."""
    row[tables.refused + venue // WORD] |= 1 << (venue % WORD)
    row[SAID_INTENT] = tables.alternative


def tell_change(row: Row, tables: Tables, venue: int, slot: int, draw: Draw) -> int:
    """Say, or keep quiet for now, that a constraint has changed; return the plan."""
    row[CONCERNED] = 1 << slot
    if venue < 0:
        row[SAID_INTENT] = tables.inform
        return TELL
    refuse(row, tables, venue)
    if draw(row, tables, row[tables.behaviour + TELLS]):
        return TELL
    if row[tables.goal + slot] <= tables.values_of[slot]:
        row[UNTOLD] |= 1 << slot
    return 0


def answer_about(row: Row, tables: Tables, act: int, slot: int) -> int:
    """Answer the question for a constraint, whether its value is right, or which of two; return the plan."""
    bit = 1 << slot
    row[CONCERNED] = bit
    wish = row[tables.goal + slot]
    is_right = row[tables.values + slot] == wish
    if act == REQUEST:
        if row[CHOSEN]:
            return USELESS | GO_ON
        is_known = row[RETOLD] & bit if tables.is_noisy else row[TOLD] & bit
        row[SAID_INTENT] = tables.inform
        return TELL | TELL_MORE | (USELESS if is_known else 0)
    if act == SELECT:
        if is_right or row[tables.seconds + slot] == wish:
            row[SAID_INTENT] = tables.inform
            return TELL
        return CORRECT
    if not is_right:
        return CORRECT
    is_useless = row[CONFIRMED] & bit or row[CHOSEN] or not tables.is_noisy
    row[SAID_INTENT] = tables.affirm
    row[CONFIRMED] |= bit
    row[UNTOLD] &= ~bit
    return (0 if row[CHOSEN] else TELL_MORE) | (USELESS if is_useless else 0)


def answer_more(row: Row, tables: Tables, draw: Draw) -> int:
    """Answer whether there is anything else; return the plan."""
    if not row[CHOSEN]:
        return USELESS | GO_ON
    if row[WANTED]:
        return GO_ON if tables.is_noisy else USELESS | GO_ON
    others = (1 << tables.attribute_count) - 1 & ~row[WISHES]
    if others and row[MAY_WISH] and draw(row, tables, row[tables.behaviour + NEW_WISH]):
        row[MAY_WISH] = 0
        bit = 1 << any_bit(row, tables, others, draw)
        row[WISHES] |= bit
        row[WANTED] |= bit
        return GO_ON
    return SUCCESS


def search_answer(row: Row, tables: Tables, answered: int, draw: Draw) -> int:
    """Take an action (0: none) in, and return the plan of an answer with its events."""
    act = tables.reaction[answered]
    has_repeated = row[HAS_REPEATED]
    row[HAS_REPEATED] = 1 if act == REPEAT else 0
    if act == REPEAT:
        return USELESS if has_repeated or not tables.is_noisy else 0
    be_silent(row, tables)
    given = row[tables.search + GIVEN]
    is_wanted = False
    if given and row[CHOSEN] and row[CHOSEN] == row[tables.search + ON_OFFER]:
        is_wanted = given & row[WANTED] != 0
        row[WANTED] &= ~given
    plan = USELESS
    if act in (REQUEST, CONFIRM, SELECT):
        plan = answer_about(row, tables, act, tables.about[answered])
    elif act in (OFFER, ALTERNATIVE):
        plan = answer_offer(row, tables, draw)
    elif act == ANSWER:
        plan = GO_ON if is_wanted else USELESS | GO_ON
    elif act == MORE:
        plan = answer_more(row, tables, draw)
    elif act == BYE:
        row[SAID_INTENT] = tables.deny
        if row[CHOSEN] and row[WANTED] == 0:
            plan = SUCCESS
    else:
        row[SAID_INTENT] = tables.greet if act == GREET else tables.find
    return plan


def search_heard(row: Row, tables: Tables, draw: Draw) -> None:
    """Let the bot understand the user's act, or under noise perhaps another one."""
    row[HEARD_INTENT] = row[SAID_INTENT]
    row[HEARD_CONFIDENCE] = CERTAIN_SCORE
    row[HEARD_ATTRIBUTES] = row[SAID_ATTRIBUTES]
    row[tables.heard_block] = row[tables.told_block]
    if tables.is_noisy:
        row[tables.others_block] = tables.nothing
        mishear_search(row, tables, draw)
    score = row[HEARD_CONFIDENCE]
    hear_search(row, tables, row[HEARD_INTENT], score, rival_score(score))


def rival_score(score: int) -> int:
    """Return the score of the rivals of values that are heard with a score: 0.6 of the rest."""
    return (100 - score) * 3 // 5


def mishear_search(row: Row, tables: Tables, draw: Draw) -> None:
    """Draw the act that the bot understands under noise: an N-best list of two, with scores."""
    told = 0
    for slot in tables.constraints:
        told += 1 if row[tables.told + slot] else 0
    items = told + (1 if row[SAID_ATTRIBUTES] else 0)
    fault = RIGHT
    if draw(row, tables, tables.error_chance):
        row[HEARD_CONFIDENCE] = SCORES[draw(row, tables, tables.wrong_chance)]
        fault = draw(row, tables, tables.fault_chance) if items else ANOTHER_INTENT
    else:
        row[HEARD_CONFIDENCE] = SCORES[draw(row, tables, tables.right_chance)]
        if told == 0 or not draw(row, tables, tables.rival_chance):
            return
        items = told
    if fault == ANOTHER_INTENT:
        if tables.intents > 1:
            other = 1 + draw(row, tables, tables.intents - 1)
            row[HEARD_INTENT] = other + 1 if other >= row[SAID_INTENT] else other
        row[tables.heard_block] = tables.nothing
        row[HEARD_ATTRIBUTES] = 0
        return
    place = draw(row, tables, items)
    if place == told:  # another attribute, or none
        row[HEARD_ATTRIBUTES] &= ~(1 << any_bit(row, tables, row[SAID_ATTRIBUTES], draw))
        if fault == ANOTHER_VALUE:
            row[HEARD_ATTRIBUTES] |= 1 << draw(row, tables, tables.attribute_count)
        return
    slot = told_slot(row, tables, place)
    value = row[tables.told + slot]
    other = 0
    if fault != NO_VALUE:
        other = other_value(row, tables, slot, value, draw)
        other = 0 if other == value else other
    if fault == RIGHT:
        row[tables.others + slot] = other
    else:
        row[tables.heard + slot] = other
        row[tables.others + slot] = value if draw(row, tables, tables.truth_chance) else 0


def told_slot(row: Row, tables: Tables, number: int) -> int:
    """Return the constraint that the message tells, after `number` others that it tells."""
    for slot in tables.constraints:
        if row[tables.told + slot]:
            if number == 0:
                return slot
            number -= 1
    return -1


def search_turn(row: Row, tables: Tables, draw: Draw) -> int:
    """Let the user answer the bot, and perhaps lose patience; return the events."""
    answered = row[AWAITED]
    row[AWAITED] = 0
    row[UNHEARD] = 0
    if answered == RESTARTING:
        plan = USELESS | begin_again(row, tables, draw)
    else:
        plan = search_answer(row, tables, answered, draw)
    plan = speak(row, tables, plan, draw)
    if plan & SUCCESS:  # the user has left without another word
        return TURN | SUCCESS
    row[TURNS] += 1
    search_heard(row, tables, draw)
    if plan & USELESS == 0:
        return TURN
    row[PATIENCE] -= 1
    return TURN | USELESS | (FAILURE if row[PATIENCE] <= 0 else 0)
