"""Where a person's rewards are written down, with what they are about."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import ActionExecuted, Event, SessionStarted, UserUttered, to_json
from dialogue_gym.journal.entry import (
    BOT,
    END,
    EVENT,
    FAKE_USER,
    LABEL,
    NOTE,
    PERSON,
    RATING,
    RESULT,
    USER,
    Draft,
)
from dialogue_gym.journal.store import Store
from dialogue_gym.wrappers.feedback import DIALOGUE, Step


class FeedbackLog:
    """Writes each rating down as it comes.

    Of a dialogue all that was said until then goes before it, and the rating is about the entry of the bot's
    last decision, or about that of the end. Elsewhere a rating is a note with observation and action. What
    nothing was said about is not written down.
    """

    def __init__(self, journal: Store) -> None:
        """Write to a store, or to a list."""
        self._journal = journal
        self._begin()

    def _begin(self) -> None:
        self._id = f"rated-{uuid.uuid4().hex[:12]}"  # several environments may share a journal
        self._written = 0
        self._head: int | None = None
        self._decision: int | None = None
        self._has_ended = False

    def rate(self, step: Step, value: float) -> None:
        """Write down what a person gave for a step, or for the dialogue that ends with it."""
        conversation = step.conversation
        if conversation is None:
            self._journal.append_all([Draft(self._id, NOTE, _note(step, value), None, PERSON)])
            return
        self._write(conversation, ends=step.every == DIALOGUE, is_cut=step.truncated)
        about = self._head if step.every == DIALOGUE else self._decision
        rating = {"value": value, "about": about}
        self._journal.append_all([Draft(self._id, RATING, rating, about, PERSON)])

    def end(self, conversation: Conversation | None, is_cut: bool = False) -> None:
        """Write down the rest of a dialogue of which something was rated, and begin another one."""
        if conversation is not None and self._head is not None and not self._has_ended:
            self._write(conversation, ends=True, is_cut=is_cut)
        self._begin()

    def _write(self, conversation: Conversation, ends: bool, is_cut: bool) -> None:
        """Write down what was said since the last time."""
        drafts: list[Draft] = []

        def add(kind: str, content: dict[str, Any], author: str = BOT) -> None:
            drafts.append(Draft(self._id, kind, content, drafts[-1] if drafts else self._head, author))

        if self._head is None:
            add(EVENT, to_json(SessionStarted()))
        events = conversation.events[self._written :]
        for index, event in enumerate(events):
            if isinstance(event, UserUttered):
                add(USER, to_json(event), FAKE_USER)
            elif isinstance(event, ActionExecuted):
                add(LABEL, {"action": event.name, "right": [event.name], "by": BOT})
                effects = itertools.takewhile(_is_effect, events[index + 1 :])
                add(RESULT, {"events": [to_json(effect) for effect in effects]})
        if ends:
            add(END, {"outcome": conversation.outcome or ("truncated" if is_cut else None)})
        for entry in self._journal.append_all(drafts):
            self._head = entry.id
            if entry.kind == LABEL:
                self._decision = entry.id
        self._written += len(events)
        self._has_ended = ends


def _is_effect(event: Event) -> bool:
    return not isinstance(event, (UserUttered, ActionExecuted))


def _note(step: Step, value: float) -> dict[str, Any]:
    spec, env = step.env.spec, step.env
    return {
        "rating": value,
        "every": step.every,
        "environment": spec.id if spec else type(env.unwrapped).__name__,
        "step": step.number,
        "observation": env.observation_space.to_jsonable([step.observation])[0],
        "action": env.action_space.to_jsonable([step.action])[0],
    }
