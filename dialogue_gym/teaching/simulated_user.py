"""The fake user of a taught conversation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dialogue_gym.conversation.events import Event, UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.journal.entry import EVENT, LABEL, MEND, USER, Entry, entry_events

SEED = "seed"
"""Key of a conversation's beginning: the seed of its user."""


class SimulatedUser:
    """A fake user whose messages depend on a seed and on the bot's actions alone.

    So its state need not be stored: a conversation that is resumed is played again.
    """

    def __init__(self, domain: Domain, settings: dict[str, Any]) -> None:
        """Create the environment; `settings` are those of `DialogueEnv`.

        Raises:
            ValueError: the domain has no fake user, or a setting is wrong.
        """
        self._env = DialogueEnv(domain, **settings)
        self._seen = 0
        self.outcome: str | None = None
        """The outcome of the dialogue; None until it ends."""

    @property
    def env(self) -> DialogueEnv:
        """The environment with the user, to read; only this class takes its steps."""
        return self._env

    def begin(self, seed: int) -> list[Event]:
        """Begin a dialogue, and return its first events."""
        self._env.reset(seed=seed)
        self._seen = 0
        self.outcome = None
        return self._new()

    def answer(self, action: str) -> list[Event]:
        """Return the events of an action, with the user's reply if it is their turn."""
        self._env.step(self._env.action_names.index(action))
        self.outcome = self._env.conversation.outcome
        return self._new()[1:]

    def foresee(self, action: str) -> tuple[Event, ...]:
        """Return the events that an action would have, without the user's reply."""
        return self._env.foresee(action)

    def replace_last_message(self, message: UserUttered) -> None:
        """Replace the last message by another one."""
        self._env.replace_last_message(message)

    def play(self, path: Iterable[Entry]) -> None:
        """Play the entries of a path, so that the user is in the state at its end."""
        for entry in path:
            if entry.kind == EVENT and SEED in entry.content:
                self.begin(entry.content[SEED])
            elif entry.kind == LABEL and self.outcome is None:
                self.answer(entry.content["action"])
            elif entry.kind in (USER, MEND):
                (message,) = entry_events(entry)
                assert isinstance(message, UserUttered)
                if message != self._env.conversation.events[-1]:
                    self.replace_last_message(message)

    def _new(self) -> list[Event]:
        events = self._env.conversation.events
        new = list(events[self._seen :])
        self._seen = len(events)
        return new
