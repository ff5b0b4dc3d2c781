"""Review of a store: corrections in conversations, and situations with different answers."""

from __future__ import annotations

from dataclasses import dataclass

from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.journal.entry import MEND, STORY, entry_events
from dialogue_gym.journal.history import History
from dialogue_gym.journal.labels import Label


@dataclass(frozen=True)
class Correction:
    """A corrected action or message.

    Attributes:
        event: the index of the action or message in the conversation's events.
        before: the proposed action, or the act that was understood.
        after: the right action, or the act that was meant.
        message: the corrected message; None for an action.
    """

    event: int
    before: str
    after: str
    message: UserUttered | None = None


def corrections(history: History, conversation: str) -> list[Correction]:
    """Return the corrections in effect in a conversation, in the order of its events.

    Raises:
        StoreError: the conversation does not exist, or the content of an entry does not fit its kind.
    """
    written = [
        (entry, event)
        for entry in history.path(conversation)
        if entry.kind != MEND
        for event in entry_events(entry)
    ]
    found = []
    # A corrected message replaces the original one at its place in the history's events.
    for place, ((entry, before), event) in enumerate(zip(written, history.events(conversation), strict=True)):
        if isinstance(event, UserUttered) and isinstance(before, UserUttered) and event != before:
            found.append(Correction(place, before.act, event.act, event))
        elif entry.is_correction:
            found.append(Correction(place, entry.content["proposal"], entry.content["action"]))
    return found


@dataclass(frozen=True)
class Disagreement:
    """A situation with different right actions.

    Attributes:
        labels: the first label of each set of actions, in order; the last one holds.
        is_open: all labels are from stories, none of which overrides another.
    """

    labels: tuple[Label, ...]
    is_open: bool


def disagreements(history: History, domain: Domain, turn_taking: str) -> list[Disagreement]:
    """Return the disagreements among the labels in effect: open ones first, then those a teacher resolved.

    Several right actions are not a disagreement if a teacher approved them all.

    Raises:
        StoreError: the content of an entry does not fit its kind.
        DomainError: an event names an action or a slot that the domain does not have.
    """
    by_observation: dict[bytes, list[Label]] = {}
    for label in history.labels(domain, turn_taking):
        by_observation.setdefault(label.observation.tobytes(), []).append(label)
    found = []
    for labels in by_observation.values():
        by_teachers = [label for label in labels if label.by != STORY]
        holds = set(by_teachers[-1].right) if by_teachers else set()
        if (
            all(set(label.right) <= holds for label in labels)
            or len({frozenset(la.right) for la in labels}) < 2
        ):
            continue
        distinct = {label.right: label for label in reversed(labels)}
        if by_teachers:
            distinct[by_teachers[-1].right] = by_teachers[-1]
        in_order = sorted(distinct.values(), key=lambda label: (label.by != STORY, label.entry))
        found.append(Disagreement(tuple(in_order), is_open=not by_teachers))
    return sorted(found, key=lambda one: (not one.is_open, -one.labels[-1].entry))
