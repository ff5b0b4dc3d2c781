"""What the bot knows: its domain, with all that was added to it, and what it learned."""

from __future__ import annotations

from dialogue_gym.domain import Domain
from dialogue_gym.history import History
from dialogue_gym.teaching.learner import Learner


class Knowledge:
    """A domain and a learner that follow from a history, and from nothing else."""

    def __init__(self, domain: Domain, turn_taking: str) -> None:
        """Begin with a domain as its file has it."""
        self._original = domain
        self.turn_taking = turn_taking
        self._use(domain)

    def _use(self, domain: Domain) -> None:
        self.domain = domain
        self.learner = Learner(domain, self.actions)

    @property
    def actions(self) -> tuple[str, ...]:
        """What the bot can do: with automatic turn taking listening is not chosen."""
        return self.domain.actions if self.turn_taking == "explicit" else self.domain.actions[1:]

    def grow(self, history: History) -> None:
        """Find out what the domain is now, and learn under it what is in effect.

        Raises:
            DomainError: something cannot be added.
        """
        domain = history.grown(self._original)
        if domain != self.domain:  # what is derived from it stays otherwise
            self._use(domain)
        self.learn(history)

    def learn(self, history: History) -> None:
        """Learn what is in effect."""
        self.learner.learn(history.labels(self.domain, self.turn_taking))
