"""The labels that teachers gave along the path of a conversation. No input or output."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from dialogue_gym.conversation.bot_state import BotState
from dialogue_gym.conversation.conversation import is_rejected
from dialogue_gym.domain import Domain
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.journal.entry import LABEL, TEACHERS, Entry, in_words


@dataclass(frozen=True, eq=False)
class Label:
    """The right actions at one point of a conversation, by a teacher.

    `observation`, shape (components,), is the bot's knowledge there; every action of `right` is equally good.
    `by` is `"person"`, `"expert"` or `"story"`, `entry` the id of the entry.
    """

    observation: npt.NDArray[Any]
    right: tuple[str, ...]
    by: str
    entry: int
    conversation: str

    @functools.cached_property
    def key(self) -> bytes:
        """The observation's bytes."""
        return self.observation.tobytes()


@dataclass
class PathLabels:
    """The labels on the path to a head, under a domain; a longer path is read on from there."""

    domain: Domain
    head: int | None
    state: BotState | None
    """The bot's knowledge at the head; None once the conversation has ended."""
    found: dict[int, Label] = field(default_factory=dict)

    def read(self, steps: Iterable[Entry], head: int | None, has_ended: bool) -> None:
        """Read the labels of the steps from the head so far to a new one.

        Raises:
            StoreError: the content of an entry does not fit its kind.
            DomainError: an event names an action or a slot that the domain does not have.
        """
        assert self.state is not None
        self.found |= {label.entry: label for label in _labels_along(steps, self.state)}
        self.head = head
        if has_ended:
            self.state = None


def _labels_along(path: Iterable[Entry], state: BotState) -> Iterator[Label]:
    """Yield the labels along a path that begins where a state is, which goes along."""
    words = in_words(path)
    events = [event for _, event in words]
    for index, (entry, event) in enumerate(words):
        is_taught = entry.kind == LABEL and entry.content["by"] in TEACHERS
        if is_taught and not is_rejected(events, index):
            right = tuple(entry.content["right"])
            yield Label(state.observation, right, entry.content["by"], entry.id, entry.conversation)
        state.apply(event)


def without_listening(label: Label) -> Label:
    """Return a label without `action_listen`; its right actions may be empty then."""
    if LISTEN not in label.right:
        return label
    return dataclasses.replace(label, right=tuple(name for name in label.right if name != LISTEN))
