"""The simulated teacher, and the figures of its teaching."""

from __future__ import annotations

import pytest

from dialogue_gym import load_domain
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.simulated_teacher import SimulatedTeacher, TeachingReport, teach
from tests.teaching.sessions import RESTAURANT, booking


@pytest.mark.parametrize(
    ("name", "turn_taking", "most"),
    [
        ("restaurant", "explicit", 8),
        ("restaurant", "auto", 8),
        ("concert", "explicit", 15),
        ("concert", "auto", 14),
    ],
)
def test_simulated_teacher_makes_the_bot_flawless(name: str, turn_taking: str, most: int) -> None:
    domain = load_domain(name)
    session = Session(
        domain,
        Store.in_memory(),
        turn_taking=turn_taking,
        settings={},
        author="expert",
        asks_for_closing=False,
    )
    report = teach(session, SimulatedTeacher(domain, turn_taking), dialogues=65, unseen=100)
    assert report.success_rate_unseen == 1
    assert report.corrections_to_flawless is not None and report.corrections_to_flawless <= most
    figures = report.to_json()
    assert figures["dialogues"] == 65 and figures["corrections"] == sum(report.corrections)
    assert len(session.history.conversations) == 66


def test_flawless_begins_with_the_first_fifty_clean_dialogues() -> None:
    report = TeachingReport((3, 0, 1) + (0,) * 50 + (1,), 5, (1.0,), 1.0)
    assert (report.corrections_to_flawless, report.dialogues_to_flawless) == (4, 3)
    assert TeachingReport((0,) * 49, 5, (1.0,), 1.0).dialogues_to_flawless is None


def test_occasional_mistakes_of_a_teacher_are_tolerated() -> None:
    session = booking(author="expert", asks_for_closing=False)
    report = teach(session, SimulatedTeacher(RESTAURANT, "explicit", mistakes=0.05), dialogues=60, unseen=200)
    assert report.success_rate_unseen >= 0.98
