"""Remarks on a proposal that a teacher may approve out of habit, or mistake. No input or output."""

from __future__ import annotations

from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import ActionExecuted, UserUttered
from dialogue_gym.conversation.form import form_of, question_of
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.domain.slot import Form, SlotMapping
from dialogue_gym.journal.history import History
from dialogue_gym.teaching.pending import Proposal

HABIT, HASTE = 6, 1.0
"""So many approvals in a row, each within so many seconds, are a habit."""


def remarks(history: History, conversation: Conversation, proposal: Proposal) -> list[str]:
    """Return lines about a proposal: it repeats the last action, lacks its form, or is hardly read.

    A rule or form that decides may repeat itself.
    """
    action = proposal.best.action
    lines = [
        "" if proposal.best.ruling else repetition(conversation, action),
        lone_question(conversation, action),
        habit(history, conversation.sender_id),
    ]
    return [line for line in lines if line]


def repetition(conversation: Conversation, action: str) -> str:
    """Return a line if the bot's last action was the same.

    Listening does not count, nor does a form, which is done once for each of its questions.
    """
    if action == LISTEN or form_of(conversation.domain, action):
        return ""
    has_spoken = False
    for event in reversed(conversation.events):
        has_spoken = has_spoken or isinstance(event, UserUttered)
        if isinstance(event, ActionExecuted) and event.name != LISTEN:
            if event.name != action:
                return ""
            since = "before the user's last message" if has_spoken else "in the step before"
            return f"The bot did the same {since}. Has it missed something?"
    return ""


def lone_question(conversation: Conversation, action: str) -> str:
    """Return a line if the action, or the one before it, asks for a slot that its form fills."""
    done = (event.name for event in reversed(conversation.events) if isinstance(event, ActionExecuted))
    domain, active = conversation.domain, conversation.loop.name
    for asking in (action, next(done, None)):
        for form in domain.forms if active is None else ():
            slots = [slot for slot in domain.slots if slot.name in form.required_slots]
            for slot in slots:
                mine = [_is_for(form, mapping) for mapping in slot.mappings]
                if any(mine) and asking == question_of(domain, form, slot.name):
                    alone = "takes none" if all(mine) else "takes fewer answers"
                    return (
                        f"{form.name} asks {asking} and takes the answer; {asking} alone {alone}. "
                        f"Choose {form.name} to ask for {slot.name}."
                    )
    return ""


def _is_for(form: Form, mapping: SlotMapping) -> bool:
    """Return whether a mapping of a slot holds in a form alone."""
    return bool(mapping.conditions) and all(one.active_loop == form.name for one in mapping.conditions)


def habit(history: History, conversation: str) -> str:
    """Return a line if the last answers in a conversation were all approvals without time to read."""
    path = history.path(conversation)
    hasty = 0
    for place in range(len(path) - 1, 0, -1):
        entry = path[place]
        if not entry.is_answer:
            continue
        if entry.is_correction or entry.time - path[place - 1].time > HASTE:
            break
        hasty += 1
    if hasty < HABIT:
        return ""
    return (
        f"You approved the last {hasty} steps in under a second each. If they need no reading, let the bot"
        " continue by itself."
    )
