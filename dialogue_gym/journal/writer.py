"""The steps of a conversation as drafts of journal entries: the one place that knows their form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dialogue_gym.conversation.events import (
    ActionExecuted,
    BotUttered,
    Event,
    SessionStarted,
    UserUttered,
    to_json,
    with_channel,
)
from dialogue_gym.domain.additions import Addition
from dialogue_gym.journal.entry import BOT, DOMAIN, END, EVENT, LABEL, MEND, NOTE, RESULT, USER, Draft


class ConversationWriter:
    """Collector of one conversation's steps as drafts; each follows the one before.

    The drafts still have to be appended to a store, possibly together with those of other conversations.

    Attributes:
        conversation: the id of the conversation.
        head: the id of the entry that the first draft follows; None at the beginning.
        author: the author of drafts that name none.
        drafts: the steps since the last `take`.
    """

    def __init__(self, conversation: str, head: int | None = None, author: str = BOT) -> None:
        """Start without drafts."""
        self.conversation = conversation
        self.head = head
        self.author = author
        self.drafts: list[Draft] = []
        self._step: Draft | None = None

    def _add(self, kind: str, content: Mapping[str, Any], author: str | None) -> None:
        parent = self.head if self._step is None else self._step
        self._step = Draft(self.conversation, kind, content, parent, author or self.author)
        self.drafts.append(self._step)

    def note(self, content: Mapping[str, Any]) -> None:
        """Add a note, which stands beside the steps: the next one does not follow it."""
        parent = self.head if self._step is None else self._step
        self.drafts.append(Draft(self.conversation, NOTE, content, parent, self.author))

    def begin(self, details: Mapping[str, Any] | None = None, author: str | None = None) -> None:
        """Add the beginning of a session, with more keys of its content."""
        self._add(EVENT, to_json(SessionStarted()) | dict(details or {}), author)

    def message(self, message: UserUttered, author: str | None = None) -> None:
        """Add a message of the user."""
        self._add(USER, with_channel(message), author)

    def corrected_message(self, message: UserUttered) -> None:
        """Add the right meaning of the user's last message."""
        self._add(MEND, {"message": to_json(message)}, None)

    def addition(self, addition: Addition) -> None:
        """Add an addition to the domain, which holds as long as the step after it does."""
        self._add(DOMAIN, addition.content(), None)

    def decision(
        self,
        action: str,
        by: str,
        right: Sequence[str] | None = None,
        author: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a decision.

        Args:
            action: the chosen action.
            by: whose decision it was: one of `TEACHERS`, or `BOT`.
            right: all actions that are right; the chosen one without it.
            author: see the class.
            details: more keys of its content, such as `proposal`.
        """
        content = {"action": action, "right": list(right or [action]), "by": by, **(details or {})}
        self._add(LABEL, content, author)

    def result(self, events: Iterable[Event]) -> None:
        """Add the events that an action returned."""
        self._add(RESULT, {"events": [to_json(event) for event in events]}, None)

    def utterance(self, message: BotUttered, author: str) -> None:
        """Add a message that a person wrote in the place of the bot."""
        self._add(EVENT, to_json(message), author)

    def end(self, outcome: str | None, author: str | None = None) -> None:
        """Add the end of the conversation."""
        self._add(END, {"outcome": outcome}, author)

    def events(self, events: Sequence[Event], decisions: Mapping[int, str], by: str, user: str) -> None:
        """Add a part of a conversation that is over or continues elsewhere.

        Args:
            events: the events, in their order. Those between a decision and the next message are its result.
            decisions: actions by the index of their event. A decision to listen without an event has the
                index of the next event, or the number of events.
            by: whose decisions they were.
            user: the author of the user's messages.
        """
        effects: list[Event] = []
        is_decided = False
        for index, event in enumerate((*events, None)):
            if event is None or index in decisions or isinstance(event, (UserUttered, SessionStarted)):
                self._effects(effects, is_decided)
                effects, is_decided = [], False
            if (action := decisions.get(index)) is not None:
                self.decision(action, by)
                is_decided = isinstance(event, ActionExecuted)
                if not is_decided:  # nothing comes of listening
                    self.result(())
            if isinstance(event, UserUttered):
                self.message(event, user)
            elif isinstance(event, SessionStarted):
                self.begin()
            elif event is not None and not isinstance(event, ActionExecuted):
                effects.append(event)

    def add_events(self, events: Iterable[Event]) -> None:
        """Add events that follow from no decision."""
        for event in events:
            self._add(EVENT, to_json(event), None)

    def _effects(self, effects: Iterable[Event], is_decided: bool) -> None:
        if is_decided:
            self.result(effects)
        else:
            self.add_events(effects)

    def take(self) -> list[Draft]:
        """Return the drafts, and start again without any; `head` is the caller's to set."""
        drafts, self.drafts, self._step = self.drafts, [], None
        return drafts
