"""Thousands of domains whose users search: valid ones are played, damaged ones are played or refused."""

from __future__ import annotations

import random
import textwrap
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from dialogue_gym import DialogueEnv, DomainError
from dialogue_gym._text import printable
from dialogue_gym.domain import Domain
from dialogue_gym.domain.loader import domain_text
from tests.conftest import domain_from, domain_of
from tests.envs.test_properties import SEEDS, keep_the_invariants
from tests.rules.test_search import PLACES_FILE
from tests.strategies import SETTINGS, search_domains
from tests.test_fuzz import SECONDS, processor_time, text_damaged, tree_damaged

pytestmark = pytest.mark.slow
DAMAGED = 250
"""Of each way to damage."""


@settings(max_examples=2000, suppress_health_check=list(HealthCheck))
@given(search_domains(), SETTINGS, SEEDS)
def test_valid_domains_are_played(content: dict[str, Any], keywords: dict[str, Any], seed: int) -> None:
    keep_the_invariants(DialogueEnv(domain_of(content), **keywords), seed)


@pytest.mark.parametrize("damage", [text_damaged, tree_damaged], ids=["text", "tree"])
def test_damaged_domains_are_played_or_refused_in_a_sentence(damage: Any) -> None:
    chance = random.Random(damage.__name__)
    texts = [textwrap.dedent(PLACES_FILE), domain_text("hotel")]
    refused = 0
    for number in range(DAMAGED):
        text = damage(texts[number % 5 == 0], chance)
        try:
            with processor_time(SECONDS):
                play(text, number)
        except DomainError as error:
            refused += 1
            line = str(error)
            assert line.startswith("test.yml") and line == printable(line), line
        except Exception as error:
            error.add_note(f"file {number}:\n{text[:3000]}")
            raise
    assert 0.1 < refused / DAMAGED < 0.95


def play(text: str, seed: int) -> None:
    """Load a domain, and play it if it has users."""
    domain: Domain = domain_from(text)
    if domain.fake_user is not None:
        keep_the_invariants(DialogueEnv(domain, semantic_error_rate=0.3), seed)
