"""The success of what was taught so far, exact where that is possible, and the dialogues that fail."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
from gymnasium.error import DependencyNotInstalled

from dialogue_gym.conversation.events import ActionExecuted
from dialogue_gym.domain import Domain
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.journal.labels import Label
from dialogue_gym.policies.agent import Agent
from dialogue_gym.reports import FailedDialogue, Report
from dialogue_gym.stories.rulebook import RuleBook
from dialogue_gym.teaching.pending import Proposal, SessionError
from dialogue_gym.teaching.policy import TaughtPolicy
from dialogue_gym.teaching.session import Session

SECONDS, DIALOGUES, FAILURES = 20.0, 200, 1
"""The longest time of an exact evaluation, the size of a sample in its place, and the failures to find."""


class OutdatedError(Exception):
    """The store has changed, so that figures of its former state are not wanted any more."""


@dataclass(frozen=True)
class Taught:
    """A state of a store, as far as the bot's success depends on it.

    Attributes:
        domain: the domain with its additions.
        turn_taking: `"explicit"` or `"auto"`.
        labels: the labels in effect.
        rules: the rules, which hold before the labels.
    """

    domain: Domain
    turn_taking: str
    labels: tuple[Label, ...]
    rules: RuleBook

    @classmethod
    def of(cls, session: Session) -> Taught:
        """Return the state of a session's store."""
        domain, turn_taking = session.domain, session.turn_taking
        return cls(domain, turn_taking, tuple(session.history.labels(domain, turn_taking)), session.rules)

    def is_like(self, other: Taught | None) -> bool:
        """Return whether a bot taught like this does the same as another one."""
        if other is None or (self.turn_taking, self.rules.rules) != (other.turn_taking, other.rules.rules):
            return False
        known = [(label.entry, label.right) for label in self.labels]
        return known == [(label.entry, label.right) for label in other.labels] and self.domain == other.domain


class _WatchfulPolicy(TaughtPolicy):
    """A taught policy that ends an evaluation once it is outdated."""

    def __init__(self, env: DialogueEnv, labels: list[Label], is_outdated: Callable[[], bool]) -> None:
        super().__init__(env, labels)
        self._is_outdated = is_outdated

    def choose(
        self, observation: npt.NDArray[Any], mask: npt.NDArray[Any] | None, deterministic: bool
    ) -> int:
        if self._is_outdated():
            raise OutdatedError
        return super().choose(observation, mask, deterministic)


class TaughtSuccess:
    """The report on a taught bot, computed once for each state of a store, for all pages that show it."""

    def __init__(self) -> None:
        """Begin without any."""
        self._lock = threading.Lock()
        self._of: Taught | None = None
        self._report: Report | str = ""

    def report(self, taught: Taught, is_outdated: Callable[[], bool]) -> Report | str:
        """Return the report on a taught bot, or a sentence with the reason why there is none.

        It takes seconds at most, or minutes in a large domain; `is_outdated` is asked meanwhile.

        Raises:
            OutdatedError: `is_outdated` has returned True.
        """
        with self._lock:
            if not taught.is_like(self._of):
                self._report = _evaluate(taught, is_outdated)
                self._of = taught
            return self._report


def _evaluate(taught: Taught, is_outdated: Callable[[], bool]) -> Report | str:
    if taught.domain.fake_user is None:
        return "This domain has no fake user, so there is nobody to try the bot on."
    if not taught.labels:
        return "Nothing has been taught yet."
    try:
        from dialogue_gym.exact import evaluate_exactly  # it needs an extra of its own

        env = DialogueEnv(taught.domain, turn_taking=taught.turn_taking)
        policy = _WatchfulPolicy(env, list(taught.labels), is_outdated)
        bot = Agent(taught.domain.name, env, policy, rules=taught.rules)
        return evaluate_exactly(bot, seconds=SECONDS, dialogues=DIALOGUES, failures=FAILURES)
    except (ImportError, DependencyNotInstalled) as error:
        if str(getattr(error, "name", None)).startswith("dialogue_gym"):
            raise  # a bug, not a missing package
        return 'It is computed with a package that is missing: pip install "dialogue_gym[agents]".'


def begin_failed(session: Session, failed: FailedDialogue) -> tuple[str, str]:
    """Begin a conversation with the user of a failed dialogue, up to the bot's first wrong step.

    Where no step is known to be wrong, the conversation stays at its beginning.

    Args:
        session: a session with a fake user.
        failed: a failed dialogue of the bot, with its seed.

    Returns:
        A note for the teacher, and its style.

    Raises:
        SessionError: the teacher is the user, or the dialogue has no seed.
    """
    if failed.seed is None:
        raise SessionError("no seed is known that plays this dialogue again")
    session.begin_with(failed.seed)
    if failed.right_steps is None:
        return "The bot fails with this user. Approve its steps until one is wrong.", ""
    events = failed.conversation.events
    actions = [event.name for event in events if isinstance(event, ActionExecuted)]
    for place, action in enumerate(actions[: failed.right_steps + 1]):
        if not isinstance(session.pending, Proposal) or session.pending.best.action != action:
            return "The bot failed with this user. By now its next step is another one: is it right?", ""
        if place < failed.right_steps:
            session.run(0.0)
    return "The bot fails with this user. Here it goes wrong: choose a better step.", ""
