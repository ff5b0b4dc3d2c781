"""The bot's half of a row where users search a database: its belief, its search and its offers.

For each constraint the bot believes in two values, with scores in percent, after the focus tracker of the
Dialog State Tracking Challenges. The venues that have all likelier values are found by sets of bits.
"""

from __future__ import annotations

from dialogue_gym.rules.tables import (
    ACCEPTED,
    ALTERNATIVE,
    ANSWER,
    ASKED,
    CONFIRM,
    FILLED_SLOTS,
    FIRST_VENUE,
    GIVEN,
    HEARD_ATTRIBUTES,
    MADE,
    MANY_MATCHES,
    NO_MATCH,
    NO_OFFER,
    NO_OTHER,
    OFFER,
    ON_OFFER,
    OTHER_WANTED,
    WORD,
    Row,
    Tables,
)

FORGOTTEN = 10
"""Hypotheses with lower scores are forgotten."""
CLOSE = 20
"""The lowest score of a close rival."""


def count_bits(word: int, most: int) -> int:
    """Return the number of bits that are set, at most `most`."""
    number = 0
    while word and number < most:
        word &= word - 1
        number += 1
    return number


def nth_bit(word: int, number: int) -> int:
    """Return the place of the bit that follows `number` set ones."""
    for _ in range(number):
        word &= word - 1
    word &= -word
    place = 0
    if word >= 4294967296:
        word >>= 32
        place = 32
    if word >= 65536:
        word >>= 16
        place += 16
    if word >= 256:
        word >>= 8
        place += 8
    while word > 1:
        word >>= 1
        place += 1
    return place


def score_bin(score: int) -> int:
    """Return the observed bin of a score in percent."""
    if score >= 60:
        return 4 if score >= 85 else 3
    return 2 if score >= 40 else 1


def find_venues(row: Row, tables: Tables) -> None:
    """Search: note the venues that have all likelier values."""
    total = 0
    for word in range(tables.words):
        venues = tables.all_venues[word]
        for slot in tables.constraints:
            value = row[tables.values + slot]
            if value:
                venues &= tables.venues_with[tables.match_at[slot] + value * tables.words + word]
        row[tables.found + word] = venues
        while venues and total < MANY_MATCHES:
            venues &= venues - 1
            total += 1
    row[tables.matches] = total if total < 3 else 3 if total < MANY_MATCHES else 4
    look_further(row, tables)


def look_further(row: Row, tables: Tables) -> None:
    """Note whether a venue that was found is not turned down."""
    left = 0
    for word in range(tables.words):
        if row[tables.found + word] & ~row[tables.turned_down + word]:
            left = 1
    row[tables.left] = left


def believe(
    row: Row, tables: Tables, slot: int, first: int, score: int, rival: int, rival_score: int
) -> bool:
    """Take in a value with a score and a rival with another; return whether the likelier value changes.

    0 stands for no value. The belief so far keeps the share that the two scores leave.
    """
    share = 100 - score - rival_score
    top = row[tables.values + slot]
    next_top = row[tables.seconds + slot]
    top_score = row[tables.scores + slot] * share // 100
    next_score = row[tables.second_scores + slot] * share // 100
    if top == first:
        score += top_score
        top_score = 0
    elif top == rival:
        rival_score += top_score
        top_score = 0
    if next_top == first:
        score += next_score
        next_score = 0
    elif next_top == rival:
        rival_score += next_score
        next_score = 0
    if rival_score > score:
        first, score, rival, rival_score = rival, rival_score, first, score
    if next_score > top_score:
        top, top_score, next_top, next_score = next_top, next_score, top, top_score
    if top_score > score:
        if next_score > score:
            rival, rival_score = next_top, next_score
        else:
            rival, rival_score = first, score
        first, score = top, top_score
    elif top_score > rival_score:
        rival, rival_score = top, top_score
    return hold(row, tables, slot, first, score, rival, rival_score)


def deny(row: Row, tables: Tables, slot: int, score: int) -> bool:
    """Take in, with a score, that the likelier value is wrong; return whether another one is likelier now."""
    top = row[tables.values + slot]
    top_score = row[tables.scores + slot] * (100 - score) // 100
    rival = row[tables.seconds + slot]
    rival_score = row[tables.second_scores + slot]
    if rival_score > top_score:
        top, top_score, rival, rival_score = rival, rival_score, top, top_score
    return hold(row, tables, slot, top, top_score, rival, rival_score)


def hold(row: Row, tables: Tables, slot: int, first: int, score: int, rival: int, rival_score: int) -> bool:
    """Store the belief about a constraint and show it; return whether the likelier value changes."""
    if score < FORGOTTEN:
        first = 0
        score = 0
    if rival_score < FORGOTTEN:
        rival = 0
        rival_score = 0
    before = row[tables.values + slot]
    row[tables.values + slot] = first
    row[tables.scores + slot] = score
    row[tables.seconds + slot] = rival
    row[tables.second_scores + slot] = rival_score
    at = tables.slot_at[slot]
    if at >= 0:
        row[at] = tables.seen[slot][first]
        row[at + 1] = score_bin(score) if first else 0
        row[at + 2] = 0 if rival == 0 else 1 if rival_score < CLOSE else 2
    filled = row[tables.search + FILLED_SLOTS] + (1 if first else 0) - (1 if before else 0)
    row[tables.search + FILLED_SLOTS] = filled
    row[tables.known] = filled if filled < 4 else 4
    return first != before


def store(row: Row, tables: Tables, slot: int, value: int, score: int) -> None:
    """Store the code of a value (0 empties the slot) that is known with a score."""
    if tables.is_constraint[slot]:
        if hold(row, tables, slot, value, score, 0, 0):
            find_venues(row, tables)
    else:
        store_plain(row, tables, slot, value, score)


def store_plain(row: Row, tables: Tables, slot: int, value: int, score: int) -> None:
    """Store the code of a value in a slot that is not a constraint."""
    row[tables.values + slot] = value
    at = tables.slot_at[slot]
    if at >= 0:
        row[at] = tables.seen[slot][value]
        row[at + 1] = score_bin(score) if value else 0


def turn_down(row: Row, tables: Tables) -> None:
    """Note that the venue on offer is not wanted."""
    venue = row[tables.search + ON_OFFER] - 1
    if venue >= 0:
        row[tables.turned_down + venue // WORD] |= 1 << (venue % WORD)


def hear_search(row: Row, tables: Tables, intent: int, score: int, rival_score: int) -> None:
    """Understand an act: its intent with a score, its values and their rivals, and attributes asked for.

    They lie in the blocks `heard` and `others`, and in `HEARD_ATTRIBUTES`. The rivals have `rival_score`.
    """
    row[tables.intent] = intent
    row[tables.intent_confidence] = score_bin(score)
    row[tables.spoken] = 0
    row[tables.done] = 0
    row[tables.search + GIVEN] = 0
    row[tables.search + ASKED] |= row[HEARD_ATTRIBUTES]
    row[tables.pending] = count_bits(row[tables.search + ASKED], 2)
    if intent:
        row[tables.over] = 1 if intent == tables.thank else 0
    about = -1
    if tables.reaction[row[tables.said]] == CONFIRM:
        about = tables.about[row[tables.said]]
    is_turned_down = hear_offer(row, tables, intent, about < 0)
    changed = False
    for slot in tables.constraints:
        value = row[tables.heard + slot]
        rival = row[tables.others + slot]
        if slot == about and value == 0:
            if intent == tables.deny:
                changed |= deny(row, tables, slot, score)
            elif intent == tables.affirm:
                value = row[tables.values + slot]
        if value or rival:
            changed |= believe(
                row, tables, slot, value, score if value else 0, rival, rival_score if rival else 0
            )
    for slot in tables.plain_slots:
        if row[tables.heard + slot]:
            store_plain(row, tables, slot, row[tables.heard + slot], score)
    if changed:
        find_venues(row, tables)
    elif is_turned_down:
        look_further(row, tables)


def hear_offer(row: Row, tables: Tables, intent: int, is_about_offer: bool) -> bool:
    """Understand an act's meaning for the offer; return whether a venue is turned down."""
    offer = row[tables.offer]
    if intent == tables.alternative:
        if row[tables.search + ON_OFFER]:
            turn_down(row, tables)
            row[tables.offer] = OTHER_WANTED
            return True
    elif intent == tables.affirm:
        if offer == MADE and is_about_offer:
            row[tables.offer] = ACCEPTED
    elif intent == tables.deny:
        if offer == MADE and is_about_offer:
            turn_down(row, tables)
            row[tables.offer] = NO_OFFER
            return True
    elif intent in (tables.request, tables.thank):
        if offer in (MADE, OTHER_WANTED):
            row[tables.offer] = ACCEPTED
    elif intent == tables.inform:
        for slot in tables.constraints:
            if row[tables.heard + slot] or row[tables.others + slot]:
                row[tables.offer] = NO_OFFER
    return False


def serve(row: Row, tables: Tables, action: int) -> None:
    """Offer a venue, or tell the attributes that were asked for, if that is the action's act."""
    act = tables.reaction[action]
    if act in (OFFER, ALTERNATIVE):
        if act == ALTERNATIVE and row[tables.offer] != OTHER_WANTED:
            turn_down(row, tables)
            look_further(row, tables)
        if act == OFFER and row[tables.left] == 0 and row[tables.matches]:  # again from the first one
            for word in range(tables.words):
                row[tables.turned_down + word] = 0
            row[tables.left] = 1
        venue = next_venue(row, tables)
        row[tables.search + ON_OFFER] = venue
        row[tables.search + ASKED] = 0
        row[tables.pending] = 0
        row[tables.offer] = MADE if venue else NO_OTHER if row[tables.matches] else NO_MATCH
    elif act == ANSWER:
        row[tables.search + GIVEN] |= row[tables.search + ASKED]
        row[tables.search + ASKED] = 0
        row[tables.pending] = 0


def next_venue(row: Row, tables: Tables) -> int:
    """Return the first venue found that is not turned down, from this dialogue's first one on, + 1; or 0."""
    first = row[FIRST_VENUE]
    for i in range(tables.words + 1):
        word = (first // WORD + i) % tables.words
        venues = row[tables.found + word] & ~row[tables.turned_down + word]
        if i == 0:
            venues = venues >> (first % WORD) << (first % WORD)
        if venues:
            return word * WORD + nth_bit(venues, 0) + 1
    return 0
