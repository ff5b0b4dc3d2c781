"""Ratings that strangers gave, which teach nothing until somebody approves of them."""

from __future__ import annotations

from collections.abc import Iterable

from dialogue_gym.entries import PENDING, PERSON, RATING, Draft, Entry


def waiting(ratings: Iterable[Entry]) -> list[Entry]:
    """Return the ratings that wait: the last one about something, if nobody has approved of it.

    A person may change their mind, and a teacher may give another value: what came before is settled then.
    """
    last = {entry.content["about"]: entry for entry in ratings}
    return sorted(
        (entry for entry in last.values() if entry.content.get(PENDING)), key=lambda entry: entry.id
    )


def approved(rating: Entry) -> Draft:
    """Return a rating as it counts."""
    content = {key: value for key, value in rating.content.items() if key != PENDING}
    return Draft(rating.conversation, RATING, content, rating.content["about"], PERSON)
