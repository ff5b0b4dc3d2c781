"""The tables of domains in which users search a database."""

from __future__ import annotations

import dataclasses
from typing import Any

from dialogue_gym.domain.model import Behaviour, Domain, Noise, SearchGoal
from dialogue_gym.domain.observation import observation_fields, slot_codes
from dialogue_gym.rules.chance import ChanceTables
from dialogue_gym.rules.search import find_venues, store
from dialogue_gym.rules.tables import (
    CERTAIN_SCORE,
    SCALARS,
    SCORE_IF_RIGHT,
    SCORE_IF_WRONG,
    SEARCH_FIGURES,
    SEARCH_SCALARS,
    SECOND_IF_RIGHT,
    SECOND_IF_WRONG,
    WORD,
    Settings,
    Tables,
)

FIGURES = (
    "combine",
    "relax",
    "wants_other",
    "changes",
    "tells",
    "corrects",
    "asks_more",
    "leaves",
    "greets",
    "new_wish",
)
"""The figures of behaviour that are chances, in the order of their places in a row."""
LEVELS = 4


def search_tables(tables: Tables, domain: Domain, settings: Settings) -> Tables:
    """Return the tables of a domain, completed with those of its search."""
    assert domain.fake_user is not None and domain.fake_user.search is not None
    goal = domain.fake_user.search
    tables = dataclasses.replace(
        tables,
        is_search=True,
        **_venues(domain, goal),
        **_goal(domain, goal),
        **_chances(domain, goal, settings),
    )
    tables = dataclasses.replace(tables, **_blocks(tables, domain))
    return dataclasses.replace(tables, start=_start(tables, domain))


def _blocks(tables: Tables, domain: Domain) -> dict[str, Any]:
    """Return the places of the blocks of a row."""
    fields = [field.name for field in observation_fields(domain)]
    slots, words = tables.slots, tables.words
    at = len(fields)
    places = {}
    for name, size in (
        ("values", slots),
        ("scores", slots),
        ("seconds", slots),
        ("second_scores", slots),
        ("found", words),
        ("turned_down", words),
        ("search", SEARCH_FIGURES),
        ("goal", slots),
        ("told", slots),
        ("heard", slots),
        ("others", slots),
        ("refused", words),
        ("behaviour", len(FIGURES)),
    ):
        places[name] = at
        at += size
    user = slice(places["goal"], at + SEARCH_SCALARS)
    return dict(
        **places,
        **{name: fields.index(name) for name in ("known", "matches", "left", "offer", "pending", "over")},
        **{
            f"{name}_block": slice(places[name], places[name] + slots) for name in ("told", "heard", "others")
        },
        size=at + SEARCH_SCALARS + SCALARS,
        opening=0,
        opening_block=slice(0, 0),
        unheard_block=slice(0, 0),
        start_block=slice(0, places["goal"]),
        user_block=user,
        no_user=(0,) * (user.stop - user.start),
    )


def _start(tables: Tables, domain: Domain) -> tuple[int, ...]:
    """Return the bot's half at the start of a dialogue, with the slots' initial values."""
    row = [0] * tables.size
    for index, code in enumerate(slot_codes(domain)):
        value = code.encode(code.slot.initial_value)
        if value:
            store(row, tables, index, value, CERTAIN_SCORE)
    find_venues(row, tables)
    return tuple(row[tables.start_block])


def _venues(domain: Domain, goal: SearchGoal) -> dict[str, Any]:
    """Return the database: the sets of venues by slot and code, as bits of words."""
    database = domain.database
    assert database is not None
    codes = {code.slot.name: code for code in slot_codes(domain)}
    columns = [
        [codes[name].encode(row[database.column(name)]) for row in database.rows] for name in goal.constraints
    ]
    venues = len(database.rows)
    words = (venues + WORD - 1) // WORD
    everything = _words(range(venues), words)
    constraints = [index for index, slot in enumerate(domain.slots) if slot.name in goal.constraints]
    by_slot = dict(zip(goal.constraints, columns, strict=True))
    match_at = []
    sets: list[int] = []
    for slot in domain.slots:
        match_at.append(len(sets))
        if slot.name not in by_slot:
            continue
        number = len(slot.values)
        sets += everything  # an empty slot
        for value in range(1, number + 1):
            having = [venue for venue, code in enumerate(by_slot[slot.name]) if code == value]
            sets += _words(having, words)
        sets += everything  # a slot that does not matter
        sets += [0] * words  # a value that the domain does not list
    ordered = [by_slot[domain.slots[index].name] for index in constraints]
    return dict(
        venues=venues,
        words=words,
        all_venues=tuple(everything),
        venues_with=tuple(sets),
        venue_codes=tuple(code for row in zip(*ordered, strict=True) for code in row),
        match_at=tuple(match_at),
        constraints=tuple(constraints),
        plain_slots=tuple(index for index in range(len(domain.slots)) if index not in constraints),
        is_constraint=tuple(index in constraints for index in range(len(domain.slots))),
        values_of=tuple(len(slot.values) if slot.name in by_slot else 0 for slot in domain.slots),
    )


def _words(venues: Any, words: int) -> list[int]:
    """Return a set of venues as words."""
    result = [0] * words
    for venue in venues:
        result[venue // WORD] |= 1 << venue % WORD
    return result


def _goal(domain: Domain, goal: SearchGoal) -> dict[str, Any]:
    assert domain.fake_user is not None and domain.database is not None
    intent = {name: i + 1 for i, name in enumerate(domain.intents)}
    roles = {role: intent[name] for role, name in domain.fake_user.intents}
    columns = attribute_columns(domain)
    (least, most), (fewest, wishes) = goal.counts, goal.wishes
    return dict(
        attribute_count=len(columns),
        fewest_constraints=least,
        constraint_counts=most - least + 1,
        fewest_wishes=fewest,
        wish_counts=wishes - fewest + 1,
        **{role: roles[role] for role in ("request", "alternative", "find", "thank")},
    )


def attribute_columns(domain: Domain) -> tuple[str, ...]:
    """Return the attributes that users ask for; their places are those of their bits."""
    search = domain.fake_user.search if domain.fake_user else None
    return search.attributes if search else ()


def _behaviours(goal: SearchGoal, settings: Settings) -> list[tuple[float, Behaviour]]:
    """Return the personas of the user of the settings, with their chances."""
    user = dict(goal.users)[settings.user]
    own: dict[str, tuple[float, float]] = {}
    if settings.patience is not None:
        own["patience"] = (settings.patience, settings.patience)
    if settings.correction_rate is not None:
        own["corrects"] = (settings.correction_rate, settings.correction_rate)
    rest = 1 - sum(chance for _, chance, _ in goal.personas)
    personas = [(max(0.0, rest), {}), *((chance, dict(figures)) for _, chance, figures in goal.personas)]
    return [
        (chance, dataclasses.replace(user, **(figures | own)))  # type: ignore[arg-type]
        for chance, figures in personas
    ]


def _chances(domain: Domain, goal: SearchGoal, settings: Settings) -> dict[str, Any]:
    chances = ChanceTables()
    error = settings.semantic_error_rate
    personas = _behaviours(goal, settings)
    named = dict(
        error_chance=chances.maybe(error),
        right_chance=chances.add(SCORE_IF_RIGHT),
        wrong_chance=chances.add(SCORE_IF_WRONG),
        fault_chance=chances.add(Noise().faults),
        unmet_chance=chances.maybe(goal.unmet),
        rival_chance=chances.maybe(SECOND_IF_RIGHT),
        truth_chance=chances.maybe(SECOND_IF_WRONG),
        persona_chance=chances.add([chance for chance, _ in personas]),
    )
    levels = []
    for _, behaviour in personas:
        own = []
        for name in FIGURES:
            low, high = getattr(behaviour, name)
            own += [
                chances.maybe(low + (high - low) * (2 * level + 1) / (2 * LEVELS)) for level in range(LEVELS)
            ]
        levels.append(tuple(own))
    patience = [behaviour.patience for _, behaviour in personas]
    return named | dict(
        levels=tuple(levels),
        least_patience=tuple(low for low, _ in patience),
        patience_counts=tuple(high - low + 1 for low, high in patience),
        chances=tuple(chances.tables),
    )
