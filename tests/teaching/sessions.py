"""Sessions in which a bot is taught, and access to their state."""

from __future__ import annotations

from typing import Any

from dialogue_gym import load_domain
from dialogue_gym.journal.store import Store
from dialogue_gym.nlu.interpreter import parse_act
from dialogue_gym.teaching.session import Session

RESTAURANT, CONCERT, CITY = map(load_domain, ("restaurant", "concert", "city"))


def booking(journal: Store | None = None, **keywords: Any) -> Session:
    """A session with the restaurant's fake user."""
    return Session(RESTAURANT, journal or Store.in_memory(), settings={}, **keywords)


def talk(journal: Store | None = None, **keywords: Any) -> Session:
    """A session about concerts, whose teacher is the user too."""
    return Session(CONCERT, journal or Store.in_memory(), **keywords)


def say(session: Session, act: str) -> None:
    session.say(parse_act(act).message)


def state(session: Session) -> tuple[Any, ...]:
    """All that a person can see of a session, but for the numbers of its entries."""
    labels = [(label.observation.tobytes(), label.right) for label in session.history.labels(session.domain)]
    return session.conversation.events, session.pending, labels, session.domain
