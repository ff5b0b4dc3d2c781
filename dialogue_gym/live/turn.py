"""One conversation with a person as it goes on, and as it is written down."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dialogue_gym.actions import ActionResult, ActionRunner
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import (
    ActionExecuted,
    BotUttered,
    Event,
    SessionStarted,
    UserUttered,
    to_json,
)
from dialogue_gym.conversation.turns import has_ended, is_users_turn
from dialogue_gym.journal.entry import BOT, END, EVENT, LABEL, LIVE, PERSON, RESULT, USER, Draft
from dialogue_gym.journal.store import Store
from dialogue_gym.live.transitions import SUCCESS, Trace, Transition

Aside = Callable[[str], AbstractContextManager[None]]
"""What something is done in that takes long, given the name of its conversation."""


def here(conversation: str) -> AbstractContextManager[None]:
    """Do it here and now: nobody else goes on meanwhile."""
    return nullcontext()


class Turn:
    """A turn of a conversation: what is said and done until it is written down.

    It is written down at once at the end of a turn (`write`), but for actions that reach out of here: what
    is run must be on record before, or it could be run twice.

    Attributes:
        conversation: with what is not written down yet.
        transitions: what can be learned of what is.
    """

    def __init__(
        self,
        trace: Trace,
        journal: Store,
        runner: ActionRunner,
        turn_taking: str,
        transitions: list[Transition] | None = None,
        aside: Aside = here,
    ) -> None:
        """Go on where a conversation is.

        Args:
            trace: of the conversation.
            journal: where it is written down.
            runner: does the actions.
            turn_taking: `"auto"` or `"explicit"`.
            transitions: where to put those; a list of its own without it.
            aside: what an action that reaches out is run in: it may let others go on meanwhile.
        """
        recorded = trace.conversation
        self.conversation = Conversation(recorded.domain, recorded.events, recorded.sender_id)
        self.transitions = [] if transitions is None else transitions
        self._aside = aside
        self._trace = trace
        self._journal = journal
        self._runner = runner
        self._turn_taking = turn_taking
        self._drafts: list[Draft] = []

    def begin(self, person: str) -> None:
        """Begin a conversation with someone."""
        self.conversation.append(SessionStarted())
        self._add(EVENT, to_json(SessionStarted()) | {LIVE: person})

    def hear(self, message: UserUttered) -> None:
        """Take in what someone said."""
        self.conversation.append(message)
        self._add(USER, to_json(message), PERSON)

    @property
    def is_over(self) -> bool:
        """Whether the user has what they wanted."""
        return has_ended(self.conversation, self._turn_taking)

    @property
    def is_users_turn(self) -> bool:
        """Whether the bot waits for the user."""
        return is_users_turn(self.conversation, self._turn_taking)

    def do(
        self, action: str, version: int = 0, teacher: str | None = None, proposal: str | None = None
    ) -> ActionResult:
        """Let the bot do an action.

        Args:
            action: what it does.
            version: of the weights that decided, or proposed.
            teacher: who decided in the place of the bot: then it is what is right.
            proposal: what the bot would have done.

        Raises:
            StoreError: the action reaches out, and could not be written down; it was not run.
        """
        content = {"action": action, "right": [action], "by": BOT, "version": version}
        if teacher is not None:
            content |= {"by": PERSON, "proposal": proposal}
        self._add(LABEL, content, teacher or BOT)
        if self._runner.reaches_out(action):
            self.write()
            with self._aside(self.conversation.sender_id):
                result = self._runner.run(action, self.conversation)
        else:
            result = self._runner.run(action, self.conversation)
        self.conversation.extend((ActionExecuted(action), *result.events))
        self._add(RESULT, {"events": [to_json(event) for event in result.events]})
        return result

    def skip_result(self) -> None:
        """Go on after an action of which nobody knows whether it was run; it is not run again."""
        self._add(RESULT, {"events": []})

    def end(self, outcome: str = SUCCESS) -> None:
        """End the conversation."""
        self.conversation.outcome = outcome
        self._add(END, {"outcome": outcome})

    def _add(self, kind: str, content: dict[str, Any], author: str = BOT) -> None:
        latest = self._trace.latest
        parent = self._drafts[-1] if self._drafts else latest.id if latest else None
        self._drafts.append(Draft(self.conversation.sender_id, kind, content, parent, author))

    def write(self, *others: Turn) -> None:
        """Write down what was said and done since the last time; with other conversations all or nothing.

        Raises:
            StoreError: it cannot be written; it is as if it had not been said.
        """
        episodes = {episode.conversation.sender_id: episode for episode in (self, *others)}
        drafts = [draft for episode in episodes.values() for draft in episode._drafts]
        for episode in episodes.values():
            episode._drafts = []
        for entry in self._journal.append_all(drafts) if drafts else ():
            episode = episodes[entry.conversation]
            episode.transitions += episode._trace.take(entry)


class LiveError(ValueError):
    """Something that cannot be done to a live conversation. The message is one line."""


class Decider(Protocol):
    """Who decides what the bot does."""

    def decide(self, observation: npt.NDArray[Any], possible: npt.NDArray[np.bool_]) -> tuple[str, int]:
        """Return an action, and the version of what decided it."""


@dataclass(frozen=True)
class Reply:
    """What comes of a message.

    Attributes:
        conversation: the one that the person is in from now on.
        events: what the bot did, and what it said.
        transitions: what can be learned by now.
        notes: what went wrong, one line each.
        ended: the one that has ended, if one has; it can be rated now.
        outcome: how that one ended: `"success"`, `"failure"` or `"truncated"`.
        decision: the id of the entry of the last decision that the bot made, by which it can be rated later.
        person: who talks to the bot there.
        late: what a teacher let the bot say since the message before, which this person may not have seen.
    """

    conversation: str
    events: tuple[Event, ...] = ()
    transitions: tuple[Transition, ...] = ()
    notes: tuple[str, ...] = ()
    ended: str | None = None
    outcome: str | None = None
    decision: int | None = None
    person: str = ""
    late: tuple[BotUttered, ...] = ()

    @property
    def messages(self) -> list[BotUttered]:
        """What the bot said."""
        return [event for event in self.events if isinstance(event, BotUttered)]
