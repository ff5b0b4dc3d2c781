"""A log of a person's rewards in a journal, with the steps that they are about."""

from __future__ import annotations

import uuid
from typing import Any

import gymnasium as gym
from gymnasium import spaces

from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import ActionExecuted
from dialogue_gym.journal.entry import BOT, FAKE_USER, LABEL, NOTE, PERSON, RATING, Draft
from dialogue_gym.journal.store import Store
from dialogue_gym.journal.writer import ConversationWriter
from dialogue_gym.wrappers.feedback import DIALOGUE, Step


class FeedbackLog:
    """Log of ratings; each is recorded as soon as it is given.

    In a dialogue, the conversation so far is recorded before it, and the rating refers to the entry of the
    bot's last decision or of the end. In other environments a rating is a note with observation and action.
    Unrated steps and dialogues are not recorded.
    """

    def __init__(self, journal: Store) -> None:
        """Write to a store."""
        self._journal = journal
        self._begin()

    def _begin(self) -> None:
        # Several environments may share a journal.
        self._writer = ConversationWriter(f"rated-{uuid.uuid4().hex[:12]}")
        self._written = 0
        self._decision: int | None = None
        self._has_ended = False

    def rate(self, step: Step, value: float) -> None:
        """Record a person's rating of a step, or of the dialogue that ends with it."""
        conversation, name = step.conversation, self._writer.conversation
        if conversation is None:
            self._journal.append_all([Draft(name, NOTE, _note(step, value), None, PERSON)])
            return
        self._write(conversation, ends=step.every == DIALOGUE, is_cut=step.truncated)
        about = self._writer.head if step.every == DIALOGUE else self._decision
        rating = {"value": value, "about": about}
        self._journal.append_all([Draft(name, RATING, rating, about, PERSON)])

    def end(self, conversation: Conversation | None, is_cut: bool = False) -> None:
        """Record the rest of a dialogue if any step in it was rated, and begin another one."""
        if conversation is not None and self._writer.head is not None and not self._has_ended:
            self._write(conversation, ends=True, is_cut=is_cut)
        self._begin()

    def _write(self, conversation: Conversation, ends: bool, is_cut: bool) -> None:
        """Record the events since the last call."""
        if self._writer.head is None:
            self._writer.begin()
        events = conversation.events[self._written :]
        chosen = {index: one.name for index, one in enumerate(events) if isinstance(one, ActionExecuted)}
        self._writer.events(events, chosen, by=BOT, user=FAKE_USER)
        if ends:
            self._writer.end(conversation.outcome or ("truncated" if is_cut else None))
        for entry in self._journal.append_all(self._writer.take()):
            self._writer.head = entry.id
            if entry.kind == LABEL:
                self._decision = entry.id
        self._written += len(events)
        self._has_ended = ends


def _note(step: Step, value: float) -> dict[str, Any]:
    spec, env = step.env.spec, step.env
    return {
        "rating": value,
        "every": step.every,
        "environment": spec.id if spec else type(env.unwrapped).__name__,
        "step": step.number,
        "observation": _jsonable(env.observation_space, step.observation),
        "action": _jsonable(env.action_space, step.action),
    }


def _jsonable(space: gym.Space[Any], value: Any) -> Any:
    """Return an element of a space as JSON has it; composite spaces give theirs part by part."""
    if isinstance(space, spaces.Dict):
        return {name: _jsonable(part, value[name]) for name, part in space.items()}
    if isinstance(space, spaces.Tuple):
        return [_jsonable(part, one) for part, one in zip(space, value, strict=True)]
    return space.to_jsonable([value])[0]
