"""A simulated person for live conversations: a fake user whose ratings can be wrong or missing."""

from __future__ import annotations

from typing import Any

import numpy as np

from dialogue_gym.actions import ActionResult, ActionRunner
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.journal.entry import PERSON
from dialogue_gym.live.bot import LiveBot
from dialogue_gym.live.transitions import SUCCESS
from dialogue_gym.teaching.simulated_user import SimulatedUser


class SimulatedPerson(ActionRunner):
    """Someone who talks like the fake user of a domain and rates the end of each dialogue.

    The bot's actions are run in the simulation, so this is their runner as well. Its behaviour follows from
    `state` alone.
    """

    def __init__(
        self,
        domain: Domain,
        turn_taking: str = "auto",
        seed: int = 0,
        wrong: float = 0.0,
        silent: float = 0.0,
        settings: dict[str, Any] | None = None,
    ) -> None:
        """Prepare to talk.

        Args:
            domain: the domain with the fake user.
            turn_taking: `"auto"` or `"explicit"`.
            seed: the seed of the dialogues and the ratings.
            wrong: the chance that a rating is reversed.
            silent: the chance that a rating is missing.
            settings: the arguments of the environment, see `DialogueEnv`.

        Raises:
            DomainError: the domain has no fake user.
        """
        super().__init__(domain)
        self._user = SimulatedUser(domain, {"turn_taking": turn_taking} | (settings or {}))
        self._seed, self._wrong, self._silent = seed, wrong, silent
        self._random = np.random.default_rng(seed)
        self._next: UserUttered | None = None
        self.dialogues = 0
        """The number of dialogues that were begun."""

    def run(self, name: str, conversation: Conversation) -> ActionResult:
        """Return the result of an action; the person's response to it is kept for later."""
        if self._user.outcome is not None:
            return ActionResult()  # they have hung up
        events = self._user.answer(name)
        if events and isinstance(events[-1], UserUttered):
            message = events.pop()
            if self._user.outcome in (None, SUCCESS):  # otherwise this was a farewell in failure
                self._next = message  # type: ignore[assignment]
        return ActionResult(tuple(events))

    def talk(self, bot: LiveBot, name: str = PERSON) -> bool:
        """Have a dialogue from its beginning to its end, and rate it; return whether it was a success.

        Args:
            bot: the bot.
            name: the name under which the person talks.
        """
        conversation = bot.begin(name)
        self._next = self._opening()
        while self._next is not None and bot.conversations.is_open(conversation):  # a misheard end is one
            message, self._next = self._next, None
            bot.take(conversation, message)
        is_success = self._user.outcome == SUCCESS
        if bot.conversations.is_open(conversation):
            bot.leave(conversation)
        if (rating := self._rating(is_success)) is not None:
            bot.rate(conversation, rating)
        return is_success

    def _opening(self) -> UserUttered:
        (*_, message) = self._user.begin(self._seed + self.dialogues)
        self.dialogues += 1
        assert isinstance(message, UserUttered)
        return message

    def _rating(self, is_success: bool) -> float | None:
        silent, wrong = self._random.random(2)
        if silent < self._silent:
            return None
        return 1.0 if is_success != (wrong < self._wrong) else -1.0

    def state(self) -> dict[str, Any]:
        """Return the state between two dialogues, as JSON-serializable values."""
        return {"dialogues": self.dialogues, "random": self._random.bit_generator.state}

    def load(self, state: dict[str, Any]) -> None:
        """Continue from a `state`."""
        self.dialogues = int(state["dialogues"])
        self._random.bit_generator.state = state["random"]
