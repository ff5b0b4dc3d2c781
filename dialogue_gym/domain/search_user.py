"""From a YAML file to a `Domain`: the keys of `fake_user` for users who search a database."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

from dialogue_gym._yaml import YamlNode
from dialogue_gym.domain.conditions import Names
from dialogue_gym.domain.model import ActionModel, Behaviour, Condition, SearchGoal
from dialogue_gym.domain.slot import DONT_CARE, FILLED
from dialogue_gym.domain.venues import Database

SEARCH_KEYS = ("constraints", "requests", "behaviour", "personas")
CONSTRAINT_KEYS = ("slots", "count", "unmet")
REQUEST_KEYS = ("attributes", "count")
SEARCH_ROLES = ("greet", "inform", "affirm", "deny", "request", "alternative", "find", "thank")
FIGURES = tuple(field.name for field in dataclasses.fields(Behaviour))
UNFRIENDLY = {
    "combine": (0.0, 0.4),
    "relax": (0.2, 0.5),
    "tells": (0.0, 0.4),
    "corrects": (0.25, 0.6),
    "greets": (0.1, 0.4),
}
"""The figures in which an unfriendly user differs, where the domain does not say."""
UNMET = 0.2
MAX_BITS = 62
"""The most slots and attributes: sets of them are the bits of a word."""
MAX_PATIENCE = 100
ACTS_ABOUT_SLOTS = ("request", "confirm", "select")
_ON_OFFER = ("offer", ("made", "accepted"))
NEEDS = {
    "offer": (("known", ("one", "two", "three", "more")),),
    "alternative": (("offer", ("made", "accepted", "other wanted")),),
    "answer": (("pending", ("one", "several")), _ON_OFFER),
    "more": (_ON_OFFER,),
    "bye": (("over", ("yes",)), ("offer", ("accepted",))),
}
"""The clauses without which an act makes no sense."""
SECOND_HEARD = ("weak", "close")
"""The labels of a second hypothesis, without which there is nothing to select."""


def constraint_names(fake_user: YamlNode | None) -> tuple[str, ...]:
    """Return the slots by which users choose venues, unchecked; none without search-driven users."""
    keys = fake_user.mapping() if fake_user is not None and fake_user.is_mapping else {}
    if "constraints" not in keys or not keys["constraints"].is_mapping:
        return ()
    slots = keys["constraints"].mapping().get("slots")
    return slots.texts() if slots is not None else ()


def parse_search(keys: dict[str, YamlNode], names: Names, database: Database) -> SearchGoal:
    """Read the keys of a search-driven user."""
    given = keys["constraints"].mapping(CONSTRAINT_KEYS)
    if "slots" not in given:
        raise keys["constraints"].error("expected 'slots', the slots by which users choose")
    slots = _constraints(given["slots"], names, database)
    counts = _range(given["count"], 1, len(slots), "slots") if "count" in given else (1, min(3, len(slots)))
    attributes, wishes = _requests(keys.get("requests"), database)
    users = _users(keys)
    return SearchGoal(
        constraints=slots,
        counts=counts,
        unmet=given["unmet"].number(0, 1) if "unmet" in given else UNMET,
        attributes=attributes,
        wishes=wishes,
        users=users,
        personas=_personas(keys["personas"]) if "personas" in keys else (),
    )


def _constraints(entry: YamlNode, names: Names, database: Database) -> tuple[str, ...]:
    chosen: list[str] = []
    for item in entry.one_or_many():
        slot = names.slot(item, item.text("slot"))
        if slot.type != "categorical":
            raise item.error(f"a constraint is a categorical slot, {slot.name!r} is of type {slot.type}")
        if slot.entity is None:
            raise item.error("no entity fills this slot, so a user cannot tell it")
        if not slot.is_observed:
            raise item.error("this slot does not influence the conversation")
        if slot.name not in database.columns:
            raise item.error(f"the database has no column {slot.name!r}")
        if slot.name in chosen:
            raise item.error(f"duplicate slot {slot.name!r}")
        if DONT_CARE in map(str.lower, slot.values):
            raise item.error(f"{slot.name!r} must not list {DONT_CARE!r}: users say it without that")
        chosen.append(slot.name)
    if not chosen:
        raise entry.error("expected at least one slot")
    if len(names.slots) > MAX_BITS:
        raise entry.error(f"{len(names.slots)} slots are more than the {MAX_BITS} that are supported here")
    return tuple(chosen)


def _requests(entry: YamlNode | None, database: Database) -> tuple[tuple[str, ...], tuple[int, int]]:
    if entry is None:
        return (), (0, 0)
    keys = entry.mapping(REQUEST_KEYS)
    if "attributes" not in keys:
        raise entry.error("expected 'attributes', the columns that users ask for")
    valid = [column for column in database.columns if column != database.name]
    attributes = keys["attributes"].choices(valid, "column")
    if twice := [name for name, times in Counter(attributes).items() if times > 1]:
        raise keys["attributes"].error(f"duplicate column {twice[0]!r}")
    if len(attributes) > MAX_BITS:
        raise entry.error(f"more than the {MAX_BITS} attributes that are supported")
    count = keys.get("count")
    most = len(attributes)
    return attributes, _range(count, 0, most, "attributes") if count else (min(1, most), min(3, most))


def _range(entry: YamlNode, minimum: int, maximum: int, what: str) -> tuple[int, int]:
    """Read a number of things, or the lowest and the highest number."""
    low, high = _pair(entry, lambda item: item.integer(minimum, 1000))
    if high > maximum:
        raise entry.error(f"{high} is more than the number of {what}, {maximum}")
    return int(low), int(high)


def _pair(entry: YamlNode, read):  # type: ignore[no-untyped-def]
    """Read a number, or a list of the lowest and the highest one."""
    if not entry.is_list:
        number = read(entry)
        return number, number
    items = entry.items()
    if len(items) != 2:
        raise entry.error("expected a number, or a list of the lowest and the highest number")
    low, high = map(read, items)
    if low > high:
        raise entry.error(f"the lowest number, {low}, is above the highest one, {high}")
    return low, high


def _figures(keys: dict[str, YamlNode]) -> dict[str, tuple[float, float]]:
    figures = {}
    for name, value in keys.items():
        if name == "patience":
            figures[name] = _pair(value, lambda item: item.integer(1, MAX_PATIENCE))
        else:
            figures[name] = _pair(value, lambda item: item.number(0, 1))
    return figures


def _users(keys: dict[str, YamlNode]) -> tuple[tuple[str, Behaviour], ...]:
    """Read the behaviour of the standard user, and of those that differ from it."""
    given = _figures(keys["behaviour"].mapping(FIGURES)) if "behaviour" in keys else {}
    standard = dataclasses.replace(Behaviour(), **given)  # type: ignore[arg-type]
    users = {
        "standard": standard,
        "unfriendly": dataclasses.replace(standard, **UNFRIENDLY),  # type: ignore[arg-type]
    }
    for name, value in keys["users"].named().items() if "users" in keys else ():
        if name == "standard":
            raise value.error("set the standard user's figures under 'behaviour'")
        own = _figures(value.mapping(FIGURES))
        users[name] = dataclasses.replace(users.get(name, standard), **own)  # type: ignore[arg-type]
    return tuple(users.items())


def _personas(entry: YamlNode) -> tuple[tuple[str, float, tuple[tuple[str, tuple[float, float]], ...]], ...]:
    personas = []
    total = 0.0
    for name, value in entry.named().items():
        keys = value.mapping(("chance", *FIGURES))
        if "chance" not in keys:
            raise value.error("a persona needs its 'chance'")
        chance = keys.pop("chance").number(0, 1)
        total += chance
        if total > 1 + 1e-9:
            raise value.error(f"the chances of the personas add up to {total:g}, more than 1")
        personas.append((name, chance, tuple(_figures(keys).items())))
    return tuple(personas)


def implied_needs(act: str, slot: str | None, needs: Condition) -> Condition:
    """Return the precondition of an action: its own, and that of its act."""
    implied = NEEDS.get(act, ())
    if act == "confirm":
        implied = ((f"slot.{slot}", (FILLED, DONT_CARE)),)
    elif act == "select":
        implied = ((f"second.{slot}", SECOND_HEARD),)
    clauses = dict(implied)
    for field, labels in needs.clauses:
        both = [label for label in clauses.get(field, labels) if label in labels]
        clauses[field] = tuple(both)
    return Condition(tuple(clauses.items()))


def check_acts(entry: YamlNode, actions: Sequence[ActionModel], attributes: Sequence[str]) -> None:
    """Refuse actions with which no user can have success; `attributes` are those that users ask for."""
    acts = {model.reaction for model in actions}
    for act, is_needed, reason in (
        ("offer", True, "nobody finds a venue"),
        ("answer", bool(attributes), "nobody learns what they ask for"),
    ):
        if is_needed and act not in acts:
            raise entry.error(f"no action has 'user: {act}', so {reason}")
