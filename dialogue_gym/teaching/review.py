"""Reviews of teaching: corrections in a conversation, and disagreements between labels."""

from __future__ import annotations

from dataclasses import dataclass

from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.journal.entry import BOT, LABEL, MEND, STORY, Entry, entry_events
from dialogue_gym.journal.history import History, Label


@dataclass(frozen=True)
class Correction:
    """A correction by a teacher.

    Attributes:
        event: the index of the corrected event in the conversation.
        before: the action that was proposed, or the act that was understood.
        after: the action that is right, or the act that was meant.
        message: the message with its new meaning, if one was corrected.
    """

    event: int
    before: str
    after: str
    message: UserUttered | None = None


def corrections(history: History, conversation: str) -> list[Correction]:
    """Return the corrections of a conversation in effect, in the order of its events.

    Raises:
        StoreError: there is no such conversation, or the content of an entry does not fit its kind.
    """
    written = [
        (entry, event)
        for entry in history.path(conversation)
        if entry.kind != MEND
        for event in entry_events(entry)
    ]
    found = []
    # A corrected message replaces the original one.
    for place, ((entry, before), event) in enumerate(zip(written, history.events(conversation), strict=True)):
        if isinstance(event, UserUttered) and isinstance(before, UserUttered) and event != before:
            found.append(Correction(place, before.act, event.act, event))
        elif is_correction(entry):
            found.append(Correction(place, entry.content["proposal"], entry.content["action"]))
    return found


def is_answer(entry: Entry) -> bool:
    """Return whether an entry is a person's decision: neither the bot's own nor a story's."""
    return entry.kind == LABEL and entry.content["by"] not in (BOT, STORY)


def is_correction(entry: Entry) -> bool:
    """Return whether an entry is an answer that another action was right than the proposed one."""
    action = entry.content.get("action")
    return is_answer(entry) and entry.content.get("proposal", action) != action


@dataclass(frozen=True)
class Disagreement:
    """A situation for which different actions were right.

    Attributes:
        labels: the first label that says so for each set of actions, in order; the last one holds.
        is_open: only stories speak of it, of which none holds more than another.
    """

    labels: tuple[Label, ...]
    is_open: bool


def disagreements(history: History, domain: Domain, turn_taking: str) -> list[Disagreement]:
    """Return the disagreements between labels in effect: open ones between stories first, then resolved ones.

    Several right actions are not a disagreement if a teacher chose them.

    Raises:
        StoreError: the content of an entry does not fit its kind.
        DomainError: an event names an action or a slot that the domain does not have.
    """
    by_observation: dict[bytes, list[Label]] = {}
    for label in history.labels(domain, turn_taking):
        by_observation.setdefault(label.observation.tobytes(), []).append(label)
    found = []
    for labels in by_observation.values():
        taught = [label for label in labels if label.by != STORY]
        holds = set(taught[-1].right) if taught else set()
        if (
            all(set(label.right) <= holds for label in labels)
            or len({frozenset(la.right) for la in labels}) < 2
        ):
            continue
        distinct = {label.right: label for label in reversed(labels)}
        if taught:
            distinct[taught[-1].right] = taught[-1]
        in_order = sorted(distinct.values(), key=lambda label: (label.by != STORY, label.entry))
        found.append(Disagreement(tuple(in_order), is_open=not taught))
    return sorted(found, key=lambda one: (not one.is_open, -one.labels[-1].entry))
