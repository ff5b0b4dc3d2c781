"""What comes of a message, and who decides on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dialogue_gym.events import BotUttered, Event
from dialogue_gym.live.transitions import Transition


class LiveError(ValueError):
    """Something that cannot be done to a live conversation. The message is one line."""


class Decider(Protocol):
    """Who decides what the bot does."""

    def decide(self, observation: npt.NDArray[Any], possible: npt.NDArray[np.bool_]) -> tuple[str, int]:
        """Return an action, and the version of what decided it."""


@dataclass(frozen=True)
class Heard:
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
