"""What a teacher corrected in a conversation."""

from __future__ import annotations

from dataclasses import dataclass

from dialogue_gym.entries import BOT, LABEL, MEND, STORY, Entry, entry_events
from dialogue_gym.events import UserUttered
from dialogue_gym.history import History


@dataclass(frozen=True)
class Correction:
    """Something that a teacher knew better.

    Attributes:
        event: the place in the conversation's events of what was corrected.
        before: the action that was proposed, or the act that was understood.
        after: the action that is right, or the act that was meant.
        message: what is understood now, if a message was corrected.
    """

    event: int
    before: str
    after: str
    message: UserUttered | None = None


def corrections(history: History, conversation: str) -> list[Correction]:
    """Return what is in effect of the corrections in a conversation, in the order of its events.

    Raises:
        StoreError: there is no such conversation, or the content of an entry is none of its kind.
    """
    written = [
        (entry, event)
        for entry in history.path(conversation)
        if entry.kind != MEND
        for event in entry_events(entry)
    ]
    found = []
    # A mended message stands in the place of the one that was written down first.
    for place, ((entry, before), event) in enumerate(zip(written, history.events(conversation), strict=True)):
        if isinstance(event, UserUttered) and isinstance(before, UserUttered) and event != before:
            found.append(Correction(place, before.act, event.act, event))
        elif is_correction(entry):
            found.append(Correction(place, entry.content["proposal"], entry.content["action"]))
    return found


def is_answer(entry: Entry) -> bool:
    """Return whether an entry is a decision in person: not the bot's own, nor what stories tell."""
    return entry.kind == LABEL and entry.content["by"] not in (BOT, STORY)


def is_correction(entry: Entry) -> bool:
    """Return whether an entry is an answer that another action was right than the proposed one."""
    action = entry.content.get("action")
    return is_answer(entry) and entry.content.get("proposal", action) != action
