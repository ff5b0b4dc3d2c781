"""The domain that a store belongs to: recognized by its content, wherever its file is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dialogue_gym._text import as_typed, counted, printable, quoted
from dialogue_gym._yaml import parse_yaml
from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.domain.additions import ACTION, INTENT, SLOT
from dialogue_gym.domain.default_names import DEFAULT_INTENTS
from dialogue_gym.domain.loader import parse_domain
from dialogue_gym.domain.model import DOMAIN_FILE, LISTEN, RESTART, DomainError
from dialogue_gym.domain.sources import builtin_names
from dialogue_gym.journal.additions import used_names
from dialogue_gym.journal.entry import MEND, USER, entry_events
from dialogue_gym.journal.history import History

_LEAST_COMMON = 0.5
"""The share of its names that a domain may not lose at once to stay the same domain."""

Name = tuple[str, str]
"""The kind of a name (action, intent or slot), and the name."""


@dataclass(frozen=True, slots=True)
class StoredDomain:
    """The domain of a store: its name or the path of its file, and the text of that file."""

    source: str
    text: str


def read_domain(stored: StoredDomain) -> Domain:
    """Return the domain of a store, as its file was when it was last used.

    Raises:
        DomainError: the text cannot be read any more.
    """
    name = stored.source if stored.source in builtin_names() else printable(Path(stored.source).stem)
    return parse_domain(parse_yaml(stored.text, stored.source, DOMAIN_FILE), name)


def names_of(domain: Domain) -> dict[Name, None]:
    """Return the actions, intents and slots of a domain, apart from those that every domain has."""
    found = [(ACTION, name) for name in domain.actions if name not in (LISTEN, RESTART)]
    found += [(INTENT, name) for name in domain.intents]
    found += [(SLOT, slot.name) for slot in domain.slots]
    return dict.fromkeys(found)


def changes_of(history: History, known: StoredDomain, given: StoredDomain, place: object) -> list[str]:
    """Return a line for each name that lessons use and the domain has lost, and each slot of a new type.

    Args:
        history: the lessons.
        known: the domain until now.
        given: the domain as it is now.
        place: the place of the store, for a command that a line may name.

    Raises:
        DomainError: the text of the given one is not that of a domain.
    """
    now = read_domain(given)
    return [*_changes(history, _readable(known) or now, given, now, place)]


def _readable(stored: StoredDomain) -> Domain | None:
    """Return a domain; None if another version of the library wrote it, and this one cannot read it."""
    try:
        return read_domain(stored)
    except DomainError:
        return None


def mismatch(known: StoredDomain, given: StoredDomain) -> str | None:
    """Return the reason why two texts are not of the same domain; None if they are.

    Raises:
        DomainError: the text of the given one is not that of a domain.
    """
    return difference(known, read_domain(given), given.source)


def difference(known: StoredDomain, now: Domain, source: str) -> str | None:
    """Return the reason why a domain is not that of a store; None if it is.

    It is if at least half of the names of the known one are still there: a file may be edited, moved and
    renamed.

    Args:
        known: the domain of the store.
        now: the domain.
        source: its name or the path of its file.
    """
    before = _readable(known)
    if before is None:
        if Path(known.source).stem == Path(source).stem:
            return None
        what = ""
    else:
        names, there = names_of(before), names_of(now)
        missing = [name for name in names if name not in there]
        if len(missing) <= len(names) * _LEAST_COMMON:
            return None
        kind, name = missing[0]
        lacks = f"{len(missing)} of its {counted(len(names), 'name')}"
        what = f", which lacks {lacks}, such as the {kind} {quoted(name)}"
    return (
        f"this store belongs to the domain {quoted(known.source)}, not {quoted(source)}{what};"
        " give each its own folder with --store, or make this one its domain with dialogue-gym store adopt"
    )


def _changes(
    history: History, before: Domain, given: StoredDomain, now: Domain, place: object
) -> Iterator[str]:
    """Yield a line for each name that lessons use and the domain has lost, and each slot of a new type."""
    file = printable(Path(given.source).name)
    for (kind, name), count in lost_names(history, before, now).items():
        uses = counted(count, "lesson uses", "lessons use")
        command = f"dialogue-gym store rename-action {printable(name)} NEW --store {as_typed(place)}"
        advice = f"; if it was renamed: {command}"
        yield f"{file} lacks the {kind} {printable(name)}, which {uses}" + advice * (kind == ACTION)
    types = {slot.name: slot.type for slot in now.slots}
    for slot in before.slots:
        if (kind := types.get(slot.name, slot.type)) != slot.type:
            yield f"in {file} the slot {printable(slot.name)} is of the type {kind}; it was {slot.type}"


def lost_names(history: History, before: Domain, now: Domain) -> Mapping[Name, int]:
    """Return the names that lessons use and a domain has lost, with the number of lessons.

    Args:
        history: the history with the lessons.
        before: the domain until now, which says the slots that an entity fills.
        now: the domain.
    """
    known = names_of(history.extended(before))
    counted: Counter[Name] = Counter()
    fills = {slot.entity: slot.name for slot in before.slots if slot.entity}
    for conversation in history.conversations:
        for entry in history.path(conversation):
            used = set(used_names(entry))
            for event in entry_events(entry) if entry.kind in (USER, MEND) else ():
                if isinstance(event, UserUttered) and (intent := before.intent_of(event.intent)):
                    used.add((INTENT, intent))
                if isinstance(event, UserUttered):
                    used |= {(SLOT, fills[one.name]) for one in event.entities if one.name in fills}
            counted.update(used)
    there = names_of(now) | dict.fromkeys(history.added_names)
    lost = [name for name in counted if name in known and name not in there]
    own = {(ACTION, LISTEN), (ACTION, RESTART), *((INTENT, name) for name in DEFAULT_INTENTS)}
    return {name: counted[name] for name in known if name in lost and name not in own}
