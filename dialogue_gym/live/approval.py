"""Ratings that strangers gave, which teach nothing until somebody approves of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dialogue_gym.entries import DECLINED, PENDING, PERSON, RATING, Draft, Entry


def waiting(ratings: Iterable[Entry]) -> list[Entry]:
    """Return the ratings that wait: the last one about something, if nobody has approved or declined it.

    A person may change their mind, and a teacher may give another value: what came before is settled then.
    """
    last = {entry.content["about"]: entry for entry in ratings}
    return sorted(
        (one for one in last.values() if one.content.get(PENDING) and not one.content.get(DECLINED)),
        key=lambda entry: entry.id,
    )


def approved(rating: Entry) -> Draft:
    """Return a rating as it counts."""
    return _again(rating, {key: value for key, value in rating.content.items() if key != PENDING})


def declined(rating: Entry) -> Draft:
    """Return a rating as it never counts."""
    return _again(rating, {**rating.content, DECLINED: True})


def _again(rating: Entry, content: Mapping[str, Any]) -> Draft:
    return Draft(rating.conversation, RATING, content, rating.content["about"], PERSON)
