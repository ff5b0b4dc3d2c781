"""A bot in a folder with people and teachers, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.actions import ActionRunner
from dialogue_gym.domain import Domain
from dialogue_gym.journal.store import Store
from dialogue_gym.live.bot import PATIENCE, LiveBot
from dialogue_gym.live.decision import LiveDecision
from dialogue_gym.live.handoff import Handoff
from dialogue_gym.live.sessions import Sessions
from dialogue_gym.live.startup import start_or_resume
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter
from tests.conftest import domain_from
from tests.live.test_sessions import Clock

DOMAIN = domain_from("""
intents: [greet, order]
responses: {utter_hello: [{text: Hello}], utter_order: [{text: At once}], utter_sorry: [{text: Sorry}]}
actions: [utter_hello, utter_order, utter_sorry]
""")


class Hello:
    """Decides for the one action that it knows."""

    def decide(self, observation: npt.NDArray[Any], possible: npt.NDArray[np.bool_]) -> LiveDecision:
        return LiveDecision("utter_hello")


class Setup:
    """A bot in a folder, people who talk to it, and teachers who look after them."""

    def __init__(
        self, folder: Path, runner: ActionRunner | None = None, turns: str = "auto", domain: Domain = DOMAIN
    ) -> None:
        self.store = Store(folder)
        self.clock = Clock()
        self.trainer, _ = start_or_resume(self.store, domain, None, turn_taking=turns)
        self.bot = LiveBot(
            domain,
            self.store,
            Hello(),
            FixedFormatInterpreter(domain),
            runner or ActionRunner(domain),
            on_transitions=self.trainer.submit,
            turn_taking=turns,
            silence=4 * PATIENCE,
            clock=self.clock,
        )
        self.sessions = Sessions(self.bot, clock=self.clock)
        self.handoff = Handoff(self.sessions, self.trainer)

    def say(self, sender: str = "ann", text: str = "/order") -> tuple[list[str | None], list[str | None]]:
        """Return the bot's messages, and the late ones."""
        heard = self.sessions.reply(sender, text)
        return [one.text for one in heard.messages], [one.text for one in heard.late]

    def take_over(self, sender: str = "ann", teacher: str = "tina") -> str:
        name = next(name for name, person in self.bot.conversations.open.items() if person == sender)
        self.handoff.take_over(name, teacher)
        return name

    def decide(self, name: str, action: str = "utter_order", teacher: str = "tina") -> None:
        step, _ = self.handoff.proposals(name)
        assert self.handoff.decide(name, teacher, action, step) == ()
